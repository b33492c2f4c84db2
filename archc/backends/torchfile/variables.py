"""Which operands of a forward method share a variable, and what it is called.

Every operand would have a variable of its own; those become one that never hold values at the
same time: moves first, so that they are none, then what runs on. A value that is read later by
its name keeps a variable of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from archc.backends.torchfile.flow import (
    Append,
    Call,
    For,
    If,
    Moves,
    Part,
    Return,
    Statement,
    Training,
    calls,
    reads,
    walk,
    writes,
)
from archc.backends.torchfile.merge import Apply, Item
from archc.backends.torchfile.operands import (
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
from archc.backends.torchfile.program import Programmer
from archc.language.scalars import Key
from archc.ops.attention import Attention

RUNNING = (Def, Input, Phi, Carry, Out, Part)


class Variables:
    """Which operands share a variable."""

    def __init__(self, programmer: Programmer, program: list[Statement]) -> None:
        self.programmer, self.program = programmer, program
        self.numbers: dict[int, int] = {}
        self.operands: list[Operand] = []
        for s in walk(program):
            for operand in [*reads(s), *writes(s)]:
                self.number(operand)
        count = len(self.operands)
        self.apart = [0] * count
        self.live(program, 0)
        self.group = list(range(count))
        self.members = [1 << k for k in range(count)]
        self.named = named(program)
        self.coalesce()

    def number(self, operand: Operand) -> int:
        """Return the number of an operand."""
        operand = self.programmer.one(operand)
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
                case Training():
                    after |= self.live(s.body, after)
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
            copied = {id(a): b for a, b in s.pairs} if isinstance(s, Moves) and not s.inner else {}
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

    def join(self, a: Operand, b: Operand) -> bool:
        """Make two operands share a variable, where they are never needed at once."""
        x, y = self.find(self.number(a)), self.find(self.number(b))
        if x == y:
            return True
        if self.apart[x] & self.members[y] or self.apart[y] & self.members[x]:
            return False
        self.group[y] = x
        self.members[x] |= self.members[y]
        self.apart[x] |= self.apart[y]
        return True

    def coalesce(self) -> None:
        """Join what moves, then what runs on: the first that an application takes and gives."""
        for s in walk(self.program):
            if isinstance(s, Moves) and not s.inner:
                for to, value in s.pairs:
                    if isinstance(value, (*RUNNING, Collect)):
                        self.join(to, value)
        alone: list[Operand] = []
        for s in walk(self.program):
            if isinstance(s, Moves) and s.inner:
                first = next(
                    (o for o in reads(s) if isinstance(o, RUNNING) and not listed(o)), None
                )
                if first is not None and id(first) not in self.named:
                    self.join(s.pairs[0][0], first)
            if isinstance(s, Call) and s.out.listed and not s.parts:
                self.join_lists(s)
            if isinstance(s, Call) and not s.out.listed:
                first = next(
                    (o for o in reads(s) if isinstance(o, RUNNING) and not listed(o)), None
                )
                if first is None or not self.runs(first, s.out) or not self.join(first, s.out):
                    alone.append(s.out)
        inputs = [o for o in self.operands if isinstance(o, Input) and o.index == 0]
        for out in alone:
            if inputs and id(out) not in self.named and not self.is_list(inputs[0]):
                self.join(inputs[0], out)
        self.again()

    def again(self) -> None:
        """Join what would be called the same: a name is taken again once its value is done with."""
        first: dict[tuple[str, bool], list[int]] = {}
        for k, operand in enumerate(self.operands):
            members = self.members_of(k) if self.find(k) == k else []
            if not members or any(isinstance(m, Input | Part) for m in members):
                continue
            several = any(isinstance(m, Collect) or listed(m) for m in members)
            others = first.setdefault((self.hint(k), several), [])
            if not any(self.join(self.operands[other], operand) for other in others):
                others.append(k)

    def join_lists(self, s: Call) -> None:
        """Let a list run on in the one that is made of it."""
        read = next((o for o in reads(s) if listed(o)), None)
        if isinstance(read, Def) and common([word(read.item), word(s.out.item)]):
            self.join(read, s.out)

    def is_list(self, value: Input) -> bool:
        """Whether an input is a list."""
        return isinstance(self.programmer.owner.taken[0][value.index], list)

    def runs(self, value: Operand, out: Def) -> bool:
        """Whether a value runs on in what an application makes of it: it has no name of its own."""
        if isinstance(value, Part):
            return False
        if id(value) in self.named or (isinstance(value, Input) and self.is_list(value)):
            return False
        if id(out) not in self.named:
            return True
        return bool(isinstance(value, Def) and common([word(value.item), word(out.item)]))

    def of(self, operand: Operand) -> int:
        """Return the number of the variable of an operand."""
        return self.find(self.number(operand))

    def members_of(self, variable: int) -> list[Operand]:
        """Return the operands that share a variable."""
        return [o for k, o in enumerate(self.operands) if self.find(k) == variable]

    def hint(self, variable: int) -> str:
        """Return what a variable would be called: an input, or a step."""
        members = self.members_of(variable)
        for m in members:
            if isinstance(m, Input):
                return ""
        for m in members:
            if isinstance(m, Collect) and m.loop.key is not None:
                return plain(m.loop.key) or "y"
            if isinstance(m, Def) and m.listed:
                return word(m.item) or "y"
        steps = [word(m.item) for m in members if isinstance(m, Def)]
        if len(steps) == len(members) and any(id(m) in self.named for m in members):
            return (steps[0] if len({*steps}) == 1 else common(steps)) or "y"
        return "y"


def named(program: Sequence[Statement]) -> set[int]:
    """Return the values of steps with names that others than the next statement read."""
    steps = [s for s in walk(program) if not isinstance(s, Moves | If | For | Training)]
    last: dict[int, int] = {}
    for k, s in enumerate(steps):
        for o in reads(s):
            last[id(o)] = k
    makers = {id(s.out): (k, s) for k, s in enumerate(steps) if isinstance(s, Call)}
    called = {o: k for o, (k, s) in makers.items() if o in last and word(s.item)}
    out = {o for o, k in called.items() if last[o] > k + 1}
    for s in steps:
        beside = {id(o) for o in reads(s)}
        results = isinstance(s, Return) and not any(training for _, training, _ in s.outputs)
        results = results and len(s.outputs) > 1  # type: ignore[union-attr]
        if len(beside) > 1 and (beside & out or results):
            out |= beside & {*called}
    return out


def word(item: Item) -> str:
    """Return what a step is called, "" where it has no plain name."""
    return plain(item.key) if item.key is not None else ""


def plain(key: Key) -> str:
    """Return a key as a name; of one with expressions what stands around them."""
    text = "_".join(p for p in key.parts if isinstance(p, str)) if key.exprs else str(key)
    name = re.sub(r"\W+", "_", text).strip("_")
    name = name.rstrip("0123456789_") if key.exprs else name
    return name if name.isidentifier() else ""


def common(names: Sequence[str]) -> str:
    """Return the words that names begin with: `branch_1`, `branch_2a` are both `branch`."""
    out: list[str] = []
    for words in zip(*(n.split("_") for n in names), strict=False):
        if len({*words}) > 1:
            break
        out.append(words[0])
    name = "_".join(out)
    return name if name.isidentifier() else ""


def listed(operand: Operand) -> bool:
    """Whether an operand is several values."""
    return isinstance(operand, Def) and operand.listed


def part_hints(call: Call, program: Sequence[Statement], base: str) -> list[str]:
    """Return what several results would be called: as attention takes them, as a block names them."""
    count = len(call.parts)
    for s in walk(program):
        for c in calls(s):
            op = c.item.nodes[0].op if isinstance(c.item, Apply) else None
            attends = count == 3 and isinstance(op, Attention)
            if attends and sum(isinstance(o, Part) and o.of is call.out for o in reads(c)) > 1:
                return ["q", "k", "v"]
    assert isinstance(call.item, Apply)
    module = call.item.nodes[0].module
    names = [o.name for o in module.outputs] if module is not None else []
    if len(names) == count and len({*names}) == count and all(n.isidentifier() for n in names):
        return names
    step = word(call.item) if module is not None else ""
    return [f"{step}_{k}" if step else f"{base}{k + 1}" for k in range(count)]


__all__ = ["Elem", "Pack", "Variables", "part_hints"]
