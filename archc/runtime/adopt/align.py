"""Which nodes of two graphs are one: colours refined by neighbours, from the strictest on.

A colour of a node is what it says (op, arguments, sizes of its tensors) and the colours around
it, to some distance (Weisfeiler and Leman). Nodes whose colours only one has on either side
are pairs; so are those that equally many have, in the order of the run. A pair is a colour
of its own from then on. What an edit leaves without a pair is looked at with less and less
around it, and at last without its sizes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from archc.passes.difference.align import matched
from archc.runtime.adopt.graph import Edge, Graph, Node

Look = Callable[[Node], Hashable]
Chain = Callable[[Edge], Hashable]

DISTANCES = (24, 12, 6, 4, 3, 2, 1, 0)


@dataclass(frozen=True)
class Level:
    """What of a node and of an edge counts."""

    node: Look
    edge: Chain


def _sized(node: Node) -> Hashable:
    return tuple((o.slot, o.canonical) for o in node.operands)


def _window(node: Node) -> Hashable:
    """Return what stays of a layer that is wider: its kernel, its stride."""
    weight = node.operand("weight")
    plain = tuple(a for a in node.arguments if a[0] != "groups")
    return (weight.sizes[2:] if weight and max(weight.sizes[2:], default=1) > 1 else (), plain)


STRICT = Level(
    lambda n: (n.op, n.arguments, tuple((o.slot, o.canonical, o.chain) for o in n.operands)),
    lambda e: (e.slot, e.chain),
)
SAME = Level(lambda n: (n.op, n.arguments, _sized(n)), lambda e: e.slot)
LOOSE = Level(lambda n: (n.op, _sized(n)), lambda e: e.slot)
KERNEL = Level(lambda n: (n.op, _window(n), tuple(o.slot for o in n.operands)), lambda e: e.slot)
KIND = Level(lambda n: (n.op, len(n.operands[:1])), lambda e: e.slot)


class Pairs:
    """The pairs of two graphs, and what is left of either."""

    def __init__(self, old: Graph, new: Graph) -> None:
        self.old, self.new = old, new
        self.to_old: dict[int, int] = {}
        self.to_new: dict[int, int] = {}
        self.ties = 0
        self._users = (old.users(), new.users())
        self.add(0, 0)
        self.add(len(old.nodes) - 1, len(new.nodes) - 1)

    def add(self, old: int, new: int) -> None:
        """Let two nodes be one."""
        self.to_old[new] = old
        self.to_new[old] = new

    @property
    def complete(self) -> bool:
        """Whether every node has a partner."""
        return len(self.to_old) == len(self.new.nodes) == len(self.old.nodes)

    @property
    def done(self) -> bool:
        """Whether one side has nothing left."""
        return len(self.to_old) in (len(self.new.nodes), len(self.old.nodes))

    def follow(self, level: Level, *, back: bool = False) -> None:
        """Pair what follows pairs, or else what comes before them, as far as both sides agree.

        So what was inserted stays in one piece: the rest is alike up to it, and behind it.
        """
        pending = list(self.to_new.items())
        step = self._before if back else self._next
        while pending:
            old, new = pending.pop()
            for one, other in step(level, old, new):
                if one not in self.to_new and other not in self.to_old:
                    self.add(one, other)
                    pending.append((one, other))

    def _next(self, level: Level, old: int, new: int) -> Iterator[tuple[int, int]]:
        """Yield the users of a pair, where both have the same ones, that read nothing of another pair."""
        taken = [
            sorted((hash((level.edge(e), level.node(graph.nodes[u]))), u) for u, e in users[k])
            for graph, users, k in self._both(old, new)
        ]
        if [look for look, _ in taken[0]] != [look for look, _ in taken[1]]:
            return
        counts = Counter(look for look, _ in taken[0])
        for (look, one), (_, other) in zip(*taken, strict=True):
            sources = zip(self.old.nodes[one].edges, self.new.nodes[other].edges, strict=False)
            known = all(self.to_old.get(b.source, a.source) == a.source for a, b in sources)
            if counts[look] == 1 and known:
                yield one, other

    def _before(self, level: Level, old: int, new: int) -> Iterator[tuple[int, int]]:
        """Yield what a pair reads in the same slot, where the same kinds read it."""
        read = [
            sorted(
                (hash((level.edge(e), level.node(graph.nodes[e.source]))), e.source)
                for e in graph.nodes[k].edges
            )
            for graph, _, k in self._both(old, new)
        ]
        if [look for look, _ in read[0]] != [look for look, _ in read[1]]:
            return
        counts = Counter(look for look, _ in read[0])
        for (look, one), (_, other) in zip(*read, strict=True):
            readers = [
                Counter(hash((level.edge(e), level.node(graph.nodes[u]))) for u, e in users[k])
                for graph, users, k in self._both(one, other)
            ]
            if counts[look] == 1 and readers[0] == readers[1]:
                yield one, other

    def _both(
        self, old: int, new: int
    ) -> tuple[tuple[Graph, list[list[tuple[int, Edge]]], int], ...]:
        return (self.old, self._users[0], old), (self.new, self._users[1], new)

    def colours(self, level: Level, distance: int | None) -> tuple[list[int], list[int]]:
        """Return the colours of all nodes; without a distance those that no more steps refine."""
        sides = (
            (self.old, self._users[0], {a: a for a in self.to_new}),
            (self.new, self._users[1], self.to_old),
        )
        found = [_start(graph, level, pairs) for graph, _, pairs in sides]
        classes = 0
        for _ in range(len(self.old.nodes) + 1 if distance is None else distance):
            found = [
                _refined(graph, users, level, colours)
                for (graph, users, _), colours in zip(sides, found, strict=True)
            ]
            now = len({*found[0], *found[1]})
            if distance is None and now == classes:
                break
            classes = now
        return found[0], found[1]

    def classes(self, level: Level, distance: int | None) -> list[tuple[list[int], list[int]]]:
        """Return the nodes without a partner by colour, where both sides have some."""
        old, new = self.colours(level, distance)
        found: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for side, colours, known in ((0, old, self.to_new), (1, new, self.to_old)):
            for k, colour in enumerate(colours):
                if k not in known:
                    found[colour][side].append(k)
        return [pair for pair in found.values() if pair[0] and pair[1]]


def _start(graph: Graph, level: Level, pairs: Mapping[int, int]) -> list[int]:
    return [
        hash(("pair", pairs[k])) if k in pairs else hash(level.node(node))
        for k, node in enumerate(graph.nodes)
    ]


def _refined(
    graph: Graph,
    users: Sequence[Sequence[tuple[int, Edge]]],
    level: Level,
    colours: Sequence[int],
) -> list[int]:
    return [
        hash(
            (
                colours[k],
                tuple(sorted(hash((level.edge(e), colours[e.source])) for e in node.edges)),
                tuple(sorted(hash((level.edge(e), colours[u])) for u, e in users[k])),
            )
        )
        for k, node in enumerate(graph.nodes)
    ]


def aligned(old: Graph, new: Graph) -> Pairs:
    """Return the pairs of two graphs."""
    pairs = Pairs(old, new)
    for level in (STRICT, SAME, LOOSE):
        _settle(pairs, level)
        if pairs.complete:
            return pairs
    for level in (SAME, LOOSE, KERNEL, KIND):
        pairs.follow(level)
        for distance in (0, 1):  # what is like nothing else, and what follows it
            while not pairs.done and _unique(pairs, level, distance):
                pairs.follow(level)
        for distance in DISTANCES:
            pairs.follow(level, back=True)
            while not pairs.done and _unique(pairs, level, distance):
                pairs.follow(level)
        _in_order(pairs, level)
    return pairs


def _settle(pairs: Pairs, level: Level) -> None:
    """Pair what has one colour, tie by tie, as long as both sides have equally many."""
    while True:
        classes = pairs.classes(level, None)
        single = [(a[0], b[0]) for a, b in classes if len(a) == len(b) == 1]
        for one, other in single:
            pairs.add(one, other)
        tied = [(a, b) for a, b in classes if len(a) == len(b) > 1]
        if not tied:
            return
        a, b = min(tied, key=lambda pair: pair[1][0])
        pairs.add(a[0], b[0])
        pairs.ties += 1


def _unique(pairs: Pairs, level: Level, distance: int) -> int:
    """Pair what only one has on either side; nodes without tensors are told by what is around."""
    single = [
        (a[0], b[0])
        for a, b in pairs.classes(level, distance)
        if len(a) == len(b) == 1 and (distance > 1 or pairs.old.nodes[a[0]].operands)
    ]
    for one, other in single:
        pairs.add(one, other)
    return len(single)


def _in_order(pairs: Pairs, level: Level) -> None:
    """Pair what is left as it follows one another on both sides, between pairs that are known."""
    left = [
        [
            k
            for k, node in enumerate(graph.nodes)
            if k not in known and (node.operands or level is KIND)
        ]
        for graph, known in ((pairs.old, pairs.to_new), (pairs.new, pairs.to_old))
    ]
    old, new = pairs.colours(level, 1)
    looks = [
        [(k, colours[k], hash(level.node(graph.nodes[k]))) for k in side]
        for side, colours, graph in zip(left, (old, new), (pairs.old, pairs.new), strict=True)
    ]
    levels: list[Callable[[tuple[int, int, int]], Hashable]] = [lambda i: i[1], lambda i: i[2]]
    for a, b in matched(looks[0], looks[1], levels):
        if a is not None and b is not None:
            pairs.add(a[0], b[0])
