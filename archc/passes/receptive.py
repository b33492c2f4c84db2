"""The receptive field and the effective stride of every value, over branches and dilations.

The receptive field of a place is the part of the input that can reach it (Luo et al. 2016,
arXiv:1701.04128, call this the theoretical one). Windows compose along a path, and where
paths meet the field covers those of all; the effective stride is the product of the strides.
Where a place can't be followed, through a shuffle of rows say, the field is an upper bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from archc.graph import Module, Node, Value
from archc.ops.window import WindowMask
from archc.passes.places import OWN, Parts, parts_of, step
from archc.windows import Window, Windows

Fields = Mapping[int, Windows]
"""What a value sees of each input of a module, down and across, by the input's number; one is
left out that it does not depend on."""


@dataclass
class ReceptiveFields:
    """The fields of a network's values, reckoned once for each module and form of its inputs."""

    _of: dict[object, tuple[dict[int, Fields], dict[int, Parts]]] = field(default_factory=dict)
    _inner: dict[int, Mapping[int, Fields]] = field(default_factory=dict)

    def inside(self, module: Module) -> Mapping[int, Fields]:
        """Return the fields of a network's values, by their identity, on its inputs."""
        return self._reckoned(module, tuple(parts_of(v.shape) for v in module.inputs))[0]

    def below(self, node: Node) -> Mapping[int, Fields]:
        """Return the fields of the values in a block that was reckoned, on the block's inputs."""
        return self._inner[id(node)]

    def _reckoned(
        self, module: Module, given: tuple[Parts, ...]
    ) -> tuple[dict[int, Fields], dict[int, Parts]]:
        key = (id(module), given)
        if key not in self._of:
            fields: dict[int, Fields] = {id(v): {k: OWN} for k, v in enumerate(module.inputs)}
            parts = {id(v): p for v, p in zip(module.inputs, given, strict=True)}
            for node in module.nodes:
                self._node(node, fields, parts)
            self._of[key] = fields, parts
        return self._of[key]

    def _node(self, node: Node, fields: dict[int, Fields], parts: dict[int, Parts]) -> None:
        fields_of_inputs = [fields[id(v)] for v in node.inputs]
        parts_of_inputs = tuple(parts[id(v)] for v in node.inputs)
        if node.module is not None:
            inner, kept = self._reckoned(node.module, parts_of_inputs)
            self._inner[id(node)] = inner
            for value, inside in zip(node.outputs, node.module.values, strict=True):
                fields[id(value)] = through(inner[id(inside)], fields_of_inputs)
                parts[id(value)] = kept[id(inside)]
            return
        assert node.op is not None
        masked = any(v.node is not None and isinstance(v.node.op, WindowMask) for v in node.inputs)
        for value in node.outputs:
            reach = step(node.op, node.shapes, parts_of_inputs, value.shape, masked=masked)
            fields[id(value)] = through(
                dict(enumerate(reach.seen[: len(node.read)])), fields_of_inputs
            )
            parts[id(value)] = reach.parts

    def of(self, value: Value, module: Module) -> Windows:
        """Return what a value inside a module sees of the module's first input."""
        return self.inside(module)[id(value)].get(0, OWN)


def through(outer: Fields, inner: Sequence[Fields]) -> Fields:
    """Return the fields on the inputs that lie behind: `inner` has those of each value taken."""
    fields: dict[int, Windows] = {}
    for k, window in outer.items():
        for source, behind in inner[k].items():
            seen = both(Window.on, window, behind)
            fields[source] = both(Window.beside, fields[source], seen) if source in fields else seen
    return fields


def both(rule: Callable[[Window, Window], Window], one: Windows, other: Windows) -> Windows:
    """Apply a rule to the windows down, and to those across."""
    down, across = map(rule, one, other)
    return down, across
