"""Characters that no spec may have: those that do not show as what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archc.diagnostics import Diagnostic, Source, Span
from archc.escaping import HIDDEN

MOST = 10
"""So many of them are reported of one text."""

HELP = "remove it; text that shows is all that a spec needs"
ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
SHORT = {"0": 0x00, "a": 0x07, "b": 0x08, "v": 0x0B, "f": 0x0C, "r": 0x0D, "e": 0x1B,
         "N": 0x85, "L": 0x2028, "P": 0x2029}  # fmt: skip
"""Escapes of YAML for characters that are hidden."""


def hidden(source: Source) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each hidden character of a file."""
    count = 0
    for number, line in enumerate(source.lines, 1):
        for match in HIDDEN.finditer(line):
            count += 1
            if count > MOST:
                return
            at = match.start() + 1
            yield fault(match[0], Span(number, at, number, at + 1, source))


def written_out(text: str, span: Span) -> Diagnostic | None:
    r"""Return a diagnostic for the first hidden character of a scalar, which an escape made."""
    match = HIDDEN.search(text)
    if match is None:
        return None
    for number in range(span.line, span.end_line + 1):
        line = span.source.line(number)
        start = span.column - 1 if number == span.line else 0
        end = span.end_column - 1 if number == span.end_line else len(line)
        for escape in ESCAPE.finditer(line, start, end):
            code = escape[0][1:]
            value = int(code[1:], 16) if len(code) > 1 else SHORT.get(code, -1)
            if value == ord(match[0]):
                first, last = escape.start() + 1, escape.end() + 1
                return fault(match[0], Span(number, first, number, last, span.source))
    return fault(match[0], span)


def fault(letter: str, span: Span) -> Diagnostic:
    """Return the diagnostic of a hidden character."""
    number = ord(letter)
    if number in (0x85, 0x2028, 0x2029):
        what = "separates lines unseen"
    elif 0x202A <= number <= 0x2069:
        what = "turns the direction of text"
    elif 0xD800 <= number <= 0xDFFF:
        what = "is half of a character"
    else:
        what = "is a control character" if number < 256 else "is no character"
    message = f"`U+{number:04X}` {what}, which no spec may have"
    return Diagnostic("hidden-character", message, span, help=HELP)
