"""From a lowered network to a picture, at one of three levels.

stage: a box for each distinct block; block: its layers, with norms and activations beside
them, as in Fig. 5 of He et al. 2015; op: every op. Equal blocks in a row are drawn once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

from archc.backends.drawing.attaching import ArrowStart, attach
from archc.backends.drawing.captions import caption
from archc.backends.drawing.columns import fits
from archc.backends.drawing.fold import Bundle, Folding, Run, uses
from archc.backends.drawing.labels import Label, label, rated
from archc.backends.drawing.scene import Arrow, Box, BoxKind, Frame, Placed, Plan, Scene, boxes
from archc.backends.drawing.shared_blocks import SharedBlocks
from archc.backends.drawing.shortcuts import Shortcuts
from archc.backends.drawing.subgraph import subgraph
from archc.backends.drawing.summary import summarize
from archc.graph import Module, Network, Node, Stage, Value, flat, join
from archc.ops import Op
from archc.passes.costs import inferring
from archc.passes.depth import weighted

Level = Literal["stage", "block", "op"]

Items = list[Box | Frame]


@dataclass
class Cursor:
    """Where a builder is: in which module, whose path is `prefix`, and where boxes go."""

    prefix: str
    read: Mapping[int, int]
    plan: Plan
    starts: dict[int, ArrowStart] = field(default_factory=dict)
    items: Items = field(default_factory=list)

    def alone(self, values: Iterable[Value]) -> bool:
        """Say whether each of some values is read just once."""
        return all(self.read[id(v)] == 1 for v in values)

    def give(self, values: Iterable[Value], start: ArrowStart) -> None:
        """Note where values come from."""
        self.starts.update({id(v): start for v in values})

    def place(self, node: Node, placed: Placed) -> None:
        """Note what became of a node."""
        self.plan.placed[id(node)] = placed


class Builder:
    """Draws modules; the arrows that it has drawn are in `arrows`."""

    def __init__(
        self, level: Level, folding: Folding | None = None, *, sharing: bool = False
    ) -> None:
        self.level = level
        self.folding = folding or Folding()
        self.shared = SharedBlocks(self.folding) if sharing else None
        self.arrows: list[Arrow] = []
        self.ids: Counter[str] = Counter()
        self.frame = ""
        self.inferring: set[int] | None = None

    def network(self, network: Network) -> Scene:
        """Draw a network: its input, its stages, its outputs."""
        root = network.root
        cursor = Cursor("", uses(root), Plan(root))
        self.inferring = set(map(id, inferring(network)))
        for k, value in enumerate(root.inputs):
            self.source(f"input{k or ''}", value, cursor)
        for loose, stages in groupby(network.stages, _is_loose):
            if loose:
                self.nodes([(node,) for stage in stages for node in stage.nodes], cursor)
                continue
            for stage in stages:
                self.stage(stage, cursor)
            self.frame = ""
        for output in root.outputs:
            values = flat(output.value)
            for k, value in enumerate(values):
                name = (output.name or "output") + (f"[{k}]" if len(values) > 1 else "")
                self.sink(name, value, cursor, training=output.training)
        return self.finished(network.name, cursor)

    def part(self, network: Network, at: str) -> Scene:
        """Draw a stage, a block or an op of a network; raises UnknownPlace for what is none."""
        stretch = subgraph(network, at)
        cursor = Cursor(stretch.prefix, uses(stretch.module), Plan(stretch.module))
        for k, value in enumerate(stretch.inputs):
            self.source(f"x{k or ''}", value, cursor)
        self.nodes([(node,) for node in stretch.nodes], cursor)
        for name, value in stretch.outputs.items():
            self.sink(name, value, cursor)
        return self.finished(f"{network.name} {at}", cursor)

    def finished(self, name: str, cursor: Cursor) -> Scene:
        """Mark what is a shortcut and what the main path, and return the picture."""
        marks = Shortcuts(self.arrows)
        marks.mark()
        if self.shared:
            self.shared.name()
        ends = [a.head for a in self.arrows if a.head.kind == "port" and not a.training]
        for end in ends[-1:]:
            marks.mark_main(end)
        return Scene(name, cursor.items, self.arrows, cursor.plan)

    def alone(self, module: Module) -> tuple[Items, list[Arrow], list[Box]]:
        """Draw a module by itself: what is in it, and the boxes that give its values."""
        cursor = Cursor("", uses(module), Plan(module))
        for value in module.inputs:
            cursor.give([value], ArrowStart(self.box("x", "fork", "")))
        self.nodes([(node,) for node in module.nodes], cursor)
        return cursor.items, self.arrows, [cursor.starts[id(v)].box for v in module.values]

    def stage(self, stage: Stage, cursor: Cursor) -> None:
        """Draw a stage in a frame."""
        bundles: list[Bundle] = [(node,) for node in stage.nodes]
        frame = Frame(self.unique(stage.name), "stage", stage.name, nodes=list(stage.nodes))
        self.frame = frame.id
        if self.level == "stage":
            frame.counts = caption(stage.nodes)
        self.nodes(bundles, replace(cursor, items=frame.items))
        if frame.items:
            cursor.items.append(frame)

    def nodes(self, bundles: Sequence[Bundle], cursor: Cursor) -> None:
        """Draw nodes, those that are equal in a row as one."""
        for run in self.folding.runs(bundles, cursor.read):
            if run.period == 1:
                self.bundle(run.first[0], run.times, run.bundles[-1][0], cursor)
            else:
                self.turns(run, cursor)
            self.copies(run, cursor)

    def turns(self, run: Run, cursor: Cursor) -> None:
        """Draw blocks that take turns once each, in a frame that says how often."""
        start = join(cursor.prefix, run.first[0][0].path)
        frame = Frame(self.unique(f"{start}+"), "block", "", times=run.times)
        frame.nodes = [node for bundle in run.first for node in bundle]
        for bundle in run.first:
            self.bundle(bundle, 1, bundle[0], replace(cursor, items=frame.items))
        last, final = run.bundles[run.period - 1][0], run.bundles[-1][0]
        for value, drawn in pairs(final.outputs, last.outputs):
            cursor.give([value], replace(cursor.starts[id(drawn)], open=False))
        if len(frame.items) == 1:
            frame.items[0].times *= run.times
        cursor.items.append(frame.items[0] if len(frame.items) == 1 else frame)

    def copies(self, run: Run, cursor: Cursor) -> None:
        """Note that the later uses of a run are drawn by its first one, and what says so."""
        says = cursor.items[-1] if cursor.items else None
        for k in range(run.period, len(run.bundles)):
            first, node = run.bundles[k % run.period][0], run.bundles[k][0]
            drawn = cursor.plan.placed[id(first)]
            cursor.place(node, replace(drawn, copies=None if k % run.period else says))

    def bundle(self, bundle: Bundle, times: int, last: Node, cursor: Cursor) -> None:
        """Draw a node once, for all its copies, of which `times`, to the last, are in a row."""
        node, before = bundle[0], len(self.arrows)
        if node.op is not None:
            self.op(bundle, node.op, cursor)
        elif node.module is not None and self.one_box(node.module):
            self.block(bundle, times, last, cursor)
        elif node.module is not None:
            self.body(bundle, times, last, cursor)
        if self.inferring is not None and not cursor.prefix and id(node) not in self.inferring:
            for arrow in self.arrows[before:]:
                arrow.training = arrow.head.training = True

    def one_box(self, module: Module) -> bool:
        """Say whether a block may be one box; one that is an imported network is not."""
        if self.level == "stage":
            return not module.is_network
        return self.shared is not None and self.shared.drawn(module)

    def op(self, bundle: Bundle, op: Op, cursor: Cursor) -> None:
        """Draw an op as a box, or beside the box before it."""
        node = bundle[0]
        own = label_of(bundle, op)
        sole = cursor.alone(node.outputs)
        if self.level != "op" and len(node.inputs) == 1:
            start = cursor.starts[id(node.inputs[0])]
            adjacent = cursor.alone(node.inputs) and start.box in cursor.items
            beside = attach(start, op, own, adjacent, sole and self.level == "block")
            if beside:
                cursor.give(node.outputs, replace(beside, open=beside.open and sole))
                cursor.place(node, Placed(start.box, beside=True))
                start.box.nodes += bundle
                return
        text = own.short if self.level == "block" and cursor.prefix else own.text
        box = self.box(join(cursor.prefix, node.path) or op.name, own.kind, text)
        box.short, box.weighted, box.nodes = own.short, op.weighted, list(bundle)
        box.shape = node.outputs[0].shape if node.outputs else None
        box.changes = any(s != box.shape for s in node.shapes[:1])
        cursor.items.append(box)
        cursor.place(node, Placed(box, self.arrive(node, cursor, box)))
        for k, value in enumerate(node.outputs):
            cursor.give([value], ArrowStart(box, open=sole, gate=op.facts.gate == "opens", port=k))

    def block(self, bundle: Bundle, times: int, last: Node, cursor: Cursor) -> None:
        """Draw a run of a block as one box that says what is in it."""
        first = bundle[0]
        module = first.module
        assert module is not None
        items, inside, results = Builder("block", self.folding).alone(module)
        shown = [box for box in boxes(items) if box.kind != "fork"]
        if len(shown) < 2 and not any(box.shortcut != "flow" for box in shown):
            self.body(bundle, times, last, cursor)
            return
        box = self.box(join(cursor.prefix, first.path), "block", block_title(module))
        box.times, box.nodes, box.shape = times, list(bundle), last.outputs[0].shape
        box.weighted = any(weighted(leaf.node) for leaf in module.leaves())
        box.changes = first.outputs[0].shape != first.shapes[0]
        box.counts = caption(bundle) if self.level == "stage" and not self.frame else ""
        listed = summarize(box, items, inside, results)
        if self.shared and not self.shared.refer(box, module, listed=listed):
            self.ids[box.id] -= 1
            self.body(bundle, times, last, cursor)
            return
        cursor.items.append(box)
        read = uses(module)
        arrows = tuple(
            self.arrow(cursor.starts[id(given)], box, given) if read[id(value)] else None
            for value, given in pairs(module.inputs, first.inputs)
        )
        cursor.place(first, Placed(box, arrows))
        for k, value in enumerate(last.outputs):
            cursor.give([value], ArrowStart(box, port=k))

    def body(self, bundle: Bundle, times: int, last: Node, cursor: Cursor) -> None:
        """Draw a run of a block with what is in it, in a frame where that is several boxes."""
        first = bundle[0]
        module = first.module
        assert module is not None
        path = join(cursor.prefix, first.path) or module.name
        outer = self.frame
        if not cursor.prefix and module.nodes and self.level != "stage":
            self.frame = path
        inner = Cursor(path, uses(module), Plan(module))
        taken = pairs(module.inputs, first.inputs)
        inner.plan.forks = tuple(self.enter(given, v, cursor, inner) for v, given in taken)
        likes = [node.module.nodes for node in bundle if node.module]
        self.nodes(list(zip(*likes, strict=True)), inner)
        self.frame = outer
        cursor.place(first, Placed(plan=inner.plan))
        own = unwrapped(inner.items)
        if own is not inner.items and self.shared:
            self.shared.drop(inner.items[0])
        framed = self.framed(own, times, nested=bool(cursor.prefix))
        if framed:
            frame = Frame(self.unique(path), "block", block_title(module), own, times)
            frame.nodes = list(bundle)
            cursor.items.append(frame)
            if self.shared:
                self.shared.add(module, frame)
        else:
            cursor.items += own
            for item in own[:1]:
                item.times *= times
        for value, result in pairs(last.outputs, module.values):
            start = inner.starts[id(result)]
            cursor.give([value], replace(start, open=start.open and not framed and times == 1))

    def framed(self, own: Items, times: int, *, nested: bool) -> bool:
        """Say whether a block gets a frame: not around one thing, which can say ×N itself."""
        if len(own) < 2:
            return bool(own) and own[0].times > 1 and times > 1
        count = sum(box.kind != "fork" for box in boxes(own))
        return times > 1 or count > (2 if nested and self.level == "block" else 1)

    def enter(self, given: Value, value: Value, cursor: Cursor, inner: Cursor) -> Arrow | None:
        """Let a block's input in, by a fork where several things in it read it."""
        start = cursor.starts[id(given)]
        if inner.read[id(value)] < 2:
            inner.give([value], replace(start, open=False))
            return None
        fork = self.box(join(inner.prefix, "x"), "fork", "")
        inner.items.append(fork)
        inner.give([value], ArrowStart(fork, gate=start.gate))
        return self.arrow(start, fork, given)

    def arrive(self, node: Node, cursor: Cursor, box: Box) -> tuple[Arrow, ...]:
        """Draw the arrows into a box."""
        return tuple(self.arrow(cursor.starts[id(value)], box, value) for value in node.inputs)

    def arrow(self, start: ArrowStart, head: Box, value: Value) -> Arrow:
        """Draw an arrow; its shape is written where it goes from one block to another."""
        crossing = self.level != "block" or start.box.place != head.place
        shown = crossing and "port" not in (start.box.kind, head.kind) and start.box.kind != "fork"
        name = self.unique(f"{start.box.id}--{head.id}")
        arrow = Arrow(name, start.box, head, start.via, str(value.shape) if shown else "")
        arrow.port = start.port
        if start.gate and head.title == "×":
            arrow.kind = "gate"
        self.arrows.append(arrow)
        return arrow

    def source(self, name: str, value: Value, cursor: Cursor) -> None:
        """Draw what comes in."""
        box = self.port(name, value)
        cursor.items.append(box)
        cursor.give([value], ArrowStart(box))

    def sink(self, name: str, value: Value, cursor: Cursor, *, training: bool = False) -> None:
        """Draw what goes out, right behind what gives it."""
        start = cursor.starts[id(value)]
        box = self.port(name, value)
        if training:
            box.training = True
            box.notes.append("in training only")
        holds = (
            k for k, item in enumerate(cursor.items) if any(b is start.box for b in boxes([item]))
        )
        at = next(holds, len(cursor.items) - 1) + 1
        while at < len(cursor.items) and _is_port(cursor.items[at]):
            at += 1
        cursor.items.insert(at, box)
        self.arrow(start, box, value).training = training

    def port(self, name: str, value: Value) -> Box:
        """Make the box of an input or output."""
        box = self.box(name, "port", f"{name}  {value.shape}")
        box.shape = value.shape
        return box

    def box(self, path: str, kind: BoxKind, title: str) -> Box:
        """Make a box with an id of its own."""
        return Box(self.unique(path), kind, title, place=self.frame)

    def unique(self, path: str) -> str:
        """Return an id that nothing else has: paths repeat where a module is used again.

        What stands behind a colon would be a port of Graphviz.
        """
        path = path.replace(":", "")
        self.ids[path] += 1
        return path if self.ids[path] == 1 else f"{path}~{self.ids[path]}"


def _is_loose(stage: Stage) -> bool:
    """Say whether a stage is one step that the spec did not call a stage."""
    return len(stage.nodes) == 1 and stage.part == "body" and not stage.nodes[0].stage


def _is_port(item: Box | Frame) -> bool:
    return isinstance(item, Box) and item.kind == "port"


def pairs(values: Iterable[Value], others: Iterable[Value]) -> Iterator[tuple[Value, Value]]:
    """Pair values of a use of a block with those of the block itself."""
    return zip(values, others, strict=True)


def block_title(module: Module) -> str:
    """Return the name of a block as words."""
    return module.name.replace("_", " ")


def label_of(bundle: Bundle, op: Op) -> Label:
    """Return what is said of an op, with the rates of all its copies."""
    first = label(bundle[0], op)
    rates = [r for node in bundle if node.op and (r := label(node, node.op).rate) is not None]
    if not rates:
        return first
    return replace(first, text=rated(first.text, rates), short=first.text, rate=max(rates))


def unwrapped(items: Items) -> Items:
    """Return what is in a frame, where that is all: a block that is but another block."""
    only = items[0] if len(items) == 1 else None
    plain = isinstance(only, Frame) and only.times == 1
    return only.items if isinstance(only, Frame) and plain else items


def scene(network: Network, level: Level = "stage", at: str = "") -> Scene:
    """Return the picture of a network, or of what is at a path of it, at a level.

    Where the blocks of a network are too many for a page, those alike in form share a drawing.
    """
    picture = _made(Builder(level), network, at)
    if level == "block" and not fits(picture):
        return _made(Builder(level, sharing=True), network, at)
    return picture


def _made(builder: Builder, network: Network, at: str) -> Scene:
    return builder.part(network, at) if at else builder.network(network)
