"""How large a part of a picture will be, told before any Graphviz: an estimate in points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from archc.backends.drawing.scene import Arrow, Box, Frame, boxes

Item = Box | Frame

GAP = 20.0
"""What lies between boxes side by side."""

DROP = 24.0
"""What lies between rows, many of which have words between them."""

LABEL = 14.0
ASIDE = 100.0
EDGE = 12.0
"""The edge of a frame, the words at its head, and what is counted beside its first box."""


@dataclass(frozen=True)
class Size:
    """The heights of the rows of a part, from the top down, and the width of all."""

    rows: tuple[float, ...]
    width: float

    @property
    def height(self) -> float:
        """The height of all rows."""
        return sum(self.rows)


def stacked(sizes: Iterable[Size]) -> Size:
    """Return the size of parts one below the other."""
    parts = list(sizes)
    return Size(
        tuple(row for part in parts for row in part.rows), max(part.width for part in parts)
    )


def abreast(sizes: Iterable[Size]) -> tuple[float, float]:
    """Return the height and width of parts side by side: Graphviz makes their rows level."""
    parts = list(sizes)
    height = sum(map(max, zip_longest(*(part.rows for part in parts), fillvalue=0.0)))
    return height, sum(part.width for part in parts)


def size(item: Item, arrows: Iterable[Arrow]) -> Size:
    """Estimate the size of a box, or of a frame with what is in it."""
    inside = [*boxes([item])]
    row = _rows(inside, arrows)
    heights: dict[int, float] = defaultdict(float)
    widths: dict[int, float] = defaultdict(float)
    for box in inside:
        at = row[id(box)]
        heights[at] = max(heights[at], _height(box))
        widths[at] += _width(box) + GAP
    if isinstance(item, Frame):
        _frame(item, row, heights, 0)
    count = max(heights, default=-1) + 1
    edges = 2 * EDGE * _depth(item) + ASIDE * (isinstance(item, Frame) and bool(item.counts))
    return Size(tuple(heights[k] for k in range(count)), max(widths.values(), default=0.0) + edges)


def _rows(inside: list[Box], arrows: Iterable[Arrow]) -> dict[int, int]:
    """Say in which row each box will stand; arrows come in an order where tails precede heads."""
    row = {id(box): 0 for box in inside}
    for arrow in arrows:
        if id(arrow.tail) in row and id(arrow.head) in row:
            row[id(arrow.head)] = max(row[id(arrow.head)], row[id(arrow.tail)] + 1)
    return row


def _frame(frame: Frame, row: dict[int, int], heights: dict[int, float], nested: int) -> None:
    """Add the edges of a frame, and its words, to the first and the last row in it."""
    rows = [row[id(box)] for box in boxes([frame])]
    if not rows:
        return
    heights[min(rows)] += EDGE + LABEL * (1 + len(frame.title) // 24 + nested // 2)
    heights[max(rows)] += EDGE
    for item in frame.items:
        if isinstance(item, Frame):
            _frame(item, row, heights, nested + 1)


def _depth(item: Item) -> int:
    """Say how many frames lie in one another."""
    if isinstance(item, Box):
        return 0
    return 1 + max(map(_depth, item.items), default=0)


def _height(box: Box) -> float:
    if box.kind == "fork":
        return DROP
    lines = len(box.notes) if box.kind == "block" else min(len(box.notes), 1)
    return 22 + DROP + 11 * lines + 11 * len(box.counts.split(", ")) * bool(box.counts)


def _width(box: Box) -> float:
    if box.kind in ("fork", "merge"):
        return GAP
    notes = box.notes if box.kind == "block" else [", ".join(box.notes)]
    letters = max([6.2 * len(box.title), *(5.0 * len(note) for note in notes)])
    return letters + 18 + 30 * (box.times > 1) + 24 * (box.shortcut != "flow")
