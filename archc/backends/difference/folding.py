"""Many paths in few lines: `layer3.{6..22}.*` for the tensors of seventeen blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NUMBERS = re.compile(r"(\d+)")


@dataclass
class Fold:
    """Paths of which the same is said, their numbers as ranges.

    `count` is what they stand for, `order` the place of the first of them.
    """

    parts: list[str]
    detail: str
    count: int = 1
    order: int = 0

    @property
    def path(self) -> str:
        """The paths in one: `layer3.{6..22}`."""
        return "".join(self.parts)


def folded(paths: Iterable[tuple[str, str]], counts: Mapping[str, int] | None = None) -> list[Fold]:
    """Fold paths with the same detail; `counts` say for how much each path stands.

    One number after the other, the last one first, is made a range where it counts up.
    """
    folds = [
        Fold(NUMBERS.split(path), detail, (counts or {}).get(path, 1), order)
        for order, (path, detail) in enumerate(paths)
    ]
    longest = max((len(fold.parts) for fold in folds), default=0)
    for place in range(longest - 2, 0, -2):
        folds = [merged for group in _alike(folds, place) for merged in _runs(group, place)]
    return sorted(folds, key=lambda fold: fold.order)


def _alike(folds: Iterable[Fold], place: int) -> Iterable[list[Fold]]:
    """Group those that differ in one number only, each with as much to say."""
    groups: dict[tuple[Any, ...], list[Fold]] = {}
    for fold in folds:
        rest = (*fold.parts[:place], None, *fold.parts[place + 1 :])
        groups.setdefault((fold.detail, *rest), []).append(fold)
    return groups.values()


def _runs(group: list[Fold], place: int) -> Iterator[Fold]:
    """Yield runs in which the number counts up as one."""
    start = 0
    for k in range(1, len(group) + 1):
        if k < len(group) and _number(group[k], place) == _number(group[k - 1], place) + 1:
            continue
        run, start = group[start:k], k
        if len(run) == 1:
            yield run[0]
            continue
        parts = list(run[0].parts)
        parts[place] = f"{{{parts[place]}..{run[-1].parts[place]}}}"
        yield Fold(parts, run[0].detail, sum(fold.count for fold in run), run[0].order)


def _number(fold: Fold, place: int) -> int:
    """Return the number at a place; one that never counts up where there is none."""
    return int(fold.parts[place]) if place < len(fold.parts) else -1


def listed(paths: Sequence[str]) -> str:
    """Write paths on one line, folded."""
    return ", ".join(fold.path for fold in folded((path, "") for path in paths))


def gathered(keys: Iterable[str], others: Iterable[str]) -> list[Fold]:
    """Fold keys, first to the modules that have none of the others: `layer3.6.*`."""
    chosen = list(keys)
    heads = {head for key in others for head in _heads(key)}
    names = Counter(next((f"{h}.*" for h in _heads(key) if h not in heads), key) for key in chosen)
    return folded(((name, "") for name in names), names)


def _heads(key: str) -> list[str]:
    """Return the modules around a tensor, outer ones first."""
    parts = key.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]
