"""How arguments are written: what their expression is, decides where it needs brackets."""

from __future__ import annotations

import ast
from typing import Any

from archc.ops.base import VARIES, Op, Py, Use
from archc.shapes import Shape


def options(op: type[Op], use: Use, *names: str) -> dict[str, tuple[object, object]]:
    """Pair arguments with their defaults, as `spell` takes its keywords."""
    return {name: (use.args[name], op.model_fields[name].default) for name in names}


def parsed(text: str) -> ast.expr:
    """Parse a Python expression."""
    return ast.parse(text, mode="eval").body


def is_list(py: Py) -> bool:
    """Say whether an argument is a list or a pair rather than a number."""
    if py.value is VARIES:
        return py.listed or isinstance(parsed(py.text), ast.List | ast.Tuple | ast.ListComp)
    return isinstance(py.value, list | tuple)


def elements(py: Py) -> str | None:
    """Return what stands between the brackets of a list or tuple; None where there are none."""
    tree = parsed(py.text)
    if not isinstance(tree, ast.List | ast.Tuple):
        return None
    return ", ".join(ast.get_source_segment(py.text, e) or "" for e in tree.elts)


def term(py: Py) -> str:
    """Write an expression where it stands first in a sum."""
    return py.text if isinstance(parsed(py.text), ast.BinOp | ast.UnaryOp) else py.atom


def factor(py: Py) -> str:
    """Write an expression where it stands first in a product."""
    tree = parsed(py.text)
    product = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult | ast.Div | ast.Pow)
    sign = isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub)
    return py.text if product or sign else py.atom


def number(py: Py) -> Py:
    """Write a constant that a spec wrote as a whole number as one: 2, not 2.0."""
    whole = isinstance(py.value, float) and py.value.is_integer() and py.text.endswith(".0")
    return Py(py.text.removesuffix(".0"), py.value) if whole else py


def as_pair(value: Any) -> tuple[int, int]:
    """Return (height, width) of a constant that may be a number, a list or a tuple."""
    return (value[0], value[1]) if isinstance(value, list | tuple) else (value, value)


def axis(x: Shape, dim: Py) -> int:
    """Return PyTorch's number of a named dimension: -1 for the last of three or more."""
    index = x.layout.index(str(dim.value)) + 1
    return -1 if 1 < index == len(x.layout) else index
