"""Docstrings of classes: what the spec says above a block, where it is first used, the shapes there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from textwrap import wrap

from archc.diagnostics import Span
from archc.escaping import docstring, one_line
from archc.graph import Module, Value
from archc.lower.scope import BlockDef

WIDTH = 78


def described(module: Module, *, is_root: bool) -> list[ast.stmt]:
    """Return the docstring of the class of a module, [] where there is nothing to say."""
    parts = [part for part in (_comment(module), _place(module, is_root=is_root)) if part]
    return [ast.Expr(ast.Constant("\n\n".join(parts)))] if parts else []


def _place(module: Module, *, is_root: bool) -> str:
    """Return the path and the shapes of a module, "" where they would not fit on a line."""
    if not module.inputs or not (is_root or module.trail):
        return ""
    text = f"{_shapes(module.inputs)} -> {_shapes(module.values)}."
    if is_root:
        return text if len(text) < WIDTH else f"{text[: WIDTH - 4]}..."
    text = f"{docstring(module.trail)}: {text}"
    return text if len(text) <= WIDTH else ""


def _shapes(values: Iterable[Value]) -> str:
    """Spell shapes: `(N, 64, 56, 56), (N, 32, 56, 56)`."""
    return ", ".join(f"({', '.join(map(str, ('N', *v.shape.sizes)))})" for v in values)


def _comment(module: Module) -> str:
    """Return what a spec says of a block, in lines."""
    block = module.block
    if not isinstance(block, BlockDef) or block.library or module.is_network:
        return ""
    text = one_line(comment(block.signature.expr.text.span)).strip()
    return "\n".join(wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def comment(span: Span) -> str:
    """Return the comment right above a key, or else the one behind it; "" without one."""
    lines = span.source.lines
    above: list[str] = []
    for line in reversed(lines[: span.line - 1]):
        if not line.strip().startswith("#"):
            break
        above.insert(0, line.strip().lstrip("#").strip())
    if any(above):
        return " ".join(above).strip()
    behind = re.fullmatch(r"\s*:\s+#+(.*)", span.source.line(span.end_line)[span.end_column - 1 :])
    return behind[1].strip() if behind else ""
