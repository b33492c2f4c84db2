"""The emitted file does not grow with depth: over the whole zoo, wherever a spec has a knob for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sweeps import families

import archc
from archc.backends.pytorch.lengths import Length, lengths

# What a knob is called that says how many layers follow each other, and its value for a size.
KNOBS: dict[str, Callable[[Any, int], Any]] = {
    "depths": lambda old, size: [size] * len(old),
    "depth": lambda _, size: size,
    "layers": lambda _, size: size,
    "repeats": lambda _, size: size,
    "n": lambda _, size: size,
    "L": lambda _, size: 6 * size + 4,
    "depth_mult": lambda _, size: size / 2,
}

GROWS = {
    ("regnet", "depth"): "the number of stages follows from the depth",
}

WRAPPED = 3
"""So many lines may be broken once more because a number has a digit more."""


def knobs(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield a spec's knobs for depth and their values."""
    network = archc.compile(path).network
    for name in map(str, network.document.params):
        value = network.root.scope[name]
        if name in KNOBS and isinstance(value, (int, float, list)):
            yield name, value


@pytest.mark.parametrize("path", families())
def test_length_does_not_grow_with_depth(path: Path) -> None:
    """Twice as deep, and as long."""
    for knob, value in knobs(path):
        short, long = (
            len(archc.compile(path, **{knob: KNOBS[knob](value, size)}).source().splitlines())
            for size in (8, 16)
        )
        if (path.stem, knob) in GROWS:
            assert long > short + WRAPPED
        else:
            assert abs(long - short) <= WRAPPED, knob


def test_lengths_of_families() -> None:
    """Each family has its shortest and its longest variant."""
    names = ["resnet18", "resnet50", "densenet121", "densenet264"]

    found = lengths((archc.compile(name).network for name in names), version="0")

    assert [f.family for f in found] == ["resnet", "densenet"]
    assert found[0].shortest == "resnet18"
    assert found[0].longest == "resnet50"
    assert found[1] == Length(
        "densenet", "densenet121", found[1].least, "densenet121", found[1].least
    )
