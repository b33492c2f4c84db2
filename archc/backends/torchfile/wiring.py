"""Where each value comes from, by identity: static single assignment on demand.

A demand says for some rows of a body which value is needed there. `Wiring.value` goes back
through the items before: what an application gave is a `Def`, what a choice gave in some rows a
`Phi`, what a loop carries a `Carry`, what is left of it afterwards an `Out`, the list of what its
turns gave a `Collect`. `Elem` takes from a list, `Pack` makes one. Nothing here reads names or
text, so a demand can fail, but what it returns is what the graph has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.backends.torchfile.merge import Apply, Body, Choice, Group, Item, Repeat
from archc.backends.torchfile.straight import nodes
from archc.graph import Module, Value, flat

Want = dict[int, Any]
"""The value, or the list of values, that is needed in some rows of a body."""


class Unwired(Exception):
    """No operand gives what is needed in all rows."""


@dataclass(eq=False)
class Operand:
    """What gives a value in all rows of a demand."""


@dataclass(eq=False)
class Input(Operand):
    """An input of the block, by its place among the names of its inputs."""

    index: int


@dataclass(eq=False)
class Def(Operand):
    """What an application, or the module of a whole group, gives; `listed` where it is several."""

    item: Item
    body: Body
    listed: bool = False


@dataclass(eq=False)
class Phi(Operand):
    """One value or another, by the side of a choice."""

    choice: Choice
    body: Body
    yes: Operand | None
    no: Operand | None
    want: Want


@dataclass(eq=False)
class Carry(Operand):
    """What runs from one turn of a loop to the next; `body` is that of the loop."""

    loop: Repeat
    body: Body
    want: Want
    init: Operand | None = None
    next: Operand | None = None


@dataclass(eq=False)
class Out(Operand):
    """What a value of a loop's body is after the loop, `init` where it had no turn."""

    loop: Repeat
    body: Body
    last: Operand
    init: Operand | None


@dataclass(eq=False)
class Collect(Operand):
    """The list of what the turns of a loop gave."""

    loop: Repeat
    body: Body
    each: Operand


@dataclass(eq=False)
class Elem(Operand):
    """An entry of a list, by an index for each row of `body`."""

    of: Operand
    index: Want
    body: Body


@dataclass(eq=False)
class Pack(Operand):
    """A list of values, and of those in other lists."""

    parts: list[tuple[Operand, bool]]


def same(a: Any, b: Any) -> bool:
    """Whether two values, or two lists of values, are the same ones."""
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a is b


@dataclass(eq=False)
class Regions:
    """What loops and choices of a body have come to carry, by item."""

    phis: list[Phi] = field(default_factory=list)
    carries: list[Carry] = field(default_factory=list)
    outs: list[Out] = field(default_factory=list)
    collects: list[Collect] = field(default_factory=list)


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
        self.inputs: dict[int, Input] = {}
        self.defs: dict[tuple[int, bool], Def] = {}
        self.regions: dict[int, Regions] = {}
        self.turns: dict[tuple[int, int], set[int]] = {}

    def region(self, item: Item) -> Regions:
        """Return what an item carries."""
        return self.regions.setdefault(id(item), Regions())

    def input(self, k: int) -> Input:
        """Return the operand of an input of the block."""
        return self.inputs.setdefault(k, Input(k))

    def define(self, item: Item, body: Body, *, listed: bool = False) -> Def:
        """Return the operand of what an application gives."""
        key = (id(item), listed)
        return self.defs.setdefault(key, Def(item, body, listed))

    # Values

    def value(self, body: Body, k: int, want: Want) -> Operand:
        """Return the operand that gives these values before item k of a body."""
        lists = {not isinstance(v, Value) for v in want.values()}
        if len(lists) != 1 or not all(isinstance(v, Value | list | dict) for v in want.values()):
            raise Unwired("a value in some rows, a list or nothing in others")
        if lists.pop():
            return self.values(body, k, want)
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
                return self.define(item, body)
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
            return self.define(item, body)
        if all(want[p] in g for p, g in given.items()):
            index = {p: g.index(want[p]) for p, g in given.items()}
            return Elem(self.define(item, body, listed=True), index, body)
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
        return self.phi(item, body, yes, no, want)

    def phi(self, item: Choice, body: Body, yes: Operand, no: Operand, want: Want) -> Phi:
        phis = self.region(item).phis
        for phi in phis:
            if phi.yes is yes and phi.no is no:
                phi.want.update(want)
                return phi
        phis.append(Phi(item, body, yes, no, dict(want)))
        return phis[-1]

    def repeated(self, item: Repeat, body: Body, j: int, want: Want) -> Operand:
        """Return what a loop leaves: its last turn's value, or an entry of its list."""
        if item.written_out:
            for part in reversed(item.written_out):
                if any(id(v) in i.made for i in part.items for v in want.values()):
                    return self.value(part, len(part.items), want)
        inner = item.turns
        rows = _rows(inner)
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
            if (last := self.attempt(lambda: self.value(inner, len(inner.items), ends))) is not None:
                if isinstance(last, Elem) and _inside(last.of, inner):
                    index = {inner.up[q]: k for q, k in last.index.items() if q in ends}
                    return Elem(self.after(item, last.of, None), index, body)
                if not isinstance(last, Elem):
                    none = {p: v for p, v in want.items() if not turns[p]}
                    return self.after(item, last, self.value(body, j, none) if none else None)
        if all(_holds(item.results[p], v) for p, v in want.items()):
            of = self.collect(item, body, {p: item.results[p] for p in want})
            return Elem(of, {p: item.results[p].index(v) for p, v in want.items()}, body)
        raise Unwired("a value of a loop that is neither its last nor in its list")

    def in_last_turn(self, item: Repeat, row: int, value: Any) -> bool:
        """Whether a value is made in a turn of a loop, by its row."""
        key = (id(item), row)
        if key not in self.turns:
            self.turns[key] = {id(v) for n in nodes(item.turns, row) for v in n.outputs}
        return id(value) in self.turns[key]

    def attempt(self, wire: Callable[[], Operand]) -> Operand | None:
        """Return an operand, None where there is none."""
        try:
            return wire()
        except Unwired:
            return None

    def after(self, item: Repeat, last: Operand, init: Operand | None) -> Out:
        outs = self.region(item).outs
        for out in outs:
            if out.last is last and out.init is init:
                return out
        outs.append(Out(item, item.turns, last, init))
        return outs[-1]

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
                operand = self.attempt(lambda: self.value(around, body.place, whole))
                if operand is not None:
                    return operand
        return self.value(around, body.place, {body.up[q]: v for q, v in want.items()})

    def taken_in(self, want: Want) -> Operand:
        """Return the input that gives values, or the entry of one that is a list."""
        taken = self.taken
        for k in range(len(taken[0])):
            if all(taken[p][k] is v for p, v in want.items()):
                return self.input(k)
        for k in range(len(taken[0])):
            if all(_holds(taken[p][k], v) for p, v in want.items()):
                return Elem(
                    self.input(k), {p: taken[p][k].index(v) for p, v in want.items()}, self.root
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
        carries = self.region(loop).carries
        for carry in carries:
            if all(same(carry.want.get(q), v) for q, v in want.items()):
                return carry
        full = dict(want)
        if loop.chained:
            runs = {q: loop.runs[body.up[q]][body.turn[q]] for q in range(body.size)}
            full = runs if all(same(runs[q], v) for q, v in want.items()) else full
        carry = Carry(loop, body, full)
        carries.append(carry)
        rows = _rows(body)
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
                lists = _lists(at.items[j])
                for of in lists:
                    if all(_holds(of(rows[q]), v) for q, v in want.items()):
                        whole = {r: of(r) for r in set(rows.values())}
                        source = self.values(at, j + 1, whole)
                        return Elem(source, {q: of(rows[q]).index(v) for q, v in want.items()}, body)
        for k in range(len(self.taken[0])):
            if all(_holds(self.taken[rows[q]][k], v) for q, v in want.items()):
                index = {q: self.taken[rows[q]][k].index(v) for q, v in want.items()}
                return Elem(self.input(k), index, body)
        raise Unwired("turns take values that are in no list")

    # Lists

    def collect(self, item: Repeat, body: Body, want: Want) -> Operand:
        """Return the list of what the turns of a loop gave."""
        inner = item.turns
        if item.written_out:
            whole = [
                self.value(part, len(part.items), {p: want[p][k] for p in want})
                for k, part in enumerate(item.written_out)
            ]
            return Pack([(o, False) for o in whole])
        each, count = {}, dict.fromkeys(want, 0)
        for q, p in enumerate(inner.up):
            if p in want:
                if count[p] >= len(want[p]):
                    raise Unwired("a loop some of whose turns give nothing")
                each[q] = want[p][count[p]]
                count[p] += 1
        if any(count[p] != len(v) for p, v in want.items()):
            raise Unwired("a list that has more than the turns of a loop")
        if not each:
            return Pack([])
        operand = self.value(inner, len(inner.items), each)
        collects = self.region(item).collects
        for collect in collects:
            if collect.each is operand:
                return collect
        collects.append(Collect(item, inner, operand))
        return collects[-1]

    def values(self, body: Body, k: int, want: Want) -> Operand:
        """Return the operand that gives these lists before item k of a body."""
        want = {p: list(v.values()) if isinstance(v, dict) else list(v) for p, v in want.items()}
        for j in reversed(range(k)):
            if (operand := self.listed(body, j, want)) is not None:
                return operand
        owner, around = body.owner, body.around
        if around is None:
            for i in range(len(self.taken[0])):
                if all(
                    isinstance(self.taken[p][i], list) and same(self.taken[p][i], v)
                    for p, v in want.items()
                ):
                    return self.input(i)
        elif isinstance(owner, Repeat) and not owner.written_out:
            outer: dict[int, list[Any]] = {}
            for q, v in want.items():
                outer.setdefault(body.up[q], []).append(v)
            inside = any(id(x) in owner.made for v in want.values() for x in flat(v))
            if not inside and all(same(v, vs[0]) for vs in outer.values() for v in vs):
                return self.values(around, body.place, {p: vs[0] for p, vs in outer.items()})
            if (
                inside
                and owner.chained
                and all(same(owner.runs[body.up[q]][body.turn[q]], v) for q, v in want.items())
            ):
                return self.carry(body, owner, want)
        else:
            parts = owner.written_out if isinstance(owner, Repeat) else []
            for part in reversed(parts[: parts.index(body)] if parts else []):
                if any(id(x) in i.made for i in part.items for v in want.values() for x in flat(v)):
                    return self.values(part, len(part.items), want)
            return self.values(around, body.place, {body.up[q]: v for q, v in want.items()})
        return self.pack(body, k, want)

    def listed(self, body: Body, j: int, want: Want) -> Operand | None:
        """Return the operand where item j makes the lists of a demand."""
        item = body.items[j]
        if id(item) in self.straight:
            return None
        match item:
            case Repeat() if item.written_out:
                part = item.written_out[-1]
                if all(same(v, item.results[p]) for p, v in want.items()):
                    return self.collect(item, body, want)
                if any(id(x) in i.made for i in part.items for v in want.values() for x in flat(v)):
                    return self.attempt(lambda: self.values(part, len(part.items), want))
            case Repeat():
                if all(same(v, item.results[p]) for p, v in want.items()):
                    return self.attempt(lambda: self.collect(item, body, want))
                if item.chained and all(
                    item.results[p] and same(item.results[p][-1], v) for p, v in want.items()
                ):
                    inner, rows = item.turns, _rows(item.turns)
                    turns = {p: sum(u == p for u in inner.up) for p in want}
                    ends = {rows[p, turns[p] - 1]: v for p, v in want.items()}
                    return self.after(item, self.values(inner, len(inner.items), ends), None)
            case Apply() if item.listed:
                if all(same(v, item.nodes[p].outputs) for p, v in want.items()):
                    return self.define(item, body, listed=True)
            case Group():
                if any(id(x) in item.made for v in want.values() for x in flat(v)):
                    inner = item.body
                    for i in reversed(range(len(inner.items))):
                        if (operand := self.listed(inner, i, want)) is not None:
                            return operand
            case Choice():
                if all(any(id(x) in item.made for x in flat(v)) for v in want.values()):
                    return self.listed_choice(item, body, want)
        return None

    def listed_choice(self, item: Choice, body: Body, want: Want) -> Operand | None:
        """Return the lists that a choice makes, on either side or on one."""
        sides: list[Operand | None] = []
        for side in (item.yes, item.no):
            part = {q: want[p] for q, p in enumerate(side.up) if p in want}
            sides.append(
                self.attempt(lambda s=side, w=part: self.values(s, len(s.items), w)) if part else None  # type: ignore[misc]
            )
        yes, no = sides
        if len([s for s in sides if s is not None]) == 2:
            assert yes is not None
            assert no is not None
            if isinstance(yes, Pack) or isinstance(no, Pack):
                return None
            return self.phi(item, body, yes, no, want)
        taken = {t for p, t in enumerate(item.taken) if p in want}
        return (yes or no) if len(taken) == 1 else None

    def pack(self, body: Body, k: int, want: Want) -> Operand:
        """Return lists made of values, and of whole lists that one application gave."""
        lengths = {len(v) for v in want.values()}
        if len(lengths) != 1:
            raise Unwired("lists of other lengths that no loop collects")
        parts: list[tuple[Operand, bool]] = []
        at, length = 0, lengths.pop()
        while at < length:
            nodes = {p: v[at].node if isinstance(v[at], Value) else None for p, v in want.items()}
            sizes = {len(n.outputs) if n is not None else 1 for n in nodes.values()}
            size = sizes.pop() if len(sizes) == 1 else 1
            run = {p: v[at : at + size] for p, v in want.items()}
            if 1 < size < length and all(n is not None and same(run[p], n.outputs) for p, n in nodes.items()):
                parts.append((self.values(body, k, run), True))
                at += size
            else:
                parts.append((self.value(body, k, {p: v[at] for p, v in want.items()}), False))
                at += 1
        return Pack(parts)


def _rows(body: Body) -> dict[tuple[int, int], int]:
    """Return the rows of a loop's body by the row around and the turn."""
    return {(p, t): q for q, (p, t) in enumerate(zip(body.up, body.turn, strict=True))}


def _inside(operand: Operand, body: Body) -> bool:
    return isinstance(operand, Def) and operand.body is body


def _holds(values: Any, value: Any) -> bool:
    return isinstance(values, list | tuple) and any(v is value for v in values)


def _lists(item: Item) -> list[Callable[[int], Any]]:
    """Return the lists that an item makes, each by row."""
    match item:
        case Repeat():
            lists: list[Callable[[int], Any]] = [lambda r: item.results[r]]
            if item.chained:
                lists.append(lambda r: item.results[r][-1] if item.results[r] else None)
            return lists
        case Apply():
            return [lambda r: item.nodes[r].outputs]
        case Group():
            return [of for inner in item.body.items for of in _lists(inner)]
    return []


__all__ = [
    "Carry", "Collect", "Def", "Elem", "Input", "Operand", "Out", "Pack", "Phi", "Unwired", "Want",
    "Wiring", "same",
]  # fmt: skip
