"""What users give beside a spec, as the text that messages about it point at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archc.diagnostics import Source, Span, SpecError
from archc.language.characters import hidden
from archc.language.expr import Expr, parse
from archc.language.source import Text

ARGUMENTS = ("spec", "variant", "outputs", "allow_ops")
"""The arguments of `archc.compile` and the like, beside which they take params by name."""


def places(outputs: Sequence[str]) -> list[Text]:
    """Return the names of outputs, for messages at their place in `--outputs`."""
    listed = [outputs] if isinstance(outputs, str) else list(outputs)
    source, column, texts = Source("--outputs", ",".join(listed)), 1, []
    for name in listed:
        texts.append(Text.at(name, Span(1, column, 1, column + len(name), source)))
        column += len(name) + 1
    if faults := list(hidden(source)):
        raise SpecError(faults)
    return texts


def setting(name: str, value: Any) -> Any:
    """Return a setting as the spec would hold it: a string is an expression."""
    if not isinstance(value, str):
        return list(value) if isinstance(value, tuple) else value
    return written("--set", name, value)


def written(flag: str, name: str, text: str) -> Expr:
    """Parse what stands on the command line, for messages as the text `name=text`."""
    source = Source(flag, f"{name}={text}")
    start = len(name) + 2
    if faults := list(hidden(source)):
        raise SpecError(faults)
    return parse(Text.at(text, Span(1, start, 1, start + len(text), source)))
