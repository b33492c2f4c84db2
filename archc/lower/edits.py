"""Edits of calls in the text of a spec: an argument changed, added or left out."""

from __future__ import annotations

import ast
from dataclasses import replace

from archc.diagnostics import Edit, Span
from archc.language.expr import Expr
from archc.lower.origins import Written, has_place


def text_at(span: Span) -> str:
    """Return the text that a span on one line has; "" where it goes over several."""
    if span.line != span.end_line:
        return ""
    return span.source.line(span.line)[span.column - 1 : span.end_column - 1]


def faithful(written: Written) -> bool:
    """Whether the text at the place is what was parsed there: no escapes, no folded lines."""
    tree = written.tree
    if tree is None or not has_place(written):
        return False
    text = text_at(_value_span(written))
    try:
        return ast.dump(ast.parse(text, mode="eval").body) == ast.dump(tree)
    except (SyntaxError, ValueError):
        return False


def _value_span(written: Written) -> Span:
    assert isinstance(written.text, Expr)
    return written.text.span(written.tree)


def put(written: Written, text: str) -> list[Edit]:
    """Write another value for an argument; nothing where its place is not sure."""
    return [Edit(_value_span(written), text)] if faithful(written) else []


def left_out(written: Written) -> list[Edit]:
    """Leave an argument out, with the comma before it."""
    call = call_of(written)
    if not faithful(written) or call is None:
        return []
    whole = written.span
    given = [*call.args, *(k.value for k in call.keywords)]
    named = whole != _value_span(written)
    if not named and given[-1] is not written.tree:
        return []  # what comes after it would move
    line = whole.source.line(whole.line)[: whole.column - 1]
    cut = line.rstrip().removesuffix(",").rstrip()
    if len(given) == 1 or not line.rstrip().endswith(","):
        return []
    return [Edit(replace(whole, column=len(cut) + 1), "")]


def added(beside: Written, text: str) -> list[Edit]:
    """Add an argument to the call in which another one stands."""
    call = call_of(beside)
    if call is None or not isinstance(beside.text, Expr):
        return []
    return _before_bracket(beside.text, call, f", {text}")


def _before_bracket(expr: Expr, call: ast.Call, text: str) -> list[Edit]:
    span = expr.span(call)
    if not text_at(span).endswith(")"):
        return []
    return [Edit(replace(span, column=span.end_column - 1, end_column=span.end_column - 1), text)]


def call_of(written: Written) -> ast.Call | None:
    """Return the call that an argument stands in."""
    if not isinstance(written.text, Expr):
        return None
    for node in ast.walk(written.text.tree):
        if isinstance(node, ast.Call):
            given = [*node.args, *(k.value for k in node.keywords)]
            if any(part is written.tree for part in given):
                return node
    return None


def call_text(written: Written, edits: list[Edit]) -> str:
    """Return the call of an argument as it is after some edits of it."""
    call = call_of(written)
    assert call is not None
    assert isinstance(written.text, Expr)
    span = written.text.span(call)
    return applied(text_at(span), [_moved(e, span) for e in edits])


def _moved(edit: Edit, span: Span) -> Edit:
    by = span.column - 1
    place = replace(edit.span, line=1, end_line=1, column=edit.span.column - by, end_column=edit.span.end_column - by)  # fmt: skip
    return Edit(place, edit.text)


def applied(text: str, edits: list[Edit] | tuple[Edit, ...]) -> str:
    """Return a text with edits made, the last one first."""
    lines = text.splitlines(keepends=True)
    for edit in sorted(edits, key=lambda e: e.span, reverse=True):
        line = lines[edit.span.line - 1]
        start, end = edit.span.column - 1, edit.span.end_column - 1
        lines[edit.span.line - 1] = line[:start] + edit.text + line[end:]
    return "".join(lines)
