"""The trees of all uses of a block made one: what is the same is said once, what differs is a row.

A merged `Body` is a table. Its items stand in the order of the text; each has one entry for each
row, and a row is one use in one turn of the loops around. The body of a loop or of one side of a
choice says which row of the body around it each of its own rows is, so that nothing is looked up
by a name. Turns are merged by the function that merges uses.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from archc import tree
from archc.graph import Module, Node, Value, flat
from archc.language.scalars import Key, Loop
from archc.lower.marks import NOTHING
from archc.lower.scope import Scope
from archc.tree import Reading, Segment


class Parted(Exception):
    """Uses that can't share a class; `labels` are equal for those that can."""

    def __init__(self, labels: Sequence[Hashable], why: str) -> None:
        super().__init__(why)
        self.labels = labels


class Unrollable(Exception):
    """Turns that can't share the body of a loop, so that it is written out."""

    def __init__(self, loop: int, why: str) -> None:
        super().__init__(why)
        self.loop = loop


@dataclass(eq=False)
class Item:
    """A step in all rows; `made` are the values that it makes, by identity."""

    each: list[tuple[Segment, ...]]
    paths: list[str]
    key: Key | None
    rows: list[Reading]
    made: set[int] = field(default_factory=set, init=False)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What the step adds to the path around it, as the first row has it."""
        return self.each[0]


@dataclass(eq=False)
class Apply(Item):
    """An op or block, applied."""

    at: ast.expr
    main: bool
    nodes: list[Node]
    given: list[Sequence[Any]]
    listed: bool


@dataclass(eq=False)
class Choice(Item):
    """An `if`, with the rows that take either side."""

    test: ast.expr
    presence: bool
    taken: list[bool]
    starts: list[Any]
    results: list[Any]
    yes: Body
    no: Body


@dataclass(eq=False)
class Repeat(Item):
    """A loop: the body of all its turns, or, written out, one body for each turn."""

    loop: Loop
    chained: bool
    row: bool
    starts: list[Any]
    results: list[list[Any]]
    runs: list[list[Any]]
    turns: Body
    written_out: list[Body]


@dataclass(eq=False)
class Group(Item):
    """Steps inside a step."""

    listed: bool
    starts: list[Any]
    body: Body
    splices: list[tree.Splice]


@dataclass(eq=False)
class Body:
    """A table of items; `up[p]` is row p's row in the body around, `turn[p]` its turn."""

    items: list[Item]
    scopes: list[Scope]
    up: list[int]
    turn: list[int] = field(default_factory=list)
    around: Body | None = None
    owner: Item | None = None
    place: int = 0

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.up)


def bodies(item: Item) -> list[Body]:
    """Return the bodies inside an item."""
    match item:
        case Choice():
            return [item.yes, item.no]
        case Repeat():
            return item.written_out or [item.turns]
        case Group():
            return [item.body]
    return []


def items(body: Body) -> Iterator[tuple[Item, Body, int]]:
    """Yield every item of a body, of the bodies inside too, with where it stands."""
    for k, item in enumerate(body.items):
        yield item, body, k
        for inner in bodies(item):
            yield from items(inner)


def applications(body: Body) -> Iterator[tuple[Apply, Body, int]]:
    """Yield every application, with where it stands."""
    for item, around, k in items(body):
        if isinstance(item, Apply):
            yield item, around, k


def merged(modules: Sequence[Module], written_out: Collection[int] = ()) -> Body:
    """Return the trees of uses of a block as one; loops of `written_out` are written out.

    Raises Parted where two trees have another form, Unrollable where two turns have.
    """
    merge = Merge(modules, written_out)
    body = merge.body([m.tree for m in modules], range(len(modules)))
    _adopt(body)
    return body


def _adopt(body: Body) -> None:
    for k, item in enumerate(body.items):
        for inner in bodies(item):
            inner.around, inner.owner, inner.place = body, item, k
            _adopt(inner)
            item.made |= {v for i in inner.items for v in i.made}
        if isinstance(item, Apply):
            item.made = {id(v) for n in item.nodes for v in n.outputs}


class Merge:
    """One merge of the trees of some uses; rows are led back to the uses that they are of."""

    def __init__(self, modules: Sequence[Module], written_out: Collection[int]) -> None:
        self.modules, self.written_out = modules, written_out
        self.alive = {id(n) for m in modules for n in m.nodes}
        self.uses = list(range(len(modules)))
        self.scopes: list[Scope] = [m.scope for m in modules]
        self.loops: list[int] = []

    def body(
        self,
        trees: Sequence[Sequence[tree.Item]],
        up: Sequence[int],
        turn: Sequence[int] = (),
    ) -> Body:
        """Zip the items of rows."""
        kept = [[i for i in t if self.has_work(i)] for t in trees]
        self.expect_alike([tuple((type(i), self.place(i)) for i in t) for t in kept], "other steps")
        columns = zip(*kept, strict=True) if kept else ()
        scopes = self.scopes
        out = [i for column in columns for i in self.item(list(column))]
        return Body(out, list(scopes), list(up), list(turn))

    def has_work(self, item: tree.Item) -> bool:
        """Whether an item is part of the network: dead work was left out of it."""
        return not isinstance(item, tree.Apply) or id(item.node) in self.alive

    def place(self, item: tree.Item) -> Hashable:
        match item:
            case tree.Apply():
                return (id(item.at), item.main, item.node.again, len(item.segments))
            case tree.Choice():
                return (id(item.test), item.presence)
            case tree.Splice():
                return (id(item.node.module and item.node.module.block), len(item.segments))
            case tree.Repeat():
                return (id(item.loop), len(item.segments))
        return len(item.segments)

    def expect_alike(self, labels: Sequence[Hashable], why: str) -> None:
        """Part the uses whose rows differ; rows of one use that differ are turns of a loop."""
        if len(set(labels)) <= 1:
            return
        by_use: dict[int, list[Hashable]] = {}
        for use, label in zip(self.uses, labels, strict=True):
            by_use.setdefault(use, []).append(label)
        if self.loops and any(len(set(found)) > 1 for found in by_use.values()):
            raise Unrollable(self.loops[-1], why)
        raise Parted([tuple(by_use.get(u, ())) for u in range(len(self.modules))], why)

    def inside(
        self,
        trees: Sequence[Sequence[tree.Item]],
        up: Sequence[int],
        turn: Sequence[int] = (),
        *,
        scopes: Sequence[Scope] | None = None,
        loop: int | None = None,
    ) -> Body:
        """Merge the bodies of some rows; names mean there what they mean around, or `scopes`."""
        outer = self.uses, self.scopes
        self.uses = [self.uses[p] for p in up]
        self.scopes = [self.scopes[p] for p in up] if scopes is None else list(scopes)
        if loop is not None:
            self.loops.append(loop)
        try:
            return self.body(trees, up, turn)
        finally:
            self.uses, self.scopes = outer
            if loop is not None:
                self.loops.pop()

    def item(self, rows: list[Any]) -> list[Item]:
        """Make one item of those of all rows."""
        match rows[0]:
            case tree.Apply():
                made = self.apply(rows)
                return [self.decided(made) or made]
            case tree.Choice():
                return self.choice(rows)
            case tree.Repeat():
                return [self.repeat(rows)]
            case tree.Group() as first:
                splices = [i for i in rows if isinstance(i, tree.Splice)]
                scopes = [i.scope for i in splices] or None
                body = self.inside([i.items for i in rows], range(len(rows)), scopes=scopes)
                paths, starts = [i.path for i in rows], [i.start for i in rows]
                head = (_segments(rows), paths, first.key)
                return [Group(*head, [], first.listed, starts, body, splices)]
        raise AssertionError(rows[0])

    def apply(self, rows: list[tree.Apply]) -> Apply:
        """Merge applications."""
        first = rows[0]
        self.expect_alike([_kind(i) for i in rows], "another op or block")
        if not first.main and not first.node.again and first.node.held:
            # its module was an earlier step's, which is no part of the network any more
            rows = [
                replace(i, main=True, segments=tuple(i.node.path.split(".")), path=i.node.path)
                for i in rows
            ]
            first = rows[0]
        return Apply(
            _segments(rows),
            [i.path for i in rows],
            first.key,
            [i.reading for i in rows],
            first.at,
            first.main,
            [i.node for i in rows],
            [i.given for i in rows],
            first.listed,
        )

    def decided(self, item: Apply) -> Choice | None:
        """Return a choice where an argument that decides how an op is spelled differs."""
        op = item.nodes[0].op
        for name in op.decisive if op is not None else ():
            values = [getattr(n.op, name) for n in item.nodes]
            texts = [dict(n.callee.origins).get(name) for n in item.nodes]
            trees = {id(w.tree) if w is not None else None for w in texts}
            if len({*values}) < 2 or not all(isinstance(v, bool) for v in values):
                continue
            first = texts[0]
            if len(trees) > 1 or first is None or first.tree is None:
                continue
            rows = [
                Reading(w.text, w.scope, {**w.values, id(w.tree): v})
                for w, v in zip(texts, values, strict=True)
                if w is not None
            ]
            sides = []
            for side in (True, False):
                up = [p for p, v in enumerate(values) if v is side]
                part = Apply(
                    [item.each[p] for p in up], [item.paths[p] for p in up], item.key,
                    [item.rows[p] for p in up], item.at, item.main, [item.nodes[p] for p in up],
                    [item.given[p] for p in up], item.listed,
                )  # fmt: skip
                sides.append(Body([part], [self.scopes[p] for p in up], up))
            starts = [n.inputs[0] if n.inputs else None for n in item.nodes]
            none: list[tuple[Segment, ...]] = [() for _ in values]
            head = (none, [""] * len(values), None, rows)
            return Choice(*head, first.tree, False, values, starts, [None] * len(values), *sides)
        return None

    def choice(self, rows: list[tree.Choice]) -> list[Item]:
        """Merge choices: each side has the rows that take it."""
        first = rows[0]
        sides = []
        for side in (True, False):
            up = [p for p, i in enumerate(rows) if i.taken is side]
            taken = [rows[p] for p in up]
            sides.append(self.inside([i.items for i in taken], up))
        head = (_segments(rows), [""] * len(rows), None, [i.reading for i in rows])
        taken_by = [i.taken for i in rows]
        starts = [i.start for i in rows]
        results = [i.result for i in rows]
        kinds = {list if r is NOTHING else type(r) for r in results}
        selects = len({*taken_by}) > 1 and kinds in ({Value}, {list})
        if not any(side.items for side in sides) and not selects:
            return []
        return [Choice(*head, first.test, first.presence, taken_by, starts, results, *sides)]

    def repeat(self, rows: list[tree.Repeat]) -> Repeat:
        """Merge loops: the turns of all rows are the rows of one body."""
        first = rows[0]
        head = (_segments(rows), [i.path for i in rows], first.key, [i.reading for i in rows])
        results = [[t.result for t in i.turns if _is_value(t.result)] for i in rows]
        runs = [[t.start for t in i.turns] for i in rows]
        loop = id(first.loop)
        turns, parts = Body([], [], []), []
        if loop in self.written_out:
            self.expect_alike([len(i.turns) for i in rows], "other numbers of turns")
            for k in range(len(first.turns)):
                ours = [i.turns[k] for i in rows]
                scopes = [t.scope for t in ours]
                parts.append(self.inside([t.items for t in ours], range(len(rows)), scopes=scopes))
        else:
            flat_turns = [(p, k, t) for p, i in enumerate(rows) for k, t in enumerate(i.turns)]
            turns = self.inside(
                [t.items for _, _, t in flat_turns],
                [p for p, _, _ in flat_turns],
                [k for _, k, _ in flat_turns],
                scopes=[t.scope for _, _, t in flat_turns],
                loop=loop,
            )
        starts = [i.start for i in rows]
        row = first.row
        return Repeat(*head, first.loop, first.chained, row, starts, results, runs, turns, parts)


def _segments(rows: Sequence[tree.Item]) -> list[tuple[Segment, ...]]:
    return [i.segments for i in rows]


def _is_value(result: Any) -> bool:
    return isinstance(result, Value | list | dict)


def _kind(item: tree.Apply) -> Hashable:
    """Return what the applications of a class must have in common.

    An activation that is a param is what the param says.
    """
    op = item.node.op
    if op is None:
        return id(item.node.module and item.node.module.block)
    bare = isinstance(item.at, ast.Name) and item.at.id in item.reading.scope
    return "activation" if bare and op.activation and not item.node.tensors else type(op)


def values(given: Any) -> tuple[Value, ...]:
    """Return the values of what is given, lists laid flat."""
    return flat(list(given) if isinstance(given, tuple) else given)


def use_of(body: Body, row: int) -> int:
    """Return the use of a row."""
    while body.around is not None:
        row, body = body.up[row], body.around
    return row
