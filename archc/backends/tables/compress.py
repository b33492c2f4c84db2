"""Layers and blocks that recur, said once: counted, or with the widths that they run through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from archc.backends.tables.model import Bracket, Entry

PERIODS = (1, 2, 3)
MANY = 4
"""Of so many blocks that differ in width alone only the least and the greatest are said."""

WIDTH = re.compile(r"(?<![\d×])(\d+)(?![\d×])")


def compressed(parts: Sequence[Entry]) -> tuple[Entry, ...]:
    """Say parts that recur once: ones that are equal, and those that differ in width alone."""
    runs = groupby(counted(parts), key=lambda part: [WIDTH.sub("#", line) for line in _lines(part)])
    return tuple(part for _, run in runs for part in _ranged(list(run)))


def lines_of(lines: Sequence[str]) -> tuple[str, ...]:
    """Count lines of a block that stand three times or more; two are written out, as in papers."""
    runs = [(line, len(list(run))) for line, run in groupby(lines)]
    shown = ([f"{line} ×{count}"] if count > 2 else [line] * count for line, count in runs)
    return tuple(line for some in shown for line in some)


def counted(parts: Sequence[Entry]) -> Iterator[Entry]:
    """Yield parts with how often each stands there, and layers that recur by twos and threes."""
    start = 0
    while start < len(parts):
        period, count = next(_periods(parts, start), (1, 1))
        unit = parts[start : start + period]
        lines = tuple(line for part in unit for line in _lines(part))
        yield Bracket(lines, count) if count > 1 else unit[0]
        start += period * count


def _periods(parts: Sequence[Entry], start: int) -> Iterator[tuple[int, int]]:
    for period in PERIODS:
        unit, count = parts[start : start + period], 1
        while parts[start + count * period : start + (count + 1) * period] == unit:
            count += 1
        if count > (1 if period == 1 else 2) and (period == 1 or all(map(_plain, unit))):
            yield period, count


def _plain(part: Entry) -> bool:
    return isinstance(part, str)


def _lines(part: Entry) -> tuple[str, ...]:
    return part.lines if isinstance(part, Bracket) else (part,)


def _ranged(run: list[Entry]) -> list[Entry]:
    """Return one part in place of many that differ in width alone: `3×3, 17…32`."""
    if len(run) < MANY:
        return run
    lines = tuple(_range(same) for same in zip(*map(_lines, run), strict=True))
    return [Bracket(lines, sum(part.count if isinstance(part, Bracket) else 1 for part in run))]


def _range(lines: Sequence[str]) -> str:
    """Spell lines of one form as one, its numbers from the least to the greatest."""
    pieces = zip(*map(WIDTH.split, lines), strict=True)
    shown = []
    for k, same in enumerate(pieces):
        least, most = (min(map(int, same)), max(map(int, same))) if k % 2 else (0, 0)
        shown.append(same[0] if least == most else f"{least}…{most}")
    return "".join(shown)
