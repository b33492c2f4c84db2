"""What is wrong with an argument of an op, told at the argument."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic
from archc.language.evaluate import describe

if TYPE_CHECKING:
    from archc.lower.reader import Reader
    from archc.lower.scope import Callee


def complaint(reader: Reader, callee: Callee, error: Any, node: ast.expr, label: str) -> Diagnostic:
    """Say at the argument what pydantic says of it; `label` names the use of the block."""
    name = str(error["loc"][0]) if error["loc"] else ""
    place = dict(callee.places).get(name, node)
    value = dict(callee.arguments).get(name)
    index = next((i for i in error["loc"][1:] if isinstance(i, int)), None)
    parts = place.args if isinstance(place, ast.Call) else getattr(place, "elts", [])
    if index is not None and isinstance(value, (list, tuple)) and len(parts) == len(value) > index:
        place, value = parts[index], value[index]
    text = ast.unparse(place)
    literal = isinstance(place, ast.Constant) or describe(value).endswith(f" {text}")
    shown = (
        f"`{text}`"
        if literal
        else f"`{text}` = {value}"
        if name in dict(callee.arguments)
        else describe(value)
    )
    if error["type"] == "float_channels":
        whole = text.replace(" / ", " // ") if "/" in text and "//" not in text else f"int({text})"
        return Diagnostic(
            "float-argument",
            f"`{callee.name}`: `{name}` must be an integer, but {shown} is a float",
            reader.expr.span(place),
            label,
            help=f"write `{whole}`",
        )
    said = error["msg"].removeprefix("Input ").removeprefix("Value error, ").removeprefix("should")
    said = said.replace("be greater than or equal to", "be at least").replace(
        "be less than or equal to", "be at most"
    )
    said = said if said.startswith(("must", "is")) else f"must{said}"
    message = f"`{callee.name}`: `{name}` {said.split(', got')[0]}, got {shown}"
    return Diagnostic("bad-argument", message, reader.expr.span(place), label)


def huge(value: Any) -> int | None:
    """Return a whole number in an argument that 64 bits can't hold, None where there is none."""
    if isinstance(value, (list, tuple)):
        return next((h for v in value if (h := huge(v)) is not None), None)
    return value if isinstance(value, int) and not -(2**63) <= value < 2**63 else None
