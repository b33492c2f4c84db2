"""Which steps of two networks are the same step: sequences matched by ever looser likeness.

Sequences are matched by Python's difflib, after Ratcliff and Obershelp: first by what is
equal at the same place, and then, in the gaps that this leaves, by less and less. Equal
blocks are described once, so that the work follows the number of distinct blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import TypeVar

from archc.graph import Module, Node, Stage
from archc.lower.frames import freeze
from archc.passes.difference.model import Pair

Item = TypeVar("Item")
Level = Callable[[Item], Hashable]


def matched(
    before: Sequence[Item], after: Sequence[Item], levels: Sequence[Level[Item]]
) -> Iterator[tuple[Item | None, Item | None]]:
    """Yield the items of two sequences in pairs, in order; None stands beside what has no partner.

    Items are equal whose `levels[0]` is; the gaps between them are matched by the next level.
    """
    if not levels or not before or not after:
        yield from ((item, None) for item in before)
        yield from ((None, item) for item in after)
        return
    level, *rest = levels
    matcher = SequenceMatcher(
        None, [level(item) for item in before], [level(item) for item in after], autojunk=False
    )
    for what, a, a_end, b, b_end in matcher.get_opcodes():
        if what == "equal":
            yield from zip(before[a:a_end], after[b:b_end], strict=True)
        else:
            yield from matched(before[a:a_end], after[b:b_end], rest)


class Aligner:
    """Aligns stages and steps; each pair of distinct blocks is aligned once."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._looks: dict[int, int] = {}
        self._pairs: dict[tuple[int, int], tuple[Pair, ...]] = {}

    def look(self, node: Node) -> Hashable:
        """Return what a step says, wherever it stands: its op and arguments, or its block."""
        if node.module is None:
            return (node.name, node.again, freeze(dict(node.target)))  # type: ignore[arg-type]
        return (node.name, node.again, self.number(node.module))

    def number(self, module: Module) -> int:
        """Return a number that two modules share whose steps, names and wiring are equal."""
        if id(module) not in self._looks:
            seen = self._described(module)
            self._looks[id(module)] = self._numbers.setdefault(seen, len(self._numbers))
        return self._looks[id(module)]

    def _described(self, module: Module) -> Hashable:
        numbers = {id(v): k for k, v in enumerate(module.inputs)}
        rows: list[Hashable] = []
        for node in module.nodes:
            rows.append((node.path, self.look(node), tuple(numbers[id(v)] for v in node.inputs)))
            numbers.update({id(v): len(numbers) + k for k, v in enumerate(node.outputs)})
        return (module.name, *rows, tuple(numbers[id(v)] for v in module.values))

    def nodes(self, before: Sequence[Node], after: Sequence[Node]) -> tuple[Pair, ...]:
        """Align the steps of two blocks, or of two stages.

        What is equal is looked for at the same place first, or at any: whichever finds more.
        """
        anywhere: list[Level[Node]] = [
            lambda n: (_place(n), self.look(n), n.shapes),
            lambda n: (_place(n), self.look(n)),
            self.look,
            lambda n: (n.path, n.name),
            lambda n: n.name,
            lambda n: n.path,
        ]
        in_place: list[Level[Node]] = [
            lambda n: (n.path, self.look(n), n.shapes),
            lambda n: (n.path, self.look(n)),
        ]

        def aligned(levels: Sequence[Level[Node]]) -> tuple[Pair, ...]:
            return tuple(Pair(a, b) for a, b in matched(before, after, levels))

        return max(aligned([*in_place, *anywhere]), aligned(anywhere), key=self._equal)

    def _equal(self, pairs: Sequence[Pair]) -> tuple[int, int]:
        """Count the pairs that say the same, and those that do so on equal sizes."""
        both = [(p.before, p.after) for p in pairs if p.before and p.after]
        same = [(a, b) for a, b in both if self.look(a) == self.look(b)]
        return len(same), sum(a.shapes == b.shapes for a, b in same)

    def modules(self, before: Module, after: Module) -> tuple[Pair, ...]:
        """Align the steps of two blocks."""
        key = (id(before), id(after))
        if key not in self._pairs:
            self._pairs[key] = self.nodes(before.nodes, after.nodes)
        return self._pairs[key]

    def stages(
        self, before: Sequence[Stage], after: Sequence[Stage]
    ) -> Iterator[tuple[Stage | None, Stage | None]]:
        """Align stages: by name, or where they have others, by what they are made of."""

        def looks(stage: Stage) -> Hashable:
            return tuple(map(self.look, stage.nodes))

        levels: list[Level[Stage]] = [
            lambda s: (s.name, looks(s)),
            looks,
            lambda s: s.name,
            lambda s: tuple(name for name, _ in groupby(n.name for n in s.nodes)),
        ]
        yield from matched(before, after, levels)


def _place(node: Node) -> str:
    """Return the path of a step without its number in a list, which says where it stands only."""
    head, _, last = node.path.rpartition(".")
    return head if last.isdecimal() else node.path
