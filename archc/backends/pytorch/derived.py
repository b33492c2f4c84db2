"""Derived values in a constructor: what they read, and in which order they stand."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from archc.backends.pytorch.render import parsed


def names_in(text: str) -> set[str]:
    """Return the names that a Python expression reads."""
    return {n.id for n in ast.walk(parsed(text)) if isinstance(n, ast.Name)}


def ordered(texts: Mapping[str, str]) -> dict[str, str]:
    """Return derived values so that each stands after those that it reads."""
    out: dict[str, str] = {}

    def define(name: str) -> None:
        if name in out:
            return
        for other in sorted(names_in(texts[name]) & set(texts)):
            define(other)
        out[name] = texts[name]

    for name in texts:
        define(name)
    return out


def through_self(line: str, names: Sequence[str]) -> str:
    """Let a line of the constructor read attributes instead of locals."""
    for name in names:
        line = re.sub(rf"(?<![\w.]){name}\b(?! ?=[^=])", f"self.{name}", line)
    return line
