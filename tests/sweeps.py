"""Which cases of a sweep over the zoo the default run takes; `make heavy` takes the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest

from archc import zoo
from archc.api import open_spec

ONE_OF_EACH = frozenset(open_spec(path, None)[1] for path in zoo.files())
"""The network that each spec means by default."""

MARKS = frozenset(
    ["densenet", "fpn", "fractalnet", "googlenet", "resnet", "senet", "swin", "unet", "vit"]
)
"""Families that have among them whatever there is: sums, gates, concatenations, splits, attention,
several outputs, branches for training only."""


def sweep(cases: Iterable[Any], quick: Collection[Any] = ONE_OF_EACH) -> list[Any]:
    """Return the cases of a test: all but the quick ones are for the heavy run."""
    return [c if c in quick else pytest.param(c, marks=pytest.mark.heavy) for c in cases]


def families() -> list[Any]:
    """Return the file of each family; all but those with many marks are for the heavy run."""
    return [
        pytest.param(path, marks=[pytest.mark.heavy] * (path.stem not in MARKS), id=path.stem)
        for path in zoo.files()
    ]


def pictures(levels: Iterable[str]) -> list[Any]:
    """Return each family at each level of a picture; those of all ops are mostly for the heavy run."""
    return [
        pytest.param(
            path,
            level,
            marks=[pytest.mark.heavy] * (level == "op" and path.stem not in MARKS),
            id=f"{path.stem}-{level}",
        )
        for path in zoo.files()
        for level in levels
    ]
