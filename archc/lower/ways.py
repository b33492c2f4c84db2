"""The ways to two values that don't fit, from where they part."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archc.diagnostics import Source
from archc.graph import Module, Node, Value, flat
from archc.lower.blame import Use, changeable

SHORTCUTS = ("projection", "always_projection", "avg_projection", "zero_pad")
PLAIN = (
    "identity", "bn", "conv", "avg_pool", "max_pool", "subsample", "pad_channels", "linear",
    "scale", "negate", "over",
)  # fmt: skip
"""What may stand on a shortcut: no activation."""


@dataclass(frozen=True)
class Way:
    """What leads to a value and to no other one, the nearest first; nothing where it is the fork."""

    value: Value
    nodes: tuple[Node, ...]

    @property
    def layers(self) -> int:
        """The number of ops with weights on it, inside blocks too."""
        return sum(_layers(node) for node in self.nodes)

    @property
    def plain(self) -> bool:
        """Whether all on it may stand on a shortcut."""
        return all(node.name in (*SHORTCUTS, *PLAIN) for node in self.nodes)


def _layers(node: Node) -> int:
    if node.op is not None:
        return int(node.op.weighted)
    assert node.module is not None
    return node.module.total(lambda leaf: int(leaf.op is not None and leaf.op.weighted))


def before(value: Value, stack: Sequence[Use], source: Source | None) -> dict[int, Node]:
    """Return all that leads to a value, the nearest first, with what is in blocks of the user.

    Without the source that is judged it is what is in all blocks.
    """
    found: dict[int, Node] = {}
    seen: set[int] = set()
    queue = deque([value])
    while queue:
        value = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if value.node is None:
            queue += taken(value, stack)
            continue
        found[id(value.node)] = value.node
        found |= _inside(value.node.module, source)
        queue += value.node.inputs
    return found


def taken(value: Value, stack: Sequence[Use]) -> list[Value]:
    """Return what a use of a block gives for an input of it."""
    for use in reversed(stack):
        pairs = zip(use.own, flat(list(use.inputs)), strict=False)
        if given := [v for own, v in pairs if own is value]:
            return given
    return []


def _inside(module: Module | None, source: Source | None) -> dict[int, Node]:
    if module is None:
        return {}
    found: dict[int, Node] = {}
    for node in reversed(module.nodes):
        if source is None or changeable(node.span, source):
            found[id(node)] = node
            found |= _inside(node.module, source)
    return found


def ways(values: Sequence[Value], stack: Sequence[Use], source: Source) -> list[Way]:
    """Return the way to each value from where it parts from the others."""
    all_before = [before(v, stack, source) for v in values]
    found = []
    for k, value in enumerate(values):
        others: set[Any] = {key for j, b in enumerate(all_before) if j != k for key in b}
        found.append(Way(value, tuple(n for key, n in all_before[k].items() if key not in others)))
    return found


def shortcut(two: Sequence[Way]) -> int | None:
    """Return which of two ways is the shortcut; None where neither is.

    It has fewer layers than the other, and no activation.
    """
    short, long = sorted(range(2), key=lambda k: (two[k].layers, len(two[k].nodes)))
    apart = two[short].layers < two[long].layers
    return short if apart and two[short].plain else None
