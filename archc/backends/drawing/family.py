"""Networks side by side, as in Fig. 3 of He et al. 2015: a column each, rows of one output size.

A column has the layers on the network's longest path, in order. What leads around some of them
is an arc. A network whose blocks have branches, or with more than MOST layers, is drawn by its
blocks instead, those that are equal in a row as one. Below a column's name stands how many layers
are not in it: those beside the longest path, but for the ones on shortcuts, which are dotted arcs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from archc.backends.drawing.build import Builder
from archc.backends.drawing.fold import Unfolded
from archc.backends.drawing.labels import label
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene, boxes, frames
from archc.graph import Network
from archc.passes.depth import depth, weighted
from archc.shapes import Shape

MOST = 40
"""So many layers stand in a column one by one."""

SHORTCUTS = ("identity", "projection")

HIDDEN = ("fork", "port", "merge", "norm", "activation", "source", "split", "other")


@dataclass
class SizeRow:
    """The rows of one output size: where they begin, and how many there are."""

    size: str
    start: int = 0
    height: int = 0


@dataclass
class Family:
    """Columns as frames of a scene, and the row of each box by its id.

    `wholes` are the pictures of the whole networks, from which the columns' boxes are taken.
    """

    scene: Scene
    rows: list[SizeRow]
    row: dict[str, int] = field(default_factory=dict)
    arcs: list[Arrow] = field(default_factory=list)
    wholes: list[Scene] = field(default_factory=list)


@dataclass
class NetworkColumn:
    """A network's boxes, and the arcs beside them: tail, head, and the arrow that says what."""

    name: str
    title: str
    boxes: list[Box]
    arcs: list[tuple[Box, Box, Arrow]]
    whole: Scene

    @property
    def sections(self) -> list[tuple[tuple[str, int], list[Box]]]:
        """The boxes by output size; the second time that a size comes is another section."""
        seen: dict[str, int] = {}
        sections = []
        for size, run in groupby(self.boxes, key=_size):
            seen[size] = seen.get(size, 0) + 1
            sections.append(((size, seen[size]), list(run)))
        return sections


def family(networks: Sequence[Network]) -> Family:
    """Return networks as columns whose rows of one output size are level."""
    columns = [_column(network, k) for k, network in enumerate(networks)]
    rows = {key: SizeRow(key[0]) for key in _order(columns)}
    for column in columns:
        for key, found in column.sections:
            rows[key].height = max(rows[key].height, len(found))
    start = 0
    for row in rows.values():
        row.start = start
        start += row.height
    scene = Scene(", ".join(c.title for c in columns), [], [])
    made = Family(scene, list(rows.values()))
    for column in columns:
        _place(column, rows, made)
    return made


def _order(columns: Sequence[NetworkColumn]) -> list[tuple[str, int]]:
    """Return all sections: by size where sizes only shrink, else each behind the one before it."""
    order: list[tuple[str, int]] = []
    for column in columns:
        place = 0
        for key, _ in column.sections:
            if key not in order:
                order.insert(place, key)
            place = order.index(key) + 1
    shrink = all(_shrinks([size for (size, _), _ in column.sections]) for column in columns)
    return sorted(order, key=lambda key: -int(key[0])) if shrink else order


def _shrinks(sizes: Sequence[str]) -> bool:
    return all(s.isdecimal() for s in sizes) and all(int(a) > int(b) for a, b in pairwise(sizes))


def _place(column: NetworkColumn, rows: dict[tuple[str, int], SizeRow], made: Family) -> None:
    """Put a column into the picture."""
    frame = Frame(column.name, "network", column.title, list(column.boxes))
    frame.counts = _left_out(column)
    made.scene.items.append(frame)
    made.wholes.append(column.whole)
    for key, found in column.sections:
        made.row.update({box.id: rows[key].start + k for k, box in enumerate(found)})
    for tail, head in pairwise(column.boxes):
        made.scene.arrows.append(Arrow(f"{tail.id}--{head.id}", tail, head, main=True))
    ids: set[str] = set()
    for tail, head, arrow in column.arcs:
        name = f"{tail.id}--{head.id}-{arrow.kind}"
        if name not in ids:
            ids.add(name)
            arc = Arrow(name, tail, head, kind=arrow.kind)
            made.scene.arrows.append(arc)
            made.arcs.append(arc)


def _column(network: Network, number: int) -> NetworkColumn:
    """Return a network by its layers, or by its blocks where those have branches or are many."""
    name = f"column{number}"
    whole = _by_layers(network) or Builder("stage").network(network)
    kept, owner = _kept(whole)
    for box in kept:
        node = box.nodes[0] if box.nodes else None
        if node is not None and node.op is not None:
            box.title, box.notes = label(node, node.op).text, []
        box.id, box.counts = f"{name}/{box.id}", ""
    return NetworkColumn(name, network.name, kept, list(_arcs(whole, owner)), whole)


def _by_layers(network: Network) -> Scene | None:
    """Return a network with each layer by itself; None where they are many or have branches."""
    if depth(network.root) > MOST:
        return None
    whole = Builder("block", Unfolded()).network(network)
    bypassing = {id(a.tail) for a in whole.arrows if a.kind in SHORTCUTS}
    layers = (box for box in boxes(whole.items) if box.weighted)
    is_whole = all(box.main or box.training or id(box) in bypassing for box in layers)
    return whole if is_whole else None


def _kept(scene: Scene) -> tuple[list[Box], dict[int, Box]]:
    """Return the boxes of a column, and for each box of the longest path the last one of these."""
    kept: list[Box] = []
    owner: dict[int, Box] = {}
    for frame in frames(scene.items):
        if frame.times > 1:
            _repeat(list(boxes(frame.items)), frame.times)
    for box in boxes(scene.items):
        if not box.main:
            continue
        if box.kind not in HIDDEN and (box.kind != "pool" or box.changes):
            kept.append(box)
        if kept:
            owner[id(box)] = kept[-1]
    return kept, owner


def _repeat(turns: list[Box], times: int) -> None:
    """Say of boxes that take turns how often."""
    for box in turns:
        box.times *= times
        box.notes += ["in turn"] * (len(turns) > 1 and box.kind == "block")


def _arcs(scene: Scene, owner: dict[int, Box]) -> Iterator[tuple[Box, Box, Arrow]]:
    """Yield what leads around boxes of the column."""
    into: dict[int, list[Arrow]] = {}
    for arrow in scene.arrows:
        into.setdefault(id(arrow.head), []).append(arrow)
    for arrow in scene.arrows:
        if arrow.main or not arrow.head.main:
            continue
        tail: Box | None = arrow.tail
        while tail is not None and not tail.main:
            tail = next((a.tail for a in into.get(id(tail), ())), None)
        start, end = owner.get(id(tail)), owner.get(id(arrow.head))
        if start is not None and end is not None and start is not end:
            yield start, end, arrow


def _left_out(column: NetworkColumn) -> str:
    """Say how many layers are in no box of a column, nor on a shortcut."""
    on_way = {id(a.tail) for a in column.whole.arrows if a.kind not in SHORTCUTS}
    there = set(map(id, column.boxes))
    rest = [b for b in boxes(column.whole.items) if id(b) not in there and id(b) in on_way]
    trained = sum(_layers(box) for box in rest if box.training)
    beside = sum(_layers(box) for box in rest if not box.training)
    counts = ((beside, "beside"), (trained, "in training only"))
    counted = [f"{count} layer{'s' * (count > 1)} {where}" for count, where in counts if count]
    return f"not drawn: {', '.join(counted)}" if counted else ""


def _layers(box: Box) -> int:
    """Count the weighted layers that a box stands for, in all its copies."""
    return sum(
        sum(weighted(leaf.node) for leaf in node.module.leaves()) if node.module else weighted(node)
        for node in box.nodes
    )


def _size(box: Box) -> str:
    """Spell the size of what a box gives, as the paper does: 56 for 56×56, 1 for a vector."""
    shape = box.shape
    assert shape is not None
    return spelled(shape)


def spelled(shape: Shape) -> str:
    """Spell an output size."""
    spatial = shape.spatial
    if not spatial:
        return "1" if len(shape.sizes) == 1 else str(shape)
    return str(spatial[0]) if len(set(spatial)) == 1 else "×".join(map(str, spatial))
