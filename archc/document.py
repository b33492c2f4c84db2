"""A spec's text to a Document; pydantic's complaints become diagnostics at the right place."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from archc.diagnostics import Diagnostic, Source, Span, SpecError, nearest
from archc.source import Mapping, Text, parse
from archc.spec import Block, Claim, Document, Modified, Output, Paper, Row

_MODELS: dict[str, type[BaseModel]] = {
    "paper": Paper,
    "claims": Claim,
    "do": Modified,
    "row": Row,
    "outputs": Output,
    "blocks": Block,
}
_MISSING = {
    "archc": "begin the file with `archc: 1`, the version of the language",
    "name": "give the network a name: `name: resnet`",
    "input": "say what the network takes: `input: [3, 224, 224]`",
    "do": "put the step that it modifies under `do:`",
}


def document(source: Source) -> Document:
    """Read a document; raises SpecError with all that its models find wrong."""
    tree = parse(source)
    try:
        return Document.model_validate(tree)
    except ValidationError as error:
        raise SpecError(_diagnostic(tree, e) for e in error.errors()) from None


def _diagnostic(tree: Mapping, error: Any) -> Diagnostic:
    """Turn one of pydantic's errors into a diagnostic."""
    context = error.get("ctx") or {}
    if "diagnostic" in context:
        found: Diagnostic = context["diagnostic"]
        return found
    loc = [part for part in error["loc"] if part != "[key]"]
    span, key = _place(tree, loc)
    kind, last = error["type"], loc[-1] if loc else ""
    if kind == "missing":
        return Diagnostic("missing-key", f"`{last}` is missing", span, help=_MISSING.get(str(last), ""))
    if kind == "extra_forbidden":
        return Diagnostic("unknown-key", f"`{last}` is no key here", key or span, help=nearest(str(last), _known(loc)))
    if kind == "literal_error" and loc == ["archc"]:
        return Diagnostic("language-version", f"this archc reads version 1 of the language, not {_shown(error['input'])}", span, help="write `archc: 1`")
    message = error["msg"]
    named = f"`{last}` " if isinstance(last, str) and not message.startswith("`") else ""
    code = "bad-key" if kind in ("bad_key", "not_a_name") else "bad-value"
    return Diagnostic(code, named + message.removeprefix("Input should").replace("be a valid", "must be a").strip(), span)


def _place(tree: Any, loc: list[Any]) -> tuple[Span, Text | None]:
    """Follow pydantic's path through the tree, leaving out what is not in the text."""
    span, key = _start(tree.span), None
    for part in loc:
        if isinstance(tree, Mapping) and part in tree:
            key = tree.key(part)
            tree = tree[key]
            span = key.span if not isinstance(tree, Text) else tree.span if tree else key.span
        elif isinstance(tree, list) and isinstance(part, int) and part < len(tree):
            tree = tree[part]
            span = _start(tree.span) if not isinstance(tree, Text) else tree.span
            key = None
    return span, key


def _start(span: Span) -> Span:
    return Span(span.line, span.column, span.line, span.column + 1, span.source)


def _known(loc: list[Any]) -> list[str]:
    """Return the keys that the model at a place has."""
    owner = next((_MODELS[p] for p in reversed(loc[:-1]) if p in _MODELS), Document)
    return [f.alias or name for name, f in owner.model_fields.items()]


def _shown(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else "this"


