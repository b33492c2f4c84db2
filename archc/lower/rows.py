"""Rows of `stages:`: a block, how often, and its arguments in each copy."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic, SpecError
from archc.graph import join
from archc.language.evaluate import describe
from archc.language.expr import Expr
from archc.limits import MAX_LENGTH
from archc.lower import origins
from archc.lower.marks import ABSENT, UNKNOWN, Poisoned
from archc.lower.nesting import hold
from archc.lower.origins import Written
from archc.lower.reader import Reader
from archc.lower.scope import Callee, takes
from archc.ops.translating import argument

if TYPE_CHECKING:
    from archc.language.spec import Row
    from archc.lower.frames import Frame, Place
    from archc.lower.steps import Steps


class Rows:
    """The part of lowering that turns rows into copies of their blocks."""

    def __init__(self, lowering: Steps) -> None:
        self.lowering = lowering

    def rows(self, frame: Frame, place: Place, row: Row) -> Any:
        """Lower a row of `stages:`: one for each turn of its `repeat`."""
        try:
            if row.repeat is None:
                return self.row(frame, place, row)
            result: Any = ABSENT
            copy = frame
            for turn, bound in enumerate(self.lowering.turns(frame, row.repeat)):
                copy = frame.inner(
                    scope=frame.scope.child(origins.bound(row.repeat, frame.scope, turn), **bound),
                    turns=(*frame.turns, turn),
                    running=copy.running,
                )
                number = self.lowering.copy(place, row.repeat, turn)
                copy.stage = self.lowering.path(copy, number)
                result = self.row(copy, number, row)
                self.lowering.note(copy, copy.stage, result)
                named = place.key is not None and place.key.names_copies(row.repeat)
                if named and result is not ABSENT:
                    frame.name_copy(copy.stage, result)
                copy.running = copy.running if result is ABSENT else result
            return result
        except SpecError as error:
            self.lowering.diagnostics += error.diagnostics
        except Poisoned:
            pass
        return UNKNOWN

    def row(self, frame: Frame, place: Place, row: Row) -> Any:
        """Lower one row: `depth` copies of its block, the first with the stride."""
        lowering = self.lowering
        if row.condition is not None and not lowering.holds(frame, row.condition):
            return ABSENT
        if row.stage is not None:
            frame.stage = lowering.fill(frame, row.stage)
        depth = 1 if row.depth is None else lowering.data(frame.scope, row.depth, frame)
        if isinstance(depth, bool) or not isinstance(depth, int) or not 0 <= depth <= MAX_LENGTH:
            assert row.depth is not None
            raise SpecError(
                [
                    Diagnostic(
                        "bad-depth",
                        f"`depth` must be a whole number from 0 to {MAX_LENGTH}, got {describe(depth)}",
                        row.depth.text.span,
                    )
                ]
            )
        base = lowering.path(frame, place)
        uses_i = any("i" in e.names for e in expressions(row))
        callees: dict[Any, Callee] = {}
        inner, first = frame.inner(), len(frame.module.nodes)
        for i in range(depth):
            kind = i if uses_i else (i == 0, i == depth - 1)
            copy = inner.inner(scope=frame.scope.child(i=i), turns=(*frame.turns, i))
            if kind not in callees:
                callees[kind] = self.row_callee(copy, row, i, depth)
            self.copy(copy, row, callees[kind], base if place.silent else join(base, str(i)))
            inner.running = copy.running
        hold(frame, place, base, row, first)
        return inner.running if depth else ABSENT

    def row_callee(self, frame: Frame, row: Row, i: int, depth: int) -> Callee:
        """Return the block of a copy with its arguments."""
        special: dict[Any, Any] = {}
        if i == 0 and row.first:
            special |= row.first
        if i == depth - 1 and row.last:
            special |= row.last
        reader = Reader(self.lowering, special.get("block", row.block), frame.scope, frame)
        callee = reader.guard(lambda: reader.whole(reader.choose(reader.expr.tree)))
        if not isinstance(callee, Callee):
            raise SpecError(
                [
                    Diagnostic(
                        "not-an-op",
                        f"`{reader.expr}` is {describe(callee)}, not a block",
                        reader.expr.text.span,
                        help="a row needs a block or an op, or a param that holds one",
                    )
                ]
            )
        given = {**row.arguments, **{k: v for k, v in special.items() if k != "block"}}
        bound, places, written = dict(callee.arguments), dict(callee.places), dict(callee.origins)
        wrong: list[Diagnostic] = []
        for name, value in given.items():
            if name not in callee.parameters:
                if name == "stride" and self.lowering.data(frame.scope, value, frame) == 1:
                    continue
                wrong.append(
                    Diagnostic(
                        "unknown-argument",
                        f"`{callee.name}` has no argument `{name}`",
                        name.span,
                        help=argument(name, callee.parameters) or f"its arguments: {takes(callee)}",
                    )
                )
                continue
            kept = name == "stride" and i > 0 and "stride" not in special
            bound[str(name)] = 1 if kept else self.lowering.data(frame.scope, value, frame)
            places[str(name)] = value.tree if isinstance(value, Expr) else ast.Constant(0)
            if not kept:
                written[str(name)] = Written(value, frame.scope)
        if wrong:
            raise SpecError(wrong)
        return replace(
            callee,
            arguments=tuple(bound.items()),
            places=tuple(places.items()),
            origins=tuple(written.items()),
        )

    def copy(self, frame: Frame, row: Row, callee: Callee, path: str) -> None:
        """Apply a row's block once."""
        reader = Reader(self.lowering, row.block, frame.scope, frame)
        reader.trail = path
        value = reader.guard(lambda: reader.apply(callee, [frame.running], row.block.tree))
        for node in reader.made:
            node.path, node.stage, node.init = path, frame.stage, row.init
        frame.module.nodes += reader.made
        frame.running = value
        self.lowering.note(frame, path, value)


def expressions(row: Row) -> list[Expr]:
    """Return every expression of a row."""

    def inside(value: Any) -> list[Expr]:
        if isinstance(value, Expr):
            return [value]
        return (
            [e for item in value for e in inside(item)] if isinstance(value, (tuple, list)) else []
        )

    parts = [
        row.block,
        *row.arguments.values(),
        *(row.first or {}).values(),
        *(row.last or {}).values(),
    ]
    return [e for part in parts for e in inside(part)]
