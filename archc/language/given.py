"""What users give beside a spec, as the text that messages about it point at."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, SupportsIndex

from archc.diagnostics import Diagnostic, Source, Span, SpecError
from archc.language.characters import hidden
from archc.language.expr import Expr, parse
from archc.language.source import Text
from archc.limits import Excess, measure

ARGUMENTS = ("spec", "variant", "input", "outputs", "allow_ops", "weights", "adapt", "origin")
"""The arguments of `archc.compile` and the like, beside which they take params by name."""

INPUT = "--input"
"""What messages call the sizes that a user gives in place of those of the spec."""


def expect_spec(spec: object, variant: object = None) -> None:
    """Raise TypeError for what can be no spec, and no name of a variant."""
    if not isinstance(spec, (str, Path, Source)) or not isinstance(variant, (str, type(None))):
        message = "a spec is a path, the name of a network or a Source, and a variant is a name"
        raise TypeError(message)


def places(outputs: Sequence[str]) -> list[Text]:
    """Return the names of outputs, for messages at their place in `--outputs`."""
    listed: object = [outputs] if isinstance(outputs, str) else outputs
    if not isinstance(listed, Sequence) or not all(isinstance(name, str) for name in listed):
        message = "`outputs` takes names: a list of texts"
        raise TypeError(message)
    source, column, texts = Source("--outputs", ",".join(listed)), 1, []
    for name in listed:
        texts.append(Text.at(name, Span(1, column, 1, column + len(name), source)))
        column += len(name) + 1
    if faults := list(hidden(source)):
        raise SpecError(faults)
    return texts


def numbers(input: Iterable[int] | None) -> tuple[int, ...]:
    """Return the sizes of an input, () for none; raises TypeError for what can be no sizes."""
    if input is None:
        return ()
    message = "`input` takes channels, height and width, such as (3, 224, 224)"
    if isinstance(input, (str, bytes)) or not isinstance(input, Iterable):
        raise TypeError(message)
    sizes = list(input)
    if not sizes or any(isinstance(n, bool) or not isinstance(n, SupportsIndex) for n in sizes):
        raise TypeError(message)
    return tuple(map(operator.index, sizes))


def sizes(numbers: Iterable[int]) -> tuple[Expr, ...]:
    """Return the sizes of an input, for messages at their place in `--input`."""
    texts = [str(number) for number in numbers]
    source, column, exprs = Source(INPUT, ",".join(texts)), 1, []
    for text in texts:
        exprs.append(parse(Text.at(text, Span(1, column, 1, column + len(text), source))))
        column += len(text) + 1
    return tuple(exprs)


def setting(name: str, value: Any) -> Any:
    """Return a setting as the spec would hold it: a string is an expression.

    Raises TypeError for what is no data of a spec, SpecError for what is beyond its limits.
    """
    if isinstance(value, str):
        return written("--set", name, value)
    source = Source("--set", f"{name}=...")
    try:
        measure(value)
    except Excess as fault:
        span = Span(1, 1, 1, len(name) + 1, source)
        raise SpecError([Diagnostic("too-much", str(fault), span)]) from None
    return _plain(name, value)


def _plain(name: str, value: Any) -> Any:
    """Return numbers and lists of other libraries as Python's own."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_plain(name, item) for item in value]
    if isinstance(value, SupportsIndex) and not isinstance(value, type):
        return operator.index(value)
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    message = f"`{name}` takes numbers, texts, true, false, none, and lists of these"
    raise TypeError(message)


def written(flag: str, name: str, text: str) -> Expr:
    """Parse what stands on the command line, for messages as the text `name=text`."""
    source = Source(flag, f"{name}={text}")
    start = len(name) + 2
    if faults := list(hidden(source)):
        raise SpecError(faults)
    return parse(Text.at(text, Span(1, start, 1, start + len(text), source)))
