"""What gives a value in a class: `Def` by an application, `Phi` by a choice, and so on.

Each operand is there once in the `Store` of its class, so that two are compared by identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from archc.backends.torchfile.merge import Body, Choice, Item, Repeat

Want = dict[int, Any]
"""The value, or the list of values, that is needed in some rows of a body."""


class Unwired(Exception):
    """No operand gives what is needed in all rows."""


@dataclass(eq=False)
class Operand:
    """What gives a value in all rows of a demand."""


@dataclass(eq=False)
class Input(Operand):
    """An input of the block, by its place among the names of its inputs."""

    index: int


@dataclass(eq=False)
class Def(Operand):
    """What an application, or the module of a whole group, gives; `listed` where it is several."""

    item: Item
    body: Body
    listed: bool = False


@dataclass(eq=False)
class Phi(Operand):
    """One value or another, by the side of a choice."""

    choice: Choice
    body: Body
    yes: Operand | None
    no: Operand | None
    want: Want


@dataclass(eq=False)
class Carry(Operand):
    """What runs from one turn of a loop to the next; `body` is that of the loop."""

    loop: Repeat
    body: Body
    want: Want
    init: Operand | None = None
    next: Operand | None = None


@dataclass(eq=False)
class Out(Operand):
    """What a value of a loop's body is after the loop, `init` where it had no turn."""

    loop: Repeat
    body: Body
    last: Operand
    init: Operand | None


@dataclass(eq=False)
class Collect(Operand):
    """The list of what the turns of a loop gave."""

    loop: Repeat
    body: Body
    each: Operand


@dataclass(eq=False)
class Elem(Operand):
    """An entry of a list, by an index for each row of `body`."""

    of: Operand
    index: Want
    body: Body


@dataclass(eq=False)
class Pack(Operand):
    """A list of values, and of those in other lists."""

    parts: list[tuple[Operand, bool]]


def same(a: Any, b: Any) -> bool:
    """Whether two values, or two lists of values, are the same ones."""
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a is b


@dataclass(eq=False)
class Regions:
    """What loops and choices of a body have come to carry, by item."""

    phis: list[Phi] = field(default_factory=list)
    carries: list[Carry] = field(default_factory=list)
    outs: list[Out] = field(default_factory=list)
    collects: list[Collect] = field(default_factory=list)


class Store:
    """The operands that a class has so far: each is there once, so that they compare by identity."""

    def __init__(self) -> None:
        self.inputs: dict[int, Input] = {}
        self.defs: dict[tuple[int, bool], Def] = {}
        self.regions: dict[int, Regions] = {}

    def region(self, item: Item) -> Regions:
        """Return what an item carries."""
        return self.regions.setdefault(id(item), Regions())

    def input(self, k: int) -> Input:
        """Return the operand of an input of the block."""
        return self.inputs.setdefault(k, Input(k))

    def define(self, item: Item, body: Body, *, listed: bool = False) -> Def:
        """Return the operand of what an application gives."""
        key = (id(item), listed)
        return self.defs.setdefault(key, Def(item, body, listed))

    def phi(self, item: Choice, body: Body, yes: Operand, no: Operand, want: Want) -> Phi:
        """Return the operand of a choice, for more rows than it was asked for before."""
        phis = self.region(item).phis
        for phi in phis:
            if phi.yes is yes and phi.no is no:
                phi.want.update(want)
                return phi
        phis.append(Phi(item, body, yes, no, dict(want)))
        return phis[-1]

    def after(self, item: Repeat, last: Operand, init: Operand | None) -> Out:
        """Return what an operand of a loop's body is after it."""
        outs = self.region(item).outs
        for out in outs:
            if out.last is last and out.init is init:
                return out
        outs.append(Out(item, item.turns, last, init))
        return outs[-1]

    def collected(self, item: Repeat, each: Operand) -> Collect:
        """Return the list of what an operand is in the turns of a loop."""
        collects = self.region(item).collects
        for collect in collects:
            if collect.each is each:
                return collect
        collects.append(Collect(item, item.turns, each))
        return collects[-1]
