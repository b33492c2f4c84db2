"""What an op says that its output sees is what PyTorch's output changes with."""

from __future__ import annotations

import pytest
import torch
from op_cases import CASES, Case, apply, batch, module_of, name_of
from torch import nn

from archc.ops import Op
from archc.shapes import SPATIAL, Shape
from archc.windows import Window

BEYOND = {
    "group_norm": "its statistics are those of the map",
    "instance_norm": "its statistics are those of the map",
}
"""Ops whose outputs depend on more than what `sees` is about."""


def spatial(case: Case) -> bool:
    """Whether a case takes a map and gives one, without the other side of it."""
    op, xs = case
    out = op.shape(*xs)
    return (
        len(xs) == 1
        and isinstance(out, Shape)
        and op.name not in BEYOND
        and getattr(op, "padding_mode", "") != "circular"  # the borders see the other side
        and {"h", "w"} <= {*xs[0].layout} & {*out.layout}
    )


def run(op: Op, x: Shape, value: torch.Tensor) -> torch.Tensor:
    module = module_of(op, x)
    if isinstance(module, nn.Module):
        return module.eval()(value)
    return apply(op, (x,), [value])


def depends(op: Op, x: Shape, dim: str) -> list[set[int]]:
    """Return the places along a dimension of the input that change each place of the output."""
    before = x.layout.index(dim) + 1
    out = op.shape(x)
    assert isinstance(out, Shape)
    after = out.layout.index(dim) + 1
    rest = [k for k in range(len(out.layout) + 1) if k != after]
    seen: list[set[int]] = [set() for _ in range(out.sizes[after - 1])]
    (value,) = batch(x)
    for place in range(x.sizes[before - 1]):
        for by in (100.0, -100.0):
            other = value.clone()
            row = other.select(before, place)
            row.add_(by * torch.rand(row.shape))
            torch.manual_seed(0)
            base = run(op, x, value)
            torch.manual_seed(0)
            changed = ((run(op, x, other) - base).abs() > 1e-3).any(dim=rest)
            for at in changed.nonzero().flatten().tolist():
                seen[at].add(place)
    return seen


@pytest.mark.parametrize("case", [c for c in CASES if spatial(c)], ids=name_of)
def test_sees(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing outside a window changes an output, and some output needs all of its window."""
    monkeypatch.setattr("op_cases.torch", torch, raising=False)
    op, (x,) = case
    for dim, window in zip(("h", "w"), op.sees(x), strict=True):
        size = x.sizes[x.layout.index(dim)]
        torch.manual_seed(0)
        seen = depends(op, x, dim)
        allowed = [{*covered(window, at, size)} for at in range(len(seen))]

        assert all(some <= may for some, may in zip(seen, allowed, strict=True)), (dim, seen)
        assert any(ends(some) == ends(may) for some, may in zip(seen, allowed, strict=True))


def ends(places: set[int]) -> tuple[int, int] | None:
    return (min(places), max(places)) if places else None


def covered(window: Window, at: int, size: int) -> range:
    """Return the places of the input that a window covers at a place of the output."""
    if window.whole:
        return range(size)
    first, last = window.at(at)
    return range(max(first, 0), min(last, size - 1) + 1)


def test_layouts() -> None:
    """The letters that the test looks for are those of maps."""
    assert {"h", "w"} <= {*SPATIAL}
