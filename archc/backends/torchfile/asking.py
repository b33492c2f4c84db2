"""Which texts ask for the height, the width or the tokens of a value."""

from __future__ import annotations

import ast
from typing import Any

from archc.backends.torchfile.spots import level_of
from archc.graph import Node
from archc.language.expr import Expr

EXTENTS = {"height": "h", "width": "w", "tokens": "n"}


def asks(node: Node) -> bool:
    """Whether the arguments of an op ask for the sizes of values."""
    return any(
        asks_in(written.text if written.node is None else written.node, written.scope)
        for _, written in getattr(node.callee, "origins", ())
    )


def asks_in(text: Any, scope: Any) -> bool:
    """Whether a text asks for the size of a value, or for what is derived from one."""
    if isinstance(text, tuple):
        return any(asks_in(part, scope) for part in text)
    tree = text.tree if isinstance(text, Expr) else text
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in EXTENTS:
            return True
        if isinstance(node, ast.Name):
            level = level_of(node.id, scope)
            if level is not None and node.id in level.lets and asks_in(level.lets[node.id], level):
                return True
    return False
