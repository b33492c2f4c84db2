"""Expressions that are made of others."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any


def simplified(tree: ast.BinOp) -> ast.expr:
    """Leave out what changes no whole number: `x * 1`, `x + 0`, `x ** 1`, `0 + x`."""
    left, right = _number(tree.left), _number(tree.right)
    match tree.op:
        case ast.Mult() if right == 1:
            return tree.left
        case ast.Mult() if left == 1:
            return tree.right
        case ast.Add() | ast.Sub() if right == 0:
            return tree.left
        case ast.Add() if left == 0:
            return tree.right
        case ast.FloorDiv() | ast.Pow() if right == 1:
            return tree.left
    return tree


def _number(tree: ast.expr) -> int | None:
    plain = isinstance(tree, ast.Constant) and type(tree.value) is int
    return tree.value if plain else None  # type: ignore[attr-defined]


def substituted(tree: ast.expr, by: Mapping[str, ast.expr]) -> ast.expr:
    """Return an expression with others in the place of symbols."""
    match tree:
        case ast.Name(id=name):
            return by.get(name, tree)
        case _:
            changed: dict[str, Any] = {}
            for label, value in ast.iter_fields(tree):
                if isinstance(value, ast.expr):
                    changed[label] = substituted(value, by)
                elif isinstance(value, list):
                    changed[label] = [
                        substituted(v, by) if isinstance(v, ast.expr) else v for v in value
                    ]
                else:
                    changed[label] = value
            return type(tree)(**changed)
