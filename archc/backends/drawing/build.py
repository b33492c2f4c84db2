"""From a lowered network to a picture, at one of three levels.

stage: a box for each distinct block; block: its layers, with norms and activations beside
them, as in Fig. 5 of He et al. 2015; op: every op. Equal blocks in a row are drawn once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from archc.backends.drawing.fold import Folding, uses
from archc.backends.drawing.labels import FOLLOWERS, Label, label
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene, boxes
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


Taps = dict[int, Tap]


class Builder:
    """Draws modules; what it has drawn is in `arrows`."""

    def __init__(self, level: Level, folding: Folding | None = None) -> None:
        self.level = level
        self.folding = folding or Folding()
        self.arrows: list[Arrow] = []
        self.ids: Counter[str] = Counter()
        self.place = ""

    def network(self, network: Network) -> Scene:
        """Draw a network: its input, its stages, its outputs."""
        root = network.root
        items: Items = []
        taps: Taps = {}
        for k, value in enumerate(root.inputs):
            name = "input" if k == 0 else f"input{k}"
            box = self.box(name, "port", f"{name}  {value.shape}")
            taps[id(value)] = Tap(box)
            items.append(box)
        read = uses(root)
        for stage in network.stages:
            self.stage(stage, taps, read, items)
        self.place = ""
        for output in root.outputs:
            for k, value in enumerate(flat(output.value)):
                many = len(flat(output.value)) > 1
                name = (output.name or "output") + (f"[{k}]" if many else "")
                box = self.box(name, "port", f"{name}  {value.shape}")
                items.append(box)
                self.arrow(taps[id(value)], box, value)
        marks = Shortcuts(self.arrows)
        marks.mark()
        marks.mark_main(self.arrows[-1].head)
        return Scene(network.name, items, self.arrows)

    def stage(self, stage: Stage, taps: Taps, read: Mapping[int, int], items: Items) -> None:
        """Draw a stage in a frame, unless it is one op that the spec did not call a stage."""
        framed = len(stage.nodes) > 1 or stage.part != "body" or bool(stage.nodes[0].stage)
        frame = Frame(self.unique(stage.name), "stage", stage.name) if framed else None
        self.place = frame.id if frame else ""
        self.nodes(stage.nodes, taps, read, "", frame.items if frame else items)
        if frame and frame.items:
            items.append(frame)

    def nodes(
        self, nodes: Sequence[Node], taps: Taps, read: Mapping[int, int], prefix: str, items: Items
    ) -> None:
        """Draw nodes, those that are equal in a row as one."""
        for run in self.folding.runs(nodes, read):
            first = run[0]
            if first.module is None:
                self.op(first, taps, read, prefix, items)
            elif self.level == "stage":
                self.block(run, first.module, taps, read, prefix, items)
            else:
                self.body(run, first.module, taps, read, prefix, items)

    def op(
        self, node: Node, taps: Taps, read: Mapping[int, int], prefix: str, items: Items
    ) -> None:
        """Draw an op as a box, or beside the box before it."""
        op = node.op
        assert op is not None  # noqa: S101 - the caller's promise
        said = label(node, op)
        sole = all(read[id(v)] == 1 for v in node.outputs)
        if self.level != "op" and len(node.inputs) == 1:
            value = node.inputs[0]
            tap = follow(taps[id(value)], op, said, sole and self.level == "block")
            if tap and read[id(value)] == 1 and tap.box in items:
                taps.update({id(v): replace(tap, open=sole) for v in node.outputs})
                return
        text = said.short if self.level == "block" and prefix else said.text
        box = self.box(join(prefix, node.path) or op.name, said.kind, text)
        box.short = said.short
        box.weighted = op.weighted
        box.changes = any(s != node.outputs[0].shape for s in node.shapes[:1])
        items.append(box)
        self.arrive(node, taps, box)
        taps.update({id(v): Tap(box, open=sole) for v in node.outputs})

    def block(
        self,
        run: list[Node],
        module: Module,
        taps: Taps,
        read: Mapping[int, int],
        prefix: str,
        items: Items,
    ) -> None:
        """Draw a run of a block as one box that says what is in it."""
        first, last = run[0], run[-1]
        if not module.nodes:
            self.through(last, module, taps)
            return
        box = self.box(join(prefix, first.path), "block", module.name.replace("_", " "))
        box.times = len(run)
        inner = Builder("block", self.folding)
        summarize(box, *inner.alone(module))
        items.append(box)
        self.arrive(first, taps, box)
        taps.update({id(v): Tap(box) for v in last.outputs})

    def alone(self, module: Module) -> tuple[Items, list[Arrow], list[Box]]:
        """Draw a module by itself: what is in it, and the boxes that give its values."""
        taps = {id(v): Tap(self.box("x", "fork", "")) for v in module.inputs}
        items: Items = []
        self.nodes(module.nodes, taps, uses(module), "", items)
        return items, self.arrows, [taps[id(v)].box for v in module.values]

    def body(
        self,
        run: list[Node],
        module: Module,
        taps: Taps,
        read: Mapping[int, int],
        prefix: str,
        items: Items,
    ) -> None:
        """Draw a run of a block with what is in it, in a frame where that is several boxes."""
        first, last = run[0], run[-1]
        path = join(prefix, first.path) or module.name
        outer, top = self.place, not prefix
        if top and module.nodes:
            self.place = path
        own: Items = []
        within = uses(module)
        inner: Taps = {}
        for value, given in zip(module.inputs, first.inputs, strict=True):
            inner[id(value)] = self.enter(path, given, value, taps, within, own)
        self.nodes(module.nodes, inner, within, path, own)
        count = sum(box.kind != "fork" for box in boxes(own))
        self.place = outer
        own = unwrapped(own)
        framed = count > (2 if not top and self.level == "block" else 1) or len(run) > 1
        if framed and own == [own[0]] and isinstance(own[0], Box):
            own[0].times, framed = len(run), False
        if framed:
            items.append(Frame(self.unique(path), "block", module.name.replace("_", " "), own, len(run)))
        else:
            items += own
        for value, result in zip(last.outputs, module.values, strict=True):
            tap = inner[id(result)]
            taps[id(value)] = replace(tap, open=tap.open and not framed and len(run) == 1)

    def enter(
        self, path: str, given: Value, value: Value, taps: Taps, within: Mapping[int, int], own: Items
    ) -> Tap:
        """Return where a block's input comes from: a fork, where several things in it read it."""
        tap = taps[id(given)]
        if within[id(value)] < 2:
            return replace(tap, open=False)
        fork = self.box(join(path, "x"), "fork", "")
        own.append(fork)
        self.arrow(tap, fork, given)
        return Tap(fork)

    def through(self, node: Node, module: Module, taps: Taps) -> None:
        """Pass values through a block that does nothing with them."""
        inner = {id(v): taps[id(u)] for v, u in zip(module.inputs, node.inputs, strict=True)}
        taps.update({id(v): inner[id(r)] for v, r in zip(node.outputs, module.values, strict=True)})

    def arrive(self, node: Node, taps: Taps, box: Box) -> None:
        """Draw the arrows into a box."""
        for value in node.inputs:
            self.arrow(taps[id(value)], box, value)

    def arrow(self, tap: Tap, head: Box, value: Value) -> None:
        """Draw an arrow; its shape is written where it goes from one block to another."""
        crossing = self.level == "stage" or tap.box.place != head.place
        shown = crossing and "port" not in (tap.box.kind, head.kind)
        self.arrows.append(Arrow(tap.box, head, tap.via, str(value.shape) if shown else ""))

    def box(self, path: str, kind: str, title: str) -> Box:
        """Make a box with an id of its own."""
        return Box(self.unique(path), kind, title, place=self.place)  # type: ignore[arg-type]

    def unique(self, path: str) -> str:
        """Return an id that nothing else has: paths repeat where a module is used again."""
        self.ids[path] += 1
        return path if self.ids[path] == 1 else f"{path}~{self.ids[path]}"


def unwrapped(items: Items) -> Items:
    """Return what is in a frame, where that is all: a block that is but another block."""
    only = items[0] if len(items) == 1 else None
    return only.items if isinstance(only, Frame) and only.times == 1 else items


def follow(tap: Tap, op: Op, said: Label, on_arrow: bool) -> Tap | None:
    """Put an op beside the box before it, or on the arrow out of it; None where it can't be."""
    box = tap.box
    if not tap.open or box.kind in ("fork", "port", "block"):
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
