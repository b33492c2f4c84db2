"""The statements of a forward method before it is text: what they read and write, as operands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from archc.backends.torchfile.merge import Body, Choice, Item, Repeat
from archc.backends.torchfile.operands import Collect, Def, Elem, Operand, Pack


@dataclass(eq=False)
class Call:
    """An application, or a whole group that is one module.

    `parts` are its results where they have names; `inner` the calls that stand inside it;
    `asks` the values whose sizes its arguments read.
    """

    item: Item
    body: Body
    k: int
    ins: list[Operand]
    out: Def
    parts: list[Part | None] = field(default_factory=list)
    inner: list[Call] = field(default_factory=list)
    asks: list[Operand] = field(default_factory=list)


@dataclass(eq=False)
class Moves:
    """Operands that become others, all at once."""

    pairs: list[tuple[Operand, Operand]]
    inner: list[Call] = field(default_factory=list)


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
    inner: list[Call] = field(default_factory=list)


@dataclass(eq=False)
class Return:
    """What the block gives."""

    outputs: list[tuple[str, bool, Operand]]
    inner: list[Call] = field(default_factory=list)


@dataclass(eq=False)
class Training:
    """Statements of training alone."""

    body: list[Statement]


Statement = Call | Moves | If | For | Start | Append | Return | Training


@dataclass(eq=False)
class Part(Operand):
    """One of several results that have names."""

    of: Def
    index: int


def bases(operand: Operand) -> list[Operand]:
    """Return the operands with variables that one is read from."""
    match operand:
        case Elem():
            return bases(operand.of)
        case Pack():
            return [b for part, _ in operand.parts for b in bases(part)]
    return [operand]


def walk(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Yield every statement, those of loops and choices too."""
    for s in statements:
        yield s
        if isinstance(s, If):
            yield from walk(s.yes)
            yield from walk(s.no)
        elif isinstance(s, For):
            yield from walk(s.inner)
        elif isinstance(s, Training):
            yield from walk(s.body)


def values(s: Statement) -> list[Operand]:
    """Return the operands of a statement itself, as its text has them."""
    match s:
        case Call():
            return s.ins
        case Moves():
            return [o for _, o in s.pairs]
        case Append():
            return [s.value]
        case Return():
            return [o for _, _, o in s.outputs]
    return []


def reads(s: Statement) -> list[Operand]:
    """Return the operands with variables that a statement itself reads, in their order."""
    out: list[Operand] = [s.to] if isinstance(s, Append) else []
    inner = {id(c.out): c for c in inner_calls(s)}
    for operand in values(s):
        for b in bases(operand):
            out += reads(inner[id(b)]) if id(b) in inner else [b]
    return out + [b for o in s.asks for b in bases(o)] if isinstance(s, Call) else out


def inner_calls(s: Statement) -> list[Call]:
    """Return the calls that stand inside a statement."""
    return s.inner if isinstance(s, Call | Moves | Append | Return) else []


def calls(s: Statement) -> Iterator[Call]:
    """Yield a call and those inside, or those inside another statement."""
    if isinstance(s, Call):
        yield s
    for c in inner_calls(s):
        yield from calls(c)


def writes(s: Statement) -> list[Operand]:
    """Return the operands that a statement itself sets."""
    match s:
        case Call():
            return [p for p in s.parts if p is not None] if s.parts else [s.out]
        case Moves():
            return [to for to, _ in s.pairs]
        case Start() | Append():
            return [s.to]
    return []


def rewritten(statements: Sequence[Statement], by: Callable[[Operand], Operand]) -> None:
    """Put other operands in the place of those that statements read."""
    for s in walk(statements):
        match s:
            case Call():
                s.ins = [by(o) for o in s.ins]
            case Moves():
                s.pairs = [(to, by(o)) for to, o in s.pairs]
            case Append():
                s.value = by(s.value)
            case Return():
                s.outputs = [(n, training, by(o)) for n, training, o in s.outputs]


def elements(operand: Operand) -> Iterator[Operand]:
    """Yield an operand, or the entries of a list that it makes."""
    if isinstance(operand, Pack):
        for part, _ in operand.parts:
            yield from elements(part)
    else:
        yield operand
