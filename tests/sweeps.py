"""Which cases of a sweep over the zoo the default run takes; `make heavy` takes the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import pytest

from archc import zoo
from archc.api import open_spec

ONE_OF_EACH = frozenset(open_spec(path, None)[1] for path in zoo.files())
"""The network that each spec means by default."""

MARKS = frozenset(
    ["densenet", "fpn", "fractalnet", "googlenet", "resnet", "senet", "swin", "unet", "vit"]
)
"""Families that have among them whatever a picture shows: sums, gates, concatenations, splits,
attention, several outputs, branches for training only."""


def sweep(cases: Iterable[Any], quick: Collection[Any] = ONE_OF_EACH) -> list[Any]:
    """Return the cases of a test: all but the quick ones are for the heavy run."""
    return [c if c in quick else pytest.param(c, marks=pytest.mark.heavy) for c in cases]


def pictures(levels: Iterable[str]) -> Iterator[Any]:
    """Yield each family at each level of a picture; what shows every op is mostly for the heavy run."""
    for path in zoo.files():
        for level in levels:
            large = level == "op" and path.stem not in MARKS
            marks = [pytest.mark.heavy] * large
            yield pytest.param(path, level, marks=marks, id=f"{path.stem}-{level}")
