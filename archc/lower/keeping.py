"""The tree that is kept of a text: what was applied, inside the choices that led there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from archc.graph import Node
from archc.language.expr import Expr
from archc.language.scalars import Key, dotted
from archc.tree import Choice, Filled, Item, Number, Reading, Segment, applications

if TYPE_CHECKING:
    from archc.lower.frames import Frame, Place
    from archc.lower.reader import Reader
    from archc.lower.steps import Steps


@contextmanager
def side(reader: Reader, test: ast.expr, *, taken: bool) -> Iterator[None]:
    """Keep what an expression applies meanwhile as one side of a choice."""
    if reader.frame is None:
        yield
        return
    outer, reader.items = reader.items, []
    start = reader.frame.running
    try:
        yield
    finally:
        reader.items = [*outer, Choice(test, reader.reading, taken, start, reader.items)]


def sides(
    reader: Reader,
    node: ast.expr,
    tests: Sequence[tuple[ast.expr, bool]],
    result: Any,
    *,
    there: bool,
) -> list[Item]:
    """Return what an expression applied, inside the choices that led there.

    An op that is a param, which can be none, is one more.
    """
    assert reader.frame is not None
    items, start = reader.items, reader.frame.running
    head = node.func if isinstance(node, ast.Call) else node
    if isinstance(head, ast.Name) and head.id in reader.scope:
        items = [Choice(head, reader.reading, there, start, items, presence=True)]
    for test, taken in reversed(tests):
        items = [Choice(test, reader.reading, taken, start, items, result=result)]
    return items


def name(items: Sequence[Item], node: Node, segments: tuple[Segment, ...], key: Key | None) -> None:
    """Say which application is the step's."""
    for item in applications(items):
        if item.node is node:
            item.main, item.segments, item.key, item.path = True, segments, key, node.path


@contextmanager
def choice(lowering: Steps, frame: Frame, condition: Expr, reader: Reader) -> Iterator[bool]:
    """Evaluate the condition of a step, and keep what is lowered meanwhile as its side."""
    values: dict[int, Any] = {}
    value = lowering.data(frame.scope, condition, frame, values)
    true: bool = reader.guard(lambda: reader.truth(value, condition.tree))
    outer, items = frame.items, list[Item]()
    reading = Reading(condition, frame.scope, values)
    outer.append(Choice(condition.tree, reading, true, frame.running, items))
    frame.items = items
    try:
        yield true
    finally:
        frame.items = outer


def segments(lowering: Steps, frame: Frame, place: Place) -> tuple[Segment, ...]:
    """Return what a step at a place adds to the path around it."""
    if place.numbers is not None or place.copy:
        return (Number(),)
    if place.key is None or place.key.silent:
        return ()
    return tuple(_filled(lowering, frame, parts) for parts in dotted(place.key))


def _filled(lowering: Steps, frame: Frame, parts: tuple[str | Expr, ...]) -> Segment:
    """Return a part of a key between its dots, with how its expressions were read."""
    readings: dict[int, Reading] = {}
    for part in parts:
        if isinstance(part, Expr):
            values: dict[int, Any] = {}
            lowering.data(frame.scope, part, frame, values)
            readings[id(part)] = Reading(part, frame.scope, values)
    return Filled(parts, readings) if readings else "".join(map(str, parts))
