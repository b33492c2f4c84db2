"""A trace as a picture: every op a box, on every arrow the numbers of the value that it is."""

from __future__ import annotations

from collections.abc import Mapping

from archc.backends.dot import written
from archc.backends.drawing.attaching import ArrowStart
from archc.backends.drawing.build import Builder
from archc.backends.drawing.fold import Unfolded
from archc.backends.drawing.scene import Arrow, Box, Scene
from archc.backends.drawing.style import THEMES
from archc.backends.signals.model import Statistics, Trace, ValueRow
from archc.backends.signals.write import number, sizes
from archc.graph import Module, Network, Node, Output, Stage, Value
from archc.passes.steps import read_from_outside, read_outside, unroll

Said = Mapping[int, tuple[str, str]]
"""What is written on the arrows of a value: two lines."""


class Numbered(Builder):
    """Draws every op, with lines of text on the arrows by value.

    `into` says of a join what comes back by the operand that is the fork itself: there the
    value's own gradient is the sum of several. Nothing is folded: each use of a block has
    numbers of its own.
    """

    def __init__(self, said: Said, into: Mapping[tuple[str, int], str]) -> None:
        super().__init__("op", Unfolded())
        self.said, self.into = said, into

    def arrow(self, start: ArrowStart, head: Box, value: Value) -> Arrow:
        """Draw an arrow with its numbers: forwards in italics, the gradient below."""
        arrow = super().arrow(start, head, value)
        arrow.via, gradient = self.said.get(id(value), ("", ""))
        arrow.shape = self.into.get((head.id, id(value)), gradient)
        return arrow


def dot(network: Network, trace: Trace, mode: str = "train", theme: str = "light") -> str:
    """Return a trace in one mode as DOT text: mean ± standard deviation, ‖∂L/∂value‖."""
    return written(scene(network, trace, mode), THEMES[theme])


def scene(network: Network, trace: Trace, mode: str) -> Scene:
    """Return the picture: the stretch that was traced, as a network of ops of its own."""
    tape = unroll(network)
    window = tape.window(trace.at)
    rows = {row.name: row for row in trace.values}
    entering = [v for v in read_from_outside(tape, window) if tape.names[v] in rows]
    values: dict[int, Value] = {}
    nodes = []
    for v in entering:
        values[v] = Value(tape.shapes[v], tape.steps[0].node.span)
    for k in window:
        step = tape.steps[k]
        for v in {*step.inputs} - values.keys():  # a parameter from outside the stretch
            values[v] = Value(tape.shapes[v], step.node.span)
            entering.append(v)
        outputs = tuple(Value(tape.shapes[v], step.node.span) for v in step.outputs)
        values.update(zip(step.outputs, outputs, strict=True))
        inputs = tuple(values[v] for v in step.inputs)
        old = step.node
        nodes.append(
            Node(step.owner, old.target, inputs, outputs, old.span, old.step, again=old.again)
        )
    part = f"{trace.network} {trace.at}".rstrip()
    title = f"{part}, {mode}: mean ± std; ‖∂‖, the norm of the gradient"
    root = Module(trace.network, None, {}, tuple(values[v] for v in entering), nodes=nodes)
    leaving = read_outside(tape, window)
    said = {id(value): _said(rows.get(tape.names[v]), mode) for v, value in values.items()}
    root.outputs = _outputs([values[v] for v in leaving])
    stretch = Network(
        trace.network, "", network.document, {}, root, (Stage(title, "", tuple(nodes)),)
    )
    forked = {tape.names[v]: id(value) for v, value in values.items()}
    into = {
        (split.join, forked[part.operand]): _back(rows[part.operand], part.numbers)
        for split in trace.splits
        for part in split.parts
        if split.mode == mode and part.operand == split.fork and part.operand in rows
    }
    return Numbered(said, into).network(stretch)


def _outputs(values: list[Value]) -> tuple[Output, ...]:
    return tuple(Output("output", v) for v in values)


def _said(row: ValueRow | None, mode: str) -> tuple[str, str]:
    if row is None:
        return "", ""
    forward = row.forward[mode]
    text = f"{number(forward.mean)} ± {number(forward.std)}"
    return text, _back(row, row.gradient[mode])


def _back(row: ValueRow, gradient: Statistics | None) -> str:
    return sizes(row.shape) + (f", ‖∂‖ {number(gradient.norm)}" if gradient else "")
