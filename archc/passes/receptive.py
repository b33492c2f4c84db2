"""The receptive field and the effective stride of every value, over branches and dilations.

The receptive field of a place is the part of the input that can reach it (Luo et al. 2016,
arXiv:1701.04128, call this the theoretical one). Windows compose along a path, and where
paths meet the field covers those of all; the effective stride is the product of the strides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from archc.graph import Module, Node, Value
from archc.windows import Window, Windows

Fields = Mapping[int, Windows]
"""What a value sees of each input of a module, down and across, by the input's number; one is
left out that it does not depend on."""

OWN: Windows = (Window(), Window())


@dataclass
class ReceptiveFields:
    """The fields of a network's values, reckoned once for each distinct module."""

    _of: dict[int, dict[int, Fields]] = field(default_factory=dict)

    def inside(self, module: Module) -> Mapping[int, Fields]:
        """Return the fields of a module's values, by their identity, on the module's inputs."""
        if id(module) not in self._of:
            found: dict[int, Fields] = {id(v): {k: OWN} for k, v in enumerate(module.inputs)}
            for node in module.nodes:
                found.update(self._given(node, [found[id(v)] for v in node.inputs]))
            self._of[id(module)] = found
        return self._of[id(module)]

    def _given(self, node: Node, taken: Sequence[Fields]) -> Iterator[tuple[int, Fields]]:
        if node.module is None:
            seen = node.op.sees(*node.shapes) if node.op else OWN
            reads = node.target.reads  # type: ignore[union-attr]
            fields = through(dict.fromkeys(range(len(taken))[:reads], seen), taken)
            yield from ((id(value), fields) for value in node.outputs)
            return
        inner = self.inside(node.module)
        for value, given in zip(node.outputs, node.module.values, strict=True):
            yield id(value), through(inner[id(given)], taken)

    def of(self, value: Value, module: Module) -> Windows:
        """Return what a value inside a module sees of the module's first input."""
        return self.inside(module)[id(value)].get(0, OWN)


def through(outer: Fields, inner: Sequence[Fields]) -> Fields:
    """Return the fields on the inputs that lie behind: `inner` has those of each value taken."""
    found: dict[int, Windows] = {}
    for k, window in outer.items():
        for source, behind in inner[k].items():
            seen = both(Window.on, window, behind)
            found[source] = both(Window.beside, found[source], seen) if source in found else seen
    return found


def both(rule: Callable[[Window, Window], Window], one: Windows, other: Windows) -> Windows:
    """Apply a rule to the windows down, and to those across."""
    down, across = map(rule, one, other)
    return down, across
