"""How a long picture is cut into columns, so that it fits on a page."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from math import log

from archc.backends.drawing.scene import Arrow, Box, Frame, Scene, boxes

PAGE = 1.3
"""The height of a page by its width."""

WIDE = 1.6
"""The width of a figure across the page, by its height."""

SHORT = 640.0
"""A picture of this height, in points, stays in one column."""

MAX_COLUMNS = 8
GUTTER = 40.0

Item = Box | Frame
Sizes = list[tuple[float, float]]


def columns(scene: Scene) -> list[list[Item]]:
    """Cut what a scene shows into columns: only where a single arrow goes on to the next."""
    sizes = [_size(item, scene.arrows) for item in scene.items]
    cuts = _cuts(scene)
    total = sum(height for height, _ in sizes)
    if total <= SHORT:
        return [scene.items]
    best = _stages(scene.items, cuts)
    if len(best) < 3 or abs(log(_shape(sizes, best) * WIDE)) > log(2):
        choices = [_fill(sizes, cuts, total / count) for count in range(1, MAX_COLUMNS + 1)]
        choices = [starts for starts in choices if _even(sizes, starts)]
        best = min(choices, key=lambda starts: abs(log(_shape(sizes, starts) / PAGE)))
    return [scene.items[a:b] for a, b in pairwise([*best, len(scene.items)])]


def _cuts(scene: Scene) -> set[int]:
    """Return the items before which a column may begin."""
    number = {id(box): k for k, item in enumerate(scene.items) for box in boxes([item])}
    crossing: dict[int, int] = defaultdict(int)
    for arrow in scene.arrows:
        for k in range(number[id(arrow.tail)] + 1, number[id(arrow.head)] + 1):
            crossing[k] += 1
    ports = [isinstance(item, Box) and item.kind == "port" for item in scene.items]
    alone = {k for k in crossing if all(ports[:k]) or all(ports[k:])}
    return {k for k, count in crossing.items() if count == 1} - alone


def _fill(sizes: Sizes, cuts: set[int], fair: float) -> list[int]:
    """Return where columns of about a fair height begin."""
    starts, height, rest = [0], 0.0, sum(own for own, _ in sizes)
    for k, (own, _) in enumerate(sizes):
        if k in cuts and height + own / 2 > fair and rest > fair / 2:
            starts.append(k)
            height = 0.0
        height += own
        rest -= own
    return starts


def _even(sizes: Sizes, starts: list[int]) -> bool:
    """Say whether no column is a mere remainder."""
    heights = [sum(h for h, _ in sizes[a:b]) for a, b in pairwise([*starts, len(sizes)])]
    return min(heights) > max(heights) / 4


def _stages(items: list[Item], cuts: set[int]) -> list[int]:
    """Return where stages of blocks begin, a column for each: equal blocks stand side by side."""
    return [0, *(k for k in sorted(cuts) if _holds_frames(items[k]))]


def _holds_frames(item: Item) -> bool:
    return isinstance(item, Frame) and any(isinstance(inner, Frame) for inner in item.items)


def _shape(sizes: Sizes, starts: list[int]) -> float:
    """Return the height of a picture by its width."""
    parts = [sizes[a:b] for a, b in pairwise([*starts, len(sizes)])]
    height = max(sum(h for h, _ in part) for part in parts)
    width = sum(max(w for _, w in part) + GUTTER for part in parts)
    return height / width


def _size(item: Item, arrows: list[Arrow]) -> tuple[float, float]:
    """Estimate the height and width of an item, in points."""
    inside = {id(box): box for box in boxes([item])}
    reach = {key: _height(box) for key, box in inside.items()}
    for arrow in arrows:
        if id(arrow.tail) in inside and id(arrow.head) in inside:
            after = reach[id(arrow.tail)] + _height(arrow.head) + 14 * bool(arrow.shape)
            reach[id(arrow.head)] = max(reach[id(arrow.head)], after)
    height = max(reach.values(), default=0.0)
    height += 14
    if isinstance(item, Frame):
        height += 40 + 40 * sum(isinstance(inner, Frame) for inner in item.items)
    area = sum(_height(box) * _width(box) for box in inside.values())
    widest = max(map(_width, inside.values()), default=0.0)
    return height, max(area / height, widest) + 40


def _height(box: Box) -> float:
    lines = len(box.notes) if box.kind == "block" else min(len(box.notes), 1)
    return 20.0 if box.kind == "fork" else 44.0 + 10 * lines


def _width(box: Box) -> float:
    return 20.0 if box.kind in ("fork", "merge") else 40 + 6.5 * len(box.title)
