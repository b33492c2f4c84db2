"""Expressions as steps, and choices: what differs between the uses of a class, under a test.

What the text chooses by an argument is a choice of the class; so is what an op depends on, where
an argument that is true in some uses and false in others tells them apart.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from archc.backends.pytorch.applications import Applications
from archc.backends.pytorch.context import Context, Contexts, Split, same, split_by, values_in
from archc.backends.pytorch.items import Choice, Item, Val, applications
from archc.backends.pytorch.packing import listed
from archc.backends.pytorch.passing import present
from archc.backends.pytorch.render import Names, is_presence, parsed
from archc.graph import Module, Value
from archc.language.expr import Expr
from archc.lower.marks import ABSENT
from archc.ops import VARIES, Py

if TYPE_CHECKING:
    from archc.backends.pytorch.templates import Templates

FEW = 3
"""So many expressions of channels are tried with the others of a choice."""

Asked = tuple[Expr, ast.expr, list[bool]]
"""A test, as a piece of an expression, and its outcome in each use."""
Sides = tuple[Callable[[Contexts], list[Item]], Callable[[Contexts], list[Item]]]


class Choosing(Applications):
    """The part of a reading that knows what the uses of a class have in common, and what not.

    `presences` are the tests of choices of a block that give nothing on one side.
    """

    def __init__(self, templates: Templates, names: Names, modules: Sequence[Module]) -> None:
        super().__init__(templates, names, modules)
        self.presences: list[tuple[Any, Expr, ast.expr]] = []

    # Choices

    def choice(
        self,
        asked: Asked,
        contexts: Contexts,
        sides: Sides,
        outcome: Callable[[Context], Any],
    ) -> list[Item]:
        """Read both sides of a choice in which the uses differ, and merge what they give."""
        expr, node, tests = asked
        test = self.speller.render.py(expr, node, contexts)
        parts = [
            [c for c, t in zip(contexts, tests, strict=True) if t is wanted]
            for wanted in (True, False)
        ]
        counts = [{len(self.given(c, outcome)) for c in part} for part in parts]
        lists = any(isinstance(outcome(c), list) for c in contexts)
        if counts in ([{0}, {1}], [{1}, {0}]) and not lists:
            return self.optional(asked, test, contexts, sides, outcome)
        if counts != [{1}, {1}]:
            return self.of_lists(asked, test, contexts, sides, outcome)
        items: list[list[Item]] = []
        ends: list[Val] = []
        for side, part in zip(sides, parts, strict=True):
            with self.scope():
                items.append(side(part))
                ends.append(self.lookup([self.given(c, outcome)[0] for c in part]))
        yes, no = ends
        merged = Val(self.step_name, either(test, yes, no))
        if yes is not no:
            self.bind(merged, [self.given(c, outcome)[0] for c in contexts])
        both = (merged, yes, no) if yes is not no else None
        return [self.chosen(asked, test, items, both)]

    def optional(
        self,
        asked: Asked,
        test: Py,
        contexts: Contexts,
        sides: Sides,
        outcome: Callable[[Context], Any],
    ) -> list[Item]:
        """Read a choice that gives values on one side, and nothing on the other."""
        items: list[list[Item]] = []
        for side, wanted in zip(sides, (True, False), strict=True):
            part = [c for c, t in zip(contexts, asked[2], strict=True) if t is wanted]
            values = list(zip(*(self.given(c, outcome) for c in part), strict=True))
            with self.scope():
                items.append(side(part))
                ends = [self.lookup(vs) for vs in values]
            for end, vs in zip(ends, values, strict=True):
                self.bind(end, vs)
        self.presences.append((contexts[0].module.block, asked[0], asked[1]))
        return [self.chosen(asked, test, items, None)]

    def of_lists(
        self,
        asked: Asked,
        test: Py,
        contexts: Contexts,
        sides: Sides,
        outcome: Callable[[Context], Any],
    ) -> list[Item]:
        """Read a choice between lists of values, of which uses may have different numbers."""
        rows = [self.given(c, outcome) for c in contexts]
        items: list[list[Item]] = []
        ends: list[Val] = []
        for side, wanted in zip(sides, (True, False), strict=True):
            part = [c for c, t in zip(contexts, asked[2], strict=True) if t is wanted]
            with self.scope():
                found = side(part)
                given = [self.given(c, outcome) for c in part]
                vals = self.lookup_all(part, given)
                if len(vals) != 1 or not vals[0].many:
                    channels = [self.channels_in(part, v, given) for v in vals]
                    found = [*found, listed(self.step_name, vals, channels)]
                    vals = (found[-1].result,)
            items.append(found)
            ends.append(vals[0])
        merged = Val(self.step_name, either(test, *ends), many=True)
        self.bind_list(merged, contexts, rows)
        return [self.chosen(asked, test, items, (merged, ends[0], ends[1]))]

    def channels_in(self, contexts: Contexts, val: Val, rows: Sequence[Sequence[Value]]) -> Py:
        """Write the channels of a value, or of those in a list, that is somewhere in rows."""
        numbers: list[Any] = []
        for c, row in zip(contexts, rows, strict=True):
            part = val.parts[id(c.module)] if val.many else ()
            if val.many:
                numbers.append([v.shape.channels for v in row if id(v) in part])
            else:
                found = next(v for v in row if self.stands_for(val, v))
                numbers.append(found.shape.channels)
        return self.speller.pick(val.candidates, contexts, numbers)

    def chosen(
        self,
        asked: Asked,
        test: Py,
        sides: list[list[Item]],
        merged: tuple[Val, Val, Val] | None,
    ) -> Choice:
        """Return a choice between items."""
        flat = [i for side in sides for i in side]
        path = next((i.path for i in flat if i.path), "")
        name = self.step_name
        ask = partial(self.flag, asked[1], test.text, name)
        varies = any(i.varies for i in flat)
        return Choice(path, varies, test.text, sides[0], sides[1], ask, merged)

    def given(self, context: Context, outcome: Callable[[Context], Any]) -> tuple[Value, ...]:
        """Return the values that a choice gives in a use: what it takes, where it is absent."""
        result = outcome(context)
        return values_in(context.frame.running if result is ABSENT else result)

    def flag(self, node: ast.expr, test: str, step: str) -> str:
        """Return how forward asks a test of the constructor."""
        if isinstance(node, ast.Name):
            self.names.stored[node.id] = test
            return f"self.{node.id}"
        tree = parsed(test)
        if isinstance(tree, ast.Name):
            return self.speller.stored(Py(test, VARIES)).text
        if isinstance(node, ast.Compare) and is_presence(node):
            name = f"has_{ast.unparse(node.left)}"
            self.names.stored[name] = test
            return f"self.{name}"
        if isinstance(tree, ast.Compare) and all(
            isinstance(n, ast.Name | ast.Constant) for n in (tree.left, *tree.comparators)
        ):
            return self.speller.stored(Py(test, VARIES)).text
        if known := next((n for n, text in self.names.stored.items() if text == test), ""):
            return f"self.{known}"
        name = f"if_{step}"
        while self.names.stored.get(name, test) != test:
            name += "_"
        self.names.stored[name] = test
        return f"self.{name}"

    # Expressions

    def expression(self, expr: Expr, node: ast.expr, contexts: Contexts) -> list[Item]:
        """Read an expression step."""
        while isinstance(node, ast.IfExp):
            tests = [bool(t) for t in self.speller.render.values(expr, node.test, contexts)]
            if not same(tests):
                return self.conditional(expr, node, tests, contexts)
            node = node.body if tests[0] else node.orelse
        if (there := present(node, contexts)) is not None:
            return self.presence(expr, node, there, contexts)
        flags = self.flags(expr, node, contexts)
        if not flags:
            return self.applied_in(expr, node, contexts)
        try:
            with self.attempt():
                return self.applied_in(expr, node, contexts)
        except Split:
            for asked in flags:
                if (made := self.told_apart(expr, node, asked, contexts)) is not None:
                    return made
            raise

    def flags(self, expr: Expr, node: ast.expr, contexts: Contexts) -> list[Asked]:
        """Return the tests by which the uses of an expression may differ.

        They are the arguments in it that are true in some uses and false in others, and the
        tests of choices before it that gave nothing on one side.
        """
        if len(contexts) == 1:
            return []
        named = {n.id: n for n in ast.walk(node) if isinstance(n, ast.Name)}
        block = contexts[0].module.block
        asked: list[tuple[Expr, ast.expr]] = [
            (expr, named[name]) for name in sorted(named.keys() & self.names.varying)
        ]
        asked += [(e, n) for b, e, n in self.presences if b is block]
        found: list[Asked] = []
        for at, test in asked:
            try:
                values = self.speller.render.values(at, test, contexts)
            except Split:
                continue
            if set(map(type, values)) == {bool} and not same(values):
                found.append((at, test, values))
        return found

    def told_apart(
        self, expr: Expr, node: ast.expr, asked: Asked, contexts: Contexts
    ) -> list[Item] | None:
        """Read an expression as a choice by a test; None where modules depend on it."""
        side = partial(self.expression, expr, node)
        try:
            with self.attempt():
                made = self.choice(asked, contexts, (side, side), lambda c: given_by(expr, node, c))
                if any(a.spell is None or a.buffers for a in applications(made)):
                    raise Split({})
                return made
        except Split:
            return None

    def applied_in(self, expr: Expr, node: ast.expr, contexts: Contexts) -> list[Item]:
        """Read what an expression applies, the same in all uses but for choices inside it."""
        items: list[Item] = []
        inside: set[int] = set()
        for choice, tests in self.choices(expr, node, contexts):
            items += self.conditional(expr, choice, tests, contexts)
            inside |= {id(n) for n in ast.walk(choice)}
        sites = [[at for at in self.sites(node, c) if id(at) not in inside] for c in contexts]
        if any([id(s) for s in found] != [id(s) for s in sites[0]] for found in sites):
            by_frame = {
                id(c.frame): [id(s) for s in f] for c, f in zip(contexts, sites, strict=True)
            }
            raise split_by(contexts, lambda c: by_frame[id(c.frame)])
        whole = len(sites[0]) == 1 and not items
        for at in sites[0]:
            items += self.application(expr, at, contexts, whole=whole)
        return items

    def choices(
        self, expr: Expr, node: ast.expr, contexts: Contexts
    ) -> list[tuple[ast.IfExp, list[bool]]]:
        """Return the choices between values that stand first in an expression.

        Those are the ones in which the uses differ, and apply something.
        """
        found: list[tuple[ast.IfExp, list[bool]]] = []
        seen: set[int] = set()
        for at in ast.walk(node):
            if not isinstance(at, ast.IfExp) or id(at) in seen:
                continue
            seen |= {id(n) for n in ast.walk(at)}
            tests = [bool(t) for t in self.speller.render.values(expr, at.test, contexts)]
            if not same(tests) and any(self.sites(at, c) for c in contexts):
                found.append((at, tests))
        first = not found or self.come_first([at for at, _ in found], node, contexts)
        return found if first else []

    def come_first(self, choices: Sequence[ast.expr], node: ast.expr, contexts: Contexts) -> bool:
        """Whether what choices apply comes before all else in an expression, in their order."""
        places = {id(n): k for k, at in enumerate(choices) for n in ast.walk(at)}
        orders = [[places.get(id(s), len(choices)) for s in self.sites(node, c)] for c in contexts]
        return all(order == sorted(order) for order in orders)

    def presence(
        self, expr: Expr, node: ast.expr, there: list[bool], contexts: Contexts
    ) -> list[Item]:
        """Read a step that is an op in some uses and `none` in others."""
        test = ast.Compare(node, [ast.IsNot()], [ast.Constant(None)])
        sides = (lambda cs: self.expression(expr, node, cs), nothing)
        return self.choice((expr, test, there), contexts, sides, lambda c: given_by(expr, node, c))

    def conditional(
        self, expr: Expr, node: ast.IfExp, tests: list[bool], contexts: Contexts
    ) -> list[Item]:
        """Read a choice between expressions in which the uses differ."""
        sides = (
            lambda cs: self.expression(expr, node.body, cs),
            lambda cs: self.expression(expr, node.orelse, cs),
        )
        return self.choice(
            (expr, node.test, tests), contexts, sides, lambda c: given_by(expr, node, c)
        )


def either(test: Py, yes: Val, no: Val) -> tuple[str, ...]:
    """Return expressions of the channels of what a choice gives."""
    plain = [[t for t in val.candidates[:FEW] if " if " not in t] for val in (yes, no)]
    both = (f"{y} if {test} else {n}" for y in plain[0] for n in plain[1] if y != n)
    return tuple(dict.fromkeys((*yes.candidates, *no.candidates, *both)))


def given_by(expr: Expr, node: ast.expr, context: Context) -> Any:
    """Return what a piece of an expression gave in a use."""
    if node is expr.tree:
        return context.result(expr)
    while isinstance(node, ast.IfExp):
        node = node.body if context.evaluate(expr, node.test) else node.orelse
    made = context.node(node)
    if made is None:
        return context.evaluate(expr, node)
    return made.outputs[0] if len(made.outputs) == 1 else list(made.outputs)


def nothing(_: Contexts) -> list[Item]:
    """Read a side of a choice on which there is no step."""
    return []
