"""What is wrong with an argument of an op, told at the argument."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic, Note
from archc.language.evaluate import describe
from archc.lower.blame import within, written

if TYPE_CHECKING:
    from archc.lower.reader import Reader
    from archc.lower.scope import Callee


def complaint(reader: Reader, callee: Callee, error: Any, node: ast.expr, label: str) -> Diagnostic:
    """Say at the argument what pydantic says of it; `label` names the use of the block."""
    name = str(error["loc"][0]) if error["loc"] else ""
    used = dict(callee.places).get(name, node)
    at = written(callee, name) or reader.written(used)
    value = dict(callee.arguments).get(name)
    index = next((i for i in error["loc"][1:] if isinstance(i, int)), None)
    parts = [at.piece(a) for a in at.tree.args] if isinstance(at.tree, ast.Call) else at.items
    if index is not None and isinstance(value, (list, tuple)) and len(parts) == len(value) > index:
        at, value = parts[index], value[index]
    text = ast.unparse(at.tree) if at.tree is not None else ""
    literal = isinstance(at.tree, ast.Constant) or describe(value).endswith(f" {text}")
    shown = (
        f"`{text}`"
        if literal
        else f"`{text}` = {value}"
        if name in dict(callee.arguments) and text
        else describe(value)
    )
    place = reader.written(used).span
    notes = () if within(at.span, place) else (Note(place, f"`{callee.name}` takes it here"),)
    if error["type"] == "float_channels":
        whole = text.replace(" / ", " // ") if "/" in text and "//" not in text else f"int({text})"
        return Diagnostic(
            "float-argument",
            f"`{callee.name}`: `{name}` must be an integer, but {shown} is a float",
            at.span,
            label,
            notes,
            help=f"write `{whole}`",
        )
    said = error["msg"].removeprefix("Input ").removeprefix("Value error, ").removeprefix("should")
    said = said.replace("be greater than or equal to", "be at least").replace(
        "be less than or equal to", "be at most"
    )
    said = said if said.startswith(("must", "is")) else f"must{said}"
    message = f"`{callee.name}`: `{name}` {said.split(', got')[0]}, got {shown}"
    return Diagnostic("bad-argument", message, at.span, label, notes)


def huge(value: Any) -> int | None:
    """Return a whole number in an argument that 64 bits can't hold, None where there is none."""
    if isinstance(value, (list, tuple)):
        return next((h for v in value if (h := huge(v)) is not None), None)
    return value if isinstance(value, int) and not -(2**63) <= value < 2**63 else None
