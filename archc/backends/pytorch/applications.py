"""Applications of ops and blocks, read from the graph: what they take, write and give.

What an application takes is not read from the text but from the graph, where every use has
the very value: a reading can fail, and ask for classes of their own, but not be wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from archc.backends.pytorch.context import (
    Call,
    Context,
    Contexts,
    Split,
    channel_names,
    same,
    split_by,
)
from archc.backends.pytorch.items import Apply, Item, Val
from archc.backends.pytorch.places import filled
from archc.backends.pytorch.render import Names
from archc.backends.pytorch.sites import Site
from archc.backends.pytorch.spell import Speller
from archc.graph import Module, Node, Value, join
from archc.language.expr import Expr
from archc.language.scalars import Key
from archc.language.spec import Body
from archc.lower.scope import BlockDef

if TYPE_CHECKING:
    from archc.backends.pytorch.templates import Templates


class Applications:
    """The part of a reading that knows values, and turns nodes into items."""

    def __init__(self, templates: Templates, names: Names, modules: Sequence[Module]) -> None:
        self.templates, self.names, self.modules = templates, names, modules
        self.speller = Speller(templates, names, self.lookup)
        self.made: dict[int, list[Val]] = {}
        self.lists: list[Val] = []
        self.seen: set[int] = set()
        self.aligned = False
        self.step_name = ""
        self.step_key: Key | None = None

    # Values

    def bind(self, val: Val, values: Sequence[Value]) -> None:
        """Let a value of the class stand for one of each use."""
        if self.aligned:
            val.turns = tuple(map(id, values))
        for value in values:
            self.made.setdefault(id(value), []).append(val)

    def lookup(self, values: Sequence[Value]) -> Val:
        """Return what stands for the values of all uses."""
        for val in reversed(self.made.get(id(values[0]), [])):
            aligned = not val.turns or val.turns == tuple(map(id, values))
            if aligned and all(val in self.made.get(id(v), ()) for v in values[1:]):
                return val
        for whole in reversed(self.lists):
            if (found := item_of(whole, values)) is not None:
                return found
        raise Split({})

    def stands_for(self, val: Val, value: Value) -> bool:
        """Whether a value of the class stands for one of a use."""
        if val.of is None:
            return val in self.made.get(id(value), ())
        return any(
            row[val.of[1] : val.of[1] + 1] == (id(value),) for row in val.whole.parts.values()
        )

    def bind_list(self, val: Val, contexts: Contexts, values: Sequence[Sequence[Value]]) -> None:
        """Let a value of the class stand for a list of any length in each use."""
        for c, vs in zip(contexts, values, strict=True):
            if c.call is not None or id(c.module) in val.parts:  # of a loop read for all turns
                raise split_by(contexts, lambda c: len(c.module.inputs))
            val.parts[id(c.module)] = tuple(map(id, vs))
        self.lists.append(val)

    def lookup_all(self, contexts: Contexts, rows: Sequence[Sequence[Value]]) -> tuple[Val, ...]:
        """Return what stands for rows of values, of which uses may have different numbers."""
        if not self.lists:
            if len(set(map(len, rows))) > 1:
                raise Split({})
            return tuple(self.lookup(values) for values in zip(*rows, strict=True))
        found = self.cut(contexts, rows)
        if found is None:
            raise Split({})
        return tuple(found)

    def cut(self, contexts: Contexts, rows: Sequence[Sequence[Value]]) -> list[Val] | None:
        """Cut rows into what stands for one value, or for a list; None where that can't be."""
        start, goal = (0,) * len(rows), tuple(map(len, rows))
        found: list[Val] = []
        ways, seen = [self.ways(contexts, rows, start)], {start}
        while ways and start != goal:
            val, places = next(ways[-1], (None, goal))
            if val is None:
                ways.pop()
                del found[-1:]
            elif places == goal:
                return [*found, val]
            elif places not in seen:
                seen.add(places)
                found.append(val)
                ways.append(self.ways(contexts, rows, places))
        return [] if start == goal else None

    def ways(
        self, contexts: Contexts, rows: Sequence[Sequence[Value]], places: tuple[int, ...]
    ) -> Iterator[tuple[Val, tuple[int, ...]]]:
        """Yield what may stand for the next values of rows, and where those after it begin."""
        for val in reversed(self.lists):
            parts = [val.parts.get(id(c.module)) for c in contexts]
            if any(parts) and all(
                p is not None and tuple(map(id, row[k : k + len(p)])) == p
                for p, row, k in zip(parts, rows, places, strict=True)
            ):
                yield val, tuple(k + len(p or ()) for p, k in zip(parts, places, strict=True))
        if all(k < len(row) for k, row in zip(places, rows, strict=True)):
            try:
                first = self.lookup([row[k] for row, k in zip(rows, places, strict=True)])
            except Split:
                return
            yield first, tuple(k + 1 for k in places)

    @contextmanager
    def scope(self, *, aligned: bool = False) -> Iterator[None]:
        """Forget, at the end, what was made inside: it is only there in some uses or turns.

        Inside a loop that is read for all turns at once, `aligned`, a value stands for that of
        each turn, and not for what another turn has.
        """
        before, outer = {k: list(v) for k, v in self.made.items()}, self.aligned
        lists = list(self.lists)
        self.aligned = aligned
        yield
        self.made, self.aligned, self.lists = before, outer, lists

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Forget what a reading that fails has noted."""
        names = replace(
            self.names,
            kept=set(self.names.kept),
            used=set(self.names.used),
            stored=dict(self.names.stored),
            loops=set(self.names.loops),
        )
        made, seen = {k: list(v) for k, v in self.made.items()}, set(self.seen)
        lists = list(self.lists)
        try:
            yield
        except Split:
            vars(self.names).update(vars(names))
            self.made, self.seen, self.lists = made, seen, lists
            raise

    # Applications

    def sites(self, node: ast.expr, context: Context) -> list[ast.expr]:
        """Return the pieces of an expression that made nodes, in the order of the nodes."""
        found = [
            (n, at)
            for at in ast.walk(node)
            if isinstance(at, ast.expr) and (n := context.node(at)) is not None
        ]
        order = self.templates.order(context.module)
        return [at for _, at in sorted(found, key=lambda pair: order[id(pair[0])])]

    def application(
        self,
        expr: Expr,
        at: ast.expr,
        contexts: Contexts,
        *,
        whole: bool,
        places: Mapping[str, ast.expr] | None = None,
    ) -> list[Item]:
        """Read one application; `places` are those of its arguments, where the text has them."""
        nodes = [n for c in contexts if (n := c.node(at)) is not None]
        site = Site(expr, at, contexts, nodes, (), places or self.places(expr, nodes[0]))
        modules = [c.module if c.call is None else None for c in contexts]
        if any(self.templates.inlined(n, m) for n, m in zip(nodes, modules, strict=True)):
            if one_block(nodes):
                return self.inside(site)
            if len(contexts) > 1:
                raise split_by(contexts, lambda c: id(c.module))
            self.seen.add(id(nodes[0]))
            return self.splice(nodes[0], contexts[0], "")
        site = replace(site, inputs=self.inputs_of(site))
        return [self.applied(site, whole=whole)]

    def places(self, expr: Expr, node: Node) -> Mapping[str, ast.expr]:
        """Return where the text has the arguments of a node, if this text has them."""
        inside = {id(n) for n in ast.walk(expr.tree)}
        return {n: p for n, p in node.callee.places if id(p) in inside} if node.callee else {}

    def inputs_of(self, site: Site) -> tuple[Val, ...]:
        """Return what nodes take, one in each use, or a list where they take any number."""
        nodes = site.nodes
        modules = [n.module for n in nodes]
        first = nodes[0]
        if any((m is None) != (modules[0] is None) for m in modules):
            raise site.split(lambda n: n.module is None)
        if first.op is not None and first.op.inputs is None:
            lead = 0
        elif first.module is not None and all(
            m is not None and self.templates.of(m).packed for m in modules
        ):
            lead = len(channel_names(first.module, packed=True)) - 1
        elif len({len(n.inputs) for n in nodes}) > 1:
            raise site.split(lambda n: len(n.inputs))
        else:
            return self.inputs(nodes)
        try:
            rest = self.lookup_all(site.contexts, [n.inputs[lead:] for n in nodes])
        except Split:
            raise site.split(lambda n: len(n.inputs)) from None
        leading = zip(*(n.inputs[:lead] for n in nodes), strict=True)
        return (*(self.lookup(values) for values in leading), *rest)

    def inputs(self, nodes: Sequence[Node]) -> tuple[Val, ...]:
        """Return what nodes take, one in each use."""
        return tuple(self.lookup(values) for values in zip(*(n.inputs for n in nodes), strict=True))

    def applied(self, site: Site, *, whole: bool, path: str | None = None) -> Apply:
        """Write an application and bind what it gives."""
        passed = self.speller.passed(site)
        paths = [n.path for n in site.nodes] if path is None else [path]
        if passed and not whole:  # named after the argument, not after what is passed
            paths = [join(p.rpartition(".")[0], passed) for p in paths]
        outputs = len(site.nodes[0].outputs)
        names = [self.step_name] if outputs == 1 else self.several(site.nodes[0])
        made = self.speller.apply(site, paths[0], names)
        made.varies = not same(paths)
        made.whole = whole and outputs == 1 and not made.lifts and not site.packed
        if made.varies and whole and made.owns and not made.again:
            made.key = self.key_of(site, paths)
        if made.result.many:
            made.result.name, made.whole = self.step_name, False
            self.bind_list(made.result, site.contexts, [n.outputs for n in site.nodes])
            self.seen.update(id(n) for n in site.nodes)
            return made
        for val, values in zip(
            made.outputs, zip(*(n.outputs for n in site.nodes), strict=True), strict=True
        ):
            self.bind(val, values)
        self.seen.update(id(n) for n in site.nodes)
        return made

    def key_of(self, site: Site, paths: Sequence[str]) -> tuple[str, str] | None:
        """Write the name of a module that depends on arguments; None where it has another cause."""
        key = self.step_key
        if key is None or not key.exprs or any(e.names & self.names.loops for e in key.exprs):
            return None
        names = [filled(key, c) for c in site.contexts]
        parents = [p.rpartition(".")[0] for p in paths]
        if not same(parents) or [join(parents[0], n) for n in names] != list(paths):
            return None
        found = [
            p if isinstance(p, str) else self.speller.render.py(p, p.tree, site.contexts)
            for p in key.parts
        ]
        texts = [
            "".join(p if isinstance(p, str) else f"{{{write(p)}}}" for p in found)
            for write in (str, lambda p: self.speller.stored(p).text)
        ]
        if any('"' in text for text in texts):  # a string in a formatted one
            return None
        return f'f"{texts[0]}"', f'f"{texts[1]}"'

    def several(self, node: Node) -> list[str]:
        """Return names for the values that a node gives: those of a block's outputs, or numbers."""
        block = node.module.block if node.module is not None else None
        declared = (block.block.outputs if isinstance(block, BlockDef) else None) or {}
        found = [
            ast.unparse(o.value.tree) if n.startswith("_") else str(n) for n, o in declared.items()
        ]
        names = [n.strip("_") for n in found]
        if len(names) != len(node.outputs) or not all(n.isidentifier() for n in names):
            return [f"{self.step_name}_{k}" for k in range(len(node.outputs))]
        return names

    # Blocks without a class

    def inside(self, site: Site) -> list[Item]:
        """Read the text of a block that is written inside this class, for all uses at once."""
        assert site.expr is not None
        contexts, outer = [], {}
        for context, node in zip(site.contexts, site.nodes, strict=True):
            assert node.module is not None
            self.enter(node, node.module)
            call = Call(site.expr, site.places, context)
            contexts.append(self.templates.context(node.module, call))
            outer[id(context.module)] = id(node.module)
        name = self.step_name
        try:
            items = self.block(contexts)
        except Split as split:
            raise Split({o: split.labels.get(i) for o, i in outer.items()}) from None
        self.step_name = name
        for node, context in zip(site.nodes, contexts, strict=True):
            if any(id(n) not in self.seen for n in context.module.nodes):
                raise site.split(lambda n: id(n.module))
            for value, inner in zip(node.outputs, context.module.values, strict=True):
                self.made[id(value)] = list(self.made.get(id(inner), ()))
            self.seen.add(id(node))
        return items

    def enter(self, node: Node, module: Module) -> None:
        """Let what a block takes be known in its body."""
        for inner, value in zip(module.inputs, node.inputs, strict=True):
            self.made[id(inner)] = list(self.made.get(id(value), ()))

    def block(self, contexts: Contexts) -> list[Item]:
        """Read the body of a block."""
        raise NotImplementedError

    # The graph

    def splice(self, node: Node, context: Context, prefix: str) -> list[Item]:
        """Read a block that has no class, since its tensors are those of the class around it."""
        if node.module is None:
            return []
        self.enter(node, node.module)
        items = self.graph(
            node.module, context, join(prefix, node.path if node.module.owns else "")
        )
        for value, inner in zip(node.outputs, node.module.values, strict=True):
            self.made[id(value)] = list(self.made.get(id(inner), ()))
        return items

    def graph(self, module: Module, context: Context, prefix: str = "") -> list[Item]:
        """Read a body from its graph: every argument is a literal."""
        items: list[Item] = []
        for node in module.nodes:
            alone = not any(
                m.step is node.step and m is not node and beside(m.path, node.path)
                for m in module.nodes
            )
            self.seen.add(id(node))
            for value in node.outputs:
                self.made.pop(id(value), None)
            own = module if any(module is m for m in self.modules) else None
            if self.templates.inlined(node, own):
                items += self.splice(node, context, prefix)
                continue
            self.step_name = (
                node.path.rsplit(".", 1)[-1]
                if not node.path.rsplit(".", 1)[-1].isdigit()
                else node.name
            )
            site = Site(None, None, [context], [node], self.inputs([node]))
            items.append(self.applied(site, whole=alone, path=join(prefix, node.path)))
        return items


def item_of(whole: Val, values: Sequence[Value]) -> Val | None:
    """Return the item of a list that stands for the values of all uses, None where none does."""
    found = {k for row in whole.parts.values() for k, v in enumerate(row) if v == id(values[0])}
    for k in sorted(found):
        items = {row[k] for row in whole.parts.values() if len(row) > k}
        if all(id(v) in items for v in values):
            return whole.item(k)
    return None


def one_block(nodes: Sequence[Node]) -> bool:
    """Whether nodes apply one block of named steps, which stand beside those around it."""
    blocks = [n.module.block if n.module is not None and not n.path else None for n in nodes]
    first = blocks[0]
    named = isinstance(first, BlockDef) and isinstance(first.block.body, Body)
    return named and all(b is first for b in blocks)


def beside(one: str, other: str) -> bool:
    """Whether two paths are of one step: that of its module, and of another op in its text."""
    return (
        one == other
        or not one
        or not other
        or one.startswith(f"{other}.")
        or other.startswith(f"{one}.")
    )
