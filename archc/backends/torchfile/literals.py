"""Names and constants as text: strings with the quotes that need the fewest escapes, docstrings."""

from __future__ import annotations

import inspect
import keyword
import math
import re


def name(text: str) -> str:
    """Return a name as it is; what is none would leave its place."""
    if not text.isidentifier() or keyword.iskeyword(text):
        raise TypeError(f"{text!r} can't be printed as a name")
    return text


def dotted(text: str) -> str:
    """Return a name of names, as modules have."""
    return ".".join(map(name, text.split(".")))


def quoted(text: str, quote: str = '"') -> str:
    """Return a string literal, with the other quotes where these would need more escapes."""
    body = escaped(text)
    other = "'" if quote == '"' else '"'
    if body.count(quote) > body.count(other):
        quote = other
    return quote + body.replace(quote, "\\" + quote) + quote


def escaped(text: str) -> str:
    """Return what stands between the quotes of a literal, but for the escapes of quotes."""
    return repr('"' + text)[2:-1].replace("\\'", "'")


def is_negative(value: float) -> bool:
    """Whether a number is written with a sign."""
    return value < 0 if value else math.copysign(1, value) < 0


def number(value: float) -> str:
    """Return a number as Python prints it, but for the sign of its exponent."""
    text = repr(value).replace("e+", "e")
    if text == "nan":
        raise TypeError("nan has no literal")
    return text.replace("inf", "1e309")


def docstring(text: str, indent: str) -> list[str]:
    """Return the lines of a docstring; one of several lines closes on a line of its own."""
    lines = inspect.cleandoc(text).split("\n")
    first, *rest = (escaped(line).rstrip().replace('"""', r"\"\"\"") for line in lines)
    if first.startswith(" ") or (rest and all(line.startswith(" ") for line in rest if line)):
        first, rest = "", [first, *rest]  # where it starts is seen from the lines after the first
    start = f'{indent}""" {first}' if first.startswith('"') else f'{indent}"""{first}'
    if rest:
        return [start, *(indent + line if line else "" for line in rest), f'{indent}"""']
    ends_in_quote = re.search(r'(?<!\\)(\\\\)*"$', first)
    return [start + (' """' if ends_in_quote else '"""')]
