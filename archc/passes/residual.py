"""Residual sums: where a branch and its shortcut meet, and which is which.

A join is a sum or a concatenation of values that come from one value, the fork: the nearest
one that every way to the join passes. Its shortcut is the operand with the fewest weighted
layers on a way from the fork without an activation (the identity, a projection, a padded or
a gated copy); the other operands are residual branches. Where no single operand is such, as
in an Inception module, a join has no shortcut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archc.graph import Module, Node, Value
from archc.ops.wiring import Concat, Mul

Places = Sequence[int]

Cost = tuple[int, int]
"""Weighted layers, then ops, on the shortest way without an activation."""


@dataclass(frozen=True)
class Join:
    """A join with its fork; `shortcut` is the place of that operand, None where there is none."""

    node: Node
    fork: Value | None
    shortcut: int | None

    @property
    def is_sum(self) -> bool:
        """Whether it adds its operands up, or takes their mean, and does not concatenate them."""
        return not isinstance(self.node.op, Concat)

    @property
    def residual(self) -> tuple[int, ...]:
        """The places of the operands that are residual branches."""
        if self.shortcut is None:
            return ()
        return tuple(k for k in range(len(self.node.inputs)) if k != self.shortcut)

    def role(self, place: int) -> str:
        """Say what an operand is: shortcut, residual branch, or branch."""
        if self.shortcut is None:
            return "branch"
        return "shortcut" if place == self.shortcut else "residual branch"


def joins(module: Module) -> Mapping[int, Join]:
    """Return the joins among a module's own nodes, by the identity of the node."""
    return {id(j.node): j for j in _joins(module)}


def _joins(module: Module) -> Iterator[Join]:
    above = dominators(module)
    values = {id(v): v for v in (*module.inputs, *(v for n in module.nodes for v in n.outputs))}
    costs: dict[int, list[list[Cost | None]]] = {}
    for node in module.nodes:
        if node.op is None or not node.op.facts.linear or len(node.inputs) < 2:
            continue
        if sum(above.reached(id(v)) for v in node.inputs) < 2:
            continue  # a sum with a parameter
        fork = values.get(above.nearest([id(v) for v in node.inputs]) or Dominators.ROOT)
        starts = [fork] if fork is not None else list(module.inputs)
        known = _costs(module.nodes, starts, {id(v) for v in node.inputs}, costs)
        yield Join(node, fork, _shortcut([known.get(id(v)) for v in node.inputs], node))


def _shortcut(costs: Sequence[Cost | None], node: Node) -> int | None:
    ranked = sorted((cost, k) for k, cost in enumerate(costs) if cost is not None)
    if not ranked or any(a[0] == b[0] for a, b in pairwise(ranked[:2])):
        return None
    (layers, _), place = ranked[0]
    return None if isinstance(node.op, Concat) and layers else place


class Dominators:
    """For each value of a graph, the nearest value that all ways from the inputs to it pass.

    Values are numbers from 0 on; `rows` are what each op reads and what it makes, in order.
    What does not depend on an input, such as a parameter, counts for nothing.
    """

    ROOT = -1

    def __init__(self, inputs: Iterable[int], rows: Iterable[tuple[Places, Places]]) -> None:
        self.parent: dict[int, int] = {}
        self.depth: dict[int, int] = {self.ROOT: 0}
        for value in inputs:
            self._add(value, self.ROOT)
        for given, made in rows:
            nearest = self.nearest(given)
            if nearest is not None:
                for value in made:
                    self._add(value, nearest)

    def _add(self, value: int, parent: int) -> None:
        self.parent[value], self.depth[value] = parent, self.depth[parent] + 1

    def reached(self, value: int) -> bool:
        """Say whether a value depends on an input."""
        return value in self.parent

    def nearest(self, values: Places) -> int | None:
        """Return the nearest value that all ways to some values pass; None without a way."""
        live = [v for v in values if self.reached(v)]
        if not live:
            return None
        common = live[0]
        for other in live[1:]:
            common = self._common(common, other)
        return common

    def _common(self, a: int, b: int) -> int:
        while a != b:
            if self.depth[a] >= self.depth[b]:
                a = self.parent[a]
            else:
                b = self.parent[b]
        return a

    def above(self, value: int) -> list[int]:
        """Return a value and all that every way to it passes, the input first."""
        passed = []
        while value != self.ROOT:
            passed.append(value)
            value = self.parent[value]
        return passed[::-1]


def dominators(module: Module) -> Dominators:
    """Return the dominators in a module, values numbered by their identity."""
    rows = ((tuple(map(id, n.read)), tuple(map(id, n.outputs))) for n in module.nodes)
    return Dominators(map(id, module.inputs), rows)


def _costs(
    nodes: Sequence[Node],
    starts: Sequence[Value],
    wanted: set[int],
    memo: dict[int, list[list[Cost | None]]],
) -> dict[int, Cost]:
    """Return the cost of the cheapest way from some values to those wanted, where there is one."""
    known: dict[int, Cost] = {id(v): (0, 0) for v in starts}
    left = wanted - known.keys()
    for node in nodes:
        if not left:
            break
        costs = [known.get(id(v)) for v in node.inputs]
        if all(cost is None for cost in costs):
            continue
        rows = _matrix(node, memo)
        for value, row in zip(node.outputs, rows, strict=True):
            ways = [_plus(a, b) for a, b in zip(costs, row, strict=True) if a and b]
            if ways:
                known[id(value)] = min(ways)
            left.discard(id(value))
    return known


def _matrix(node: Node, memo: dict[int, list[list[Cost | None]]]) -> list[list[Cost | None]]:
    """Return the cost from each input of a node to each output."""
    if node.op is not None:
        own = None if node.op.activation else (int(node.op.weighted), 1)
        read = len(node.read)
        return [[own] * read + [None] * (len(node.inputs) - read)] * len(node.outputs)
    module = node.module
    assert module is not None
    if id(module) not in memo:
        wanted = {id(v) for v in module.values}
        columns = [_costs(module.nodes, [v], wanted, memo) for v in module.inputs]
        memo[id(module)] = [[c.get(id(v)) for c in columns] for v in module.values]
    return memo[id(module)]


def _plus(a: Cost, b: Cost) -> Cost:
    return a[0] + b[0], a[1] + b[1]


def gates(module: Module, node: Node) -> tuple[int, ...]:
    """Return the places of a product's operands that are gates: a sigmoid's, 1 - g, and so on.

    So is a computed value that is repeated over the whole map. A product whose operands are
    all gates has none: one of them is what is passed on.
    """
    if not isinstance(node.op, Mul):
        return ()
    makers = {id(v): (n, k) for n in module.nodes for k, v in enumerate(n.outputs)}
    whole = [v for v in node.inputs if v.shape == node.outputs[0].shape and v.shape.batch == "b"]
    closed = tuple(
        k
        for k, v in enumerate(node.inputs)
        if _is_gate(v, makers) or (whole and v not in whole and v.shape.batch == "b")
    )
    return closed if len(closed) < len(node.inputs) else ()


def _is_gate(value: Value, makers: Mapping[int, tuple[Node, int]]) -> bool:
    maker = makers.get(id(value))
    if maker is None:
        return False
    node, place = maker
    if node.module is not None:
        inner = {id(v): (n, k) for n in node.module.nodes for k, v in enumerate(n.outputs)}
        return _is_gate(node.module.values[place], inner)
    gate = node.op.facts.gate if node.op else ""
    return gate == "opens" or (gate == "keeps" and _is_gate(node.inputs[0], makers))
