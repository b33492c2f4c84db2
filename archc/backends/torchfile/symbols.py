"""Names that are given last: until then a leaf of the file's tree is the symbol of a thing.

A symbol stands in the tree as a name that no text can have, so that nothing depends on how the
author calls a thing, and no two things are ever mixed up. `named` puts the names in.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import ClassVar

MARK = "ǂ"
"""The letter that symbols begin with, which a spec's names can't have."""
ALWAYS = frozenset({*keyword.kwlist, *dir(builtins), "self", "nn", "F", "torch", "math"})
"""Names of every emitted file: what means something else there is called otherwise."""
_numbers = count()


@dataclass(eq=False)
class Symbol:
    """A thing of the emitted file, and what it would be called."""

    hint: str
    id: str = field(default_factory=lambda: f"{MARK}{next(_numbers)}")

    hints: ClassVar[dict[str, str]] = {}

    def __post_init__(self) -> None:
        self.hints[self.id] = self.hint

    @property
    def name(self) -> ast.Name:
        """The leaf of a tree that it is."""
        return ast.Name(self.id, ast.Load())


def symbols(tree: ast.AST) -> Iterator[str]:
    """Yield the symbols in a tree."""
    for node in ast.walk(tree):
        for name in _ids(node):
            if name.startswith(MARK):
                yield name


def _ids(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return (name,)
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.keyword(arg=str(name)):
            return (name,)
    return ()


def plain(hint: str, reserved: Collection[str] = ()) -> str:
    """Return a hint as a name of Python's; what means something else ends in `_`."""
    name = re.sub(r"\W", "_", hint).strip("_") or "x"
    if name[0].isdigit():
        name = f"x{name}"
    return f"{name}_" if name in ALWAYS or name in reserved else name


class Namer:
    """The names of one scope: a hint is taken as it is, or ends in `_`, or is numbered."""

    def __init__(self, taken: Iterable[str] = (), reserved: Collection[str] = ()) -> None:
        self.taken, self.reserved = {*taken}, reserved

    def name(self, hint: str) -> str:
        """Return a name that is free, and take it."""
        first = name = plain(hint, self.reserved)
        k = 2
        while name in self.taken or name in ALWAYS or name in self.reserved:
            name, k = f"{first.rstrip('_')}{k}", k + 1
        self.taken.add(name)
        return name
