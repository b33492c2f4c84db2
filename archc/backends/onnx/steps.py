"""The steps of a network as nodes of ONNX, and the names of all values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onnx import NodeProto, helper

from archc.backends.onnx.call import Call, Declared, Writer, batched
from archc.backends.onnx.graph import Graph
from archc.backends.onnx.plugged import expect_valid
from archc.backends.onnx.table import WRITERS
from archc.diagnostics import Diagnostic, SpecError
from archc.escaping import protobuf
from archc.graph import join
from archc.ops import OPS, Op
from archc.passes.steps import Step, Tape

Free = Mapping[int, frozenset[str]]
"""By the number of a value, its dimensions whose sizes are known only when the network runs."""

NO_FREE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Written:
    """The nodes of a network; `names` are those of its values by number.

    `steps` are those that its outputs need, and `tensors` the keys that the nodes read. `parts`
    are the nodes of each step, those apart that a step before has made already.
    """

    nodes: Sequence[NodeProto]
    names: Mapping[int, str]
    steps: Sequence[Step]
    tensors: Sequence[str]
    parts: Sequence[tuple[Step, Sequence[NodeProto]]]


class Writing:
    """Writes steps one after the other; `outputs` are values by the names that they must have."""

    def __init__(self, tape: Tape, outputs: Mapping[str, int], free: Free) -> None:
        self.tape, self.outputs, self.free = tape, outputs, free
        self.steps = _needed(tape, outputs.values())
        self.keys = [join(step.owner, name) for step in self.steps for name in step.node.tensors]
        self.ends = {v: name for name, v in reversed([*outputs.items()])}
        self.graph = Graph({*self.keys, *outputs})
        self.names = {v: self.graph.unique(tape.names[v]) for v in tape.inputs}
        self.called: set[str] = set()
        self.parts: list[tuple[Step, Sequence[NodeProto]]] = []

    def write(self) -> Written:
        """Write all; raises SpecError for an op that can't be said."""
        _expect_said(self.steps)
        for step in self.steps:
            self._step(step)
        graph = self.graph
        for name, value in self.outputs.items():
            if self.names[value] != name:  # it is taken, owned, or given twice
                node = helper.make_node(
                    "Identity", (self.names[value],), (name,), f"{name}/Identity"
                )
                graph.nodes.append(node)
        nodes = _used(graph.nodes, self.outputs)
        read = {x for node in nodes for x in node.input}
        tensors = [key for key in dict.fromkeys(self.keys) if key in read]
        return Written(nodes, self.names, self.steps, tensors, self.parts)

    def _step(self, step: Step) -> None:
        op, graph, first = op_of(step), self.graph, len(self.graph.nodes)
        graph.scope = step.owner or op.name
        call = batched(
            op,
            Call(
                graph,
                tuple(self.names[v] for v in step.inputs),
                step.node.shapes,
                {name: join(step.owner, name) for name in step.node.tensors},
                self.tape.shapes[step.outputs[0]],
                tuple(self.free.get(v, NO_FREE) for v in step.inputs),
            ),
        )
        writer = writer_of(op)
        assert writer is not None
        made = writer(op, call)
        results = [made] if isinstance(made, str) else list(made)
        if not is_known(op):
            taken = {self.names[v]: self.tape.shapes[v] for v in step.inputs}
            expect_valid(step, graph.nodes, taken, results, since=first)
        for value, result in zip(step.outputs, results, strict=True):
            self.names[value] = self._named(step, value, result, graph.nodes[first:])
        self.parts.append((step, graph.nodes[first:]))

    def _named(self, step: Step, value: int, result: str, nodes: Sequence[NodeProto]) -> str:
        """Give a result the name of its value, and the node that it is from the name of its step."""
        maker = next((n for n in nodes if result in n.output), None)
        if maker is None or maker.op_type == "Constant":
            return result
        end = self.ends.get(value)
        name = end or self.graph.unique(self.tape.names[value])
        for node in nodes:
            node.input[:] = [name if x == result else x for x in node.input]
            node.output[:] = [name if x == result else x for x in node.output]
        if maker.name.startswith(f"{self.graph.scope}/"):
            maker.name = self._called(self.graph.scope)
        span = step.node.span
        maker.doc_string = protobuf(span.source.line(span.line).strip())
        return name

    def _called(self, name: str) -> str:
        """Return a name that no node has: a step that is used again has one for each use."""
        while name in self.called:
            name += "'"
        self.called.add(name)
        return name


def op_of(step: Step) -> Op:
    """Return the op of a step, of which a tape has no others."""
    assert step.node.op is not None
    return step.node.op


def is_known(op: Op) -> bool:
    """Whether an op is one of archc, and not a plug-in's that may bear its name."""
    return OPS.get(op.name) is type(op)


def writer_of(op: Op) -> Writer | None:
    """Return what writes an op: the table for those of archc, a plug-in for its own."""
    if is_known(op):
        return WRITERS.get(op.name)
    return (lambda plugin, call: plugin.onnx(call)) if isinstance(op, Declared) else None


def _expect_said(steps: Iterable[Step]) -> None:
    """Raise SpecError where an op has no form in ONNX, once for each op."""
    unsaid: dict[str, Diagnostic] = {}
    for step in steps:
        op = op_of(step)
        if op.name not in unsaid and writer_of(op) is None:
            message = f"`{op.name}` does not say what it is in ONNX"
            hint = "give its class a method `onnx(self, call)`: docs/onnx.md has an example"
            unsaid[op.name] = Diagnostic("not-in-onnx", message, step.node.span, help=hint)
    if unsaid:
        raise SpecError([*unsaid.values()])


def _needed(tape: Tape, outputs: Iterable[int]) -> list[Step]:
    """Return the steps that some values need, in their order."""
    wanted = {*outputs}
    steps: list[Step] = []
    for step in reversed(tape.steps):
        if wanted & {*step.outputs}:
            wanted |= {*step.inputs}
            steps.append(step)
    return steps[::-1]


def _used(nodes: Sequence[NodeProto], outputs: Iterable[str]) -> list[NodeProto]:
    """Return the nodes without those that nothing reads."""
    wanted = {*outputs}
    used: list[NodeProto] = []
    for node in reversed(nodes):
        if wanted & {*node.output}:
            wanted |= {*node.input}
            used.append(node)
    return used[::-1]
