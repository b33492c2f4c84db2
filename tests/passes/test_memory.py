"""What the backward pass needs and what inference holds are what PyTorch saves and holds."""

from __future__ import annotations

import json
import re
import weakref
from collections import Counter
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import archc
from archc.diagnostics import Source

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


TOKENS = """\
archc: 1
name: tokens
input: [64, 16, 16]
blocks:
  block:
    bias: parameter(4, 256, 256)
    scale: parameter(4, 1, 1)
    first: linear(64)(x)
    q: linear(64)(first)
    k: linear(64)(first)
    v: linear(64)(first)
    parts: split(3)(linear(192)(first))
    windows: rearrange("b (g n) c -> b g n c", n=16)(first)
    out: OUT
body:
  tokens: rearrange("b c h w -> b (h w) c")
  block: block
"""
ATTENTION = {
    "multihead_attention(4)(first)": "fused",
    "multihead_attention(4, dropout=0.1)(first)": "math",
    "multihead_attention(4)(q, k, k)": "fused",
    "multihead_attention(4)(q, k, v)": "fused",
    "attention(4)(parts)": "fused",
    "attention(4)(q, k, v)": "fused",
    "attention(1)(q, k, v)": "fused",
    "attention(4)(parts, bias)": "math",
    "linear(8)(attention(4)(parts))": "fused",
    "attention(4, fused=false)(parts)": "math",
    "attention(1, fused=false)(parts)": "math",
    "attention(4, fused=false)(q, k, v, bias)": "math",
    "attention(4)(split(3)(linear(192)(windows)))": "math",
    'attention(4, similarity="cosine")(parts, scale)': "math",
    'attention(4, similarity="cosine")(q, k, v, scale, bias)': "math",
}
MAP = """\
archc: 1
name: map
input: [8, 9, 9]
body:
  a: conv(8, 3)
  b: conv(8, 3)(x)
  out: OUT
"""
OPS = (
    *("conv(8, 3)(b)", "bn(b)", "layer_norm(b)", "group_norm(4)(b)", "instance_norm(b)"),
    *("local_response_norm(5)(b)", "max_pool(2)(b)", "avg_pool(2)(b)", "adaptive_avg_pool(3)(b)"),
    *(
        "adaptive_max_pool(3)(b)",
        "global_avg_pool(b)",
        "relu(b)",
        "relu6(b)",
        "prelu(b)",
        "gelu(b)",
    ),
    *("silu(b)", "hardswish(b)", "sigmoid(b)", "softmax(b)", "log_softmax(b)", "abs(b)", "exp(b)"),
    *("power(2)(b)", "clamp(0, 1)(b)", "l2_normalize(b)", "dropout(0.5)(b)", "dropout2d(0.5)(b)"),
    *("drop_path(0.2)(b)", "flatten(b)", "transpose(b)", "pad(1)(b)", "pad_to(4)(b)", "2 * b"),
    *("subsample(2)(b)", "upsample(2)(b)", 'resize(5, mode="bicubic")(b)', "unfold(3)(b)"),
    *('reduce("b c h w -> b c", by="mean")(b)', 'reduce("b c h w -> b c", by="max")(b)'),
    *(f'conv(8, 3, padding_mode="{mode}")(b)' for mode in ("reflect", "replicate", "circular")),
    *("a + b", "a * b", "a / (1 + abs(b))", "maximum(a, b)", "concat(a, b)", "a * sigmoid(b)"),
    *("mean(a, b)", 'stack(dim="k")(a, b)', 'einsum("b c h w, b d h w -> b c d")(a, b)'),
)


def filled(text: str, out: str) -> Source:
    """Put an expression into a spec, without the steps that it does not read."""
    lines = text.replace("OUT", f"'{out}'").splitlines()
    read, kept = out, []
    for line in reversed(lines):
        name, _, value = line.partition(": ")
        local = name.strip() in (
            "bias",
            "scale",
            "first",
            "q",
            "k",
            "v",
            "parts",
            "windows",
            "a",
            "b",
        )
        if not local or re.search(rf"\b{name.strip()}\b", read):
            kept.append(line)
            read += value if local else ""
    return Source("spec.yaml", "\n".join(reversed(kept)) + "\n")


def table(name: str | Source) -> dict[str, int]:
    columns = ["memory_training", "memory_inference"]
    (total,) = json.loads(archc.compile(name).table("json", "layer", columns))["totals"]
    found: dict[str, int] = total
    return found


def storages(model: torch.nn.Module) -> set[int]:
    return {t.untyped_storage().data_ptr() for t in model.state_dict(keep_vars=True).values()}


def saved(name: str | Source) -> float:
    """Return the bytes for a sample that PyTorch saves for the backward pass."""
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
    return sum(size for size, _ in own.values()) / BATCH


@pytest.mark.parametrize("name", [*NETWORKS, "vit_b_32", "swin_t"])
def test_training(name: str) -> None:
    """Up to what norms save for each channel, once a batch, and tensors of a few numbers."""
    assert table(name)["memory_training"] == pytest.approx(saved(name), rel=0.005)


@pytest.mark.parametrize("out", ATTENTION)
def test_attention(out: str) -> None:
    """Attention is fused or math, as PyTorch takes it, and the table says which."""
    spec = filled(TOKENS, out)
    text = archc.compile(spec).table("text", columns=["memory_training"])

    assert table(spec)["memory_training"] == pytest.approx(saved(spec), abs=16)
    assert ("fused" in text, "math" in text) == (
        ATTENTION[out] == "fused",
        ATTENTION[out] == "math",
    )


@pytest.mark.heavy
@pytest.mark.parametrize("out", OPS)
def test_ops(out: str) -> None:
    """Each op by itself, up to a few numbers for each channel."""
    spec = filled(MAP, out)

    assert table(spec)["memory_training"] == pytest.approx(saved(spec), abs=128)


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
