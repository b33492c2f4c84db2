"""What a program says more plainly: names of several results, neighbours under one test as one."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from archc.backends.torchfile.flow import (
    Call,
    For,
    If,
    Moves,
    Part,
    Statement,
    bases,
    elements,
    rewritten,
    values,
    walk,
)
from archc.backends.torchfile.merge import Apply, Choice
from archc.backends.torchfile.operands import Def, Elem, Operand, Pack, Phi

NAMED = 6
"""As many results at most have names; more are a list."""


def name_parts(statements: Sequence[Statement]) -> None:
    """Give the results of what has several a name each, where nothing asks for them otherwise."""
    asked: dict[int, list[Operand]] = {}
    spread: set[int] = set()
    for s in walk(statements):
        for operand in values(s):
            if takes_each(s) and isinstance(operand, Def):
                spread.add(id(operand))
                continue
            for o in elements(operand):
                for b in bases(o):
                    asked.setdefault(id(b), []).append(o)
    parts: dict[tuple[int, int], Part] = {}
    for s in walk(statements):
        if not isinstance(s, Call) or not isinstance(s.item, Apply) or not s.out.listed:
            continue
        counts = {len(n.outputs) for n in s.item.nodes}
        count = counts.pop() if len(counts) == 1 else 0
        entries = [entry(o, s.out) for o in asked.get(id(s.out), [])]
        whole = id(s.out) in spread
        if not 1 < count <= NAMED or None in entries or not (entries or whole):
            continue
        s.parts = [Part(s.out, k) if whole or k in entries else None for k in range(count)]
        parts |= {(id(s.out), k): p for k, p in enumerate(s.parts) if p is not None}

    def named(operand: Operand) -> Operand:
        match operand:
            case Pack():
                return Pack([(named(o), star) for o, star in operand.parts])
            case Elem(of=Elem()):
                of = named(operand.of)
                return operand if of is operand.of else Elem(of, operand.index, operand.body)
            case Elem() if (id(operand.of), entry(operand, operand.of)) in parts:
                return parts[id(operand.of), entry(operand, operand.of)]  # type: ignore[index]
        return operand

    rewritten(statements, named)
    for s in walk(statements):
        if isinstance(s, Call) and takes_each(s):
            s.ins = [
                Pack([(parts[id(o), k], False) for k in range(sum(of == id(o) for of, _ in parts))])
                if (id(o), 0) in parts
                else o
                for o in s.ins
            ]


def takes_each(s: Statement) -> bool:
    """Whether a statement is an op that takes the values of a list one by one."""
    op = s.item.nodes[0].op if isinstance(s, Call) and isinstance(s.item, Apply) else None
    return op is not None and op.inputs is None and not op.gathers and not op.spread


def entry(operand: Operand, of: Operand) -> int | None:
    """Return which entry of a list is read, None where it is no constant one."""
    while isinstance(operand, Elem) and operand.of is not of:
        operand = operand.of
    if not isinstance(operand, Elem):
        return None
    index = {*operand.index.values()}
    return index.pop() if len(index) == 1 else None


def joined(statements: list[Statement]) -> list[Statement]:
    """Return statements with neighbours under one test as one."""
    out: list[Statement] = []
    for s in statements:
        match s:
            case For():
                out.append(For(s.item, s.body, joined(s.inner)))
            case If():
                last = out[-1] if out else None
                if isinstance(last, If) and _same_test(last.item, s.item):
                    out[-1] = both(last, s)
                else:
                    out.append(If(s.item, s.body, joined(s.yes), joined(s.no)))
            case _:
                out.append(s)
    return out


def both(first: If, second: If) -> If:
    """Return two choices as one: the second reads what the side of the first gave."""
    moves = [i for i in (*first.yes, *first.no) if isinstance(i, Moves)]
    phis = {id(to): to for i in moves for to, _ in i.pairs}
    rewritten(second.yes, lambda o: _side(o, phis, yes=True))
    rewritten(second.no, lambda o: _side(o, phis, yes=False))
    yes, no = [*first.yes, *second.yes], [*first.no, *second.no]
    return If(first.item, first.body, joined(yes), joined(no))


def _side(operand: Operand, phis: Mapping[int, Operand], *, yes: bool) -> Operand:
    """Return what an operand is on one side of the choice that made it."""
    while isinstance(operand, Phi) and id(operand) in phis:
        side = operand.yes if yes else operand.no
        if side is None:
            break
        operand = side
    match operand:
        case Elem():
            of = _side(operand.of, phis, yes=yes)
            return operand if of is operand.of else Elem(of, operand.index, operand.body)
        case Pack():
            return Pack([(_side(o, phis, yes=yes), star) for o, star in operand.parts])
    return operand


def _same_test(a: Choice, b: Choice) -> bool:
    return a.taken == b.taken and a.presence == b.presence and ast.dump(a.test) == ast.dump(b.test)
