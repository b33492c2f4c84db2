"""What the backward pass needs and what inference holds are what PyTorch saves and holds."""

from __future__ import annotations

import json
import weakref
from collections import Counter
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import archc

BATCH = 2
NETWORKS = {
    "resnet18": [3, 64, 64],
    "resnet50": [3, 64, 64],
    "resnet20": [3, 32, 32],
    "densenet121": [3, 64, 64],
    "mobilenet_v2": [3, 64, 64],
    "googlenet": [3, 64, 64],
    "convnext_tiny": [3, 64, 64],
    "shufflenet_v2_x1_0": [3, 64, 64],
}


def table(name: str) -> dict[str, int]:
    columns = ["memory_training", "memory_inference"]
    (total,) = json.loads(archc.compile(name).table("json", "layer", columns))["totals"]
    found: dict[str, int] = total
    return found


def storages(model: torch.nn.Module) -> set[int]:
    return {t.untyped_storage().data_ptr() for t in model.state_dict(keep_vars=True).values()}


@pytest.mark.parametrize("name", NETWORKS)
def test_training(name: str) -> None:
    """Up to what norms save for each channel, once a batch, and tensors of a few numbers."""
    model, own = archc.load(name).train(), {}
    x = torch.randn(BATCH, *archc.compile(name).input.sizes)
    weights = storages(model)

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            own[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(x)
    measured = sum(size for size, _ in own.values()) / BATCH

    assert table(name)["memory_training"] == pytest.approx(measured, rel=0.005)


class Held(TorchDispatchMode):
    """Adds up the memory of the tensors that are alive, and remembers the most that there was."""

    def __init__(self, weights: set[int]) -> None:
        super().__init__()
        self.weights = weights
        self.alive: Counter[int] = Counter()
        self.sizes: dict[int, int] = {}
        self.most = 0

    def watch(self, tensor: torch.Tensor) -> None:
        """Count a tensor, until it is gone, as a user of its memory."""
        storage = tensor.untyped_storage()
        key = storage.data_ptr()
        if key in self.weights:
            return
        self.sizes[key] = storage.nbytes()
        self.alive[key] += 1
        weakref.finalize(tensor, self.alive.subtract, [key])
        self.most = max(self.most, sum(self.sizes[k] for k, users in self.alive.items() if users))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an op and watch what it gives."""
        given = func(*args, **(kwargs or {}))
        for tensor in given if isinstance(given, tuple | list) else [given]:
            if isinstance(tensor, torch.Tensor):
                self.watch(tensor)
        return given


# In `y = self.bn2(self.conv2(y))` Python holds the old y, which is a third of ResNet-20's peak.
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "resnet20"])
def test_inference(name: str) -> None:
    """Within what activations in place spare, and what Python still holds by a name."""
    model = archc.load(name).eval()
    x = torch.randn(BATCH, *archc.compile(name).input.sizes)
    with torch.no_grad(), Held(storages(model)) as held:
        held.watch(x)
        model(x)

    assert table(name)["memory_inference"] == pytest.approx(held.most / BATCH, rel=0.1)
