"""Which calls of a forward method stand inside others: a line reads as a sentence, no more.

A call stands inside the statement that alone reads its value, where all that runs between the two
stands inside as well, so that the order of calls remains. What would not fit into a line is
several: a reader takes in one step of a line at a time.
"""

from __future__ import annotations

import ast
import re
from collections import Counter

from archc.backends.torchfile.calls import Calls
from archc.backends.torchfile.flow import (
    Append,
    Call,
    For,
    If,
    Moves,
    Return,
    Statement,
    Training,
    bases,
    elements,
    inner_calls,
    reads,
    values,
    walk,
)
from archc.backends.torchfile.merge import Apply
from archc.backends.torchfile.operands import Def, Input, Operand
from archc.backends.torchfile.symbols import MARK, Symbol
from archc.backends.torchfile.variables import named, word
from archc.ops import Op
from archc.ops.cut import Flatten
from archc.ops.pool import GlobalAvgPool

WIDTH = 88
INDENT = 4
ENDS = (Flatten, GlobalAvgPool)
"""Ops that end a line, as an activation does."""


class Nesting:
    """The calls inside the statements of a program."""

    def __init__(self, calls: Calls, program: list[Statement]) -> None:
        self.calls = calls
        self.owner = calls.owner
        self.uses: Counter[int] = Counter(id(o) for s in walk(program) for o in reads(s))
        self.named = named(program)
        self.tensors = {id(s.out): s for s in walk(program) if isinstance(s, Call) and is_tensor(s)}
        self.returned = {id(o) for s in walk(program) if isinstance(s, Return) for o in values(s)}

    def name(self, operand: Operand) -> ast.expr:
        """Return a variable of about the length that it will have."""
        if isinstance(operand, Input):
            return self.owner.inputs[operand.index].name
        long = isinstance(operand, Def) and id(operand) in self.named
        return ast.Name(word(operand.item) if long else "x", ast.Load())  # type: ignore[attr-defined]

    def block(self, program: list[Statement], depth: int = 2) -> list[Statement]:
        """Return statements with calls inside."""
        out: list[Statement] = []
        pending: list[Call] = []
        for s in program:
            if isinstance(s, Call) and id(s.out) in self.tensors:
                continue
            inside = self.inside(s, pending)
            read = {id(b): b for o in values(s) for b in bases(o)}
            tensors = [self.tensors[k] for k in read if k in self.tensors]
            if tensors:
                assert isinstance(s, Call | Moves | Append | Return)
                s.inner = tensors
            if inside:
                self.put(s, inside, depth)
                pending = [c for c in pending if not any(c is i for i in inner_calls(s))]
            if isinstance(s, Call) and self.uses[id(s.out)] == 1 and not s.parts:
                pending.append(s)
                continue
            out += pending
            pending = []
            match s:
                case If():
                    s.yes, s.no = self.block(s.yes, depth + 1), self.block(s.no, depth + 1)
                case For():
                    s.inner = self.block(s.inner, depth + 1)
                case Training():
                    s.body = self.block(s.body, depth + 1)
            out.append(s)
        return out + pending

    def put(self, s: Statement, inside: list[Call], depth: int) -> None:
        """Put calls into a statement, where it remains a line."""
        assert isinstance(s, Call | Moves | Append | Return)
        tensors = s.inner
        s.inner = [*tensors, *inside]
        if isinstance(s, Call) and depth * INDENT + self.start(s) + self.length(s) > WIDTH:
            s.inner = tensors

    def start(self, s: Call) -> int:
        """Return the length of what stands before a call in its line."""
        if id(s.out) in self.returned and self.uses[id(s.out)] == 1:
            return len("return ")
        return len(f"{word(s.item) if id(s.out) in self.named else 'x'} = ")

    def length(self, s: Call) -> int:
        """Return the length of a call's text."""
        text = ast.unparse(self.calls.call(s))
        return len(re.sub(rf"{MARK}\d+", lambda m: Symbol.hints[m[0]], text))

    def inside(self, s: Statement, pending: list[Call]) -> list[Call]:
        """Return the last calls that can stand inside a statement, in their order."""
        operands = [e for o in values(s) for e in elements(o) if id(e) not in self.tensors]
        if not operands or (isinstance(s, Moves | Return) and len(values(s)) > 1):
            return []
        count = 0
        for operand in reversed(operands):
            if count == len(pending):
                break
            last = pending[-1 - count]
            if operand is last.out and (not isinstance(s, Call) or self.fits(last, s)):
                count += 1
        return pending[len(pending) - count :] if count else []

    def fits(self, inner: Call, outer: Call) -> bool:
        """Whether a call reads well inside another."""
        op, around = _op(inner), _op(outer)
        if op is not None and (op.activation or isinstance(op, ENDS)):
            return isinstance(op, ENDS) and isinstance(around, Flatten)
        if op is None or around is None:
            # a network is read stage by stage
            return not self.owner.is_root and (op is None) != (around is None)
        return True


def is_tensor(s: Call) -> bool:
    """Whether a call is a tensor of the module itself, which can be read anywhere."""
    return isinstance(s.item, Apply) and not s.ins and "" in s.item.nodes[0].tensors


def _op(s: Call) -> Op | None:
    return s.item.nodes[0].op if isinstance(s.item, Apply) else None
