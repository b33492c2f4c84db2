"""Steps that make a value of nothing, such as `parameter(16, 1, 1)`: they take no input."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from archc.language.expr import Expr
from archc.language.spec import Modified
from archc.ops import Op


def is_source_step(step: Any, ops: Mapping[str, type[Op]]) -> bool:
    """Whether a step is a source where it is there, so that it is nothing where it is not."""
    if isinstance(step, Modified):
        return step.source is None and is_source_step(step.do, ops)
    return isinstance(step, Expr) and any(_sources(step.tree, ops))


def _sources(node: ast.expr, ops: Mapping[str, type[Op]]) -> list[bool]:
    """Say of each side of a choice that applies anything whether it takes no input."""
    if isinstance(node, ast.IfExp):
        return [*_sources(node.body, ops), *_sources(node.orelse, ops)]
    while isinstance(node, ast.Call):
        node = node.func
    op = ops.get(node.id) if isinstance(node, ast.Name) else None
    return [op is not None and op.inputs == 0]
