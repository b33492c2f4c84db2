"""The forward method of a class: its program as statements of Python."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archc.backends.torchfile.calls import Calls
from archc.backends.torchfile.flow import (
    Append,
    Call,
    For,
    If,
    Moves,
    Part,
    Return,
    Start,
    Statement,
    Training,
    bases,
    inner_calls,
)
from archc.backends.torchfile.listing import Lists, covers, over_children, same
from archc.backends.torchfile.merge import applications
from archc.backends.torchfile.modules import SELF, Modules, assign, call, if_else
from archc.backends.torchfile.nesting import Nesting
from archc.backends.torchfile.operands import Elem, Input, Operand, Pack
from archc.backends.torchfile.program import Programmer
from archc.backends.torchfile.symbols import Symbol
from archc.backends.torchfile.variables import Variables, part_hints

if TYPE_CHECKING:
    from archc.backends.torchfile.classes import Class


class Forward:
    """The text of a forward method."""

    def __init__(self, owner: Class, modules: Modules) -> None:
        self.owner = owner
        owner.loops.counters.clear()
        programmer = Programmer(owner)
        program = programmer.program()
        self.calls = Calls(owner, modules, self.name)
        nesting = Nesting(self.calls, program)
        self.calls.name = nesting.name
        program = nesting.block(program)
        self.calls.name = self.name
        self.variables = Variables(programmer, program)
        self.symbols: dict[int, Symbol] = {}
        self.own: dict[int, str] = {}
        self.split: list[Call] = []

    def statements(self) -> list[ast.stmt]:
        """Return the statements of the method."""
        statements = Lists(self.block(self.variables.program), self.own).tidied()
        read = {n.attr for s in statements for n in ast.walk(s) if isinstance(n, ast.Attribute)}
        kept = self.owner.kept
        for name in [n for n, (symbol, _) in kept.items() if symbol.id not in read]:
            del kept[name]
        return statements

    # Statements

    def block(self, program: Sequence[Statement]) -> list[ast.stmt]:
        """Return statements."""
        return [t for s in program for t in self.statement(s)]

    def statement(self, s: Statement) -> list[ast.stmt]:
        """Return the text of a statement."""
        match s:
            case Call():
                return [assign(self.target(s), self.calls.call(s))]
            case Moves():
                return self.moves(s)
            case Start():
                return [assign(self.name(s.to), ast.List([], ast.Load()))]
            case Append():
                append = ast.Attribute(self.name(s.to), "append", ast.Load())
                return [ast.Expr(call(append, self.calls.spell(s.value, s)))]
            case If():
                return self.choice(s)
            case For():
                return self.loop(s)
            case Training():
                return [ast.If(TRAINING, self.block(s.body), [])]
            case Return():
                return self.give(s)
        raise AssertionError(s)

    def target(self, s: Call) -> ast.expr:
        """Return what a call sets: several names where its results have them."""
        if not s.parts:
            return self.name(s.out)
        base = "xyzuvw"[min(len(self.split), 5)]
        self.split.append(s)
        hints = part_hints(s, self.variables.program, base)
        for hint, part in zip(hints, s.parts, strict=True):
            if part is not None and not self.from_input(part):
                self.symbols.setdefault(self.variables.of(part), Symbol(hint))
        return ast.Tuple(
            [ast.Name("_", ast.Store()) if p is None else self.name(p) for p in s.parts],
            ast.Store(),
        )

    def from_input(self, part: Part) -> bool:
        """Whether a variable is an input's."""
        members = self.variables.members_of(self.variables.of(part))
        return any(isinstance(m, Input) for m in members)

    def set(self, operand: Operand, value: ast.expr) -> ast.stmt:
        """Return an assignment."""
        return assign(self.name(operand), value)

    def moves(self, s: Moves) -> list[ast.stmt]:
        """Return assignments that happen at once, one after the other where that is the same."""
        pairs = [
            (to, value)
            for to, value in s.pairs
            if inner_calls(s) or not self.same_variable(to, value)
        ]
        ordered: list[tuple[Operand, Operand]] = []
        left = list(pairs)
        while left:
            free = next(
                (
                    pair
                    for pair in left
                    if not any(
                        self.variables.of(pair[0]) in {self.variables.of(b) for b in bases(v)}
                        for _, v in left
                        if v is not pair[1]
                    )
                ),
                None,
            )
            if free is None:
                targets = ast.Tuple([self.name(to) for to, _ in left], ast.Store())
                values = ast.Tuple([self.calls.spell(v, s) for _, v in left], ast.Load())
                return [
                    *(self.set(a, self.calls.spell(b, s)) for a, b in ordered),
                    assign(targets, values),
                ]
            ordered.append(free)
            left.remove(free)
        return [self.set(a, self.calls.spell(b, s)) for a, b in ordered]

    def same_variable(self, to: Operand, value: Operand) -> bool:
        if isinstance(value, Elem | Pack):
            return False
        return self.variables.of(to) == self.variables.of(value)

    def choice(self, s: If) -> list[ast.stmt]:
        """Return an `if`, or what both sides are."""
        yes, no = self.block(s.yes), self.block(s.no)
        if same(yes, no):
            return yes
        test = self.calls.test(s.item, s)
        if covers(test, yes, no):
            return no
        return [if_else(test, yes, no)]

    def loop(self, s: For) -> list[ast.stmt]:
        """Return a loop."""
        inner = self.block(s.inner)
        target, over = self.owner.header(s.item, s.body)
        key = s.item.key
        loop = ast.For(target, self.calls.runtime(over), inner, [], lineno=0)
        if key is not None:
            self.own[id(loop)] = ast.dump(ast.Attribute(SELF, str(key), ast.Load()))
        return [over_children(loop) if self.is_all(s) else loop]

    def is_all(self, s: For) -> bool:
        """Whether the class is one module for each turn of a loop, and nothing else."""
        applied = [item for item, _, _ in applications(self.owner.body)]
        return len(applied) == 1 and [*s.item.turns.items] == applied and applied[0].main

    def give(self, s: Return) -> list[ast.stmt]:
        """Return what the method returns."""
        always = [(n, o) for n, training, o in s.outputs if not training]
        if len(s.outputs) == 1:
            return [ast.Return(self.calls.spell(s.outputs[0][2], s))]
        if not self.owner.is_root:
            values = [self.calls.spell(o, s) for _, _, o in s.outputs]
            return [ast.Return(ast.Tuple(values, ast.Load()))]
        out: list[ast.stmt] = []
        if len(always) < len(s.outputs):
            everything = self.mapping([(n, o) for n, _, o in s.outputs], s)
            out.append(ast.If(TRAINING, [ast.Return(everything)], []))
        if len(always) == 1:
            return [*out, ast.Return(self.calls.spell(always[0][1], s))]
        return [*out, ast.Return(self.mapping(always, s))]

    def mapping(self, outputs: Sequence[tuple[str, Operand]], s: Return) -> ast.expr:
        """Return a dict of outputs."""
        keys: list[ast.expr | None] = [ast.Constant(n) for n, _ in outputs]
        return ast.Dict(keys, [self.calls.spell(o, s) for _, o in outputs])

    # Variables

    def name(self, operand: Operand) -> ast.expr:
        """Return the variable of an operand: an input, or what its step is called."""
        variable = self.variables.of(operand)
        if variable not in self.symbols:
            members = self.variables.members_of(variable)
            taken = next((m for m in members if isinstance(m, Input)), None)
            if taken is not None:
                self.symbols[variable] = self.owner.inputs[taken.index]
            else:
                self.symbols[variable] = Symbol(self.variables.hint(variable))
        return self.symbols[variable].name


TRAINING = ast.Attribute(SELF, "training", ast.Load())

__all__ = ["Forward"]
