"""What is wrong with an argument of an op, told at the argument."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic, Note
from archc.language.evaluate import describe
from archc.language.validation import said
from archc.lower.blame import within, written
from archc.lower.mending import refused
from archc.ops import spelled

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
        else f"`{text}` = {spelled(value)}"
        if name in dict(callee.arguments) and text
        else describe(value)
    )
    place = reader.written(used).span
    notes = () if within(at.span, place) else (Note(place, f"`{callee.name}` takes it here"),)
    remedies = tuple(refused(reader, callee, name, error["type"])) if index is None else ()
    if error["type"] == "float_channels":
        whole = text.replace(" / ", " // ") if "/" in text and "//" not in text else f"int({text})"
        return Diagnostic(
            "float-argument",
            f"`{callee.name}`: `{name}` must be an integer, but {shown} is a float",
            at.span,
            label,
            notes,
            help=f"write `{whole}`",
            remedies=remedies,
        )
    words = said(error, quote='"').split(", got")[0]
    words = words if words.startswith(("must", "is", "has")) else f"must be right: {words}"
    message = f"`{callee.name}`: `{name}` {words}, got {shown}"
    return Diagnostic(
        "bad-argument", message, at.span, label, notes, help=_remedy(name, value), remedies=remedies
    )


def _remedy(name: str, value: Any) -> str:
    """Say what to write for another framework's value of an argument."""
    if name == "padding" and value == "same":
        return "leave `padding` out of a convolution at stride 1; `pad_same` pads as Keras does"
    if name == "padding" and value == "valid":
        return "write `padding=0`"
    return ""


def huge(value: Any) -> int | None:
    """Return a whole number in an argument that 64 bits can't hold, None where there is none."""
    if isinstance(value, (list, tuple)):
        return next((h for v in value if (h := huge(v)) is not None), None)
    return value if isinstance(value, int) and not -(2**63) <= value < 2**63 else None
