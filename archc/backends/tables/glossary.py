"""What a paper calls the stages, steps and blocks of a spec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from archc.backends.tables.model import Cell
from archc.language.spec import Document
from archc.ops import spelled

HOLE = re.compile(r"\{([A-Za-z_]\w*)\}", re.ASCII)


class Glossary:
    """The names under `rows:` of a paper, each with what it is called there.

    `{k}` in a name stands for any word, and in what it is called for the same; `{kernel}` there
    may also be an argument of the block.
    """

    def __init__(self, document: Document) -> None:
        rows = document.paper.rows if document.paper else {}
        self.patterns = [(name, _pattern(str(name)), str(term)) for name, term in rows.items()]

    def of(self, name: str, arguments: Mapping[str, Any] | None = None) -> str:
        """Return what the paper calls a name; "" where it says nothing of it."""
        for _, pattern, term in self.patterns:
            if found := pattern.fullmatch(name):
                return _filled(term, {**(arguments or {}), **found.groupdict()})
        return ""

    def step(self, path: str) -> str:
        """Return what the paper calls a step, by its dotted path or the last name of it."""
        return self.of(path) or self.of(path.rpartition(".")[2])


def _pattern(name: str) -> re.Pattern[str]:
    parts = HOLE.split(name)
    seen: set[str] = set()
    pattern = ""
    for k, part in enumerate(parts):
        hole = f"(?P={part})" if part in seen else rf"(?P<{part}>\w+)"
        pattern += hole if k % 2 else re.escape(part)
        seen |= {part} if k % 2 else set()
    return re.compile(pattern)


def _filled(term: str, known: Mapping[str, Any]) -> str:
    return HOLE.sub(lambda hole: str(shown(known.get(hole[1], hole[0]))), term)


def shown(value: Any) -> Cell:
    """Spell what an expression gave: a number or text is itself, an op or block its name."""
    plain = isinstance(value, float | str) or type(value) is int
    return value if plain else str(getattr(value, "name", spelled(value)))
