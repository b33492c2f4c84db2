"""What lowering did with the text of a block in one use: a tree of applications, choices, loops.

Every item keeps the piece of text that it is from, with what each part of that text was in this
use, and the values of the network that run into it. Backends merge the trees of all uses of a
block and print what is left; they never read the text again.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.graph import Node
from archc.language.expr import Expr
from archc.language.scalars import Key, Loop


@dataclass(frozen=True, eq=False)
class Reading:
    """A text as it was read once: the value of every part that was evaluated, by its identity."""

    text: Expr
    scope: Any
    values: Mapping[int, Any]


@dataclass(frozen=True)
class Number:
    """The place in a list: what counts the steps that are there."""


@dataclass(frozen=True)
class Filled:
    """A part of a key with `{expressions}`, and how they were read."""

    parts: tuple[str | Expr, ...]
    readings: Mapping[int, Reading] = field(compare=False)


Segment = str | Number | Filled
"""One component of the path that a step adds to that of the step around it."""


@dataclass(eq=False)
class Item:
    """What became of a step; `path` is that of its module, of which `segments` are the last."""

    segments: tuple[Segment, ...] = field(default=(), kw_only=True)
    path: str = field(default="", kw_only=True)
    key: Key | None = field(default=None, kw_only=True)


@dataclass(eq=False)
class Apply(Item):
    """An op or block, applied; `main` where its module is the step's.

    `given` are the values that it takes as the text has them, lists as lists; `listed` where it gives a list.
    """

    node: Node
    at: ast.expr
    reading: Reading
    given: Sequence[Any]
    listed: bool = False
    main: bool = False


@dataclass(eq=False)
class Choice(Item):
    """One side of an `if`. `test` is a part of the text; `presence` asks whether it is not none."""

    test: ast.expr
    reading: Reading
    taken: bool
    start: Any
    items: list[Item]
    presence: bool = False
    result: Any = None


@dataclass(eq=False)
class Turn:
    """One turn of a loop: what it binds, what runs into it, and what it gives, if anything."""

    bound: Mapping[str, Any]
    scope: Any
    start: Any
    items: list[Item]
    result: Any


@dataclass(eq=False)
class Repeat(Item):
    """The turns of a loop. A `row` of stages counts `i` to its depth."""

    loop: Loop
    reading: Reading
    chained: bool
    start: Any
    turns: list[Turn]
    row: bool = False


@dataclass(eq=False)
class Group(Item):
    """Steps inside a step: a list, or a mapping."""

    start: Any
    items: list[Item]
    listed: bool


@dataclass(eq=False)
class Splice(Group):
    """A block in the place of its application, where it can be no class; `scope` is the block's."""

    node: Node
    reading: Reading
    scope: Any


def applications(items: Sequence[Item]) -> Iterator[Apply]:
    """Yield the applications of a tree, in the order in which they were made."""
    for item in items:
        match item:
            case Apply():
                yield item
            case Choice() | Group():
                yield from applications(item.items)
            case Repeat():
                for turn in item.turns:
                    yield from applications(turn.items)
