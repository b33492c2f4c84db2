"""Blocks in the order in which their classes are made: inner ones first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from archc import tree
from archc.graph import Module


def components(inner: Mapping[int, Iterable[int]]) -> list[list[int]]:
    """Return the blocks, inner ones first; blocks that are in each other in one list (Tarjan)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    out: list[list[int]] = []

    def visit(key: int) -> None:
        index[key] = low[key] = len(index)
        stack.append(key)
        for other in inner[key]:
            if other not in index:
                visit(other)
                low[key] = min(low[key], low[other])
            elif other in stack:
                low[key] = min(low[key], index[other])
        if low[key] == index[key]:
            at = stack.index(key)
            out.append(stack[at:])
            del stack[at:]

    for key in inner:
        if key not in index:
            visit(key)
    return out


def by_height(group: list[list[Module]]) -> list[list[Module]]:
    """Return the uses of blocks that are in each other, parted so that none is in its like."""
    ours = {id(m): m for uses in group for m in uses}
    heights: dict[int, int] = {}

    def height(module: Module) -> int:
        if id(module) not in heights:
            inner = [
                n.module for n in module.nodes if n.module is not None and id(n.module) in ours
            ]
            heights[id(module)] = max((height(m) + 1 for m in inner), default=0)
        return heights[id(module)]

    parts: dict[tuple[int, int], list[Module]] = {}
    for module in sorted(ours.values(), key=height):
        parts.setdefault((height(module), id(module.block)), []).append(module)
    return [*parts.values()]


def loop_left(module: Module, written_out: Collection[int]) -> int | None:
    """Return a loop of a module that is not written out yet, an outer one first."""

    def visit(items: Sequence[tree.Item]) -> int | None:
        for item in items:
            match item:
                case tree.Repeat() if id(item.loop) not in written_out:
                    return id(item.loop)
                case tree.Repeat():
                    inner = [i for turn in item.turns for i in turn.items]
                case tree.Choice() | tree.Group():
                    inner = item.items
                case _:
                    inner = []
            if (found := visit(inner)) is not None:
                return found
        return None

    return visit(module.tree)
