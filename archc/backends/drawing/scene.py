"""A picture as data: boxes in frames, and arrows between them; nothing of any format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

OpKind = Literal["conv", "linear", "pool", "norm", "activation", "merge", "source", "other"]
BoxKind = OpKind | Literal["block", "fork", "port"]
ArrowKind = Literal["flow", "identity", "projection"]


@dataclass(eq=False)
class Box:
    """An op, a block, a port of the network, or the fork where a block's input splits.

    `notes` are what follows it with no box of its own (BN, relu) or what it holds. `changes`
    says that its output has another shape than its input, `shortcut` how a block that is one
    box is by-passed, `main` that it stands on the longest path. `place` is its block or stage.
    """

    id: str
    kind: BoxKind
    title: str
    notes: list[str] = field(default_factory=list)
    times: int = 1
    weighted: bool = False
    changes: bool = False
    shortcut: ArrowKind = "flow"
    short: str = ""
    main: bool = False
    place: str = ""


@dataclass(eq=False)
class Frame:
    """A stage or a block, around what it holds."""

    id: str
    kind: Literal["stage", "block"]
    title: str
    items: list[Box | Frame] = field(default_factory=list)
    times: int = 1


@dataclass(eq=False)
class Arrow:
    """A value on its way: `via` is an activation that it passes, `shape` its shape, where shown.

    `main` says that it is on the longest path.
    """

    tail: Box
    head: Box
    via: str = ""
    shape: str = ""
    kind: ArrowKind = "flow"
    main: bool = False


@dataclass(eq=False)
class Scene:
    """A whole picture."""

    name: str
    items: list[Box | Frame]
    arrows: list[Arrow]


def boxes(items: list[Box | Frame]) -> Iterator[Box]:
    """Yield every box, in the order in which they are drawn."""
    for item in items:
        if isinstance(item, Box):
            yield item
        else:
            yield from boxes(item.items)
