"""A forward method before it is text: a small program over operands, and which share a variable.

Every operand would have a variable of its own; `Variables` makes those one that never hold
values at the same time, moves first, so that what runs through a block stays in one variable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archc.backends.torchfile.exprs import part_uses
from archc.backends.torchfile.merge import Apply, Body, Choice, Group, Item, Repeat
from archc.backends.torchfile.wiring import (
    Carry,
    Collect,
    Def,
    Elem,
    Input,
    Operand,
    Out,
    Pack,
    Phi,
)

if TYPE_CHECKING:
    from archc.backends.torchfile.classes import Class


@dataclass(eq=False)
class Call:
    """An application, or a whole group that is one module."""

    item: Item
    body: Body
    k: int
    ins: list[Operand]
    out: Def


@dataclass(eq=False)
class Moves:
    """Operands that become others, all at once."""

    pairs: list[tuple[Operand, Operand]]


@dataclass(eq=False)
class If:
    """Statements by the side of a choice."""

    item: Choice
    body: Body
    yes: list[Statement]
    no: list[Statement]


@dataclass(eq=False)
class For:
    """Statements of each turn of a loop."""

    item: Repeat
    body: Body
    inner: list[Statement]


@dataclass(eq=False)
class Start:
    """A list that is empty."""

    to: Collect


@dataclass(eq=False)
class Append:
    """A list that gets an entry."""

    to: Collect
    value: Operand


@dataclass(eq=False)
class Return:
    """What the block gives."""

    outputs: list[tuple[str, bool, Operand]]


Statement = Call | Moves | If | For | Start | Append | Return


def bases(operand: Operand) -> list[Operand]:
    """Return the operands with variables that one is read from."""
    match operand:
        case Elem():
            return bases(operand.of)
        case Pack():
            return [b for part, _ in operand.parts for b in bases(part)]
    return [operand]


class Programmer:
    """Writes the program of a class."""

    def __init__(self, owner: Class) -> None:
        self.owner, self.wiring = owner, owner.wiring

    def program(self) -> list[Statement]:
        """Return the statements of a class, without what nothing reads."""
        statements = self.body(self.owner.body)
        statements = self.with_moves(statements)
        statements.append(Return(self.owner.results))
        return statements

    def body(self, body: Body) -> list[Statement]:
        """Return the calls of a body, in loops and choices."""
        return [s for k, item in enumerate(body.items) for s in self.item(item, body, k)]

    def item(self, item: Item, body: Body, k: int) -> list[Statement]:
        """Return the calls of an item."""
        if (ends := self.owner.straight.get(id(item))) is not None:
            source = {p: start for p, (start, _) in enumerate(ends)}
            operand = self.owner.wired(body, k, source, "what runs into a group")
            return [Call(item, body, k, [operand], self.wiring.define(item, body))]
        match item:
            case Apply():
                return [Call(item, body, k, self.inputs(item, body, k), self.result(item, body))]
            case Group():
                return self.body(item.body)
            case Choice():
                return [If(item, body, self.body(item.yes), self.body(item.no))]
            case Repeat() if item.written_out:
                return [s for part in item.written_out for s in self.body(part)]
            case Repeat():
                return [For(item, body, self.body(item.turns))]
        raise AssertionError(item)

    def result(self, item: Apply, body: Body) -> Def:
        """Return what an application gives."""
        return self.wiring.define(item, body, listed=item.listed)

    def inputs(self, item: Apply, body: Body, k: int) -> list[Operand]:
        """Return the operands of an application as the text gives them."""
        counts = {p: len(g) for p, g in enumerate(item.given)}
        if len({*counts.values()}) > 1:
            raise part_uses(body, counts, len(self.owner.modules), "other numbers of values")
        kinds = {p: tuple(type(v).__name__ for v in g) for p, g in enumerate(item.given)}
        if len({*kinds.values()}) > 1:
            raise part_uses(body, kinds, len(self.owner.modules), "other kinds of values")
        why = f"what {item.nodes[0].name} takes"
        return [
            self.owner.wired(body, k, {p: g[j] for p, g in enumerate(item.given)}, why)
            for j in range(counts[0])
        ]

    def with_moves(self, statements: list[Statement]) -> list[Statement]:
        """Put in what choices and loops carry, now that all demands are known."""
        out: list[Statement] = []
        for s in statements:
            if isinstance(s, If):
                yes, no = self.with_moves(s.yes), self.with_moves(s.no)
                phis = self.wiring.region(s.item).phis
                for side, taken in ((yes, True), (no, False)):
                    pairs = [
                        (p, value) for p in phis if (value := p.yes if taken else p.no) is not None
                    ]
                    side += [Moves(pairs)] if pairs else []
                out.append(If(s.item, s.body, yes, no))
            elif isinstance(s, For):
                out += self.loop(s)
            else:
                out.append(s)
        return out

    def carried(self, out: Out) -> Carry | None:
        """Return what a loop carries where that is what it leaves."""
        for carry in self.wiring.region(out.loop).carries:
            if carry.next is out.last and (out.init is None or out.init is carry.init):
                return carry
        return None

    def loop(self, s: For) -> list[Statement]:
        region = self.wiring.region(s.item)
        before: list[Statement] = []
        starts: list[tuple[Operand, Operand]] = [
            (c, c.init) for c in region.carries if c.init is not None
        ]
        starts += [
            (o, o.init) for o in region.outs if o.init is not None and self.carried(o) is None
        ]
        before += [Moves(starts)] if starts else []
        before += [Start(c) for c in region.collects]
        inner = self.with_moves(s.inner)
        inner += [Append(c, c.each) for c in region.collects]
        ends: list[tuple[Operand, Operand]] = [
            (o, o.last) for o in region.outs if self.carried(o) is None
        ]
        ends += [(c, c.next) for c in region.carries if c.next is not None]
        inner += [Moves(ends)] if ends else []
        return [*before, For(s.item, s.body, inner)]


def walk(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Yield every statement, those of loops and choices too."""
    for s in statements:
        yield s
        if isinstance(s, If):
            yield from walk(s.yes)
            yield from walk(s.no)
        elif isinstance(s, For):
            yield from walk(s.inner)


def reads(s: Statement) -> list[Operand]:
    """Return the operands with variables that a statement itself reads."""
    match s:
        case Call():
            return [b for o in s.ins for b in bases(o)]
        case Moves():
            return [b for _, o in s.pairs for b in bases(o)]
        case Append():
            return [s.to, *bases(s.value)]
        case Return():
            return [b for _, _, o in s.outputs for b in bases(o)]
    return []


def writes(s: Statement) -> list[Operand]:
    """Return the operands that a statement itself sets."""
    match s:
        case Call():
            return [s.out]
        case Moves():
            return [to for to, _ in s.pairs]
        case Start() | Append():
            return [s.to]
    return []


class Variables:
    """Which operands share a variable."""

    def __init__(self, programmer: Programmer) -> None:
        self.programmer = programmer
        self.program = self.alive(programmer.program())
        self.numbers: dict[int, int] = {}
        self.operands: list[Operand] = []
        for s in walk(self.program):
            for operand in [*reads(s), *writes(s)]:
                self.number(operand)
        count = len(self.operands)
        self.apart = [0] * count
        self.live(self.program, 0)
        self.group = list(range(count))
        self.members = [1 << k for k in range(count)]
        self.coalesce()
        self.uses: Counter[int] = Counter(id(o) for s in walk(self.program) for o in reads(s))

    def alive(self, program: list[Statement]) -> list[Statement]:
        """Leave out moves and lists that nothing reads."""
        while True:
            needed = set()
            for s in walk(program):
                read = bases(s.value) if isinstance(s, Append) else reads(s)
                needed |= {id(self.one(o)) for o in read}
            kept = self.kept(program, needed)
            if sum(_size(s) for s in walk(kept)) == sum(_size(s) for s in walk(program)):
                return kept
            program = kept

    def kept(self, program: list[Statement], needed: set[int]) -> list[Statement]:
        out: list[Statement] = []
        for s in program:
            match s:
                case Moves():
                    pairs = [(a, b) for a, b in s.pairs if id(a) in needed and a is not b]
                    out += [Moves(pairs)] if pairs else []
                case Start() | Append():
                    out += [s] if id(s.to) in needed else []
                case If():
                    out.append(If(s.item, s.body, self.kept(s.yes, needed), self.kept(s.no, needed)))
                case For():
                    out.append(For(s.item, s.body, self.kept(s.inner, needed)))
                case _:
                    out.append(s)
        return out

    def one(self, operand: Operand) -> Operand:
        """Return the operand that another one is."""
        carry = self.programmer.carried(operand) if isinstance(operand, Out) else None
        return operand if carry is None else carry

    def number(self, operand: Operand) -> int:
        """Return the number of an operand."""
        operand = self.one(operand)
        if id(operand) not in self.numbers:
            self.numbers[id(operand)] = len(self.operands)
            self.operands.append(operand)
        return self.numbers[id(operand)]

    def bits(self, operands: Sequence[Operand]) -> int:
        bits = 0
        for o in operands:
            bits |= 1 << self.number(o)
        return bits

    def live(self, program: list[Statement], after: int) -> int:
        """Return what is needed before statements, and note what is needed at the same time."""
        for s in reversed(program):
            match s:
                case If():
                    after = self.live(s.yes, after) | self.live(s.no, after)
                case For():
                    before = after
                    while True:
                        again = before | self.live(s.inner, before)
                        if again == before:
                            break
                        before = again
                    after = before
                case _:
                    after = self.step(s, after)
        return after

    def step(self, s: Statement, after: int) -> int:
        set_ = self.bits(writes(s))
        if not isinstance(s, Append):
            copied = {id(a): b for a, b in s.pairs} if isinstance(s, Moves) else {}
            for o in writes(s):
                mine = self.number(o)
                others = (after | set_) & ~(1 << mine)
                source = copied.get(id(o))
                if source is not None and not isinstance(source, Elem | Pack):
                    others &= ~(1 << self.number(source))
                self.conflict(mine, others)
            after &= ~set_
        return after | self.bits(reads(s))

    def conflict(self, mine: int, others: int) -> None:
        self.apart[mine] |= others
        k = 0
        while others:
            if others & 1:
                self.apart[k] |= 1 << mine
            others >>= 1
            k += 1

    def find(self, k: int) -> int:
        """Return the group of an operand."""
        while self.group[k] != k:
            k = self.group[k]
        return k

    def join(self, a: Operand, b: Operand) -> None:
        """Make two operands share a variable, where they are never needed at once."""
        x, y = self.find(self.number(a)), self.find(self.number(b))
        if x == y or self.apart[x] & self.members[y] or self.apart[y] & self.members[x]:
            return
        self.group[y] = x
        self.members[x] |= self.members[y]
        self.apart[x] |= self.apart[y]

    def coalesce(self) -> None:
        """Join what moves, then what an application takes and gives."""
        named = (Def, Input, Phi, Carry, Out, Collect)
        for s in walk(self.program):
            if isinstance(s, Moves):
                for to, value in s.pairs:
                    if isinstance(value, named):
                        self.join(to, value)
        for s in walk(self.program):
            if isinstance(s, Call) and s.ins and not s.out.listed:
                for value in s.ins:
                    if isinstance(value, (Def, Input, Phi, Carry, Out)) and not _listed(value):
                        self.join(value, s.out)
                        break

    def of(self, operand: Operand) -> int:
        """Return the number of the variable of an operand."""
        return self.find(self.number(operand))

    def members_of(self, variable: int) -> list[Operand]:
        """Return the operands that share a variable."""
        return [o for k, o in enumerate(self.operands) if self.find(k) == variable]


def _listed(operand: Operand) -> bool:
    return isinstance(operand, Def) and operand.listed


def _size(s: Statement) -> Any:
    return 1 + (len(s.pairs) if isinstance(s, Moves) else 0)
