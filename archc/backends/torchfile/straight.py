"""Which groups are straight: one value runs through modules, so the group is an nn.Sequential."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from archc.backends.torchfile.asking import asks
from archc.backends.torchfile.merge import (
    Apply,
    Body,
    Choice,
    Group,
    Item,
    Repeat,
    applications,
    bodies,
    items,
    use_of,
)
from archc.graph import Module, Node, Value
from archc.ops import Py, Use
from archc.tree import Number

Ends = tuple[Any, Any]
"""The value that runs into a straight run of modules, and the one that comes out."""


def nodes(body: Body, row: int) -> list[Node]:
    """Return the nodes of one row, in the order in which they run."""
    return [n for item in body.items for n in item_nodes(item, row)]


def item_nodes(item: Item, row: int) -> list[Node]:
    """Return the nodes of an item in one row of the body around it."""
    match item:
        case Apply():
            return [item.nodes[row]]
        case Choice():
            side = item.yes if item.taken[row] else item.no
            return nodes(side, side.up.index(row))
        case Group():
            return nodes(item.body, row)
        case Repeat():
            if item.written_out:
                return [n for part in item.written_out for n in nodes(part, row)]
            return [
                n for q, p in enumerate(item.turns.up) if p == row for n in nodes(item.turns, q)
            ]
    raise AssertionError(item)


def ends(
    run: Sequence[Node], start: Any, module: Module, has_module: Callable[[Node], bool]
) -> Ends | None:
    """Return what goes into a run of nodes and comes out, None where it is not straight."""
    if not isinstance(start, Value):
        return None
    value = start
    if run and len(run[0].inputs) == 1:
        start = value = run[0].inputs[0]
    for node in run:
        takes_one = len(node.inputs) == 1 and node.inputs[0] is value
        if not takes_one or len(node.outputs) != 1 or node.again or not has_module(node):
            return None
        value = node.outputs[0]
    own = {id(n) for n in run}
    inner = {id(v) for n in run for v in n.outputs} - {id(value)}
    used = {id(v) for n in module.nodes if id(n) not in own for v in n.inputs}
    used |= {id(v) for v in module.values}
    return None if inner & used else (start, value)


class Straightness:
    """Which parts of a merged body are modules of their own: the chains in it, outermost first."""

    def __init__(self, body: Body, modules: Sequence[Module], *, is_root: bool) -> None:
        self.body, self.modules, self.is_root = body, modules, is_root
        self.straight: dict[int, Sequence[Ends]] = {}
        self.untangle()
        self.whole = self.mark(body, root=True)

    def untangle(self) -> None:
        """Take the names of steps without tensors that meet under one key: each is a step."""
        counts: dict[int, Counter[str]] = {p: Counter() for p in range(len(self.modules))}
        found = [a for a, _, _ in applications(self.body) if a.main and not a.nodes[0].again]
        for item, body, _ in applications(self.body):
            if item.main and not item.nodes[0].again:
                for p, node in enumerate(item.nodes):
                    counts[use_of(body, p)][node.path] += 1
        twice = {path for count in counts.values() for path, k in count.items() if k > 1}
        for item in found:
            light = not any(n.tensors if n.module is None else n.module.owns for n in item.nodes)
            if light and any(n.path in twice for n in item.nodes):
                item.main, item.each = False, [() for _ in item.each]

    def mark(self, body: Body, *, root: bool = False) -> bool:
        """Mark the outermost straight groups; say whether the body as a whole is one."""
        if root and self.is_straight():
            return True
        for item in body.items:
            if isinstance(item, Group | Repeat) and item.segments:
                found = [self.ends(item, p, body) for p in range(body.size)]
                heavy = any(
                    n.held or n.module for p in range(body.size) for n in item_nodes(item, p)
                )
                if all(found) and heavy and _entered(item):
                    self.straight[id(item)] = [e for e in found if e is not None]
                    item.made |= {id(e[1]) for e in found if e is not None}
                    continue
            for inner in bodies(item):
                self.mark(inner)
        return False

    def ends(self, item: Group | Repeat, row: int, body: Body) -> Ends | None:
        """Return what goes into a group in a row and comes out."""
        module = self.modules[use_of(body, row)]
        return ends(item_nodes(item, row), item.starts[row], module, self.has_module)

    def is_straight(self) -> bool:
        """Whether the whole block is a chain of modules."""
        if not all(a.main for a, _, _ in applications(self.body)):
            return False
        if self.is_root or any(not _unnamed(i) for i, _, _ in items(self.body)):
            return False
        for p, module in enumerate(self.modules):
            if len(module.inputs) != 1 or not isinstance(module.takes[0], Value):
                return False
            if len(module.outputs) != 1 or not isinstance(module.result, Value):
                return False
            found = ends(nodes(self.body, p), module.inputs[0], module, self.has_module)
            if found is None or found[1] is not module.result or found[0] is not module.inputs[0]:
                return False
        return True

    def has_module(self, node: Node) -> bool:
        """Whether an application is a module by itself."""
        if node.module is not None:
            return True
        assert node.op is not None
        if node.op.registered or node.op.inputs != 1 or any(s.batch != "b" for s in node.shapes):
            return False
        if asks(node) and type(node.op).function(plain_use(node), "x"):
            return False  # sizes are read where it runs
        return bool(type(node.op).module(plain_use(node)))

    def bare_groups(self) -> set[str]:
        """Return the paths of groups that hold a tensor of their own, as no container can."""
        bare = set()
        for item, _, _ in items(self.body):
            if isinstance(item, Apply) and item.nodes[0].op is not None:
                node = item.nodes[0]
                if "" in node.tensors or (node.op is not None and node.op.registered):
                    registered = node.op is not None and node.op.registered
                    bare.add(item.paths[0] if registered else item.paths[0].rpartition(".")[0])
        return bare - {""}


def plain_use(node: Node) -> Use:
    """Return a use of an op by itself."""
    op = node.op
    assert op is not None
    args = {name: Py.of(getattr(op, name)) for name in type(op).model_fields}
    return Use(args, tuple(Py.of(op.features(s)) for s in node.shapes), node.shapes)


def _entered(item: Group | Repeat) -> bool:
    """Whether all that a group applies are entries of it."""
    inner = [a for b in bodies(item) for a, _, _ in applications(b)]
    return all(a.main for a in inner)


def _unnamed(item: Item) -> bool:
    """Whether an item is an entry of a list, and not a name of its class."""
    return not item.segments or isinstance(item.segments[0], Number)
