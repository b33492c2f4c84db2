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

from archc.backends.drawing.columns import fits
from archc.backends.drawing.facts import facts
from archc.backends.drawing.fold import Bundle, Folding, Run, uses
from archc.backends.drawing.labels import Label, label, rated
from archc.backends.drawing.near import Tap, follow
from archc.backends.drawing.parts import part
from archc.backends.drawing.scene import Arrow, Box, BoxKind, Frame, Placed, Plan, Scene, boxes
from archc.backends.drawing.share import Shared
from archc.backends.drawing.shortcuts import Shortcuts
from archc.backends.drawing.summary import summarize
from archc.graph import Module, Network, Node, Stage, Value, flat, join
from archc.ops import Op
from archc.passes.costs import inferring
from archc.passes.depth import weighted

Level = Literal["stage", "block", "op"]

Items = list[Box | Frame]


@dataclass
class Here:
    """Where a builder is: in which module, whose path is `prefix`, and where boxes go."""

    prefix: str
    read: Mapping[int, int]
    plan: Plan
    taps: dict[int, Tap] = field(default_factory=dict)
    items: Items = field(default_factory=list)

    def alone(self, values: Iterable[Value]) -> bool:
        """Say whether each of some values is read just once."""
        return all(self.read[id(v)] == 1 for v in values)

    def give(self, values: Iterable[Value], tap: Tap) -> None:
        """Note where values come from."""
        self.taps.update({id(v): tap for v in values})

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
        self.shared = Shared(self.folding) if sharing else None
        self.arrows: list[Arrow] = []
        self.ids: Counter[str] = Counter()
        self.frame = ""
        self.inferring: set[int] | None = None

    def network(self, network: Network) -> Scene:
        """Draw a network: its input, its stages, its outputs."""
        root = network.root
        here = Here("", uses(root), Plan(root))
        self.inferring = set(map(id, inferring(network)))
        for k, value in enumerate(root.inputs):
            self.source(f"input{k or ''}", value, here)
        for loose, stages in groupby(network.stages, _is_loose):
            if loose:
                self.nodes([(node,) for stage in stages for node in stage.nodes], here)
                continue
            for stage in stages:
                self.stage(stage, here)
            self.frame = ""
        for output in root.outputs:
            values = flat(output.value)
            for k, value in enumerate(values):
                name = (output.name or "output") + (f"[{k}]" if len(values) > 1 else "")
                self.sink(name, value, here, training=output.training)
        return self.finished(network.name, here)

    def part(self, network: Network, at: str) -> Scene:
        """Draw a stage, a block or an op of a network; raises UnknownPlace for what is none."""
        found = part(network, at)
        here = Here(found.prefix, uses(found.module), Plan(found.module))
        for k, value in enumerate(found.inputs):
            self.source(f"x{k or ''}", value, here)
        self.nodes([(node,) for node in found.nodes], here)
        for name, value in found.outputs.items():
            self.sink(name, value, here)
        return self.finished(f"{network.name} {at}", here)

    def finished(self, name: str, here: Here) -> Scene:
        """Mark what is a shortcut and what the main path, and return the picture."""
        marks = Shortcuts(self.arrows)
        marks.mark()
        if self.shared:
            self.shared.name()
        ends = [a.head for a in self.arrows if a.head.kind == "port" and not a.training]
        for end in ends[-1:]:
            marks.mark_main(end)
        return Scene(name, here.items, self.arrows, here.plan)

    def alone(self, module: Module) -> tuple[Items, list[Arrow], list[Box]]:
        """Draw a module by itself: what is in it, and the boxes that give its values."""
        here = Here("", uses(module), Plan(module))
        for value in module.inputs:
            here.give([value], Tap(self.box("x", "fork", "")))
        self.nodes([(node,) for node in module.nodes], here)
        return here.items, self.arrows, [here.taps[id(v)].box for v in module.values]

    def stage(self, stage: Stage, here: Here) -> None:
        """Draw a stage in a frame."""
        bundles: list[Bundle] = [(node,) for node in stage.nodes]
        frame = Frame(self.unique(stage.name), "stage", stage.name, nodes=list(stage.nodes))
        self.frame = frame.id
        if self.level == "stage":
            frame.facts = facts(stage.nodes)
        self.nodes(bundles, replace(here, items=frame.items))
        if frame.items:
            here.items.append(frame)

    def nodes(self, bundles: Sequence[Bundle], here: Here) -> None:
        """Draw nodes, those that are equal in a row as one."""
        for run in self.folding.runs(bundles, here.read):
            if run.period == 1:
                self.bundle(run.first[0], run.times, run.bundles[-1][0], here)
            else:
                self.turns(run, here)
            self.copies(run, here)

    def turns(self, run: Run, here: Here) -> None:
        """Draw blocks that take turns once each, in a frame that says how often."""
        start = join(here.prefix, run.first[0][0].path)
        frame = Frame(self.unique(f"{start}+"), "block", "", times=run.times)
        frame.nodes = [node for bundle in run.first for node in bundle]
        for bundle in run.first:
            self.bundle(bundle, 1, bundle[0], replace(here, items=frame.items))
        last, final = run.bundles[run.period - 1][0], run.bundles[-1][0]
        for value, drawn in pairs(final.outputs, last.outputs):
            here.give([value], replace(here.taps[id(drawn)], open=False))
        if len(frame.items) == 1:
            frame.items[0].times *= run.times
        here.items.append(frame.items[0] if len(frame.items) == 1 else frame)

    def copies(self, run: Run, here: Here) -> None:
        """Note that the later uses of a run are drawn by its first one, and what says so."""
        says = here.items[-1] if here.items else None
        for k in range(run.period, len(run.bundles)):
            first, node = run.bundles[k % run.period][0], run.bundles[k][0]
            drawn = here.plan.placed[id(first)]
            here.place(node, replace(drawn, copies=None if k % run.period else says))

    def bundle(self, bundle: Bundle, times: int, last: Node, here: Here) -> None:
        """Draw a node once, for all its copies, of which `times`, to the last, are in a row."""
        node, before = bundle[0], len(self.arrows)
        if node.op is not None:
            self.op(bundle, node.op, here)
        elif node.module is not None and self.one_box(node.module):
            self.block(bundle, times, last, here)
        elif node.module is not None:
            self.body(bundle, times, last, here)
        if self.inferring is not None and not here.prefix and id(node) not in self.inferring:
            for arrow in self.arrows[before:]:
                arrow.training = arrow.head.training = True

    def one_box(self, module: Module) -> bool:
        """Say whether a block may be one box; one that is an imported network is not."""
        if self.level == "stage":
            return not module.is_network
        return self.shared is not None and self.shared.drawn(module)

    def op(self, bundle: Bundle, op: Op, here: Here) -> None:
        """Draw an op as a box, or beside the box before it."""
        node = bundle[0]
        said = spoken_of(bundle, op)
        sole = here.alone(node.outputs)
        if self.level != "op" and len(node.inputs) == 1:
            tap = here.taps[id(node.inputs[0])]
            near = here.alone(node.inputs) and tap.box in here.items
            beside = follow(tap, op, said, near, sole and self.level == "block")
            if beside:
                here.give(node.outputs, replace(beside, open=beside.open and sole))
                here.place(node, Placed(tap.box, beside=True))
                tap.box.nodes += bundle
                return
        text = said.short if self.level == "block" and here.prefix else said.text
        box = self.box(join(here.prefix, node.path) or op.name, said.kind, text)
        box.short, box.weighted, box.nodes = said.short, op.weighted, list(bundle)
        box.shape = node.outputs[0].shape if node.outputs else None
        box.changes = any(s != box.shape for s in node.shapes[:1])
        here.items.append(box)
        here.place(node, Placed(box, self.arrive(node, here, box)))
        for k, value in enumerate(node.outputs):
            here.give([value], Tap(box, open=sole, gate=op.facts.gate == "opens", port=k))

    def block(self, bundle: Bundle, times: int, last: Node, here: Here) -> None:
        """Draw a run of a block as one box that says what is in it."""
        first = bundle[0]
        module = first.module
        assert module is not None
        items, inside, results = Builder("block", self.folding).alone(module)
        shown = [box for box in boxes(items) if box.kind != "fork"]
        if len(shown) < 2 and not any(box.shortcut != "flow" for box in shown):
            self.body(bundle, times, last, here)
            return
        box = self.box(join(here.prefix, first.path), "block", spoken(module))
        box.times, box.nodes, box.shape = times, list(bundle), last.outputs[0].shape
        box.weighted = any(weighted(leaf.node) for leaf in module.leaves())
        box.changes = first.outputs[0].shape != first.shapes[0]
        box.facts = facts(bundle) if self.level == "stage" and not self.frame else ""
        listed = summarize(box, items, inside, results)
        if self.shared and not self.shared.refer(box, module, listed=listed):
            self.ids[box.id] -= 1
            self.body(bundle, times, last, here)
            return
        here.items.append(box)
        read = uses(module)
        arrows = tuple(
            self.arrow(here.taps[id(given)], box, given) if read[id(value)] else None
            for value, given in pairs(module.inputs, first.inputs)
        )
        here.place(first, Placed(box, arrows))
        for k, value in enumerate(last.outputs):
            here.give([value], Tap(box, port=k))

    def body(self, bundle: Bundle, times: int, last: Node, here: Here) -> None:
        """Draw a run of a block with what is in it, in a frame where that is several boxes."""
        first = bundle[0]
        module = first.module
        assert module is not None
        path = join(here.prefix, first.path) or module.name
        outer = self.frame
        if not here.prefix and module.nodes and self.level != "stage":
            self.frame = path
        inner = Here(path, uses(module), Plan(module))
        taken = pairs(module.inputs, first.inputs)
        inner.plan.forks = tuple(self.enter(given, v, here, inner) for v, given in taken)
        likes = [node.module.nodes for node in bundle if node.module]
        self.nodes(list(zip(*likes, strict=True)), inner)
        self.frame = outer
        here.place(first, Placed(plan=inner.plan))
        own = unwrapped(inner.items)
        if own is not inner.items and self.shared:
            self.shared.drop(inner.items[0])
        framed = self.framed(own, times, nested=bool(here.prefix))
        if framed:
            frame = Frame(self.unique(path), "block", spoken(module), own, times)
            frame.nodes = list(bundle)
            here.items.append(frame)
            if self.shared:
                self.shared.add(module, frame)
        else:
            here.items += own
            for item in own[:1]:
                item.times *= times
        for value, result in pairs(last.outputs, module.values):
            tap = inner.taps[id(result)]
            here.give([value], replace(tap, open=tap.open and not framed and times == 1))

    def framed(self, own: Items, times: int, *, nested: bool) -> bool:
        """Say whether a block gets a frame: not around one thing, which can say ×N itself."""
        if len(own) < 2:
            return bool(own) and own[0].times > 1 and times > 1
        count = sum(box.kind != "fork" for box in boxes(own))
        return times > 1 or count > (2 if nested and self.level == "block" else 1)

    def enter(self, given: Value, value: Value, here: Here, inner: Here) -> Arrow | None:
        """Let a block's input in, by a fork where several things in it read it."""
        tap = here.taps[id(given)]
        if inner.read[id(value)] < 2:
            inner.give([value], replace(tap, open=False))
            return None
        fork = self.box(join(inner.prefix, "x"), "fork", "")
        inner.items.append(fork)
        inner.give([value], Tap(fork, gate=tap.gate))
        return self.arrow(tap, fork, given)

    def arrive(self, node: Node, here: Here, box: Box) -> tuple[Arrow, ...]:
        """Draw the arrows into a box."""
        return tuple(self.arrow(here.taps[id(value)], box, value) for value in node.inputs)

    def arrow(self, tap: Tap, head: Box, value: Value) -> Arrow:
        """Draw an arrow; its shape is written where it goes from one block to another."""
        crossing = self.level != "block" or tap.box.place != head.place
        shown = crossing and "port" not in (tap.box.kind, head.kind) and tap.box.kind != "fork"
        name = self.unique(f"{tap.box.id}--{head.id}")
        arrow = Arrow(name, tap.box, head, tap.via, str(value.shape) if shown else "")
        arrow.port = tap.port
        if tap.gate and head.title == "×":
            arrow.kind = "gate"
        self.arrows.append(arrow)
        return arrow

    def source(self, name: str, value: Value, here: Here) -> None:
        """Draw what comes in."""
        box = self.port(name, value)
        here.items.append(box)
        here.give([value], Tap(box))

    def sink(self, name: str, value: Value, here: Here, *, training: bool = False) -> None:
        """Draw what goes out, right behind what gives it."""
        tap = here.taps[id(value)]
        box = self.port(name, value)
        if training:
            box.training = True
            box.notes.append("in training only")
        holds = (k for k, item in enumerate(here.items) if any(b is tap.box for b in boxes([item])))
        at = next(holds, len(here.items) - 1) + 1
        while at < len(here.items) and _is_port(here.items[at]):
            at += 1
        here.items.insert(at, box)
        self.arrow(tap, box, value).training = training

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


def spoken(module: Module) -> str:
    """Return the name of a block as words."""
    return module.name.replace("_", " ")


def spoken_of(bundle: Bundle, op: Op) -> Label:
    """Return what is said of an op, with the rates of all its copies."""
    said = label(bundle[0], op)
    rates = [r for node in bundle if node.op and (r := label(node, node.op).rate) is not None]
    if not rates:
        return said
    return replace(said, text=rated(said.text, rates), short=said.text, rate=max(rates))


def unwrapped(items: Items) -> Items:
    """Return what is in a frame, where that is all: a block that is but another block."""
    only = items[0] if len(items) == 1 else None
    plain = isinstance(only, Frame) and only.times == 1
    return only.items if isinstance(only, Frame) and plain else items


def scene(network: Network, level: Level = "stage", at: str = "") -> Scene:
    """Return the picture of a network, or of what is at a path of it, at a level.

    Where the blocks of a network are too many for a page, those alike in form share a drawing.
    """
    made = _made(Builder(level), network, at)
    if level == "block" and not fits(made):
        return _made(Builder(level, sharing=True), network, at)
    return made


def _made(builder: Builder, network: Network, at: str) -> Scene:
    return builder.part(network, at) if at else builder.network(network)
