"""Where each list of values comes from: the half of `Wiring` that is about lists.

A list is an input, what an application gave, what a loop collects, or a `Pack` of single values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from archc.backends.torchfile.merge import Apply, Body, Choice, Group, Item, Repeat, use_of
from archc.backends.torchfile.operands import Operand, Pack, Store, Unwired, Want, same
from archc.graph import Value, flat
from archc.lower.marks import NOTHING


class One(Protocol):
    """What finds the operand of a single value, or of what a loop carries."""

    def value(self, body: Body, k: int, want: Want) -> Operand:
        """Return the operand that gives these values before item k of a body."""

    def carry(self, body: Body, loop: Repeat, want: Want) -> Operand:
        """Return what a loop carries."""


class Lists:
    """The operands of a merged body that are lists."""

    def __init__(
        self,
        one: One,
        store: Store,
        taken: Sequence[Sequence[Any]],
        straight: Mapping[int, Sequence[tuple[Any, Any]]],
    ) -> None:
        self.one, self.store, self.taken, self.straight = one, store, taken, straight

    def collect(self, item: Repeat, want: Want) -> Operand:
        """Return the list of what the turns of a loop gave."""
        inner = item.turns
        if item.written_out:
            whole = [
                self.one.value(part, len(part.items), {p: want[p][k] for p in want})
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
        operand = self.one.value(inner, len(inner.items), each)
        return self.store.collected(item, operand)

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
                    return self.store.input(i)
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
                return self.one.carry(body, owner, want)
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
                    return self.collect(item, want)
                if any(id(x) in i.made for i in part.items for v in want.values() for x in flat(v)):
                    return attempt(lambda: self.values(part, len(part.items), want))
            case Repeat():
                if all(same(v, item.results[p]) for p, v in want.items()):
                    return attempt(lambda: self.collect(item, want))
                if item.chained and all(
                    item.results[p] and same(item.results[p][-1], v) for p, v in want.items()
                ):
                    inner, rows = item.turns, rows_of(item.turns)
                    turns = {p: sum(u == p for u in inner.up) for p in want}
                    ends = {rows[p, turns[p] - 1]: v for p, v in want.items()}
                    return self.store.after(item, self.values(inner, len(inner.items), ends), None)
            case Apply() if item.listed:
                if all(same(v, item.nodes[p].outputs) for p, v in want.items()):
                    return self.store.define(item, body, listed=True)
            case Group():
                if any(id(x) in item.made for v in want.values() for x in flat(v)):
                    inner = item.body
                    for i in reversed(range(len(inner.items))):
                        if (operand := self.listed(inner, i, want)) is not None:
                            return operand
            case Choice() if all(same(_listed(item.results[p]), v) for p, v in want.items()):
                return self.listed_choice(item, body, want)
            case Choice():
                if all(any(id(x) in item.made for x in flat(v)) for v in want.values()):
                    return self.listed_choice(item, body, want)
        return None

    def listed_choice(self, item: Choice, body: Body, want: Want) -> Operand | None:
        """Return the lists that a choice makes, on either side or on one."""
        yes, no = (
            attempt(partial(self.values, side, len(side.items), part)) if part else None
            for side, part in ((s, _of_side(s, want)) for s in (item.yes, item.no))
        )
        if yes is not None and no is not None:
            return self.store.phi(item, body, yes, no, want)
        taken = {t for p, t in enumerate(item.taken) if p in want}
        return (yes or no) if len(taken) == 1 else None

    def pack(self, body: Body, k: int, want: Want) -> Operand:
        """Return lists made of values, and of whole lists."""
        parts: list[tuple[Operand, bool]] = []
        left = {p: list(v) for p, v in want.items()}
        alike = len({len(v) for v in left.values()}) == 1
        while any(left.values()):
            whole = self.made_whole if alike else self.whole
            if (run := whole(body, k, left, first=not parts)) is not None:
                operand, lengths = run
                parts.append((operand, True))
            elif all(left.values()):
                parts.append((self.one.value(body, k, {p: v[0] for p, v in left.items()}), False))
                lengths = dict.fromkeys(left, 1)
            else:
                raise Unwired("lists of other lengths that no loop collects")
            left = {p: v[lengths[p] :] for p, v in left.items()}
        return Pack(parts)

    def made_whole(self, body: Body, k: int, left: Want, *, first: bool) -> Run | None:
        """Return what one application gave, where that comes next in all rows."""
        nodes = {p: v[0].node if isinstance(v[0], Value) else None for p, v in left.items()}
        sizes = {len(n.outputs) if n is not None else 1 for n in nodes.values()}
        size = sizes.pop() if len(sizes) == 1 else 1
        run = {p: v[:size] for p, v in left.items()}
        rest = not first or any(len(v) > size for v in left.values())
        if size < 2 or not rest or not all(n and same(run[p], n.outputs) for p, n in nodes.items()):
            return None
        return self.values(body, k, run), dict.fromkeys(left, size)

    def whole(self, body: Body, k: int, left: Want, *, first: bool) -> Run | None:
        """Return the list that comes next in all rows, which may be longer in some."""
        fitting = [
            (given, wire)
            for given, wire in self.candidates(body, k, left)
            if begins(left, given, first=first)
        ]
        fitting.sort(key=lambda found: -sum(map(len, found[0].values())))
        for given, wire in fitting:
            if (operand := attempt(wire)) is not None:
                return operand, {p: len(g) for p, g in given.items()}
        return None

    def candidates(self, body: Body, k: int, left: Want) -> Iterator[tuple[Want, Wire]]:
        """Yield the lists that there are before item k of a body, for each row."""
        uses = {p: use_of(body, p) for p in left}
        for i in range(len(self.taken[0])):
            yield {p: self.taken[uses[p]][i] for p in left}, partial(self.store.input, i)
        rows, at, before = {p: p for p in left}, body, k
        while True:
            for j in reversed(range(before)):
                for of in lists_of(at.items[j]):
                    given = {p: _listed(of(rows[p])) for p in left}
                    lists = {rows[p]: g for p, g in given.items()}
                    yield given, partial(self.values, at, j + 1, lists)
            if at.around is None:
                return
            rows, before, at = {p: at.up[r] for p, r in rows.items()}, at.place, at.around


Wire = Callable[[], Operand]
Run = tuple[Operand, dict[int, int]]
"""A list that is part of another, and how long it is in each row."""


def begins(left: Want, given: Mapping[int, Any], *, first: bool) -> bool:
    """Whether lists begin with others, of which some are not empty; `first` may not be all."""
    lists = all(isinstance(g, list | tuple) for g in given.values())
    if not lists or not any(given.values()):
        return False
    if first and all(len(given[p]) == len(v) for p, v in left.items()):
        return False
    return all(same(v[: len(given[p])], given[p]) for p, v in left.items())


def attempt(wire: Callable[[], Operand]) -> Operand | None:
    """Return an operand, None where there is none."""
    try:
        return wire()
    except Unwired:
        return None


def rows_of(body: Body) -> dict[tuple[int, int], int]:
    """Return the rows of a loop's body by the row around and the turn."""
    return {(p, t): q for q, (p, t) in enumerate(zip(body.up, body.turn, strict=True))}


def lists_of(item: Item) -> list[Callable[[int], Any]]:
    """Return the lists that an item makes, each by row."""
    match item:
        case Repeat():
            lists: list[Callable[[int], Any]] = [lambda r: item.results[r]]
            if item.chained:
                lists.append(lambda r: item.results[r][-1] if item.results[r] else None)
            return lists
        case Apply():
            return [lambda r: item.nodes[r].outputs]
        case Choice():
            return [lambda r: item.results[r]]
        case Group():
            return [of for inner in item.body.items for of in lists_of(inner)]
    return []


def _listed(result: Any) -> Any:
    """Return a list that a choice gives; that of nothing is empty."""
    return [] if result is NOTHING else result


def _of_side(side: Body, want: Want) -> Want:
    """Return what is needed of one side of a choice."""
    return {q: want[p] for q, p in enumerate(side.up) if p in want}
