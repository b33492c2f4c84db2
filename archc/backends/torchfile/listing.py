"""Loops that make a list, and values that a next line alone reads, as a person writes them."""

from __future__ import annotations

import ast
from collections.abc import Sequence


def same(a: Sequence[ast.stmt], b: Sequence[ast.stmt]) -> bool:
    """Whether statements are the same text."""
    return [ast.dump(s) for s in a] == [ast.dump(s) for s in b]


def once(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements."""
    return statements


def listed(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements with loops that only append as displays."""
    return statements
