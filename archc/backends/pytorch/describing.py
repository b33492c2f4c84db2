"""What a class says of itself: where it is first used, and the shapes there."""

from __future__ import annotations

from collections.abc import Iterable

from archc.backends.pytorch.layout import WIDTH
from archc.escaping import docstring
from archc.graph import Module, Value


def described(module: Module, indent: str, *, root: bool) -> list[str]:
    """Return the docstring of a class; none where it would be too long."""
    if not module.inputs or not (root or module.trail):
        return []
    text = f"{shapes(module.inputs)} -> {shapes(module.values)}."
    if root and len(text) >= WIDTH - 10:
        text = f"{text[: WIDTH - 14]}..."
    line = f'{indent}"""{text}"""' if root else f'{indent}"""{docstring(module.trail)}: {text}"""'
    return [line] if len(line) <= WIDTH else []


def shapes(values: Iterable[Value]) -> str:
    """Spell shapes: `(N, 64, 56, 56), (N, 32, 56, 56)`."""
    return ", ".join(f"({', '.join(map(str, ('N', *v.shape.sizes)))})" for v in values)
