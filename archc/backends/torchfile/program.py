"""A forward method before it is text: a small program over operands.

What is decided in all uses is no statement: a choice with one side is that side, a loop of one
turn is that turn. The results of an op with several are `Part`s where each is asked for by a
constant, so that they have names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.backends.torchfile.asking import asks
from archc.backends.torchfile.flow import (
    Append,
    Call,
    For,
    If,
    Moves,
    Return,
    Start,
    Statement,
    Training,
    bases,
    reads,
    rewritten,
    walk,
    writes,
)
from archc.backends.torchfile.merge import Apply, Body, Choice, Group, Item, Repeat
from archc.backends.torchfile.operands import Carry, Collect, Def, Elem, Operand, Out, Pack
from archc.backends.torchfile.parts import joined, name_parts
from archc.backends.torchfile.spots import part_uses
from archc.backends.torchfile.wiring import Wiring
from archc.graph import Value

if TYPE_CHECKING:
    from archc.backends.torchfile.classes import Class


class Programmer:
    """Writes the program of a class."""

    def __init__(self, owner: Class) -> None:
        self.owner = owner
        self.wiring: Wiring = owner.wiring

    def program(self) -> list[Statement]:
        """Return the statements of a class, without what nothing reads."""
        statements = self.with_moves(self.body(self.owner.body))
        statements.append(Return(self.owner.results))
        statements = joined(statements)
        rewritten(statements, self.plain)
        name_parts(statements)
        return self.training(self.alive(statements))

    def training(self, statements: list[Statement]) -> list[Statement]:
        """Put what only outputs of training need where it runs in training alone."""
        *before, last = statements
        assert isinstance(last, Return)
        if not self.owner.is_root or all(
            training is last.outputs[0][1] for _, training, _ in last.outputs
        ):
            return statements
        needed = {
            id(self.one(b)) for _, training, o in last.outputs if not training for b in bases(o)
        }
        out: list[Statement] = [last]
        for s in reversed(before):
            inside = [*walk([s])]
            if any(id(self.one(o)) in needed for i in inside for o in writes(i)):
                needed |= {id(self.one(o)) for i in inside for o in reads(i)}
                out.insert(0, s)
            elif isinstance(out[0], Training):
                out[0].body.insert(0, s)
            else:
                out.insert(0, Training([s]))
        return out

    def plain(self, operand: Operand) -> Operand:
        """Return an operand without what loops of one turn and lists of single values add."""
        match operand:
            case Out() if self.owner.single(operand.loop):
                return self.plain(operand.last)
            case Collect() if self.owner.single(operand.loop):
                return Pack([(self.plain(operand.each), False)])
            case Pack():
                parts: list[tuple[Operand, bool]] = []
                for part, star in operand.parts:
                    inner = self.plain(part)
                    parts += inner.parts if star and isinstance(inner, Pack) else [(inner, star)]
                return Pack(parts)
            case Elem():
                of, index = self.plain(operand.of), {*operand.index.values()}
                if isinstance(of, Pack) and len(index) == 1 and not any(s for _, s in of.parts):
                    entry: Operand = of.parts[index.pop()][0]
                    return entry
                return operand if of is operand.of else Elem(of, operand.index, operand.body)
        return operand

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
                made = Call(item, body, k, self.inputs(item, body, k), self.result(item, body))
                made.asks = self.asks(item, body, k)
                return [made]
            case Group():
                return self.body(item.body)
            case Choice() if not item.yes.size or not item.no.size:
                return self.body(item.yes if item.yes.size else item.no)
            case Choice():
                return [If(item, body, self.body(item.yes), self.body(item.no))]
            case Repeat() if item.written_out:
                return [s for part in item.written_out for s in self.body(part)]
            case Repeat():
                return [For(item, body, self.body(item.turns))]
        raise AssertionError(item)

    def asks(self, item: Apply, body: Body, k: int) -> list[Operand]:
        """Return the values whose sizes the arguments of an op read where it runs."""
        if id(item) not in self.owner.functional or not any(map(asks, item.nodes)):
            return []
        with self.owner.extents.read():
            use = self.owner.uses.op_use(item, body, k)
        texts = [py.text for py in use.args.values()]
        return [e.operand for text in texts for e in self.owner.extents.within(text)]

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
                    pairs: list[tuple[Operand, Operand]] = [
                        (p, value) for p in phis if (value := p.yes if taken else p.no) is not None
                    ]
                    if pairs:
                        side.append(Moves(pairs))
                out.append(If(s.item, s.body, yes, no))
            elif isinstance(s, For):
                out += self.loop(s)
            else:
                out.append(s)
        return out

    def carried(self, out: Out) -> Carry | None:
        """Return what a loop carries where that is what it leaves."""
        last = self.chosen(out)
        for carry in self.wiring.region(out.loop).carries:
            if carry.next is last and (out.init is None or out.init is carry.init):
                return carry
        return None

    def chosen(self, out: Out) -> Operand:
        """Return what a loop leaves, as what a choice gave where the last turn's side gave it."""
        body, rows = out.body, {p: q for q, p in enumerate(out.body.up)}
        for item in body.items:
            if not isinstance(item, Choice):
                continue
            for phi in self.wiring.region(item).phis:
                for side, taken in ((phi.yes, True), (phi.no, False)):
                    last = rows.values()
                    if side is out.last and all(
                        q in phi.want and item.taken[q] is taken for q in last
                    ):
                        return phi
        return out.last

    def loop(self, s: For) -> list[Statement]:
        region = self.wiring.region(s.item)
        before: list[Statement] = []
        starts: list[tuple[Operand, Operand]] = [
            (c, c.init) for c in region.carries if c.init is not None and not listless(c)
        ]
        starts += [
            (o, o.init) for o in region.outs if o.init is not None and self.carried(o) is None
        ]
        before += [Moves(starts)] if starts else []
        before += [Start(c) for c in region.collects]
        inner = self.with_moves(s.inner)
        if self.owner.single(s.item):
            return inner
        inner += [Append(c, c.each) for c in region.collects]
        ends: list[tuple[Operand, Operand]] = [
            (o, self.chosen(o)) for o in region.outs if self.carried(o) is None
        ]
        ends += [(c, c.next) for c in region.carries if c.next is not None]
        inner += [Moves(ends)] if ends else []
        return [*before, For(s.item, s.body, inner)]

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
                    yes, no = self.kept(s.yes, needed), self.kept(s.no, needed)
                    out += [If(s.item, s.body, yes, no)] if yes or no else []
                case For():
                    inner = self.kept(s.inner, needed)
                    out += [For(s.item, s.body, inner)] if inner else []
                case _:
                    out.append(s)
        return out

    def one(self, operand: Operand) -> Operand:
        """Return the operand that another one is."""
        carry = self.carried(operand) if isinstance(operand, Out) else None
        return operand if carry is None else carry


def listless(carry: Carry) -> bool:
    """Whether what a loop begins with is a list that no turn reads: the turns take values."""
    first = [v for q, v in carry.want.items() if not carry.body.turn[q]]
    later = [v for q, v in carry.want.items() if carry.body.turn[q]]
    return (
        bool(first and later)
        and all(not isinstance(v, Value) for v in first)
        and all(isinstance(v, Value) for v in later)
    )


def _size(s: Statement) -> int:
    return 1 + (len(s.pairs) if isinstance(s, Moves) else 0)
