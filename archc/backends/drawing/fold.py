"""Which uses of blocks are drawn as one with ×N: those in a row that look the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archc.backends.drawing.labels import label
from archc.graph import Module, Node
from archc.ops import Op

LONGEST = 4
"""How many blocks may take turns."""

Bundle = tuple[Node, ...]
"""A node to be drawn, and those that look the same in other copies of what is around it."""


def uses(module: Module) -> Counter[int]:
    """Count how often each value is read in a module, or given by it."""
    read = [v for node in module.nodes for v in node.inputs]
    return Counter(map(id, (*read, *module.values)))


@dataclass(frozen=True)
class Run:
    """Nodes in a row; of blocks that repeat, `period` is how many of them take turns."""

    bundles: tuple[Bundle, ...]
    period: int = 1

    @property
    def times(self) -> int:
        """How often the run goes through its period."""
        return len(self.bundles) // self.period

    @property
    def first(self) -> tuple[Bundle, ...]:
        """What is drawn of the run: one period, each node with its copies."""
        return tuple(
            tuple(node for bundle in self.bundles[k :: self.period] for node in bundle)
            for k in range(self.period)
        )


class Folding:
    """Cuts nodes into runs of equal uses of a block; blocks that look the same are equal.

    What a block looks like is what is written on it and how it is wired, not the channels
    that come in or the rate of a drop path: so the layers of a DenseNet fold, and blocks whose
    stochastic depth differs.
    """

    def __init__(self) -> None:
        self._looks: dict[int, int] = {}
        self._forms: dict[int, int] = {}
        self._numbers: dict[Hashable, int] = {}

    def look(self, module: Module) -> int:
        """Return a number that two modules share where they look the same."""
        if id(module) not in self._looks:
            seen = self._describe(module)
            self._looks[id(module)] = self._numbers.setdefault(seen, len(self._numbers))
        return self._looks[id(module)]

    def _look(self, node: Node) -> int:
        if node.module:
            return self.look(node.module)
        assert node.op is not None
        return self._numbers.setdefault(label(node, node.op), len(self._numbers))

    def _describe(self, module: Module) -> Hashable:
        numbers = {id(v): k for k, v in enumerate(module.inputs)}
        rows: list[Hashable] = [module.name]
        for node in module.nodes:
            what = self.look(node.module) if node.module else label(node, node.target)  # type: ignore[arg-type]
            rows.append((what, node.again, tuple(numbers[id(v)] for v in node.inputs)))
            numbers.update({id(v): len(numbers) + k for k, v in enumerate(node.outputs)})
        return (*rows, tuple(numbers[id(v)] for v in module.values))

    def form(self, module: Module) -> int:
        """Return a number that two modules share where they look the same but for their numbers.

        So are the bottlenecks of two stages of a ResNet: their widths and strides differ.
        """
        if id(module) not in self._forms:
            seen = ("form", *self._outline(module))
            self._forms[id(module)] = self._numbers.setdefault(seen, len(self._numbers))
        return self._forms[id(module)]

    def _outline(self, module: Module) -> Iterator[Hashable]:
        numbers = {id(v): k for k, v in enumerate(module.inputs)}
        looks: dict[Hashable, int] = {}
        yield module.name
        for node in module.nodes:
            if node.module:
                what: Hashable = self.form(node.module)
                look: Hashable = self.look(node.module)
            else:
                op = node.target
                assert isinstance(op, Op)
                look = label(node, op)
                what = op.name, look.kind, op.weighted or node.outputs[0].shape in node.shapes
            # which nodes look the same within the module says what of it folds
            again = looks.setdefault((what, look), len(looks))
            yield what, again, node.again, tuple(numbers[id(v)] for v in node.inputs)
            numbers.update({id(v): len(numbers) + k for k, v in enumerate(node.outputs)})
        yield tuple(numbers[id(v)] for v in module.values)

    def runs(self, bundles: Sequence[Bundle], read: Mapping[int, int]) -> list[Run]:
        """Cut nodes into runs: each feeds the next one only, and looks like one before it.

        A run begins with a block; ops may stand between blocks, but do not fold by themselves.
        """
        linked = [_feeds(a[0], b[0], read) for a, b in pairwise(bundles)]
        looks = [self._look(bundle[0]) for bundle in bundles]
        runs: list[Run] = []
        start = 0
        while start < len(bundles):
            block = bundles[start][0].module is not None
            period, times = _repeats(looks, linked, start) if block else (1, 1)
            end = start + period * times
            runs.append(Run(tuple(bundles[start:end]), period))
            start = end
        return runs


class Unfolded(Folding):
    """Folds nothing."""

    def runs(self, bundles: Sequence[Bundle], read: Mapping[int, int]) -> list[Run]:  # noqa: ARG002 - of others
        """Return every node by itself."""
        return [Run((bundle,)) for bundle in bundles]


def _feeds(before: Node, node: Node, read: Mapping[int, int]) -> bool:
    return before.outputs == node.inputs and all(read[id(v)] == 1 for v in before.outputs)


def _repeats(looks: list[int], linked: list[bool], start: int) -> tuple[int, int]:
    """Return the shortest period that repeats from here on, and how often; (1, 1) for none."""
    for period in range(1, LONGEST + 1):
        end = start + period
        while end < len(looks) and linked[end - 1] and looks[end] == looks[end - period]:
            end += 1
        times = (end - start) // period
        if times > 1 and all(linked[start : start + period - 1]):
            return period, times
    return 1, 1
