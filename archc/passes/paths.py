"""Paths from input to output by their length (Veit et al. 2016, arXiv:1605.06431).

A path chooses one value at every op that takes several. One that is taken three times, as by
self-attention, is three ways, one that is only asked for its size is none: paths are those of
autograd's graph. Their length is counted in two ways:
`branches`, the residual branches that it passes, as Veit et al. count (section 3: n blocks
have 2^n paths, and their lengths are binomial), and `layers`, the weighted layers on it.
The operand of a product that is a gate scales a signal and opens no path, unless asked for.

Counts are polynomials: the coefficient of z^k is the number of paths of length k. Ways one
after the other multiply, ways side by side add up. A module is worked out once, however
often the network uses it, so ResNet-1202 takes a fraction of a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import comb, sqrt
from typing import Literal

from archc.graph import Module, Network, Node, join
from archc.passes.residual import Join, gates, joins

Length = Literal["branches", "layers"]
LENGTHS: tuple[Length, ...] = ("branches", "layers")

Counts = Mapping[int, int]
"""A polynomial: how many ways there are of each length."""

Matrix = list[list[Counts]]
"""The ways through a module: for each output a row, with a polynomial for each input."""


class UnknownPlace(LookupError):
    """A path in a spec that names no block and no op; the names that there are come with it."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name)
        self.known = [name for name in known if name]


@dataclass(frozen=True)
class Paths:
    """How many paths a network has, by length; `deleted` says what was taken out before."""

    name: str
    length: Length
    counts: Counts
    units: int
    deleted: tuple[str, ...] = ()
    intact: int = 0

    @cached_property
    def total(self) -> int:
        """The number of paths."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float:
        """The mean length of a path; 0 where there is none."""
        weighed = sum(k * n for k, n in self.counts.items())
        return float(Fraction(weighed, self.total)) if self.total else 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of the length; 0 where there is no path."""
        if not self.total:
            return 0.0
        first = Fraction(sum(k * n for k, n in self.counts.items()), self.total)
        second = Fraction(sum(k * k * n for k, n in self.counts.items()), self.total)
        return sqrt(second - first**2)

    def share(self, length: int) -> float:
        """Return the share of paths of a length."""
        return float(Fraction(self.counts.get(length, 0), self.total)) if self.total else 0.0

    @property
    def middle(self) -> tuple[int, int]:
        """The lengths between which the middle 95 % of paths lie (Veit et al., section 5)."""
        edges: list[int] = []
        seen = 0
        for length, count in sorted(self.counts.items()):
            seen += count
            while len(edges) < 2 and seen * 40 >= self.total * (1, 39)[len(edges)]:
                edges.append(length)
        return (edges[0], edges[1]) if edges else (0, 0)

    @property
    def surviving(self) -> float:
        """The share of the intact network's paths that is left."""
        return float(Fraction(self.total, self.intact)) if self.intact else 0.0

    def survival(self, deleted: int) -> Fraction:
        """Return the mean share of paths that d deleted branches leave, over all choices of d.

        A path of length k is left by C(n - k, d) of the C(n, d) ways to choose d out of n. It
        is a number of `branches` only.
        """
        ways = comb(self.units, deleted)
        kept = sum(n * comb(self.units - k, deleted) for k, n in self.counts.items())
        return Fraction(kept, ways * self.total) if self.total and ways else Fraction(0)


def paths(
    network: Network,
    length: Length = "branches",
    without: Sequence[str] = (),
    *,
    through_gates: bool = False,
) -> Paths:
    """Count the paths from the input to the first output, without what is deleted.

    A block that is deleted keeps its shortcuts and loses its residual branches, as Veit et
    al. delete (section 4.1); one without a shortcut, and an op, lets nothing pass. Raises
    UnknownPlace for a name that is no block, stage or op.
    """
    gone = {name: _members(network, name) for name in without}
    counting = Counting(length, through_gates)
    whole = counting.total(network.root)
    dead = frozenset(path for members in gone.values() for path in members)
    left = counting.total(network.root, dead) if dead else whole
    return Paths(
        network.name, length, dict(sorted(left.items())), counting.units(network.root),
        tuple(without), sum(whole.values()),
    )  # fmt: skip


def _members(network: Network, name: str) -> list[str]:
    """Return the paths of the nodes that a name means: a stage means those in it."""
    known: dict[str, None] = {}
    of_stage = [n.path for n in network.root.nodes if n.stage == name and n.path != name]
    if of_stage:
        return of_stage
    if _holds(network.root, name, known):
        return [name]
    raise UnknownPlace(name, dict.fromkeys([*known, *(n.stage for n in network.root.nodes)]))


def _holds(module: Module, name: str, known: dict[str, None], prefix: str = "") -> bool:
    for node in module.nodes:
        path = join(prefix, node.path)
        known[path] = None
        inside = node.module is not None and (not path or f"{name}.".startswith(f"{path}."))
        if path == name or (inside and node.module and _holds(node.module, name, known, path)):
            return True
    return False


class Counting:
    """Counts ways through modules; intact ones are remembered."""

    def __init__(self, length: Length, through_gates: bool = False) -> None:
        self.length, self.through_gates = length, through_gates
        self.known: dict[int, Matrix] = {}
        self.joins: dict[int, Mapping[int, Join]] = {}

    def total(self, module: Module, dead: frozenset[str] = frozenset()) -> Counts:
        """Return the ways from all inputs of a module to its first output."""
        rows = self.matrix(module, dead)
        counts: Counter[int] = Counter()
        for ways in rows[0] if rows else ():
            counts.update(ways)
        return counts

    def units(self, module: Module) -> int:
        """Return how many units of length a network has in all: branches, or layers."""
        if self.length == "layers":
            return module.total(lambda node: int(node.op is not None and node.op.weighted))
        memo: dict[int, int] = {}

        def count(inner: Module) -> int:
            if id(inner) not in memo:
                own = sum(len(j.residual) for j in self.meeting(inner).values())
                memo[id(inner)] = own + sum(count(n.module) for n in inner.nodes if n.module)
            return memo[id(inner)]

        return count(module)

    def meeting(self, module: Module) -> Mapping[int, Join]:
        """Return the joins of a module, worked out once."""
        if id(module) not in self.joins:
            self.joins[id(module)] = joins(module)
        return self.joins[id(module)]

    def matrix(
        self, module: Module, dead: frozenset[str] = frozenset(), prefix: str = ""
    ) -> Matrix:
        """Return the ways from each input to each output; `dead` are paths that are deleted."""
        inside = [p for p in dead if _below(p, prefix)]
        if not inside and id(module) in self.known:
            return self.known[id(module)]
        columns: list[dict[int, Counts]] = [{id(v): {0: 1}} for v in module.inputs]
        for node in module.nodes:
            path = join(prefix, node.path)
            rows = self.ways(module, node, path, dead if inside else frozenset())
            for made in columns:
                given = [made.get(id(v), {}) for v in node.inputs]
                for value, row in zip(node.outputs, rows, strict=True):
                    made[id(value)] = _sum(_product(a, b) for a, b in zip(given, row, strict=True))
        found: Matrix = [[made.get(id(v), {}) for made in columns] for v in module.values]
        if not inside:
            self.known[id(module)] = found
        return found

    def ways(self, module: Module, node: Node, path: str, dead: frozenset[str]) -> Matrix:
        """Return the ways through a node, from each input to each output."""
        cut = path in dead
        if node.module is not None:
            if cut and not self.units_of(node.module):
                return [[{}] * len(node.inputs)] * len(node.outputs)
            return self.shortcuts(node.module) if cut else self.matrix(node.module, dead, path)
        if cut:
            return [[{}] * len(node.inputs)] * len(node.outputs)
        return [self.operands(module, node)] * len(node.outputs)

    def operands(self, module: Module, node: Node) -> list[Counts]:
        """Return the ways from each operand of an op through it."""
        closed = () if self.through_gates else gates(module, node)
        meeting = self.meeting(module).get(id(node))
        long = meeting.residual if meeting and self.length == "branches" else ()
        layer = int(self.length == "layers" and node.op is not None and node.op.weighted)
        read = range(len(node.read))
        return [
            {layer + (k in long): 1} if k in read and k not in closed else {}
            for k in range(len(node.inputs))
        ]

    def units_of(self, module: Module) -> int:
        """Return how many residual branches a module has."""
        return Counting("branches").units(module)

    def shortcuts(self, module: Module) -> Matrix:
        """Return the ways through a module whose residual branches are all deleted."""
        return Shortcuts(self.length, self.through_gates).matrix(module)


class Shortcuts(Counting):
    """Counts the ways that are left where every residual branch is deleted."""

    def operands(self, module: Module, node: Node) -> list[Counts]:
        """Let nothing come by a residual branch."""
        meeting = self.meeting(module).get(id(node))
        closed = meeting.residual if meeting else ()
        return [{} if k in closed else w for k, w in enumerate(super().operands(module, node))]


def _below(path: str, prefix: str) -> bool:
    return not prefix or path == prefix or path.startswith(f"{prefix}.")


def _sum(parts: Iterable[Counts]) -> Counts:
    counts: Counter[int] = Counter()
    for part in parts:
        counts.update(part)
    return counts


def _product(a: Counts, b: Counts) -> Counts:
    if not a or not b:
        return {}
    counts: dict[int, int] = {}
    for k, n in a.items():
        for j, m in b.items():
            counts[k + j] = counts.get(k + j, 0) + n * m
    return counts
