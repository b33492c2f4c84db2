"""Which groups are straight: one value runs through modules, so the group is an nn.Sequential."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archc.backends.torchfile.merge import Apply, Body, Choice, Group, Item, Repeat
from archc.graph import Module, Node, Value

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
