"""A network as boxes in boxes that open: stages, the blocks in them, and drawings of layers.

The boxes of a stack stand one below the other, in the order of the text. A value goes straight
down to the next box, or beside the stack to one further down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from archc.backends.drawing.build import Builder, block_title
from archc.backends.drawing.fold import Folding, uses
from archc.backends.drawing.scene import Box, boxes
from archc.backends.drawing.summary import summarize
from archc.graph import Network, Node, Stage, Value, flat

Kind = Literal["stage", "block", "ops", "port", "end"]

MOST_ARCS = 16
"""A stack with more values that go beside it is drawn as a whole instead."""


@dataclass(eq=False)
class OutlineItem:
    """A box of a stack, for some nodes in a row; `inside` is the stack that it opens to.

    An item of the kind `ops` is a drawing, one of the kind `block` opens to one. `lines` say
    what is in it; `reads` and `gives` are values by their identity.
    """

    kind: Kind
    title: str
    nodes: Sequence[Node] = ()
    times: int = 1
    lines: list[str] = field(default_factory=list)
    inside: Stack | None = None
    training: bool = False
    reads: dict[int, Value] = field(default_factory=dict)
    gives: dict[int, Value] = field(default_factory=dict)

    @property
    def counted_title(self) -> str:
        """The title, and how often."""
        return self.title + (f" ×{self.times}" if self.times > 1 else "")

    @property
    def first(self) -> Sequence[Node]:
        """The nodes that are drawn for all."""
        return self.nodes[: len(self.nodes) // self.times]

    def __post_init__(self) -> None:
        for node in self.nodes:
            self.reads.update((id(v), v) for v in node.inputs if id(v) not in self.gives)
            self.gives.update((id(v), v) for v in node.outputs)


@dataclass(frozen=True)
class Arc:
    """A value that goes from one item past others to a later one, in a lane beside the stack."""

    tail: int
    head: int
    shape: str
    lane: int = 0


@dataclass
class Stack:
    """Items, the shapes of the values that go from each to the next one, and arcs."""

    items: list[OutlineItem]
    links: list[str] = field(default_factory=list)
    arcs: list[Arc] = field(default_factory=list)

    @property
    def lanes(self) -> int:
        """How many arcs run side by side."""
        return max((arc.lane + 1 for arc in self.arcs), default=0)


def outline(network: Network) -> Stack:
    """Return the stack of a network, its inputs first and its outputs last."""
    root = network.root
    cutter = _Cutter(network)
    inputs = [
        OutlineItem("port", f"input{k or ''}", gives={id(v): v}) for k, v in enumerate(root.inputs)
    ]
    outputs = []
    for output in root.outputs:
        for value in flat(output.value):
            port = OutlineItem("port", output.name or "output", training=output.training)
            port.reads[id(value)] = value
            outputs.append(port)
    return wired([*inputs, *cutter.stages(network.stages), *outputs])


class _Cutter:
    """Cuts nodes of the network's own into items."""

    def __init__(self, network: Network) -> None:
        root = network.root
        self.read = uses(root)
        self.folding = Folding()
        self.readers: dict[int, set[int]] = {id(v): {0} for v in root.values}
        """Which nodes read a value, by their identity; 0 where the network gives it."""
        for node in root.nodes:
            for value in node.inputs:
                self.readers.setdefault(id(value), set()).add(id(node))

    def stages(self, stages: Sequence[Stage]) -> Iterator[OutlineItem]:
        """Yield an item for each stage; steps that are none go together in drawings."""
        for loose, group in groupby(stages, key=_is_step):
            if loose:
                yield from self.items([node for stage in group for node in stage.nodes])
            else:
                yield from map(self.stage, group)

    def stage(self, stage: Stage) -> OutlineItem:
        """Return the item of a stage, with what is in it."""
        items = list(self.items(stage.nodes))
        made = OutlineItem("stage", stage.name, stage.nodes)
        blocks = [item for item in items if item.kind == "block"]
        made.lines = [item.counted_title for item in blocks or items]
        made.inside = wired(self.ended(items, made))
        if len(made.inside.arcs) > MOST_ARCS:
            made.inside = Stack([OutlineItem("ops", _named(stage.nodes), stage.nodes)])
        return made

    def ended(self, items: list[OutlineItem], around: OutlineItem) -> list[OutlineItem]:
        """Put ends above and below items, where values come in or go out past some of them."""
        own = set(map(id, around.nodes))
        late = any(v not in around.gives for item in items[1:] for v in item.reads)
        leaving = {
            key: value
            for item in items
            for key, value in item.gives.items()
            if self.readers.get(key, set()) - own
        }
        early = any(key in item.gives for item in items[:-1] for key in leaving)
        above = [OutlineItem("end", "", gives=dict(around.reads))] if late else []
        below = [OutlineItem("end", "", reads=leaving)] if early else []
        return [*above, *items, *below]

    def items(self, nodes: Sequence[Node]) -> Iterator[OutlineItem]:
        """Yield an item for each run of a block; ops in a row, and blocks that are as simple."""
        ops: list[Node] = []
        for run in self.folding.runs([(node,) for node in nodes], self.read):
            members = [bundle[0] for bundle in run.bundles]
            block = self.block(members, run.period)
            if block is None:
                ops += members
                continue
            if ops:
                yield OutlineItem("ops", _named(ops), ops)
            ops = []
            yield block
        if ops:
            yield OutlineItem("ops", _named(ops), ops)

    def block(self, nodes: list[Node], period: int) -> OutlineItem | None:
        """Return the item of a run of blocks, or None where each is but one box."""
        module = nodes[0].module
        if module is None:
            return None
        summary = Box("", "block", "")
        drawn, arrows, results = Builder("block", self.folding).alone(module)
        if sum(box.kind != "fork" for box in boxes(drawn)) < 2 and period == 1:
            return None
        summarize(summary, drawn, arrows, results)
        names = dict.fromkeys(block_title(n.module) for n in nodes[:period] if n.module)
        times = len(nodes) // period
        return OutlineItem("block", ", ".join(names), nodes, times, summary.notes * (period == 1))


def _is_step(stage: Stage) -> bool:
    """Whether a stage is one step that the spec did not call a stage."""
    return len(stage.nodes) == 1 and stage.part == "body" and not stage.nodes[0].stage


def _named(nodes: Sequence[Node]) -> str:
    names = [node.path.rpartition(".")[2] or node.name for node in nodes]
    return ", ".join(names) if len(names) < 5 else f"{names[0]} to {names[-1]}"


def wired(items: list[OutlineItem]) -> Stack:
    """Return a stack of items with what goes from each to which."""
    makers = {value: k for k, item in enumerate(items) for value in item.gives}
    edges: dict[tuple[int, int], list[str]] = {}
    for k, item in enumerate(items):
        for key, value in item.reads.items():
            if (tail := makers.get(key, k)) < k:
                edges.setdefault((tail, k), []).append(str(value.shape))
    links = [", ".join(edges.get((k, k + 1), [])) for k in range(len(items) - 1)]
    far = [Arc(a, b, ", ".join(shapes)) for (a, b), shapes in edges.items() if b > a + 1]
    return Stack(items, links, _in_lanes(far))


def _in_lanes(arcs: list[Arc]) -> list[Arc]:
    """Give arcs lanes in which none meets another, short ones inside."""
    lanes: list[list[Arc]] = []
    placed = []
    for arc in sorted(arcs, key=lambda a: (a.head - a.tail, a.tail)):
        free = (k for k, lane in enumerate(lanes) if all(_apart(arc, other) for other in lane))
        lane = next(free, len(lanes))
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append(arc)
        placed.append(Arc(arc.tail, arc.head, arc.shape, lane))
    return sorted(placed, key=lambda a: (a.tail, a.head))


def _apart(one: Arc, other: Arc) -> bool:
    return one.head <= other.tail or other.head <= one.tail
