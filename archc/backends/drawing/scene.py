"""A picture as data: boxes in frames, and arrows between them; nothing of any format.

Every box, frame and arrow has an id that is the path of what it shows, so that a picture of
the same network has the same ids at every run. `Scene.plan` says what became of each node of
the network: `routes` in archc.backends.drawing.routes reads from it which edge of the graph
is drawn by which arrows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from archc.graph import Module, Node
from archc.ops.facts import Kind
from archc.shapes import Shape

BoxKind = Kind | Literal["block", "fork", "port"]
ArrowKind = Literal["flow", "identity", "projection", "gate"]
Mark = Literal["", "same", "added", "removed", "changed"]
"""What a picture of a difference says of a thing, in words too; "" in every other picture."""


@dataclass(eq=False)
class Box:
    """An op, a block, a port of the network, or the fork where a block's input splits.

    `notes` are what follows it with no box of its own (BN, relu) or what it holds; `counts` are
    its parameters and multiply-adds, where shown. `changes` says that its output has another
    shape than its input, `shortcut` how a block that is one box is by-passed, `main` that it
    stands on the longest path, `training` that inference leaves it out. `place` is its block or
    stage. `nodes` are what it stands for, all of its copies; `like` is the frame in which a block
    of the same form is drawn.
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
    counts: str = ""
    gate: bool = False
    training: bool = False
    shape: Shape | None = None
    nodes: list[Node] = field(default_factory=list, repr=False)
    mark: Mark = ""
    like: Frame | None = field(default=None, repr=False)


@dataclass(eq=False)
class Frame:
    """A stage, a block, or a network of several, around what it holds.

    One without a title stands around blocks that are repeated in turn.
    """

    id: str
    kind: Literal["stage", "block", "network"]
    title: str
    items: list[Box | Frame] = field(default_factory=list)
    times: int = 1
    counts: str = ""
    nodes: list[Node] = field(default_factory=list, repr=False)
    mark: Mark = ""


@dataclass(eq=False)
class Arrow:
    """A value on its way: `via` is an activation that it passes, `shape` its shape, where shown.

    `main` says that it is on the longest path, `training` that inference leaves it out, `port`
    which of its tail's outputs it carries.
    """

    id: str
    tail: Box
    head: Box
    via: str = ""
    shape: str = ""
    kind: ArrowKind = "flow"
    main: bool = False
    training: bool = False
    port: int = 0
    mark: Mark = ""


@dataclass
class Placed:
    """What became of a node: its box, and an arrow into it for each input that is read; or a plan.

    `beside` says that it goes with the box before it, and so has no arrows. `copies` is what
    says ×N, of a use that is not the first of a run.
    """

    box: Box | None = None
    arrows: tuple[Arrow | None, ...] = ()
    beside: bool = False
    plan: Plan | None = field(default=None, repr=False)
    copies: Box | Frame | None = None


@dataclass
class Plan:
    """What became of a module's nodes, by their identity, and where its inputs fork."""

    module: Module = field(repr=False)
    placed: dict[int, Placed] = field(default_factory=dict, repr=False)
    forks: tuple[Arrow | None, ...] = ()


@dataclass(eq=False)
class Scene:
    """A whole picture."""

    name: str
    items: list[Box | Frame]
    arrows: list[Arrow]
    plan: Plan | None = field(default=None, repr=False)


def boxes(items: list[Box | Frame]) -> Iterator[Box]:
    """Yield every box, in the order in which they are drawn."""
    for item in items:
        if isinstance(item, Box):
            yield item
        else:
            yield from boxes(item.items)


def frames(items: list[Box | Frame]) -> Iterator[Frame]:
    """Yield every frame, outer ones first."""
    for item in items:
        if isinstance(item, Frame):
            yield item
            yield from frames(item.items)
