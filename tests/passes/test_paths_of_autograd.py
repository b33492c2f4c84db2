"""Paths are those of the graph that autograd records while the emitted module runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import archc
from archc import zoo
from archc.diagnostics import Source

SAMPLE = ("unet", "fpn_resnet50", "fcn_resnet50", "swin_t", "vit_b_32", "googlenet")
SIZES = """\
archc: 1
name: sizes
input: [4, 8, 8]
blocks:
  net:
    small: conv(4, 3, stride=2)
    cropped: crop_to(x, small)
    large: resize_to(small, x)
    windows: window_partition(4)(x)
    mask: window_mask(4)(large)
    qkv: linear(12)(windows)
    attended: attention(2)(split(3)(qkv), mask)
    merged: window_merge(4)(attended, large)
    twice: merged + merged
    both: concat(cropped, cropped, small)
    pooled: max_pool(2)(twice)
    out: concat(pooled, both)
body:
  net: net
"""


def recorded(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Count the ways back from the first output to the input."""
    for module in model.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    x = torch.rand(2, *shape, device="meta", requires_grad=True)
    given = model(x)
    while not isinstance(given, torch.Tensor):
        given = next(iter(given.values())) if isinstance(given, dict) else given[0]
    ways: dict[Any, int] = {}
    pending = [given.grad_fn]
    while pending:
        node = pending[-1]
        behind = [n for n, _ in node.next_functions if n is not None]
        if missing := [n for n in behind if n not in ways]:
            pending += missing
            continue
        own = getattr(node, "variable", None) is x
        ways[pending.pop()] = int(own) + sum(ways[n] for n in behind)
    return ways[given.grad_fn]


def equal(spec: str | Path | Source) -> tuple[int, int]:
    architecture = archc.compile(spec)
    with torch.device("meta"):
        model = archc.load(spec).eval()
    counted = architecture.paths(through_gates=True).total
    return counted, recorded(model, architecture.input.sizes)


@pytest.mark.parametrize("name", SAMPLE)
def test_zoo(name: str) -> None:
    counted, measured = equal(name)

    assert counted == measured


@pytest.mark.heavy
@pytest.mark.parametrize("path", zoo.files(), ids=lambda path: path.stem)
def test_every_family(path: Path) -> None:
    """The default variant of each; nothing is dropped."""
    name = next(n for n, file in zoo.index().items() if file == path)
    counted, measured = equal(name)

    assert counted == measured


def test_sizes() -> None:
    """What is asked for its size only is no way, and what is taken twice is two."""
    counted, measured = equal(Source("sizes.yaml", SIZES))

    assert counted == measured == 2 * 3 + 2 + 1


def test_published() -> None:
    """Veit et al. count 2^n for n residual blocks; an FPN adds each level's way down."""
    found = {name: archc.compile(name).paths().total for name in ("unet", "fcn_resnet50")}

    assert found == {"unet": 5, "fcn_resnet50": 2**16}
