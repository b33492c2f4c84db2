"""Lines of a constructor that stand under tests: negations, and runs of one test together."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from archc.backends.pytorch.layout import atom
from archc.backends.pytorch.render import parsed, unparse

OPPOSITE: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.Lt: ast.GtE(),
    ast.LtE: ast.Gt(),
    ast.Gt: ast.LtE(),
    ast.GtE: ast.Lt(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
}


def negated(test: str) -> str:
    """Return the opposite of a test: `stride != 1` of `stride == 1`."""
    tree = parsed(test)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        return unparse(tree.operand)
    if isinstance(tree, ast.Compare) and len(tree.ops) == 1:
        return unparse(ast.Compare(tree.left, [OPPOSITE[type(tree.ops[0])]], tree.comparators))
    return f"not {atom(test)}"


def under(test: str, yes: Sequence[str], no: Sequence[str]) -> list[str]:
    """Write lines that hold where a test does, and those that hold where it does not."""
    if not yes and not no:
        return []
    test, yes, no = (test, yes, no) if yes else (negated(test), no, yes)
    lines = [f"if {test}:", *(f"    {line}" for line in yes)]
    return [*lines, *(["else:", *(f"    {line}" for line in no)] if no else [])]


def together(lines: Sequence[str]) -> list[str]:
    """Write neighbours with one test, or its opposite, as one."""
    out: list[str] = []
    last: tuple[str, list[str], list[str]] | None = None
    for test, yes, no in blocks(lines):
        if not test:
            out += [*(under(*last) if last else []), *yes]
            last = None
        elif last and test == last[0]:
            last = (test, last[1] + yes, last[2] + no)
        elif last and test == negated(last[0]):
            last = (last[0], last[1] + no, last[2] + yes)
        else:
            out += under(*last) if last else []
            last = (test, yes, no)
    return [*out, *(under(*last) if last else [])]


def blocks(lines: Sequence[str]) -> list[tuple[str, list[str], list[str]]]:
    """Return the tests of lines with what stands under them; "" where a line has none."""
    found: list[tuple[str, list[str], list[str]]] = []
    side = 0
    for line in lines:
        if line.startswith("if "):
            found.append((line[3:-1], [], []))
            side = 1
        elif line == "else:" and found and found[-1][0]:
            side = 2
        elif line.startswith("    ") and side:
            found[-1][side].append(line[4:])  # type: ignore[union-attr]
        else:
            found.append(("", [line], []))
            side = 0
    return found
