"""Which expressions get parentheses where they are too long for a line, as Ruff's formatter has it."""

from __future__ import annotations

import ast
from typing import TypeAlias

from archc.backends.torchfile.operators import (
    ATOM,
    SIGN,
    TEST,
    is_signed,
    operand_strength,
    owner_strength,
    spine,
    strength,
)

# What a long expression has around it: nothing, since it breaks in brackets of its own; parentheses
# if it fits with them; parentheses wherever it breaks, at its operators or dots.
NONE, IF_FITTING, IF_BROKEN = range(3)

Chain: TypeAlias = ast.Attribute | ast.Call | ast.Subscript
DISPLAYS = (
    ast.Dict,
    ast.List,
    ast.Set,
    ast.Tuple,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
# As strong as an operator, in the order in which Ruff breaks: dots after brackets, and signs.
DOT = ATOM
INVERSION = SIGN


def owner(node: Chain) -> tuple[ast.expr, int]:
    """Return what has an attribute, or is called or indexed, and how strong it has to be."""
    match node:
        case ast.Call(function):
            return function, ATOM
        case ast.Subscript(value):
            return value, ATOM
        case ast.Attribute(value):
            return value, owner_strength(value)


def is_fluent(node: ast.expr) -> bool:
    """Whether a chain breaks before its dots: two of them at least come after brackets."""
    dots = 0
    while isinstance(node, Chain):
        value, needed = owner(node)
        is_attribute = isinstance(node, ast.Attribute)
        if strength(value) < needed:
            dots += is_attribute
            break
        dots += is_attribute and isinstance(value, (ast.Call, ast.Subscript))
        node = value
    return dots >= 2


def around(node: ast.expr) -> int:
    """Return which parentheses a long expression gets."""
    match node:
        case ast.Name() | ast.Constant() | ast.JoinedStr():
            return IF_FITTING
        case ast.Attribute() | ast.Call() | ast.Subscript():
            if is_fluent(node):
                return IF_BROKEN
            value, needed = owner(node)
            return NONE if strength(value) < needed else around(value)
        case ast.UnaryOp(_, operand):
            return NONE if strength(operand) < operand_strength(node) else around(operand)
        case _:
            return NONE if isinstance(node, DISPLAYS) else IF_BROKEN


def is_filled(node: ast.expr) -> bool:
    """Whether an expression ends in brackets, other than of an index, with something in them."""
    match node:
        case ast.Dict(_, items) | ast.List(items) | ast.Set(items) | ast.Tuple(items):
            return bool(items)
        case ast.Call(_, args, keywords):
            return bool(args or keywords)
        case _:
            return isinstance(node, DISPLAYS)


class Scan:
    """What decides whether an operation may break in brackets of its own, without parentheses."""

    def __init__(self) -> None:
        self.weakest = ATOM + 1
        self.count = 0  # of the weakest operators
        self.has_brackets = False
        self.first: tuple[ast.expr, bool] | None = None  # and whether it has parentheses
        self.last: tuple[ast.expr, bool] | None = None
        self.starts = False  # with an operand or an operator

    def operator(self, own: int, count: int = 1) -> None:
        if own < self.weakest:
            self.weakest, self.count = own, count
        elif own == self.weakest:
            self.count += count

    def visit(self, node: ast.expr, needed: int) -> None:
        weak = strength(node) < needed
        self.last = (node, weak)
        if weak:
            self.has_brackets = True
        else:
            self.inside(node)
        if not self.starts:
            self.starts, self.first = True, (node, weak)

    def inside(self, node: ast.expr) -> None:
        if isinstance(node, DISPLAYS):
            self.has_brackets = True
        elif isinstance(node, Chain):
            self.chain(node)
        else:
            self.operation(node)

    def chain(self, node: Chain) -> None:
        value, needed = owner(node)
        self.has_brackets |= not isinstance(node, ast.Attribute)
        self.visit(value, needed)
        if isinstance(node, ast.Attribute):
            brackets = isinstance(value, (ast.Call, *DISPLAYS, ast.Subscript))
            if brackets or strength(value) < needed:
                self.operator(DOT)
        self.last = (node, False)

    def operation(self, node: ast.expr) -> None:
        if isinstance(node, ast.IfExp):
            self.operator(TEST, 2)
        if isinstance(node, (ast.UnaryOp, ast.Lambda, ast.Starred)) or (
            isinstance(node, ast.Constant) and is_signed(node)
        ):
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
                self.operator(INVERSION)
            self.starts = True
        if isinstance(node, ast.Lambda):
            for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
                self.visit(default, TEST)
        for operator, binding, operand, needed in spine(node):
            if operator:
                self.operator(binding)
            self.visit(operand, needed)


def breaks_in_brackets(node: ast.expr) -> bool:
    """Whether a long operation may do without parentheses where it fits broken in brackets."""
    scan = Scan()
    scan.inside(node)
    if not scan.has_brackets or scan.count > 1:
        return False
    if scan.weakest >= DOT:
        return True
    ends = filter(None, (scan.first, scan.last))
    return any(weak or is_filled(end) for end, weak in ends)
