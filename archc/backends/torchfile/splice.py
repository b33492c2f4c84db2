"""Blocks that can be no class, since their tensors have no name of their own: put in at the call.

A step whose key is silent has its block's modules beside its own; a block of one expression that
owns tensors has them under the name of the step that applies it. Such a block's tree takes the
place of its application, with the values there for those that it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from archc import tree
from archc.graph import Module, Node, Value, flat, join
from archc.tree import Reading


def with_spliced(module: Module) -> Module:
    """Return a module with such blocks put in, itself where it applies none."""
    if not any(_is_spliced(item) for item in tree.applications(module.tree)):
        return module
    splicing = Splicing(module)
    items = splicing.items(module.tree, (), "")
    nodes = [n for n in (a.node for a in tree.applications(items)) if splicing.alive(n)]
    outputs = tuple(replace(o, value=splicing.value(o.value)) for o in module.outputs)
    return replace(module, nodes=nodes, tree=items, outputs=outputs)


def _is_spliced(item: tree.Apply) -> bool:
    module = item.node.module
    if module is None or not module.owns or item.node.again:
        return False
    return not item.segments or _is_bare(module)


def _is_bare(module: Module) -> bool:
    """Whether a block owns tensors under its own name, and is more than the module that has them.

    One module with initialisers of its own is more too: they need a name.
    """
    applications = [*tree.applications(module.tree)]
    unnamed = [
        a.node
        for a in applications
        if not a.segments and _owns(a.node) and not _inside(a, module.tree)
    ]
    own = [n for n in unnamed if n.op is not None or (n.module is not None and _is_bare(n.module))]
    alone = len(module.nodes) == 1
    return bool(own) and (not alone or own[0].op is None or bool(own[0].init))


def _inside(apply: tree.Apply, items: Sequence[tree.Item]) -> bool:
    """Whether an application is in a group or loop that has a name."""
    for item in items:
        match item:
            case tree.Group() if item.segments:
                if any(a is apply for a in tree.applications(item.items)):
                    return True
            case tree.Group() | tree.Choice():
                if _inside(apply, item.items):
                    return True
            case tree.Repeat():
                for turn in item.turns:
                    named = bool(item.segments)
                    if named and any(a is apply for a in tree.applications(turn.items)):
                        return True
                    if _inside(apply, turn.items):
                        return True
    return False


def _owns(node: Node) -> bool:
    if node.again or (node.op is not None and node.op.registered):
        return False
    return node.module.owns if node.module is not None else bool(node.tensors)


class Splicing:
    """One rewriting of a tree: its values are led to those that take their place."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.dead = {id(a.node) for a in tree.applications(module.tree)} - {
            id(n) for n in module.nodes
        }
        self.by: dict[int, Any] = {}

    def alive(self, node: Node) -> bool:
        """Whether a node is part of the network."""
        return id(node) not in self.dead

    def value(self, value: Any) -> Any:
        """Return what takes the place of a value, or of the values in a list."""
        if isinstance(value, Value):
            return self.by.get(id(value), value)
        if isinstance(value, list | tuple):
            return type(value)(self.value(v) for v in value)
        if isinstance(value, dict):
            return {k: self.value(v) for k, v in value.items()}
        return value

    def reading(self, reading: Reading) -> Reading:
        """Return how a text was read, with the values of now."""
        return replace(reading, values={k: self.value(v) for k, v in reading.values.items()})

    def items(
        self, items: Sequence[tree.Item], segments: tuple[tree.Segment, ...], path: str
    ) -> list[tree.Item]:
        """Return items under the path of what they are put into."""
        return [self.item(item, segments, path) for item in items]

    def item(self, item: tree.Item, segments: tuple[tree.Segment, ...], path: str) -> tree.Item:
        """Return an item under the path of what it is put into."""
        named = bool(item.segments) or isinstance(item, tree.Apply)
        at = (*segments, *item.segments) if named else ()
        whole = join(path, item.path)
        match item:
            case tree.Apply() if _is_spliced(item) and self.alive(item.node):
                return self.put_in(item, at, whole)
            case tree.Apply():
                return self.applied(item, at, whole)
            case tree.Choice():
                inner = self.items(item.items, segments, path)
                start, reading = self.value(item.start), self.reading(item.reading)
                result = self.value(item.result)
                return replace(item, items=inner, start=start, reading=reading, result=result)
            case tree.Group():
                below = () if item.segments else segments
                inner = self.items(item.items, below, path)
                start = self.value(item.start)
                return replace(item, items=inner, start=start, segments=at, path=whole)
            case tree.Repeat():
                below = () if item.segments else segments
                turns = []
                for t in item.turns:
                    inner = self.items(t.items, below, path)
                    start, result = self.value(t.start), self.value(t.result)
                    turns.append(replace(t, items=inner, start=start, result=result))
                reading = self.reading(item.reading)
                start = self.value(item.start)
                return replace(
                    item, turns=turns, start=start, reading=reading, segments=at, path=whole
                )
        raise AssertionError(item)

    def applied(
        self, item: tree.Apply, segments: tuple[tree.Segment, ...], whole: str
    ) -> tree.Apply:
        """Return an application of the values of now, which gives values of its own."""
        node = item.node
        inputs = tuple(self.value(v) for v in node.inputs)
        outputs = tuple(Value(v.shape, v.span, v.text) for v in node.outputs)
        new = replace(node, inputs=inputs, outputs=outputs, path=whole or node.path)
        for old, value in zip(node.outputs, outputs, strict=True):
            value.node = new
            self.by[id(old)] = value
        if not self.alive(node):
            self.dead.add(id(new))
        given = [self.value(g) for g in item.given]
        reading = self.reading(item.reading)
        at = segments if item.main else ()
        return replace(item, node=new, given=given, reading=reading, segments=at, path=whole)

    def put_in(
        self, item: tree.Apply, segments: tuple[tree.Segment, ...], path: str
    ) -> tree.Splice:
        """Return a block in the place of its application."""
        module = item.node.module
        assert module is not None
        inner = Splicing(module)
        inner.by = {
            id(v): self.value(u) for v, u in zip(module.inputs, item.node.inputs, strict=True)
        }
        below = inner.items(module.tree, segments, path)
        given = [inner.value(v) for o in module.outputs for v in flat(o.value)]
        for old, value in zip(item.node.outputs, given, strict=True):
            self.by[id(old)] = value
        self.dead |= inner.dead
        return tree.Splice(
            self.value(item.node.inputs[0]),
            below,
            False,
            item.node,
            self.reading(item.reading),
            module.scope,
            path=path,
        )
