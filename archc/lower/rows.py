"""Rows of `stages:`: a block, how often, and its arguments in each copy."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic, SpecError
from archc.graph import join
from archc.language.evaluate import describe
from archc.language.expr import Expr
from archc.language.scalars import Loop
from archc.limits import MAX_LENGTH
from archc.lower import keeping, origins
from archc.lower.marks import ABSENT, UNKNOWN, Poisoned
from archc.lower.nesting import hold
from archc.lower.origins import Written
from archc.lower.reader import Reader
from archc.lower.scope import Callee, takes
from archc.lower.turns import turns
from archc.ops.translating import argument
from archc.tree import Number, Reading, Repeat, Turn

if TYPE_CHECKING:
    from archc.language.spec import Row
    from archc.lower.frames import Frame, Place
    from archc.lower.steps import Steps


class Rows:
    """The part of lowering that turns rows into copies of their blocks."""

    def __init__(self, lowering: Steps) -> None:
        self.lowering = lowering
        self.loops: dict[int, Loop] = {}

    def rows(self, frame: Frame, place: Place, row: Row) -> Any:
        """Lower a row of `stages:`: one for each turn of its `repeat`."""
        try:
            if row.repeat is None:
                return self.row(frame, place, row)
            result: Any = ABSENT
            copy = frame
            values: dict[int, Any] = {}
            reading = Reading(row.repeat.expr, frame.scope, values)
            numbered = self.lowering.copy(place, row.repeat, 0) is not place
            repeat = Repeat(
                row.repeat,
                reading,
                True,
                frame.running,
                [],
                segments=keeping.segments(self.lowering, frame, place) if numbered else (),
                path=self.lowering.path(frame, place) if numbered else place.prefix,
                key=place.key,
            )
            frame.items.append(repeat)
            for turn, bound in enumerate(turns(self.lowering, frame, row.repeat, values)):
                scope = frame.scope.child(origins.bound(row.repeat, frame.scope, turn), **bound)
                copy = frame.inner(
                    scope=scope, turns=(*frame.turns, turn), running=copy.running, items=[]
                )
                kept = Turn(bound, scope, copy.running, copy.items, ABSENT)
                repeat.turns.append(kept)
                number = self.lowering.copy(place, row.repeat, turn)
                copy.stage = self.lowering.path(copy, number)
                kept.result = result = self.row(copy, number, row)
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
        if row.condition is None:
            return self.copies(frame, place, row)
        with self.lowering.choice(frame, row.condition) as true:
            return self.copies(frame, place, row) if true else ABSENT

    def copies(self, frame: Frame, place: Place, row: Row) -> Any:
        """Lower the copies of a row."""
        lowering = self.lowering
        if row.stage is not None:
            frame.stage = lowering.fill(frame, row.stage)
        values: dict[int, Any] = {}
        depth = 1 if row.depth is None else lowering.data(frame.scope, row.depth, frame, values)
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
        repeat = Repeat(
            self.loop(row),
            Reading(row.depth or row.block, frame.scope, values),
            True,
            frame.running,
            [],
            True,
            segments=keeping.segments(lowering, frame, place),
            path=base,
            key=place.key,
        )
        frame.items.append(repeat)
        for i in range(depth):
            kind = i if uses_i else (i == 0, i == depth - 1)
            scope = frame.scope.child(i=i)
            copy = inner.inner(scope=scope, turns=(*frame.turns, i), items=[])
            kept = Turn({"i": i}, scope, copy.running, copy.items, ABSENT)
            repeat.turns.append(kept)
            if kind not in callees:
                callees[kind] = self.row_callee(copy, row, i, depth)
            path = base if place.silent else join(base, str(i))
            self.copy(copy, row, callees[kind], path, silent=place.silent)
            inner.running = kept.result = copy.running
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
        callee = reader.guard(lambda: reader.whole(reader.chosen(reader.expr.tree)[0]))
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
            values: dict[int, Any] = {}
            bound[str(name)] = 1 if kept else self.lowering.data(frame.scope, value, frame, values)
            places[str(name)] = value.tree if isinstance(value, Expr) else ast.Constant(0)
            if not kept:
                written[str(name)] = Written(value, frame.scope, values=values)
        if wrong:
            raise SpecError(wrong)
        return replace(
            callee,
            arguments=tuple(bound.items()),
            places=tuple(places.items()),
            origins=tuple(written.items()),
        )

    def loop(self, row: Row) -> Loop:
        """Return the loop that a row is, the same one in all its uses."""
        if id(row) not in self.loops:
            expr = row.depth or row.block
            count = row.depth.tree if row.depth is not None else ast.Constant(1)
            self.loops[id(row)] = Loop(expr.text, ast.Name("i"), ("i",), expr, count, counted=True)
        return self.loops[id(row)]

    def copy(self, frame: Frame, row: Row, callee: Callee, path: str, *, silent: bool) -> None:
        """Apply a row's block once."""
        reader = Reader(self.lowering, row.block, frame.scope, frame)
        reader.trail = path
        value = reader.guard(lambda: reader.apply(callee, [frame.running], row.block.tree))
        for node in reader.made:
            node.path, node.stage, node.init = path, frame.stage, row.init
            keeping.name(reader.items, node, () if silent else (Number(),), None)
        frame.items += reader.items
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
