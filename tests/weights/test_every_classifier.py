"""Weights of torchvision's classifiers, by name: the same outputs, to the last bit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import of_torchvision, same
from torch import nn

import archc
from archc.runtime.peers import peer
from archc.runtime.torchvision import import_torchvision

QUICK = ("squeezenet1_1", "shufflenet_v2_x0_5")
TABLES = ("relative_position_index", "relative_coords_table")
"""What is computed of a window's size, and belongs to no training."""


def classifiers() -> list[Any]:
    models = import_torchvision().models
    names = models.list_models(module=models)
    return [n if n in QUICK else pytest.param(n, marks=pytest.mark.heavy) for n in names]


@torch.no_grad()
def drawn(name: str, owner: str = "torchvision") -> nn.Module:
    """Return a network of torchvision or timm, its numbers drawn once and laid out over all tensors.

    What its classes draw themselves hides things: layers that start at zero, scales of 1e-6.
    """
    if name.startswith(("regnet", "swin", "maxvit")):  # these compute as they are made
        model = peer(f"{owner}:{name}")
    else:
        with torch.device("meta"):
            model = peer(f"{owner}:{name}")
        model = model.to_empty(device="cpu")
    numbers = torch.randn(999_983, generator=torch.Generator().manual_seed(3))
    for key, value in model.state_dict().items():
        count = value.numel()
        laid = numbers.repeat(-(-count // len(numbers)))[:count].view(value.shape)
        scale = value[0].numel() ** -0.5 if value.dim() > 1 else 0.2
        if key.endswith("running_var"):
            value.copy_(laid.abs() + 0.5)
        elif not key.endswith(TABLES):
            value.copy_(laid * scale if value.is_floating_point() else torch.tensor(7))
    return model.eval()


@pytest.mark.parametrize("name", classifiers())
def test_by_name(name: str) -> None:
    """All that torchvision's `state_dict` has, and nothing else, is taken by its keys."""
    theirs = drawn(name)
    ours = archc.load(name, weights=theirs.state_dict())
    sizes = [w.meta["min_size"] for w in import_torchvision().models.get_model_weights(name)]
    shape = (3, *(max(64, side) for side in min(sizes)))

    assert len(ours.state_dict()) == len(theirs.state_dict())
    assert same(ours, theirs, *shape)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "name",
    ["densenet121", "densenet161", "resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2"],
)
def test_by_name_of_timm(name: str) -> None:
    """Where timm's keys are torchvision's, its networks are too."""
    theirs = drawn(name, "timm")

    assert same(archc.load(name, weights=theirs.state_dict()), theirs, 3, 64, 64)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["densenet121", "googlenet", "inception_v3"])
def test_as_torchvision_loads_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the cache, with the keys of old where there were others: as torchvision's own API."""
    models = import_torchvision().models
    entry = models.get_model_weights(name).DEFAULT
    monkeypatch.setattr(entry.value, "url", entry.url)  # put back in the end
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    state = drawn(name).state_dict()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2", k): v for k, v in state.items()
    }
    of_torchvision(tmp_path, name, entry.name, {k: v for k, v in old.items() if "batches" not in k})
    theirs = models.get_model(name, weights=entry)

    assert (old.keys() == state.keys()) is (name != "densenet121")
    ours = archc.load(name, weights="torchvision:DEFAULT")
    assert same(ours, theirs, 3, 96, 96)
    assert ours.archc.settings == ({} if name == "densenet121" else {"transform_input": True})
