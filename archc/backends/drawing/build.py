"""From a lowered network to a picture, at one of three levels.

stage: a box for each distinct block; block: its layers, with norms and activations beside
them, as in Fig. 5 of He et al. 2015; op: every op. Equal blocks in a row are drawn once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from archc.backends.drawing.fold import Folding, uses
from archc.backends.drawing.labels import FOLLOWERS, Label, label
from archc.backends.drawing.scene import Arrow, Box, BoxKind, Frame, Scene, boxes
from archc.backends.drawing.shortcuts import Shortcuts
from archc.backends.drawing.summary import summarize
from archc.graph import Module, Network, Node, Stage, Value, flat, join
from archc.ops import Op

Level = Literal["stage", "block", "op"]
LEVELS: tuple[Level, ...] = ("stage", "block", "op")

Items = list[Box | Frame]


@dataclass(frozen=True)
class Tap:
    """Where an arrow begins; `open` while what follows may still go with the box."""

    box: Box
    via: str = ""
    open: bool = False


@dataclass
class Here:
    """Where a builder is: in which module, whose path is `prefix`, and where boxes go."""

    prefix: str
    read: Mapping[int, int]
    taps: dict[int, Tap]
    items: Items

    def alone(self, values: Iterable[Value]) -> bool:
        """Say whether each of some values is read just once."""
        return all(self.read[id(v)] == 1 for v in values)

    def give(self, values: Iterable[Value], tap: Tap) -> None:
        """Note where values come from."""
        self.taps.update({id(v): tap for v in values})


class Builder:
    """Draws modules; the arrows that it has drawn are in `arrows`."""

    def __init__(self, level: Level, folding: Folding | None = None) -> None:
        self.level = level
        self.folding = folding or Folding()
        self.arrows: list[Arrow] = []
        self.ids: Counter[str] = Counter()
        self.place = ""

    def network(self, network: Network) -> Scene:
        """Draw a network: its input, its stages, its outputs."""
        root = network.root
        here = Here("", uses(root), {}, [])
        for k, value in enumerate(root.inputs):
            port = self.port(f"input{k or ''}", value, here)
            here.give([value], Tap(port))
        for stage in network.stages:
            self.stage(stage, here)
        self.place = ""
        for output in root.outputs:
            values = flat(output.value)
            for k, value in enumerate(values):
                name = (output.name or "output") + (f"[{k}]" if len(values) > 1 else "")
                self.arrow(here.taps[id(value)], self.port(name, value, here), value)
        marks = Shortcuts(self.arrows)
        marks.mark()
        marks.mark_main(self.arrows[-1].head)
        return Scene(network.name, here.items, self.arrows)

    def alone(self, module: Module) -> tuple[Items, list[Arrow], list[Box]]:
        """Draw a module by itself: what is in it, and the boxes that give its values."""
        taps = {id(v): Tap(self.box("x", "fork", "")) for v in module.inputs}
        here = Here("", uses(module), taps, [])
        self.nodes(module.nodes, here)
        return here.items, self.arrows, [taps[id(v)].box for v in module.values]

    def stage(self, stage: Stage, here: Here) -> None:
        """Draw a stage in a frame, unless it is one op that the spec did not call a stage."""
        if len(stage.nodes) == 1 and stage.part == "body" and not stage.nodes[0].stage:
            self.place = ""
            self.nodes(stage.nodes, here)
            return
        frame = Frame(self.unique(stage.name), "stage", stage.name)
        self.place = frame.id
        self.nodes(stage.nodes, replace(here, items=frame.items))
        if frame.items:
            here.items.append(frame)

    def nodes(self, nodes: Sequence[Node], here: Here) -> None:
        """Draw nodes, those that are equal in a row as one."""
        for run in self.folding.runs(nodes, here.read):
            module, op = run[0].module, run[0].op
            if op is not None:
                self.op(run[0], op, here)
            elif module is not None and self.level == "stage":
                self.block(run, module, here)
            elif module is not None:
                self.body(run, module, here)

    def op(self, node: Node, op: Op, here: Here) -> None:
        """Draw an op as a box, or beside the box before it."""
        said = label(node, op)
        sole = here.alone(node.outputs)
        if self.level != "op" and len(node.inputs) == 1:
            tap = here.taps[id(node.inputs[0])]
            near = here.alone(node.inputs) and tap.box in here.items
            beside = follow(tap, op, said, near, sole and self.level == "block")
            if beside:
                here.give(node.outputs, replace(beside, open=beside.open and sole))
                return
        text = said.short if self.level == "block" and here.prefix else said.text
        box = self.box(join(here.prefix, node.path) or op.name, said.kind, text)
        box.short = said.short
        box.weighted = op.weighted
        box.changes = any(s != node.outputs[0].shape for s in node.shapes[:1])
        here.items.append(box)
        self.arrive(node, here, box)
        here.give(node.outputs, Tap(box, open=sole))

    def block(self, run: list[Node], module: Module, here: Here) -> None:
        """Draw a run of a block as one box that says what is in it."""
        first, last = run[0], run[-1]
        if not module.nodes:
            given = {id(v): here.taps[id(u)] for v, u in pairs(module.inputs, first.inputs)}
            here.taps.update({id(v): given[id(r)] for v, r in pairs(last.outputs, module.values)})
            return
        box = self.box(join(here.prefix, first.path), "block", spoken(module))
        box.times = len(run)
        summarize(box, *Builder("block", self.folding).alone(module))
        here.items.append(box)
        self.arrive(first, here, box)
        here.give(last.outputs, Tap(box))

    def body(self, run: list[Node], module: Module, here: Here) -> None:
        """Draw a run of a block with what is in it, in a frame where that is several boxes."""
        first, last = run[0], run[-1]
        path = join(here.prefix, first.path) or module.name
        outer = self.place
        if not here.prefix and module.nodes:
            self.place = path
        inner = Here(path, uses(module), {}, [])
        for value, given in pairs(module.inputs, first.inputs):
            inner.taps[id(value)] = self.enter(given, value, here, inner)
        self.nodes(module.nodes, inner)
        self.place = outer
        own = unwrapped(inner.items)
        framed = self.framed(own, len(run), nested=bool(here.prefix))
        if framed:
            here.items.append(Frame(self.unique(path), "block", spoken(module), own, len(run)))
        else:
            here.items += own
            for item in own[:1]:
                item.times *= len(run)
        for value, result in pairs(last.outputs, module.values):
            tap = inner.taps[id(result)]
            here.give([value], replace(tap, open=tap.open and not framed and len(run) == 1))

    def framed(self, own: Items, times: int, *, nested: bool) -> bool:
        """Say whether a block gets a frame: not around one thing, which can say ×N itself."""
        if len(own) < 2:
            return bool(own) and own[0].times > 1 and times > 1
        count = sum(box.kind != "fork" for box in boxes(own))
        return times > 1 or count > (2 if nested and self.level == "block" else 1)

    def enter(self, given: Value, value: Value, here: Here, inner: Here) -> Tap:
        """Return where a block's input comes from: a fork, where several things in it read it."""
        tap = here.taps[id(given)]
        if inner.read[id(value)] < 2:
            return replace(tap, open=False)
        fork = self.box(join(inner.prefix, "x"), "fork", "")
        inner.items.append(fork)
        self.arrow(tap, fork, given)
        return Tap(fork)

    def arrive(self, node: Node, here: Here, box: Box) -> None:
        """Draw the arrows into a box."""
        for value in node.inputs:
            self.arrow(here.taps[id(value)], box, value)

    def arrow(self, tap: Tap, head: Box, value: Value) -> None:
        """Draw an arrow; its shape is written where it goes from one block to another."""
        crossing = self.level == "stage" or tap.box.place != head.place
        shown = crossing and "port" not in (tap.box.kind, head.kind)
        self.arrows.append(Arrow(tap.box, head, tap.via, str(value.shape) if shown else ""))

    def port(self, name: str, value: Value, here: Here) -> Box:
        """Draw an input or output of the network."""
        box = self.box(name, "port", f"{name}  {value.shape}")
        here.items.append(box)
        return box

    def box(self, path: str, kind: BoxKind, title: str) -> Box:
        """Make a box with an id of its own."""
        return Box(self.unique(path), kind, title, place=self.place)

    def unique(self, path: str) -> str:
        """Return an id that nothing else has: paths repeat where a module is used again."""
        self.ids[path] += 1
        return path if self.ids[path] == 1 else f"{path}~{self.ids[path]}"


def pairs(values: Iterable[Value], others: Iterable[Value]) -> Iterator[tuple[Value, Value]]:
    """Pair values of a use of a block with those of the block itself."""
    return zip(values, others, strict=True)


def spoken(module: Module) -> str:
    """Return the name of a block as words."""
    return module.name.replace("_", " ")


def unwrapped(items: Items) -> Items:
    """Return what is in a frame, where that is all: a block that is but another block."""
    only = items[0] if len(items) == 1 else None
    return only.items if isinstance(only, Frame) and only.times == 1 else items


def follow(tap: Tap, op: Op, said: Label, near: bool, on_arrow: bool) -> Tap | None:
    """Put an op beside the box before it, or on the arrow out of it; None where it can't be.

    `near` says that the box is in the same frame and feeds nothing else.
    """
    box = tap.box
    if op.name == "identity":
        return tap
    if not near or not tap.open or box.kind in ("fork", "port", "block"):
        return None
    quiet = op.activation or op.name in FOLLOWERS
    if tap.via:
        return replace(tap, via=f"{tap.via}, {said.text}") if quiet else None
    if box.kind == "merge":
        return replace(tap, via=said.text) if op.activation and on_arrow else None
    if box.kind == "norm" and op.activation:
        box.title += f", {said.text}"
        return tap
    if quiet or (said.kind == "norm" and box.kind in ("conv", "linear")):
        box.notes.append(said.text)
        return tap
    return None


def scene(network: Network, level: Level = "stage") -> Scene:
    """Return the picture of a network at a level."""
    return Builder(level).network(network)
