"""Two networks as one picture: what both have, with what came and what went laid over it.

A frame for each stage, a box for each run of steps of which the same is to be said, and an
arrow for each value that goes from one box to another in either network. What is added,
removed or changed has its colour, and says so in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from archc.backends.difference.folding import listed
from archc.backends.difference.sections import SIGNS, both
from archc.backends.drawing.captions import short
from archc.backends.drawing.labels import label
from archc.backends.drawing.scene import Arrow, Box, Frame, Mark, Scene
from archc.backends.picture import Picture
from archc.graph import Network, Node, Value, flat
from archc.passes.difference import Difference, StageChange
from archc.passes.difference.model import Kind, StepChange

MARKS: dict[Kind, Mark] = {
    "added": "added",
    "removed": "removed",
    "changed": "changed",
    "rewired": "changed",
    "renamed": "changed",
    "follows": "",
    "same": "",
}

MANY = 4
"""So many steps are written on a box."""


def picture(found: Difference) -> Picture:
    """Return the picture of a difference."""
    return Picture(Overlay(found).scene())


@dataclass
class Overlay:
    """Draws a difference; `where` is the box of each node of both networks."""

    found: Difference
    where: dict[int, Box] = field(default_factory=dict)
    count: int = 0

    def scene(self) -> Scene:
        before, after = self.found.before, self.found.after
        source = Box("input", "port", f"input {both([before.input, after.input])}")
        frames: list[Box | Frame] = [self.stage(stage) for stage in self.found.stages]
        result = Box("output", "port", f"output {both([before.output, after.output])}")
        arrows = self.arrows(source, result)
        return Scene(f"{before.name} → {after.name}", [source, *frames, result], arrows)

    def stage(self, stage: StageChange) -> Frame:
        mark = MARKS[stage.kind]
        title = f"{stage.name}: {stage.kind}" if mark else stage.name
        return Frame(
            f"stage{self.number()}", "stage", title, [*self.boxes(stage.steps)],
            counts=_counts(stage), mark=mark,
        )  # fmt: skip

    def boxes(self, steps: Sequence[StepChange]) -> Iterator[Box]:
        """Draw the steps of a stage, those in a row as one box where as much is said of them."""
        for (_, kind, named), run in groupby(steps, key=_told):
            group = list(run)
            box = self.box(group, kind, named)
            self.where.update({id(n): box for step in group for n in step.pair.nodes})
            yield box

    def box(self, steps: list[StepChange], kind: Kind, title: str) -> Box:
        """Draw a run of steps."""
        blocks = all(n.module is not None for step in steps for n in step.pair.nodes)
        mark = MARKS[kind]
        notes = [listed([step.pair.path for step in steps])] if blocks or mark else []
        texts = [step.text for step in steps if _says_more(step)]
        inner = [line for step in steps for line in self.inside(step)]
        lines = list(dict.fromkeys([*texts, *inner]))
        notes += lines[:MANY] + ([f"and {len(lines) - MANY} more"] if len(lines) > MANY else [])
        notes += [str(kind)] * bool(mark)
        ops = [] if title else list(dict.fromkeys(map(_name, steps)))
        return Box(
            f"step{self.number()}", "block", title or ops[0], [*ops[1:], *notes], times=len(steps) if blocks else 1,
            mark=mark or "same", nodes=[n for step in steps for n in step.pair.nodes],
        )  # fmt: skip

    def inside(self, step: StepChange) -> Iterator[str]:
        """Yield the changes of a block in whose place nothing else differs."""
        modules = [n.module for n in step.pair.nodes]
        place = step.pair.path
        if step.kind != "changed" or len(modules) < 2:
            return
        for block in self.found.blocks:
            if any(both(p) == place for p in block.places):
                steps = [s for s in block.steps if s.has_line]
                yield from (f"{SIGNS[s.kind]} {s.pair.path}: {s.text}" for s in steps)

    def arrows(self, source: Box, result: Box) -> list[Arrow]:
        """Draw the values that go from one box to another, in one network or in both."""
        old = list(self.edges(self.found.before, source, result))
        new = list(self.edges(self.found.after, source, result))
        pairs = {(id(a), id(b)): (a, b) for a, b in [*old, *new]}
        before, after = ({(id(a), id(b)) for a, b in edges} for edges in (old, new))
        arrows: list[Arrow] = []
        for key, (tail, head) in pairs.items():
            mark: Mark = (
                "" if key in before and key in after else "added" if key in after else "removed"
            )
            arrows.append(Arrow(f"{tail.id}-{head.id}", tail, head, mark=mark))
        return arrows

    def edges(self, network: Network, source: Box, result: Box) -> Iterator[tuple[Box, Box]]:
        """Yield the boxes between which values go in a network."""
        root = network.root

        def at(value: Value) -> Box:
            return self.where[id(value.node)] if value.node else source

        for node in root.nodes:
            head = self.where[id(node)]
            yield from ((at(v), head) for v in node.inputs if at(v) is not head)
        yield from ((at(v), result) for o in root.outputs for v in flat(o.value))

    def number(self) -> int:
        """Return a new number."""
        self.count += 1
        return self.count


def _told(step: StepChange) -> tuple[bool, Kind, str]:
    """Return what steps in a row share that are drawn as one: blocks of a name, or ops alike."""
    kind: Kind = "same" if not (step.has_line or step.inside) else step.kind
    blocks = [n.name for n in step.pair.nodes if n.module is not None]
    return bool(blocks), kind, both(blocks) if blocks else ""


def _says_more(step: StepChange) -> bool:
    """Whether what is said of a step is more than its box's title says."""
    names = {node.name for node in step.pair.nodes}
    return step.has_line and step.kind in ("changed", "rewired") and len(names) == 1


def _name(step: StepChange) -> str:
    """Write an op as pictures do, both where it differs."""
    return both([_label(n) for n in step.pair.nodes])


def _label(node: Node) -> str:
    return label(node, node.op).text if node.op is not None else node.name


def _counts(stage: StageChange) -> str:
    """Say how many parameters and multiply-adds a stage has, and what is gained or lost."""
    counts = []
    for name, word in (("params", "params"), ("macs", "MACs")):
        before, after = stage.counts(name)
        if before != after:
            counts.append(f"{short(before)} → {short(after)} {word}")
        elif after:
            counts.append(f"{short(after)} {word}")
    return ", ".join(counts)
