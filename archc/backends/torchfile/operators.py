"""Operators: how strongly they hold their operands, which decides where parentheses stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from archc.backends.torchfile.literals import is_negative

# How strongly the parts of an expression hold together, weakest first.
(
    TEST,
    OR,
    AND,
    NOT,
    COMPARISON,
    BIT_OR,
    BIT_XOR,
    BIT_AND,
    SHIFT,
    SUM,
    PRODUCT,
    SIGN,
    POWER,
    ATOM,
    NEVER,
) = range(15)

BINARY: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM),
    ast.Sub: ("-", SUM),
    ast.Mult: ("*", PRODUCT),
    ast.MatMult: ("@", PRODUCT),
    ast.Div: ("/", PRODUCT),
    ast.FloorDiv: ("//", PRODUCT),
    ast.Mod: ("%", PRODUCT),
    ast.Pow: ("**", POWER),
    ast.LShift: ("<<", SHIFT),
    ast.RShift: (">>", SHIFT),
    ast.BitOr: ("|", BIT_OR),
    ast.BitXor: ("^", BIT_XOR),
    ast.BitAnd: ("&", BIT_AND),
}
BOOLEAN: dict[type[ast.boolop], tuple[str, int]] = {ast.And: ("and", AND), ast.Or: ("or", OR)}
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
UNARY: dict[type[ast.unaryop], str] = {
    ast.Invert: "~",
    ast.Not: "not ",
    ast.UAdd: "+",
    ast.USub: "-",
}
NUMBER = (int, float)


def is_number(node: ast.expr) -> bool:
    """Whether a node is a number literal; a negative one is a sign before one."""
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        return False
    return isinstance(node.value, NUMBER) and not is_signed(node)


def is_signed(node: ast.Constant) -> bool:
    return isinstance(node.value, NUMBER) and is_negative(node.value)


def strength(node: ast.expr) -> int:
    """Return how strongly an expression holds together."""
    match node:
        case ast.BinOp(op=op):
            return BINARY[type(op)][1]
        case ast.BoolOp(op=op):
            return BOOLEAN[type(op)][1]
        case ast.Compare():
            return COMPARISON
        case ast.UnaryOp(op=op):
            return NOT if isinstance(op, ast.Not) else SIGN
        case ast.IfExp() | ast.Lambda():
            return TEST
        case ast.Constant() if is_signed(node):
            return SIGN
        case _:
            return ATOM


def owner_strength(value: ast.expr) -> int:
    """Return how strong what an attribute is taken of has to be; digits would take its dot."""
    return NEVER if is_number(value) else ATOM


def operand_strength(node: ast.UnaryOp) -> int:
    """Return how strong the operand of a sign has to be; a power is set off from it."""
    operand = node.operand
    if isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.Pow):
        return NEVER
    return NOT if isinstance(node.op, ast.Not) else SIGN


class Term(NamedTuple):
    """An operand, and the operator before it; the first has none."""

    operator: str
    binding: int  # how strong that is where lines break: `and` is as weak as `or`
    node: ast.expr
    needed: int  # how strong the operand has to be


def terms(node: ast.expr) -> Iterator[Term]:
    """Yield the operands of an operation in their order."""
    match node:
        case ast.BinOp(left, op, right):
            symbol, own = BINARY[type(op)]
            is_power = own == POWER
            yield Term("", 0, left, own + is_power)
            yield Term(symbol, own, right, SIGN if is_power else own + 1)
        case ast.BoolOp(op, values):
            symbol, own = BOOLEAN[type(op)]
            for at, value in enumerate(values):
                yield Term(symbol if at else "", OR, value, own + 1)
        case ast.Compare(left, ops, comparators):
            yield Term("", 0, left, COMPARISON + 1)
            for comparison, value in zip(ops, comparators, strict=True):
                symbol = COMPARISONS[type(comparison)]
                yield Term(symbol, COMPARISON, value, COMPARISON + 1)
        case ast.UnaryOp(_, operand):
            yield Term("", 0, operand, operand_strength(node))
        case ast.IfExp(test, body, orelse):
            yield from (Term("", 0, part, OR) for part in (body, test))
            yield Term("", 0, orelse, TEST)
        case ast.Lambda(_, body):
            yield Term("", 0, body, TEST)
        case ast.Starred(value):
            yield Term("", 0, value, BIT_OR)


def spine(node: ast.expr) -> list[Term]:
    """Return the operands of an operation, of a first operand in place of it, and so on.

    A sum of many terms is deep to its left, and nothing else is as deep: this is a loop.
    """
    sides: list[list[Term]] = []
    found = [*terms(node)]
    while isinstance(node, ast.BinOp) and isinstance(node.left, ast.BinOp):
        if strength(node.left) < found[0].needed:
            break
        sides.append(found[1:])
        node = node.left
        found = [*terms(node)]
    for side in reversed(sides):
        found += side
    return found


def flattened(node: ast.expr) -> list[Term]:
    """Return the operands of an operation, and those of its operands in their places."""
    found: list[Term] = []
    for term in spine(node):
        nested = isinstance(term.node, (ast.BinOp, ast.BoolOp, ast.Compare))
        if nested and strength(term.node) >= term.needed:
            first, *rest = flattened(term.node)
            found += [first._replace(operator=term.operator, binding=term.binding), *rest]
        else:
            found.append(term)
    return found


def is_simple_power(left: ast.expr, right: ast.expr) -> bool:
    """Whether a power is written without spaces."""
    while isinstance(right, ast.BinOp) and isinstance(right.op, ast.Pow):
        right = right.left
    return strength(left) == ATOM and is_simple_operand(left) and is_simple_operand(right)


def is_simple_operand(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Constant(value):
            return value is None or isinstance(value, NUMBER)
        case ast.UnaryOp(op, operand):
            return not isinstance(op, ast.Not) and is_simple_operand(operand)
        case ast.Attribute(value):
            return is_simple_operand(value)
        case _:
            return False


def is_simple_bound(node: ast.expr | None) -> bool:
    """Whether a bound of a slice needs no spaces around its colon."""
    match node:
        case None | ast.Name() | ast.Constant():
            return True
        case ast.UnaryOp(op, operand):
            return not isinstance(op, ast.Not) and is_simple_bound(operand)
        case _:
            return False
