"""The loops of a class: their variables, what they go over, and the channels that they carry."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archc.backends.torchfile.algebra import substituted
from archc.backends.torchfile.merge import Body, Item, Repeat, Unrollable
from archc.backends.torchfile.modules import assign, call
from archc.backends.torchfile.operands import Carry, Unwired
from archc.backends.torchfile.spots import Spot, Unspelled, alike, frozen, literal, part_uses
from archc.backends.torchfile.symbols import Symbol
from archc.graph import Value
from archc.lower.origins import Written

if TYPE_CHECKING:
    from archc.backends.torchfile.channels import Channels
    from archc.backends.torchfile.host import Host


class Loops:
    """The variables and the headers of the loops of a class; `counters` count turns."""

    def __init__(self, owner: Host) -> None:
        self.owner = owner
        self.variables: dict[tuple[int, str], Symbol] = {}
        self.counters: dict[int, Symbol] = {}

    def loop_variable(self, loop: Repeat, name: str) -> Symbol:
        """Return the variable of a loop."""
        key = (id(loop), name)
        if key not in self.variables:
            self.variables[key] = Symbol(name)
        return self.variables[key]

    def loop_symbols(self, loop: Repeat) -> list[Symbol]:
        """Return the variables of a loop."""
        return [self.loop_variable(loop, n) for n in loop.loop.names]

    def single(self, loop: Repeat) -> bool:
        """Whether a loop has one turn wherever it stands, so that it is none of the file."""
        return len(loop.turns.up) == len(loop.paths) == len({*loop.turns.up})

    def spot(self, item: Item) -> Spot:
        """Return where an item stands, with how its text was read."""
        body = self.owner.around[id(item)]
        return Spot(body, body.items.index(item), dict(enumerate(item.rows)))

    def count_of(self, loop: Repeat) -> ast.expr:
        """Return the number of turns of a loop."""
        spot = self.spot(loop)
        node = loop.loop.node
        counts = {p: sum(u == p for u in loop.turns.up) for p in spot.rows}
        if loop.loop.counted:
            return self.owner.exprs.argument(spot, counts, self.reads(spot, node), "a count")
        if alike([*counts.values()]):
            return literal(counts[0])
        raise Unspelled("the length of a loop")

    def reads(self, spot: Spot, node: ast.expr) -> dict[int, Written | None]:
        """Return a piece of a text as it was read."""
        return {p: Written(r.text, r.scope, node, r.values) for p, r in spot.rows.items()}

    def header(self, loop: Repeat, body: Body) -> tuple[ast.expr, ast.expr]:
        """Return the target of a loop, and what it goes over."""
        counter = self.counters.get(id(loop))
        if counter is not None and not any(
            s.id in self.owner.used for s in self.loop_symbols(loop)
        ):
            return counter.name, call("range", self.count_of(loop))
        target, over = self.plain_header(loop, body)
        if counter is not None:
            pair = ast.Tuple([counter.name, target], ast.Store())
            return pair, call("enumerate", over)
        return target, over

    def plain_header(self, loop: Repeat, body: Body) -> tuple[ast.expr, ast.expr]:
        """Return the target of a loop and what it goes over, as the text has it."""
        target = substituted_names(
            loop.loop.target, {n: self.loop_variable(loop, n) for n in loop.loop.names}
        )
        if loop.loop.counted:
            return target, call("range", self.count_of(loop))
        spot, node = self.spot(loop), loop.loop.node
        values = spot.values(node)
        if any(_has_values(v) for v in values.values()):
            if any(s.id in self.owner.used for s in self.loop_symbols(loop)):
                raise Unrollable(id(loop.loop), "numbers beside values")
            return self.counters.setdefault(id(loop), Symbol("k")).name, call(
                "range", self.count_of(loop)
            )
        try:
            return target, self.over(node, spot)
        except (Unspelled, Unwired) as error:
            rows = {p: frozen(v) for p, v in spot.values(node).items()}
            raise part_uses(body, rows, len(self.owner.modules), f"a loop: {error}") from None

    def over(self, node: ast.expr, spot: Spot) -> ast.expr:
        """Return the list of a loop; `enumerate`, `zip` and `range` are Python's."""
        name = (
            node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        )
        if isinstance(node, ast.Call) and name in ("enumerate", "zip", "range"):
            return call(name, *(self.over(a, spot) for a in node.args))
        return self.owner.exprs.text(node, spot)

    def index(self, values: Mapping[int, int], body: Body) -> ast.expr:
        """Return an index: a constant, or the variable of a loop around, with a constant added.

        Raises Parted or Unrollable where no variable gives it.
        """
        if len({*values.values()}) == 1:
            return literal(next(iter(values.values())))
        rows, at = {q: q for q in values}, body
        while at.around is not None:
            owner = at.owner
            if isinstance(owner, Repeat) and not owner.written_out:
                for name in owner.loop.names:
                    bound = {q: at.scopes[r].values_.get(name) for q, r in rows.items()}
                    if (found := self.shifted(owner, name, bound, values)) is not None:
                        return found
                if not owner.loop.counted and all(values[q] == at.turn[r] for q, r in rows.items()):
                    return self.counters.setdefault(id(owner), Symbol("k")).name
            rows, at = {q: at.up[r] for q, r in rows.items()}, at.around
        raise part_uses(body, values, len(self.owner.modules), "an index that no variable gives")

    def shifted(
        self, loop: Repeat, name: str, bound: Mapping[int, Any], values: Mapping[int, int]
    ) -> ast.expr | None:
        """Return the variable of a loop with a constant added, where that gives the values."""
        if not all(type(v) is int for v in bound.values()):
            return None
        apart = {values[q] - v for q, v in bound.items()}
        if len(apart) != 1:
            return None
        by, variable = apart.pop(), self.owner.use(self.loop_variable(loop, name))
        if by == 0:
            return variable
        return ast.BinOp(variable, ast.Add() if by > 0 else ast.Sub(), literal(abs(by)))


class Carries:
    """The variables of a constructor for the channels that loops carry; `of` has them by loop."""

    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self.variables: dict[int, Symbol] = {}
        self.of: dict[int, list[Carry]] = {}

    def channel_variable(self, carry: Carry) -> Symbol:
        """Return the variable of the constructor that says the channels of what a loop carries."""
        if id(carry) not in self.variables:
            self.variables[id(carry)] = Symbol("channels")
            self.of.setdefault(id(carry.loop), []).append(carry)
        return self.variables[id(carry)]

    def channel_steps(self, loop: Repeat) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Return what sets such variables before a loop and at the end of each turn."""
        before: list[ast.stmt] = []
        after: list[ast.stmt] = []
        for carry in self.of.get(id(loop), []):
            try:
                self.channel_step(carry, before, after)
            except (Unspelled, Unwired) as error:
                raise Unrollable(id(loop.loop), str(error)) from None
        return before, after

    def channel_step(self, carry: Carry, before: list[ast.stmt], after: list[ast.stmt]) -> None:
        """Add what sets the channels of what a loop carries."""
        variable = self.variables[id(carry)].name
        if carry.init is not None:
            first = [v for q, v in carry.want.items() if carry.body.turn[q] == 0]
            before.append(assign(variable, self.channels.operand(carry.init, first)))
        if carry.next is not None:
            later = [v for q, v in carry.want.items() if carry.body.turn[q]]
            end = self.channels.operand(carry.next, later)
            if ast.dump(end) != ast.dump(variable):
                after.append(assign(variable, end))


def _has_values(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_has_values(v) for v in value)
    return isinstance(value, Value)


def substituted_names(tree: ast.expr, by: Mapping[str, Symbol]) -> ast.expr:
    """Return the target of a loop with symbols for its names."""
    return substituted(tree, {n: s.name for n, s in by.items()})
