"""Reads the text of a body again, beside all its uses, and says what it is made of.

A single use that the text can't tell apart is read from its graph instead, all of it literally.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from archc.backends.pytorch.applications import Applications
from archc.backends.pytorch.context import (
    Context,
    Contexts,
    is_running,
    same,
    split_by,
    values_in,
)
from archc.backends.pytorch.items import Apply, Choice, Group, Item, Val
from archc.backends.pytorch.passing import present
from archc.backends.pytorch.places import Where, named
from archc.backends.pytorch.render import is_presence, parsed
from archc.backends.pytorch.rolling import Repeat, repeated, row
from archc.graph import Value, is_source
from archc.language.expr import Expr
from archc.language.scalars import Key
from archc.language.scalars import Loop as Turns
from archc.language.spec import Body, Chain, Modified, Row
from archc.lower.marks import ABSENT
from archc.lower.scope import BlockDef
from archc.ops import VARIES, Py


class Reading(Applications):
    """One reading of a body over all uses of its class."""

    # Bodies

    def block(self, contexts: Contexts) -> list[Item]:
        """Read the body of a block, or of the network."""
        block = contexts[0].module.block
        steps = block.block.body if isinstance(block, BlockDef) else block.steps
        if isinstance(steps, Body | dict):
            return self.steps(steps.root if isinstance(steps, Body) else steps, contexts, 0)
        items = self.step(steps, contexts, Where(whole=True))
        self.advance(contexts, steps, None)
        return items

    def steps(self, steps: Mapping[Key, Any], contexts: Contexts, depth: int) -> list[Item]:
        """Read named steps."""
        items: list[Item] = []
        for key, step in steps.items():
            self.step_name = named(key, contexts)
            items += self.step(step, contexts, Where(depth, key))
            self.advance(contexts, step, key)
        return items

    def advance(self, contexts: Contexts, step: Any, key: Key | None) -> None:
        """Let what a step gave run on, and bind it to its name."""
        for c in contexts:
            result = c.result(step)
            value = result if is_running(result) else c.frame.running
            if not is_source(value):
                c.frame.running = value
            if key is not None:
                c.frame.values[key.identifier] = value

    def chain(self, steps: Sequence[Any], contexts: Contexts, depth: int) -> list[Item]:
        """Read the steps of a list."""
        items: list[Item] = []
        for step in steps:
            items += self.step(step, contexts, Where(depth))
            self.advance_spliced(contexts, step)
        return items

    def advance_spliced(self, contexts: Contexts, step: Any) -> None:
        """Let what a step of a list gave run on."""
        for c in contexts:
            result = self.outcome(step, c)
            if is_running(result):
                c.frame.running = result

    def outcome(self, step: Any, context: Context) -> Any:
        """Return what became of a step, or of a list that is spliced into the one around it."""
        found = context.result(step)
        if found is None and isinstance(step, Chain):
            results = [self.outcome(s, context) for s in step.root]
            there = [r for r in results if is_running(r)]
            return there[-1] if there else ABSENT
        return found

    def step(self, step: Any, contexts: Contexts, where: Where) -> list[Item]:
        """Read a step; `key` is its name, None inside a list."""
        match step:
            case Expr():
                return self.expression(step, step.tree, contexts)
            case Chain() | Body():
                return self.nested(step, contexts, where)
            case Modified():
                return self.modified(step, contexts, where)
            case Row():
                return self.rows(step, contexts)
        raise AssertionError(step)

    def nested(self, step: Chain | Body, contexts: Contexts, where: Where) -> list[Item]:
        """Read a list or named steps, which have a module of their own unless the key is silent."""
        inner = [c.inner() for c in contexts]
        own = where.inside
        if isinstance(step, Body):
            items = self.steps(step.root, inner, own)
        else:
            items = self.chain(step.root, inner, own)
        if not items and where.key is None and not where.whole:
            return self.empty(contexts)
        if where.silent or not items:
            return items
        gapped = isinstance(step, Chain) and self.gapped(step.root, inner)
        path, varies = self.group_path(items, own)
        return [Group(path, varies, items, isinstance(step, Chain), plain=not gapped)]

    def empty(self, contexts: Contexts) -> list[Item]:
        """Read a list whose steps are all absent: in the list around it, it takes a number."""
        running = [c.frame.running for c in contexts]
        if not all(isinstance(v, Value) for v in running):
            return []
        source = self.lookup(running)
        made = Val(source.name, source.candidates)
        self.bind(made, running)
        return [
            Apply(
                "",
                inputs=(source,),
                outputs=(made,),
                module="nn.Sequential()",
                spell=lambda xs: xs[0],
            )
        ]

    def group_path(self, items: list[Item], depth: int) -> tuple[str, bool]:
        """Return the path of the module around items: the first parts of theirs."""
        path = next((i.path for i in items if i.path), "")
        varies = any(i.varies for i in items[:1])
        return ".".join(path.split(".")[:depth]), varies

    def gapped(self, steps: Sequence[Any], contexts: Contexts) -> bool:
        """Whether a step of a list takes a number and makes nothing, as a bare name does."""
        for step in steps:
            for c in contexts:
                if (
                    isinstance(step, Expr)
                    and c.result(step) is not ABSENT
                    and not self.sites(step.tree, c)
                ):
                    return True
        return False

    # Choices and loops

    def modified(self, step: Modified, contexts: Contexts, where: Where) -> list[Item]:
        """Read a step under `do:`."""
        loop = step.repeat or step.each
        if loop is not None:
            return self.loop(step, loop, contexts, where)
        return self.once(step, contexts, where)

    def once(
        self, step: Modified, contexts: Contexts, where: Where, *, take: bool = True
    ) -> list[Item]:
        """Read one copy of a step."""
        condition = step.condition
        if condition is None:
            return self.taken(step.do, step, contexts, where, take=take)
        tests = [bool(v) for v in self.speller.render.values(condition, condition.tree, contexts)]
        sides = [step.do if t else step.otherwise for t in tests]
        if same(tests):
            return (
                [] if sides[0] is None else self.taken(sides[0], step, contexts, where, take=take)
            )

        def read(side: Any, part: Contexts) -> list[Item]:
            return [] if side is None else self.taken(side, step, part, where, take=take)

        return self.choice(
            (condition, condition.tree, tests),
            contexts,
            (lambda cs: read(step.do, cs), lambda cs: read(step.otherwise, cs)),
            lambda c: self.outcome_of_copy(step, c),
        )

    def outcome_of_copy(self, step: Modified, context: Context) -> Any:
        """Return what became of a step under `do:`, copies of a loop included."""
        condition = step.condition
        chosen = step.do
        if condition is not None and not context.evaluate(condition, condition.tree):
            if step.otherwise is None:
                if step.source is None or step.repeat is not None:
                    return ABSENT
                return context.evaluate(step.source, step.source.tree)
            chosen = step.otherwise
        return self.outcome(chosen, context)

    def taken(
        self, chosen: Any, step: Modified, contexts: Contexts, where: Where, *, take: bool
    ) -> list[Item]:
        """Read the side of a choice that is taken, on what `from:` says."""
        inner = [c.inner() for c in contexts]
        if step.source is not None and take:
            for c in inner:
                c.frame.running = c.evaluate(step.source, step.source.tree)
        if isinstance(chosen, Chain) and where.key is None and not where.whole:
            return self.chain(chosen.root, inner, where.depth)
        return self.step(chosen, inner, where)

    def choice(
        self,
        asked: tuple[Expr, ast.expr, list[bool]],
        contexts: Contexts,
        sides: tuple[Callable[[Contexts], list[Item]], Callable[[Contexts], list[Item]]],
        outcome: Callable[[Context], Any],
    ) -> list[Item]:
        """Read both sides of a choice in which the uses differ, and merge what they give."""
        expr, node, tests = asked
        test = self.speller.render.py(expr, node, contexts)
        parts = [
            [c for c, t in zip(contexts, tests, strict=True) if t is wanted]
            for wanted in (True, False)
        ]
        if any(len(self.given(c, outcome)) != 1 for c in contexts):
            raise split_by(contexts, lambda c: c.evaluate(expr, node))
        items: list[list[Item]] = []
        ends: list[Val] = []
        for side, part in zip(sides, parts, strict=True):
            with self.scope():
                items.append(side(part))
                ends.append(self.lookup([self.given(c, outcome)[0] for c in part]))
        yes, no = ends
        merged = Val(self.step_name, tuple(dict.fromkeys((*yes.candidates, *no.candidates))))
        if yes is not no:
            self.bind(merged, [self.given(c, outcome)[0] for c in contexts])
        both = (merged, yes, no) if yes is not no else None
        flat = [i for side in items for i in side]
        path = next((i.path for i in flat if i.path), "")
        name = self.step_name
        ask = lambda: self.flag(node, test.text, name)  # noqa: E731
        varies = any(i.varies for i in flat)
        return [Choice(path, varies, test.text, items[0], items[1], ask, both)]

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
        if isinstance(node, ast.Compare) and is_presence(node):
            name = f"has_{ast.unparse(node.left)}"
            self.names.stored[name] = test
            return f"self.{name}"
        if isinstance(tree, ast.Compare) and all(
            isinstance(n, ast.Name | ast.Constant) for n in (tree.left, *tree.comparators)
        ):
            return self.speller.stored(Py(test, VARIES)).text
        name = f"if_{step}"
        while self.names.stored.get(name, test) != test:
            name += "_"
        self.names.stored[name] = test
        return f"self.{name}"

    def loop(self, step: Modified, loop: Turns, contexts: Contexts, where: Where) -> list[Item]:
        """Read the copies of a loop: `repeat` chains them, `for` sets them side by side."""
        outer, contexts = contexts, [c.inner() for c in contexts]
        if step.repeat is not None and step.source is not None:
            for c in contexts:
                c.frame.running = c.evaluate(step.source, step.source.tree)
        turns = [c.turns(loop) for c in contexts]
        start = [c.frame.running for c in contexts]
        for mine, running in zip(turns, start, strict=True):
            self.running_of(step, mine, running)
        if not any(turns):
            self.note_copies(step, outer, turns, where.key)
            return []
        if step.each is not None:
            if not same(map(len, turns)):
                raise split_by(contexts, lambda c: len(c.turns(loop)))
            copies = self.copies(step, turns, self.copy_place(where, loop))
            items = [i for copy in copies for i in copy]
        else:
            inside = self.copy_place(where, loop)
            if where.key is not None and where.key.exprs and all(turns):
                self.step_name = named(where.key, [mine[-1] for mine in turns])
            items = repeated(self, Repeat(step, loop, contexts, turns, where, inside))
        self.note_copies(step, outer, turns, where.key)
        return items

    def copy_place(self, where: Where, loop: Turns) -> Where:
        """Return where the copies of a loop stand: siblings where their key mentions the turn."""
        if where.key is None or where.silent:
            return where
        sibling = any(e.names & set(loop.names) for e in where.key.exprs)
        return where if sibling else replace(where, copies=where.copies + 1)

    def running_of(self, step: Modified, turns: Sequence[Context], running: Any) -> None:
        """Tell each turn what runs into it: what the turn before gave, or what the loop takes."""
        for turn in turns:
            turn.frame.running = running
            result = self.outcome_of_copy(step, turn)
            if step.repeat is not None and is_running(result):
                running = result

    def note_copies(
        self, step: Modified, contexts: Contexts, turns: Sequence[Contexts], key: Key | None
    ) -> None:
        """Remember what each copy gave, for `.steps`."""
        if key is None:
            return
        for c, mine in zip(contexts, turns, strict=True):
            results = [self.outcome_of_copy(step, t) for t in mine]
            c.frame.copies[key.identifier] = [r for r in results if is_running(r)]

    def copies(self, step: Modified, turns: Sequence[Contexts], where: Where) -> list[list[Item]]:
        """Read every copy by itself, all uses at once."""
        name = self.step_name
        key = where.key if where.key is not None and where.key.exprs else None
        found: list[list[Item]] = []
        for k, turn in enumerate(zip(*turns, strict=True)):
            self.step_name = f"{name}_{k}" if key is None else named(key, turn)
            found.append(self.once(step, turn, where, take=step.repeat is None))
        self.step_name = name
        return found

    def rows(self, step: Row, contexts: Contexts) -> list[Item]:
        """Read a row of `stages:`, or one for each turn of its `repeat`."""
        if step.repeat is None:
            return row(self, step, contexts)
        items: list[Item] = []
        for turn in zip(*(c.turns(step.repeat) for c in contexts), strict=True):
            for c, t in zip(contexts, turn, strict=True):
                t.frame.running = c.frame.running
            items += row(self, step, turn)
            for c, t in zip(contexts, turn, strict=True):
                c.frame.running = t.frame.running
        return items

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
        sites = [self.sites(node, c) for c in contexts]
        if any([id(s) for s in found] != [id(s) for s in sites[0]] for found in sites):
            by_frame = {
                id(c.frame): [id(s) for s in f] for c, f in zip(contexts, sites, strict=True)
            }
            raise split_by(contexts, lambda c: by_frame[id(c.frame)])
        return [
            i
            for at in sites[0]
            for i in self.application(expr, at, contexts, whole=len(sites[0]) == 1)
        ]

    def presence(
        self, expr: Expr, node: ast.expr, there: list[bool], contexts: Contexts
    ) -> list[Item]:
        """Read a step that is an op in some uses and `none` in others."""
        test = ast.Compare(node, [ast.IsNot()], [ast.Constant(None)])
        sides = (lambda cs: self.expression(expr, node, cs), nothing)
        return self.choice((expr, test, there), contexts, sides, lambda c: c.result(expr))

    def conditional(
        self, expr: Expr, node: ast.IfExp, tests: list[bool], contexts: Contexts
    ) -> list[Item]:
        """Read a choice between expressions in which the uses differ."""
        sides = (
            lambda cs: self.expression(expr, node.body, cs),
            lambda cs: self.expression(expr, node.orelse, cs),
        )
        return self.choice((expr, node.test, tests), contexts, sides, lambda c: c.result(expr))


def nothing(_: Contexts) -> list[Item]:
    """Read a side of a choice on which there is no step."""
    return []
