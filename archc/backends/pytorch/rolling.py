"""Copies one after the other: written one by one, or as a loop where their text allows it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from archc.backends.pytorch.chaining import chained, has_init, local_uses, runs
from archc.backends.pytorch.channels import substitute
from archc.backends.pytorch.context import Context, Contexts, Split, same, split_by, values_in
from archc.backends.pytorch.derived import names_in
from archc.backends.pytorch.items import Apply, Item, Loop, Val
from archc.backends.pytorch.render import literal, parsed, unparse
from archc.backends.pytorch.sites import Site
from archc.graph import Value
from archc.language.evaluate import Evaluator
from archc.language.scalars import Key
from archc.language.scalars import Loop as Turns
from archc.language.spec import Modified, Row
from archc.ops import VARIES, Py

if TYPE_CHECKING:
    from archc.backends.pytorch.places import Where
    from archc.backends.pytorch.reading import Reading

CARRIED = "carried_"
"""Stands for the channels of the value that runs through a loop, until they are known."""
FEW = 3
"""So many different copies are written out, more become a loop."""

Reads = Callable[[Contexts], list[Item]]


@dataclass(frozen=True)
class Head:
    """The head of a loop in Python: `i` in `range(n)`; a late one leaves out the first turn."""

    target: ast.expr
    values: str
    late: bool = False

    @property
    def names(self) -> set[str]:
        """The loop variables."""
        return {n.id for n in ast.walk(self.target) if isinstance(n, ast.Name)}

    def over(self, texts: Sequence[str]) -> str:
        """Write the head, with `_` for a variable that nothing reads."""
        read = {n.id for t in texts for n in ast.walk(parsed(t)) if isinstance(n, ast.Name)}
        target = (
            unparse(self.target).removeprefix("(").removesuffix(")") if read & self.names else "_"
        )
        return f"for {target} in {self.values}"


@dataclass(frozen=True)
class Rolled:
    """The module of a copy, written for all turns of a loop.

    `path` is that of its first use, `channels` are expressions of those that the loop gives.
    """

    text: str
    path: str
    channels: tuple[str, ...]


def rolled(reading: Reading, read: Reads, head: Head, turns: Contexts, base: Val) -> Rolled | None:
    """Write the module of a copy for all turns at once; None where it can't be.

    `base` is the value before the first turn. The channels that run into a turn are known
    only after a first reading, in which they have a name of their own.
    """
    outer = set(reading.names.loops)
    try:
        with reading.attempt():
            reading.names.loops |= head.names
            _, result, _ = once(reading, read, turns, (CARRIED,))
            runs_in, runs_out = carried(head, base, result)
            text, _, path = once(reading, read, turns, runs_in)
            return None if CARRIED in text else Rolled(text, path, runs_out)
    except Split:
        return None
    finally:
        reading.names.loops = outer


def once(
    reading: Reading, read: Reads, turns: Contexts, candidates: tuple[str, ...]
) -> tuple[str, Val, str]:
    """Read the body of a loop for all turns; return its module, what it gives and its path."""
    running = [t.frame.running for t in turns]
    if not all(isinstance(v, Value) for v in running):
        raise Split({})
    own = [
        replace(t, frame=t.frame.inner(), numbers={CARRIED: v.shape.channels})
        for t, v in zip(turns, running, strict=True)
    ]
    with reading.scope(aligned=True):
        source = Val("", candidates)
        reading.bind(source, running)
        items = read(own)
        if has_init(items):
            raise Split({})
        result = items[-1].result if items else source
        pieces = chained(items, source, result, local_uses(items, result)) if items else None
    if pieces is None or len(pieces) != 1 or pieces[0].test or len(pieces[0].texts) != 1:
        raise Split({})
    return pieces[0].texts[0], result, items[0].path


def carried(head: Head, base: Val, result: Val) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return expressions of the channels that run into a turn, and that come out of the last.

    `result` has those that come out of each turn.
    """
    inside = {CARRIED, *head.names}
    found = list(base.candidates)
    after = [t for t in result.candidates if not names_in(t) & inside]
    if not isinstance(head.target, ast.Name) or not head.values.startswith("range("):
        return tuple(found), tuple(after)
    i, count = (
        head.target.id,
        head.values.removeprefix("range(").removesuffix(")").rpartition(", ")[2],
    )
    for start in base.candidates:
        for text in result.candidates:
            tree = parsed(text)
            names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
            grows = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add)
            if CARRIED not in names:
                last = substitute(text, {**{n: Py(n) for n in names}, i: Py(f"{i} - 1")})
                found += [last] if head.late else [f"{start} if {i} == 0 else {last}"]
            elif grows and unparse(tree.left) == CARRIED and CARRIED not in unparse(tree.right):  # type: ignore[attr-defined]
                grown = f"({start}) + ({unparse(tree.right)})"  # type: ignore[attr-defined]
                found.append(unparse(parsed(f"{grown} * {i}")))
                after.append(unparse(parsed(f"{grown} * ({count})")))
    return tuple(found), (*after, *base.candidates)


@dataclass(frozen=True)
class Repeat:
    """A `repeat` with its turns in every use; `inside` is where its copies stand."""

    step: Modified
    loop: Turns
    contexts: Contexts
    turns: Sequence[list[Context]]
    where: Where
    inside: Where

    @property
    def sibling_key(self) -> Key | None:
        """The key of copies that stand beside each other, None where they are numbered."""
        return self.where.key if self.inside.copies == self.where.copies else None

    @property
    def one_module(self) -> bool:
        """Whether the copies may stand in a module, or be named, by the loop alone."""
        key = self.sibling_key
        if self.where.silent:
            return False
        return key is None or all(same(self.outer(n)) for e in key.exprs for n in e.names)

    def outer(self, name: str) -> list[Any]:
        """Return the values of a name from outside the loop in all uses, none for its own."""
        if name in self.loop.names:
            return []
        return [c.frame.scope.get(name, c) for c in self.contexts]

    @property
    def equal(self) -> bool:
        """Whether the loop has as many turns in every use."""
        return same(map(len, self.turns))


def repeated(reading: Reading, repeat: Repeat) -> list[Item]:
    """Read a `repeat`: a Loop where its copies chain, else one copy after the other."""
    contexts = repeat.contexts
    source = value(reading, [c.frame.running for c in contexts])
    head, made_once = None, None
    if (
        source is not None
        and repeat.one_module
        and (not repeat.equal or len(repeat.turns[0]) > FEW)
    ):
        head = Head(repeat.loop.target, loop_values(reading, repeat.loop, contexts))
        read: Reads = lambda cs: reading.once(repeat.step, cs, repeat.inside, take=False)  # noqa: E731
        flat_turns = [t for mine in repeat.turns for t in mine]
        made_once = rolled(reading, read, head, flat_turns, source)
    if not repeat.equal and made_once is None:
        raise split_by(contexts, lambda c: len(c.turns(repeat.loop)))
    copies = reading.copies(repeat.step, repeat.turns, repeat.inside) if repeat.equal else []
    if repeat.equal and not any(copies):
        return []  # nothing of it is needed
    last = finished(reading, repeat)
    by_name = repeat.sibling_key is not None and made_once is None
    if source is None or last is None or by_name or not repeat.one_module:
        return [i for copy in copies for i in copy]
    made = Loop("", source=source, last=last, copies=copies, spliced=repeat.where.key is None)
    place(made, repeat, made_once)
    if head is not None and made_once is not None:
        roll(reading, made, repeat, head, made_once)
    return [made]


def place(made: Loop, repeat: Repeat, once: Rolled | None) -> None:
    """Give a loop the path of the module that holds its copies."""
    flat = [i for copy in made.copies for i in copy]
    path = next((i.path for i in flat if i.path), once.path if once is not None else "")
    made.path = ".".join(path.split(".")[: repeat.where.inside])


def roll(reading: Reading, made: Loop, repeat: Repeat, head: Head, once: Rolled) -> None:
    """Let a loop be written as one, with the copy that was written for all its turns."""
    key = repeat.sibling_key
    made.key = key_template(key, repeat) if key is not None else ""
    made.head = head.over([once.text, *([made.key] if made.key else [])])
    made.rolled = (f"*({once.text} {made.head})",)
    made.each = once.text
    made.last.candidates = (*once.channels, *made.last.candidates)
    target, values = unparse(head.target), Py(head.values, VARIES)
    made.ask = lambda: f"for {target} in {reading.speller.stored(values).text}"


def finished(reading: Reading, repeat: Repeat) -> Val | None:
    """Return the value that a loop gives, new where it is the last of a different number."""
    ends = []
    for c, mine in zip(repeat.contexts, repeat.turns, strict=True):
        outcomes = [reading.outcome_of_copy(repeat.step, t) for t in mine]
        results = [r for r in outcomes if values_in(r)]
        ends.append(results[-1] if results else c.frame.running)
    if not all(isinstance(v, Value) for v in ends):
        return None
    found = value(reading, ends)
    if found is None:
        channels = {v.shape.channels for v in ends}
        found = Val(reading.step_name, (str(channels.pop()),) if len(channels) == 1 else ())
        reading.bind(found, ends)
    return found


def value(reading: Reading, running: Sequence[Any]) -> Val | None:
    """Return the value of a result in all uses, None where it is not one value."""
    if not all(isinstance(v, Value) for v in running):
        return None
    try:
        return reading.lookup(running)
    except Split:
        return None


def loop_values(reading: Reading, loop: Turns, contexts: Contexts) -> str:
    """Write what a loop goes through."""
    text = reading.speller.render.py(loop.expr, loop.node, contexts).text
    return f"range({text})" if loop.counted else text


def key_template(key: Key, repeat: Repeat) -> str:
    """Write a key with expressions as a formatted string; names from outside are numbers."""
    outer = {n: repeat.outer(n) for e in key.exprs for n in e.names}
    numbers = {n: literal(v[0]) for n, v in outer.items() if v}
    scope = {n: v[0] for n, v in outer.items() if v}
    text = ""
    for part in key.parts:
        if isinstance(part, str):
            text += part
        elif part.names <= scope.keys():
            text += str(Evaluator(scope).evaluate(part.tree))
        else:
            own = {n: Py(n) for n in part.names}
            text += f"{{{substitute(unparse(part.tree), {**own, **numbers})}}}"
    return f'f"{text}"'


# Rows


def row(reading: Reading, step: Row, contexts: Contexts) -> list[Item]:
    """Read a row of `stages:`: copies of its block."""
    if len(contexts) > 1:
        raise split_by(contexts, lambda c: id(c.module))
    context = contexts[0]
    source = value(reading, [context.frame.running])
    turns, context.frame.running = copies_of(step, context)
    name = reading.step_name
    block = step.block
    items = [
        reading.application(block, block.tree, [t], whole=True, places=row_places(block.tree, t))
        for t in turns
    ]
    reading.step_name = name
    base = items[0][0].path.rpartition(".")[0] if items and all(len(i) == 1 for i in items) else ""
    last = value(reading, [context.frame.running])
    if source is None or last is None or not base:
        return [i for copy in items for i in copy]
    last.name = name
    made = Loop(base, source=source, last=last, copies=items)
    apps = [a for copy in items for a in copy if isinstance(a, Apply)]
    hoist_init(made, apps)
    nodes = [t.node(step.block.tree) for t in turns]
    texts = [a.module for a in apps]
    tabled = any(e.names & reading.names.tables for e in step.arguments.values())
    if not tabled:
        made.whole = reading.templates.stage_call([n for n in nodes if n is not None])
    if len(runs(texts)) > (1 if tabled else FEW) and not made.whole:
        made.rolled = rolled_row(reading, step, turns, source, texts)
    return [made]


def looked_up(head: Head, text: str, first: int, last: int) -> str:
    """Write a generator; over the values of a table where the turn only looks it up.

    Return "" where the turn does more, since a table does not fit among arguments.
    """
    tree = parsed(text)
    tables = [
        n for n in ast.walk(tree) if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Tuple)
    ]
    if all(len(getattr(n.value, "elts", ())) <= FEW for n in tables):
        return f"{text} {head.over([text])}"
    turns = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in head.names]
    found = [n for n in tables if n.slice in turns]
    if len(turns) != 1 or len(found) != 1 or len(tables) != 1:
        return ""
    turns[0].id = "value"
    values = ast.Tuple(getattr(found[0].value, "elts", [])[first:last], ast.Load())

    class Put(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
            return node.slice if node is found[0] else node

    return f"{unparse(Put().visit(tree))} for value in {unparse(values)}"


def copies_of(step: Row, context: Context) -> tuple[list[Context], Any]:
    """Return the context of each copy of a row, with what runs into it, and what the last gives."""
    turns: list[Context] = []
    running = context.frame.running
    while True:
        turn = context.turn(len(turns), {"i": len(turns)})
        node = turn.node(step.block.tree)
        if node is None:
            return turns, running
        turn.frame.running = running
        running = node.outputs[0] if len(node.outputs) == 1 else list(node.outputs)
        turns.append(turn)


def hoist_init(made: Loop, apps: Sequence[Apply]) -> None:
    """Let initialisers that all copies share be those of their Sequential."""
    init = apps[0].init if apps else ()
    if init and all(a.init == init for a in apps) and init[0].startswith("for "):
        made.init = init
        for a in apps:
            a.init = ()


def row_places(at: ast.expr, turn: Context) -> Mapping[str, ast.expr] | None:
    """Return where a row has the arguments of a copy."""
    node = turn.node(at)
    return dict(node.callee.places) if node is not None else None


def rolled_row(
    reading: Reading, step: Row, turns: Sequence[Context], source: Val, texts: Sequence[str]
) -> tuple[str, ...]:
    """Write the copies of a row as a generator, the first and the last apart where they differ."""

    def read(contexts: Contexts) -> list[Item]:
        nodes = [n for c in contexts if (n := c.node(step.block.tree)) is not None]
        places = dict(nodes[0].callee.places)
        site = Site(step.block, step.block.tree, contexts, nodes, reading.inputs(nodes), places)
        return [reading.applied(site, whole=True)]

    count = len(turns)
    target = ast.Name("i", ast.Load())
    fallback: tuple[str, ...] = ()
    for first, last in ((0, 0), (1, 0), (0, 1), (1, 1)):
        bounds = f"{first}, {count - last}" if first else str(count - last)
        head = Head(target, f"range({bounds})", late=bool(first))
        found = rolled(reading, read, head, turns[first : count - last], source)
        middle = "" if found is None else looked_up(head, found.text, first, count - last)
        if middle:
            whole = (*texts[:first], f"*({middle})", *texts[count - last :])
            if " if i == 0 " not in middle:
                return whole
            fallback = fallback or whole
    return fallback
