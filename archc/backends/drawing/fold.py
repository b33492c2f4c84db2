"""Which uses of blocks are drawn as one with ×N: those in a row that look the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping

from archc.backends.drawing.labels import label
from archc.graph import Module, Node


def uses(module: Module) -> Counter[int]:
    """Count how often each value is read in a module, or given by it."""
    read = [v for node in module.nodes for v in node.inputs]
    return Counter(map(id, (*read, *module.values)))


class Folding:
    """Cuts nodes into runs of equal uses of a block; blocks that look the same are equal.

    What a block looks like is what is written on it and how it is wired, not the channels
    that come in or the rate of a drop path: so the layers of a DenseNet fold, and blocks whose
    stochastic depth differs.
    """

    def __init__(self) -> None:
        self._looks: dict[int, int] = {}
        self._numbers: dict[Hashable, int] = {}

    def look(self, module: Module) -> int:
        """Return a number that two modules share where they look the same."""
        if id(module) not in self._looks:
            seen = self._describe(module)
            self._looks[id(module)] = self._numbers.setdefault(seen, len(self._numbers))
        return self._looks[id(module)]

    def _describe(self, module: Module) -> Hashable:
        numbers = {id(v): k for k, v in enumerate(module.inputs)}
        rows: list[Hashable] = [module.name]
        for node in module.nodes:
            what = self.look(node.module) if node.module else label(node, node.target)  # type: ignore[arg-type]
            rows.append((what, node.again, tuple(numbers[id(v)] for v in node.inputs)))
            numbers.update({id(v): len(numbers) + k for k, v in enumerate(node.outputs)})
        return (*rows, tuple(numbers[id(v)] for v in module.values))

    def runs(self, nodes: Iterable[Node], read: Mapping[int, int]) -> list[list[Node]]:
        """Cut nodes into runs: each feeds the next one only, and looks like it."""
        found: list[list[Node]] = []
        for node in nodes:
            if found and self._continues(found[-1][-1], node, read):
                found[-1].append(node)
            else:
                found.append([node])
        return found

    def _continues(self, before: Node, node: Node, read: Mapping[int, int]) -> bool:
        if before.module is None or node.module is None or before.outputs != node.inputs:
            return False
        alone = all(read[id(v)] == 1 for v in before.outputs)
        return alone and self.look(before.module) == self.look(node.module)
