"""How a long picture is cut into columns, so that it fits on a page."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from math import log

from archc.backends.drawing.extent import Item, Size, abreast, size, stacked
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene, boxes, frames

PAGE = 1.3
"""The height of a page by its width."""

WIDE = 1.6
"""The width of a figure across the page, by its height."""

PAPER = (1430.0, 980.0)
"""What fits a page of A4, in points: the small letters are five points high then."""

SHORT = 640.0
"""A picture or frame of this height, in points, stays in one column."""

FEW = 3
"""So many stages of blocks at least have a column each."""

MAX_COLUMNS = 8
MOST = 2
"""So many arrows lead to a column at most, where the picture would be too large else."""

BETTER = 1.15
"""How much larger than otherwise letters must come out then."""

GUTTER = 40.0

Sizes = list[Size]


def fits(scene: Scene) -> bool:
    """Say whether a picture fits a page in columns between which a single arrow leads."""
    layout = ColumnLayout(scene)
    return layout.scale(layout.best(1)) == 1


def columns(scene: Scene) -> list[list[Item]]:
    """Cut what a scene shows into columns, where a single arrow goes on to the next, or a few.

    A frame that is longer than a column goes on in the next one, in a frame of its own.
    """
    layout = ColumnLayout(scene)
    starts = layout.best(1)
    if layout.scale(starts) < 1:
        more = layout.best(MOST)
        starts = more if layout.scale(more) > BETTER * layout.scale(starts) else starts
    parts = [_joined(layout.pieces[a:b]) for a, b in pairwise([*starts, len(layout.pieces)])]
    _go_on(parts)
    return parts


def scale(height: float, width: float) -> float:
    """Return how much of its size a picture can have on a page; no more than 1."""
    ways = ((height, width), (width, height))
    return min(1.0, max(min(PAPER[0] / long, PAPER[1] / short) for long, short in ways))


class ColumnLayout:
    """The pieces of a picture, which stand in their order in columns that begin at some of them."""

    def __init__(self, scene: Scene) -> None:
        whole = sum(size(item, scene.arrows).height for item in scene.items)
        self.pieces = scene.items
        if whole > SHORT:
            self.pieces = [p for item in scene.items for p in _pieces(item, scene.arrows)]
        self.sizes = [size(piece, scene.arrows) for piece in self.pieces]
        self.crossing = _crossing(self.pieces, scene.arrows) if whole > SHORT else {}

    def best(self, most: int) -> list[int]:
        """Return where columns begin, so that the page is filled best.

        No more than `most` arrows lead to a column.
        """
        cuts = {k for k, count in self.crossing.items() if count <= most}
        stages = _stages(self.pieces, cuts)
        if most == 1 and len(stages) >= FEW and abs(log(self._shape(stages) * WIDE)) <= log(2):
            return stages
        total = sum(each.height for each in self.sizes)
        choices = [_fill(self.sizes, cuts, total / n) for n in range(1, MAX_COLUMNS + 1)]
        choices = [starts for starts in choices if _even(self.sizes, starts)]
        return min(choices, key=lambda s: (-self.scale(s), abs(log(self._shape(s) / PAGE))))

    def scale(self, starts: list[int]) -> float:
        """Return how much of its size the picture can have on a page."""
        return scale(*self.extent(starts))

    def extent(self, starts: list[int]) -> tuple[float, float]:
        """Estimate the height and width of the picture, in points."""
        ends = pairwise([*starts, len(self.sizes)])
        height, width = abreast(stacked(self.sizes[a:b]) for a, b in ends)
        return height, width + GUTTER * (1 + sum(self.crossing[k] for k in starts[1:]))

    def _shape(self, starts: list[int]) -> float:
        height, width = self.extent(starts)
        return height / width


def _pieces(item: Item, arrows: list[Arrow]) -> list[Item]:
    """Take a long frame apart: a frame of the same name around each thing in it."""
    if isinstance(item, Box) or item.times > 1 or size(item, arrows).height <= SHORT:
        return [item]
    inner = [piece for within in item.items for piece in _pieces(within, arrows)]
    return [replace(item, items=[piece]) for piece in inner]


def _joined(pieces: list[Item]) -> list[Item]:
    """Put the pieces of a frame together again, within a column."""
    joined: list[Item] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(last, Frame) and isinstance(piece, Frame) and last.id == piece.id:
            joined[-1] = replace(last, items=_joined([*last.items, *piece.items]))
        else:
            joined.append(piece)
    return joined


def _go_on(parts: list[list[Item]]) -> None:
    """Name the frames that go on in another column."""
    seen: Counter[str] = Counter()
    for part in parts:
        for frame in frames(part):
            name = frame.id
            seen[name] += 1
            if seen[name] > 1:
                frame.id, frame.counts = f"{name}+{seen[name]}", ""
                frame.title = f"… {frame.title}"


def _crossing(pieces: list[Item], arrows: list[Arrow]) -> dict[int, int]:
    """Return how many arrows lead past the beginning of a piece, but where ports are alone.

    A shortcut counts for too many: what it by-passes stays together.
    """
    number = {id(box): k for k, piece in enumerate(pieces) for box in boxes([piece])}
    crossing: dict[int, int] = defaultdict(int)
    for arrow in arrows:
        for k in range(number[id(arrow.tail)] + 1, number[id(arrow.head)] + 1):
            crossing[k] += 1 if arrow.kind in ("flow", "gate") else MOST + 1
    ports = [isinstance(item, Box) and item.kind == "port" for item in pieces]
    alone = {k for k in crossing if all(ports[:k]) or all(ports[k:])}
    return {k: count for k, count in crossing.items() if k not in alone}


def _fill(sizes: Sizes, cuts: set[int], fair: float) -> list[int]:
    """Return where columns of about a fair height begin."""
    starts, height, rest = [0], 0.0, sum(each.height for each in sizes)
    for k, own in enumerate(each.height for each in sizes):
        if k in cuts and height + own / 2 > fair and rest > fair / 2:
            starts.append(k)
            height = 0.0
        height += own
        rest -= own
    return starts


def _even(sizes: Sizes, starts: list[int]) -> bool:
    """Say whether no column is a mere remainder."""
    heights = [sum(s.height for s in sizes[a:b]) for a, b in pairwise([*starts, len(sizes)])]
    return min(heights) > max(heights) / 4


def _stages(pieces: list[Item], cuts: set[int]) -> list[int]:
    """Return where stages of blocks begin, a column for each: equal blocks stand side by side."""
    first = {piece.id: k for k, piece in reversed(list(enumerate(pieces)))}
    return [0, *(k for k in sorted(cuts & set(first.values())) if _holds_frames(pieces[k]))]


def _holds_frames(item: Item) -> bool:
    return isinstance(item, Frame) and any(isinstance(inner, Frame) for inner in item.items)
