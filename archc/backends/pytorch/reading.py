"""Reads the text of a body again, beside all its uses, and says what it is made of.

A single use that the text can't tell apart is read from its graph instead, all of it literally.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archc.backends.pytorch.choosing import Choosing
from archc.backends.pytorch.context import (
    Context,
    Contexts,
    is_running,
    same,
    split_by,
)
from archc.backends.pytorch.items import Apply, Group, Item, Val
from archc.backends.pytorch.places import Where, filled, named
from archc.backends.pytorch.rolling import Repeat, repeated, row
from archc.graph import Value, is_source
from archc.language.expr import Expr
from archc.language.scalars import Key
from archc.language.scalars import Loop as Turns
from archc.language.spec import Body, Chain, Modified, Row
from archc.lower.marks import ABSENT
from archc.lower.scope import BlockDef


class Reading(Choosing):
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
            self.step_name, self.step_key = named(key, contexts), key
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
                return self.rows(step, contexts, where.key)
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
            if key.names_copies(step.repeat or step.each):
                for turn, result in zip(mine, results, strict=True):
                    if is_running(result):
                        c.frame.name_copy(filled(key, turn), result)

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

    def rows(self, step: Row, contexts: Contexts, key: Key | None) -> list[Item]:
        """Read a row of `stages:`, or one for each turn of its `repeat`."""
        if step.repeat is None:
            return row(self, step, contexts)
        items: list[Item] = []
        for turn in zip(*(c.turns(step.repeat) for c in contexts), strict=True):
            for c, t in zip(contexts, turn, strict=True):
                t.frame.running = c.frame.running
            if key is not None and key.exprs:
                self.step_name = named(key, turn)
            items += row(self, step, turn)
            for c, t in zip(contexts, turn, strict=True):
                c.frame.running = t.frame.running
                if key is not None and key.names_copies(step.repeat):
                    c.frame.name_copy(filled(key, t), t.frame.running)
        return items
