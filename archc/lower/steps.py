"""What becomes of a step: named steps, lists, loops, choices and expressions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic, SpecError
from archc.graph import is_source, join
from archc.language.evaluate import describe
from archc.language.expr import Expr
from archc.language.scalars import Key, Loop
from archc.language.spec import Body, Chain, Modified, Row
from archc.lower import keeping, origins
from archc.lower.bounds import Bounds
from archc.lower.finishing import finish
from archc.lower.frames import Frame, Place
from archc.lower.marks import ABSENT, NOTHING, UNKNOWN, Poisoned
from archc.lower.nesting import expect_fit, hold
from archc.lower.reader import Reader
from archc.lower.rows import Rows
from archc.lower.scope import Callee, Scope, place
from archc.lower.sources import is_source_step
from archc.lower.turns import turns
from archc.lower.wiring import is_tensor
from archc.tree import Group, Reading, Repeat, Turn

if TYPE_CHECKING:
    from archc.language.spec import Document
    from archc.lower.apply import Applier
    from archc.lower.blame import Use
    from archc.lower.files import File


class Steps(Bounds):
    """The part of lowering that goes through the steps of a body, in the order of the text."""

    document: Document
    file: File
    diagnostics: list[Diagnostic]
    stack: list[Use]
    advice: int
    applier: Applier
    rows: Rows

    def data(
        self,
        scope: Scope,
        value: Any,
        frame: Frame | None = None,
        values: dict[int, Any] | None = None,
    ) -> Any:
        """Evaluate a value of the spec, an expression or a list of them, in a scope.

        `values` takes what its parts are.
        """
        if isinstance(value, tuple):
            items = [self.data(scope, item, frame, values) for item in value]
            if (span := place(value)) is not None:
                self.expect_small(items, span)
            return items
        reader = Reader(self, value, scope, frame, values)
        found = reader.read(value.tree)
        self.expect_nothing_made(reader)
        return found

    def expect_nothing_made(self, reader: Reader) -> None:
        """Refuse an op in a place that is no step: its value would have no name."""
        if reader.made:
            text = reader.expr.text
            message = f"`{text}` makes a new value, as only a step can"
            remedy = "make it a step of its own, and name that here"
            raise SpecError([Diagnostic("wrong-kind", message, text.span, help=remedy)])

    def choice(self, frame: Frame, condition: Expr) -> AbstractContextManager[bool]:
        """Evaluate the condition of a step, and keep what is lowered meanwhile as its side."""
        reader = Reader(self, condition, frame.scope, frame)
        return keeping.choice(self, frame, condition, reader)

    def body(self, frame: Frame, prefix: str, steps: Mapping[Key, Any]) -> Any:
        """Lower named steps in order; the result is the last one's."""
        for key, step in steps.items():
            self.entry(frame, key, step, prefix=prefix)
        return frame.running

    def entry(self, frame: Frame, key: Key, step: Any, part: str = "", prefix: str = "") -> None:
        """Lower a named step and bind its value to its name."""
        first = len(frame.module.nodes)
        outer = frame.stage
        if part == "stages" and not frame.stage:
            frame.stage = str(key)
        result = (
            UNKNOWN if frame.scope.file.unsound(key) else self.attempt(frame, prefix, key, step)
        )
        frame.stage = outer
        if result is ABSENT and is_source_step(step, frame.scope.file.ops):
            frame.values[key.identifier] = frame.module.results[id(step), frame.turns] = NOTHING
            return
        if result is ABSENT and frame.running is NOTHING:
            result = UNKNOWN
        value = frame.running if result is ABSENT else result
        frame.values[key.identifier] = value
        if not is_source(value):
            frame.running = value
        modules = [n for n in frame.module.nodes[first:] if n.module is not None or n.tensors]
        if len(modules) == 1:
            frame.named[key.identifier] = modules[0]

    def attempt(self, frame: Frame, prefix: str, key: Key, step: Any) -> Any:
        """Lower a named step; its value is unknown where its key has none."""
        try:
            return self.step(frame, Place(prefix, key), step)
        except SpecError as error:
            self.diagnostics += error.diagnostics
        except Poisoned:
            pass
        return UNKNOWN

    def chain(
        self,
        frame: Frame,
        prefix: str,
        steps: tuple[Any, ...],
        numbers: list[int] | None = None,
    ) -> Any:
        """Lower a list of steps, numbering those that are there."""
        numbers = [0] if numbers is None else numbers
        there = False
        for step in steps:
            result = self.step(frame, Place(prefix, None, numbers), step)
            if result is not ABSENT:
                frame.running, there = result, True
        return frame.running if there else ABSENT

    def step(self, frame: Frame, place: Place, step: Any) -> Any:
        """Lower a step; the result is its value, ABSENT where it is not there."""
        self.spend()
        first = len(frame.module.nodes)
        at = self.noted(frame, place, step)
        match step:
            case Expr():
                result = self.expression(frame, place, step)
                if place.numbers is not None and result is not ABSENT:
                    place.numbers[0] += 1
            case Chain():
                result = self.nested(frame, place, step)
            case Body():
                path = self.path(frame, place)
                segments = keeping.segments(self, frame, place)
                if place.numbers is not None:
                    place.numbers[0] += 1
                inner = frame.inner(items=[])
                frame.items.append(
                    Group(
                        frame.running,
                        inner.items,
                        listed=False,
                        segments=segments,
                        path=path,
                        key=place.key,
                    )
                )
                result = self.body(inner, path, step.root)
                hold(frame, place, path, step, first)
            case Modified():
                result = self.modified(frame, place, step)
            case Row():
                result = self.rows.rows(frame, place, step)
            case _:
                raise AssertionError(step)
        frame.module.results[id(step), frame.turns] = result
        self.note(frame, at, result)
        return result

    def noted(self, frame: Frame, place: Place, step: Any) -> str:
        """Return the path by which an output can name a step; "" where it has none."""
        looped = isinstance(step, Row | Modified) and (step.repeat or getattr(step, "each", None))
        if frame.module.places is None or (looped and (place.key is None or place.key.exprs)):
            return ""  # the copies have paths of their own
        try:
            return self.path(frame, place)
        except SpecError:  # it is reported where the step is named
            return ""

    def note(self, frame: Frame, path: str, result: Any) -> None:
        """Remember what a path of a network gives."""
        if path and frame.module.places is not None and result is not ABSENT:
            frame.module.places[path] = result

    def nested(self, frame: Frame, place: Place, step: Chain, *, splice: bool = False) -> Any:
        """Lower a list: spliced into the list around it under `do`, else one of its own."""
        if splice and place.numbers is not None:
            return self.chain(frame.inner(), place.prefix, step.root, place.numbers)
        path = self.path(frame, place)
        segments = keeping.segments(self, frame, place)
        if place.numbers is not None:
            place.numbers[0] += 1
        inner, first = frame.inner(items=[]), len(frame.module.nodes)
        frame.items.append(
            Group(
                frame.running, inner.items, listed=True, segments=segments, path=path, key=place.key
            )
        )
        result = self.chain(inner, path, step.root)
        hold(frame, place, path, step, first)
        return inner.running if result is ABSENT and not splice else result

    def path(self, frame: Frame, place: Place) -> str:
        """Return the path of the module that a step at a place makes."""
        if place.numbers is not None:
            return join(place.prefix, str(place.numbers[0]))
        if place.key is None or place.key.silent:
            return place.prefix
        return join(join(place.prefix, self.fill(frame, place.key)), place.copy)

    def fill(self, frame: Frame, key: Key) -> str:
        """Fill in the expressions of a key."""
        filled = "".join(p if isinstance(p, str) else self.part(frame, p) for p in key.parts)
        expect_fit(key, filled)
        return filled

    def part(self, frame: Frame, expr: Expr) -> str:
        """Return what an expression puts into a key."""
        value = self.data(frame.scope, expr, frame)
        if isinstance(value, (int, float, str)):
            return str(value)
        message = f"`{{{expr.text}}}` is {describe(value)}, which no key can have"
        raise SpecError([Diagnostic("bad-key", message, expr.text.span)])

    # Modifiers

    def modified(self, frame: Frame, place: Place, step: Modified) -> Any:
        """Lower a step under `do:`, with its loop, its choice and what it takes."""
        outer_stage = frame.stage
        try:
            loop = step.repeat or step.each
            if loop is None:
                if step.stage is not None:
                    frame.stage = self.fill(frame, step.stage)
                return self.once(frame, place, step)
            return self.loop(frame, place, step, loop)
        except SpecError as error:
            self.diagnostics += error.diagnostics
            return UNKNOWN
        except Poisoned:
            return UNKNOWN
        finally:
            frame.stage = outer_stage

    def once(self, frame: Frame, place: Place, step: Modified, *, take: bool = True) -> Any:
        """Lower one copy."""
        if step.condition is None:
            return self.taken(frame, place, step, step.do, take=take)
        with self.choice(frame, step.condition) as true:
            if true:
                return self.taken(frame, place, step, step.do, take=take)
            if step.otherwise is not None:
                return self.taken(frame, place, step, step.otherwise, take=take)
            if step.source is None or not take:
                return ABSENT
            return self.source(frame, step.source)

    def taken(self, frame: Frame, place: Place, step: Modified, chosen: Any, *, take: bool) -> Any:
        """Lower the side of a step that is taken."""
        inner = frame.inner()
        if step.source is not None and take:
            inner.running = self.source(frame, step.source)
        if step.init is not None:
            inner.defaults_init = {**(frame.defaults_init or {}), **step.init}
        if not isinstance(chosen, Chain):
            return self.step(inner, place, chosen)
        at = self.noted(inner, place, chosen)
        result = self.nested(inner, place, chosen, splice=True)
        self.note(frame, at, result)
        return result

    def source(self, frame: Frame, source: Expr) -> Any:
        """Return what `from:` says, which must be a value of the network, or a list of them."""
        return self.value(frame, source, "`from:` says what the step takes")

    def value(self, frame: Frame, expr: Expr, remedy: str) -> Any:
        """Return what an expression says that must be a value of the network, or a list of them."""
        value = self.data(frame.scope, expr, frame)
        if is_tensor(value) or value in ([], UNKNOWN, ABSENT):
            return value
        message = f"`{expr.text}` is {describe(value)}, not a value of the network"
        self.diagnostics.append(Diagnostic("wrong-kind", message, expr.text.span, help=remedy))
        return UNKNOWN

    def loop(self, frame: Frame, place: Place, step: Modified, loop: Loop) -> Any:
        """Lower the copies of a `repeat`, chained, or of a `for`, side by side."""
        chained = step.repeat is not None
        inner = frame.inner()
        if chained and step.source is not None:
            inner.running = self.source(frame, step.source)
        results: list[Any] = []
        start, first = inner.running, len(frame.module.nodes)
        numbered = self.copy(place, loop, 0) is not place
        values: dict[int, Any] = {}
        repeat = Repeat(
            loop,
            Reading(loop.expr, frame.scope, values),
            chained,
            start,
            [],
            segments=keeping.segments(self, frame, place) if numbered else (),
            path=self.path(frame, place) if numbered else place.prefix,
            key=place.key,
        )
        frame.items.append(repeat)
        for turn, bound in enumerate(turns(self, frame, loop, values)):
            scope = frame.scope.child(origins.bound(loop, frame.scope, turn), **bound)
            copy = inner.inner(scope=scope, turns=(*frame.turns, turn), items=[])
            copy.running = inner.running if chained else start
            kept = Turn(bound, scope, copy.running, copy.items, ABSENT)
            repeat.turns.append(kept)
            at = self.copy(place, loop, len(results))
            if step.stage is not None:
                copy.stage = self.fill(copy, step.stage)
            elif place.key is not None and place.key.exprs and frame.stage == str(place.key):
                copy.stage = self.path(copy, at)  # copies that are siblings are stages of their own
            kept.result = result = self.once(copy, at, step, take=not chained)
            if result is not ABSENT:
                results.append(result)
                inner.running = result
                if place.key is not None and place.key.names_copies(loop):
                    frame.name_copy(self.fill(copy, place.key), result)
        if place.key is not None:
            frame.copies[place.key.identifier] = results
            if not place.key.names_copies(loop):
                hold(frame, place, self.path(frame, place), step, first)
        if not chained:
            self.expect_small(results, loop.text.span)
            return results
        return results[-1] if results else ABSENT

    def copy(self, place: Place, loop: Loop, number: int) -> Place:
        """Return the place of a copy: a sibling where the key mentions the loop variable."""
        if place.key is None or place.numbers is not None:
            return place
        if place.key.names_copies(loop) or place.key.silent:
            return place
        return replace(place, copy=join(place.copy, str(number)))

    # Expressions and blocks

    def expression(self, frame: Frame, place: Place, step: Expr) -> Any:
        """Lower an expression: apply what it names to the running value, or take what it gives."""
        reader = Reader(self, step, frame.scope, frame)
        try:
            reader.trail = self.path(frame, place)
            chosen, tests = reader.guard(lambda: reader.chosen(step.tree))
            result = reader.guard(
                lambda: reader.applied(
                    reader.whole(chosen) if chosen is step.tree else reader.evaluate(chosen), chosen
                )
            )
            if isinstance(result, Callee):
                callee = result
                result = reader.guard(lambda: reader.apply(callee, [frame.running], chosen))
            absent = result is None
            if absent or is_tensor(result) or result == []:
                if not absent:
                    finish(self, frame, place, reader)
                frame.items += keeping.sides(reader, chosen, tests, result, there=not absent)
                return ABSENT if absent else result
            message = f"`{step}` is {describe(result)}, not a step"
            raise SpecError(
                [
                    Diagnostic(
                        "not-a-step",
                        message,
                        step.text.span,
                        help="a step is an op, a block, or an expression of values",
                    )
                ]
            )
        except SpecError as error:
            self.diagnostics += error.diagnostics
        except Poisoned:
            pass
        return UNKNOWN
