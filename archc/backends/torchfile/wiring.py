"""Where each value comes from, by identity: static single assignment on demand.

A demand says for some rows of a body which value is needed there. `Wiring.value` goes back
through the items before: what an application gave is a `Def`, what a choice gave in some rows a
`Phi`, what a loop carries a `Carry`, what is left of it afterwards an `Out`, the list of what its
turns gave a `Collect`. `Elem` takes from a list, `Pack` makes one. Nothing here reads names or
text, so a demand can fail, but what it returns is what the graph has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archc.backends.torchfile.lists import Lists, attempt, lists_of, rows_of
from archc.backends.torchfile.merge import Apply, Body, Choice, Group, Item, Repeat
from archc.backends.torchfile.operands import (
    Carry,
    Def,
    Elem,
    Operand,
    Regions,
    Store,
    Unwired,
    Want,
    same,
)
from archc.backends.torchfile.straight import nodes
from archc.graph import Module, Value


class Wiring:
    """The operands of a merged body; `straight` are the groups that are one module, with ends."""

    def __init__(
        self,
        root: Body,
        modules: Sequence[Module],
        taken: Sequence[Sequence[Any]],
        straight: Mapping[int, Sequence[tuple[Any, Any]]],
    ) -> None:
        self.root, self.modules, self.taken, self.straight = root, modules, taken, straight
        self.store = Store()
        self.lists = Lists(self, self.store, taken, straight)
        self.turns: dict[tuple[int, int], set[int]] = {}

    def region(self, item: Item) -> Regions:
        """Return what an item carries."""
        return self.store.region(item)

    def define(self, item: Item, body: Body, *, listed: bool = False) -> Def:
        """Return the operand of what an application gives."""
        return self.store.define(item, body, listed=listed)

    def values(self, body: Body, k: int, want: Want) -> Operand:
        """Return the operand that gives these lists before item k of a body."""
        return self.lists.values(body, k, want)

    # Values

    def value(self, body: Body, k: int, want: Want) -> Operand:
        """Return the operand that gives these values before item k of a body."""
        lists = {not isinstance(v, Value) for v in want.values()}
        if len(lists) != 1 or not all(isinstance(v, Value | list | dict) for v in want.values()):
            raise Unwired("a value in some rows, a list or nothing in others")
        if lists.pop():
            return self.lists.values(body, k, want)
        for j in reversed(range(k)):
            if (operand := self.made(body, j, want)) is not None:
                return operand
        return self.before(body, want)

    def made(self, body: Body, j: int, want: Want) -> Operand | None:
        """Return the operand where item j makes a value of the demand."""
        item = body.items[j]
        if isinstance(item, Choice) and self.selects(item, want):
            return self.chosen(item, body, want)
        if not any(id(v) in item.made for v in want.values()):
            return None
        if (ends := self.straight.get(id(item))) is not None:
            if all(ends[p][1] is v for p, v in want.items()):
                return self.store.define(item, body)
            raise Unwired("a value inside a Sequential is needed outside of it")
        match item:
            case Apply():
                return self.applied(item, body, want)
            case Choice():
                return self.chosen(item, body, want)
            case Group():
                return self.value(item.body, len(item.body.items), want)
            case Repeat():
                return self.repeated(item, body, j, want)
        raise AssertionError(item)

    def selects(self, item: Choice, want: Want) -> bool:
        """Whether values are what a choice gives, on a side that makes none of them too."""
        sides = {item.taken[p] for p in want}
        return len(sides) > 1 and all(item.results[p] is v for p, v in want.items())

    def applied(self, item: Apply, body: Body, want: Want) -> Operand:
        """Return what an application gives, or one of several."""
        given = {p: item.nodes[p].outputs for p in want}
        if not item.listed and all(g[0] is want[p] for p, g in given.items()):
            return self.store.define(item, body)
        if all(want[p] in g for p, g in given.items()):
            index = {p: g.index(want[p]) for p, g in given.items()}
            return Elem(self.store.define(item, body, listed=True), index, body)
        raise Unwired("a value is made here in some rows only")

    def chosen(self, item: Choice, body: Body, want: Want) -> Operand:
        """Return what either side gives."""
        sides: list[Operand | None] = []
        for side in (item.yes, item.no):
            part = {q: want[p] for q, p in enumerate(side.up) if p in want}
            sides.append(self.value(side, len(side.items), part) if part else None)
        yes, no = sides
        if yes is None or no is None:  # the demand is about one side only
            only = yes or no
            assert only is not None
            return only
        return self.store.phi(item, body, yes, no, want)

    def repeated(self, item: Repeat, body: Body, j: int, want: Want) -> Operand:
        """Return what a loop leaves: its last turn's value, or an entry of its list."""
        if item.written_out:
            for part in reversed(item.written_out):
                if any(id(v) in i.made for i in part.items for v in want.values()):
                    return self.value(part, len(part.items), want)
        inner = item.turns
        rows = rows_of(inner)
        turns = {p: sum(u == p for u in inner.up) for p in want}
        entries = all(
            _holds(item.results[p], v) and not (item.chained and item.results[p][-1] is v)
            for p, v in want.items()
        )
        if not entries and all(
            not turns[p] or self.in_last_turn(item, rows[p, turns[p] - 1], v)
            for p, v in want.items()
        ):
            ends = {rows[p, turns[p] - 1]: v for p, v in want.items() if turns[p]}
            if (last := attempt(lambda: self.value(inner, len(inner.items), ends))) is not None:
                if isinstance(last, Elem) and _inside(last.of, inner):
                    index = {inner.up[q]: k for q, k in last.index.items() if q in ends}
                    return Elem(self.store.after(item, last.of, None), index, body)
                if not isinstance(last, Elem):
                    none = {p: v for p, v in want.items() if not turns[p]}
                    return self.store.after(item, last, self.value(body, j, none) if none else None)
        if all(_holds(item.results[p], v) for p, v in want.items()):
            of = self.lists.collect(item, {p: item.results[p] for p in want})
            return Elem(of, {p: item.results[p].index(v) for p, v in want.items()}, body)
        raise Unwired("a value of a loop that is neither its last nor in its list")

    def in_last_turn(self, item: Repeat, row: int, value: Any) -> bool:
        """Whether a value is made in a turn of a loop, by its row."""
        key = (id(item), row)
        if key not in self.turns:
            self.turns[key] = {id(v) for n in nodes(item.turns, row) for v in n.outputs}
        return id(value) in self.turns[key]

    def before(self, body: Body, want: Want) -> Operand:
        """Return the operand of what was there before a body began."""
        owner, around = body.owner, body.around
        if around is None:
            return self.taken_in(want)
        if isinstance(owner, Repeat) and not owner.written_out:
            return self.before_turn(body, owner, want)
        if isinstance(owner, Repeat):
            k = owner.written_out.index(body)
            for part in reversed(owner.written_out[:k]):
                if any(id(v) in i.made for i in part.items for v in want.values()):
                    return self.value(part, len(part.items), want)
        if isinstance(owner, Choice):
            starts = owner.starts
            if all(same(starts[body.up[q]], v) for q, v in want.items()):
                # what runs into a choice is one thing for both of its sides
                whole = dict(enumerate(starts))
                operand = attempt(lambda: self.value(around, body.place, whole))
                if operand is not None:
                    return operand
        return self.value(around, body.place, {body.up[q]: v for q, v in want.items()})

    def taken_in(self, want: Want) -> Operand:
        """Return the input that gives values, or the entry of one that is a list."""
        taken = self.taken
        for k in range(len(taken[0])):
            if all(taken[p][k] is v for p, v in want.items()):
                return self.store.input(k)
        for k in range(len(taken[0])):
            if all(_holds(taken[p][k], v) for p, v in want.items()):
                return Elem(
                    self.store.input(k),
                    {p: taken[p][k].index(v) for p, v in want.items()},
                    self.root,
                )
        raise Unwired("a value that comes from nowhere")

    def before_turn(self, body: Body, loop: Repeat, want: Want) -> Operand:
        """Return what turns take: one thing for all, what the turn before gave, or an entry."""
        around = body.around
        assert around is not None
        outer: dict[int, list[Any]] = {}
        for q, v in want.items():
            outer.setdefault(body.up[q], []).append(v)
        inside = any(id(v) in loop.made for v in want.values())
        if not inside and all(v is vs[0] for vs in outer.values() for v in vs):
            return self.value(around, body.place, {p: vs[0] for p, vs in outer.items()})
        if inside and all(body.turn[q] == 0 or id(v) in loop.made for q, v in want.items()):
            return self.carry(body, loop, want)
        return self.entry(body, want)

    def carry(self, body: Body, loop: Repeat, want: Want) -> Carry:
        """Return what a loop carries, which is what runs through it wherever that fits."""
        around = body.around
        assert around is not None
        carries = self.store.region(loop).carries
        for carry in carries:
            if all(same(carry.want.get(q), v) for q, v in want.items()):
                return carry
        full = dict(want)
        if loop.chained:
            runs = {q: loop.runs[body.up[q]][body.turn[q]] for q in range(body.size)}
            kinds = {isinstance(v, Value) for v in runs.values()}
            if len(kinds) == 1 and all(same(runs[q], v) for q, v in want.items()):
                full = runs
        carry = Carry(loop, body, full)
        carries.append(carry)
        rows = rows_of(body)
        first = {body.up[q]: v for q, v in full.items() if body.turn[q] == 0}
        carry.init = self.value(around, body.place, first) if first else None
        later = {rows[body.up[q], body.turn[q] - 1]: v for q, v in full.items() if body.turn[q]}
        carry.next = self.value(body, len(body.items), later) if later else None
        return carry

    def entry(self, body: Body, want: Want) -> Operand:
        """Return the entry of a list, made before the loops around, that each row takes."""
        rows, at = {q: q for q in want}, body
        while at.around is not None:
            k, rows, at = at.place, {q: at.up[r] for q, r in rows.items()}, at.around
            for j in reversed(range(k)):
                lists = lists_of(at.items[j])
                for of in lists:
                    if all(_holds(of(rows[q]), v) for q, v in want.items()):
                        whole = {r: of(r) for r in set(rows.values())}
                        source = self.lists.values(at, j + 1, whole)
                        return Elem(
                            source, {q: of(rows[q]).index(v) for q, v in want.items()}, body
                        )
        for k in range(len(self.taken[0])):
            if all(_holds(self.taken[rows[q]][k], v) for q, v in want.items()):
                index = {q: self.taken[rows[q]][k].index(v) for q, v in want.items()}
                return Elem(self.store.input(k), index, body)
        raise Unwired("turns take values that are in no list")


def _inside(operand: Operand, body: Body) -> bool:
    return isinstance(operand, Def) and operand.body is body


def _holds(values: Any, value: Any) -> bool:
    return isinstance(values, list | tuple) and any(v is value for v in values)
