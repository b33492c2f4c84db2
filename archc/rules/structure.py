"""Structure never depends on resolution: what decides on modules reads channels, not sizes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from archc.diagnostics import Diagnostic
from archc.language.expr import Expr
from archc.language.scalars import Signature
from archc.language.source import Text
from archc.language.spec import Document, Library
from archc.ops import Op
from archc.rules.analysis import Analysis, Call

RESOLUTION = ("height", "width", "tokens")
WHY = {
    "condition": "which modules there are",
    "loop": "how many modules there are",
    "depth": "how many modules there are",
    "key": "the names of modules",
}


def structure(document: Document | Library, analysis: Analysis) -> list[Diagnostic]:
    """Return a diagnostic for every choice, count or tensor that depends on the resolution."""
    lets = _lets(document)
    faults: list[Diagnostic] = []
    for reading in analysis.readings:
        if reading.purpose in WHY:
            faults += _reads(
                reading.expr, reading.node, lets.get(reading.owner, {}), WHY[reading.purpose]
            )
        elif reading.purpose == "step":
            for test in _tests(reading.node):
                faults += _reads(reading.expr, test, lets.get(reading.owner, {}), WHY["condition"])
    for call in analysis.calls.values():
        for argument in _arguments(call):
            faults += _reads(
                call.expr, argument, lets.get(call.owner, {}), f"the tensors of `{call.name}`"
            )
    return faults


def _tests(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the conditions of a one-step choice."""
    while isinstance(node, ast.IfExp):
        yield node.test
        yield from _tests(node.body)
        node = node.orelse


def _arguments(call: Call) -> tuple[ast.expr, ...]:
    """Return the arguments that decide on the tensors of an op; sources may have any size."""
    if (
        isinstance(call.target, Signature)
        or call.target.tensors is Op.tensors
        or call.target.inputs == 0
    ):
        return ()
    return (*call.arguments, *(k.value for k in call.keywords))


def _lets(document: Document | Library) -> dict[str, dict[str, str]]:
    """Return, by block, the derived values that read a resolution, with what they read."""
    return {s.name: _tainted(b.let) for s, b in document.blocks.items()}


def _tainted(let: Mapping[Text, object]) -> dict[str, str]:
    tainted: dict[str, str] = {}
    for _ in let:
        for name, value in let.items():
            for expr in _expressions(value):
                if str(name) not in tainted and (read := _first(expr.tree, tainted)) is not None:
                    tainted[str(name)] = ast.unparse(read)
    return tainted


def _expressions(value: object) -> Iterator[Expr]:
    if isinstance(value, Expr):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _expressions(item)


def _first(node: ast.expr, tainted: dict[str, str]) -> ast.expr | None:
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in RESOLUTION:
            return part
        if isinstance(part, ast.Name) and part.id in tainted:
            return part
    return None


def _reads(expr: Expr, node: ast.expr, tainted: dict[str, str], what: str) -> list[Diagnostic]:
    part = _first(node, tainted)
    if part is None:
        return []
    text = ast.unparse(part)
    text = f"{text}` = `{tainted[text]}" if text in tainted else text
    message = f"`{text}` decides on {what}, which would change with the size of the input"
    hint = "the state_dict keys may not depend on it: read `.channels`, or a param"
    return [Diagnostic("resolution-in-structure", message, expr.span(part), help=hint)]
