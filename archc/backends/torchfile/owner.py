"""What a class offers to the expressions in it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from archc.backends.torchfile.extents import Extents
from archc.backends.torchfile.merge import Body, Repeat
from archc.backends.torchfile.symbols import Symbol
from archc.graph import Module


class Settled(Protocol):
    """What a class knows that tells what is static in it."""

    @property
    def modules(self) -> Sequence[Module]:
        """The uses of the class."""

    def single(self, loop: Repeat) -> bool:
        """Whether a loop has one turn wherever it stands."""

    def setting(self, name: str) -> ast.expr | None:
        """Return a param of the file that the class takes as an argument."""


class Owner(Settled, Protocol):
    """The class that expressions are of: it has their symbols, and notes those that it needs."""

    @property
    def extents(self) -> Extents:
        """The sizes that it reads where it runs."""

    @property
    def body(self) -> Body:
        """The trees of all uses, as one."""

    @property
    def taken(self) -> Sequence[Sequence[Any]]:
        """What each use takes, by the named inputs."""

    def use(self, symbol: Symbol) -> ast.expr:
        """Return a symbol, noting that the class needs it."""

    def parameter(self, name: str) -> Symbol:
        """Return the parameter of the block of a name."""

    def let(self, name: str) -> ast.expr:
        """Return a derived value of the block."""

    def helper(self, name: str) -> Symbol:
        """Return a function of the file."""

    def loop_variable(self, loop: Repeat, name: str) -> Symbol:
        """Return the variable of a loop."""

    def count_of(self, loop: Repeat) -> ast.expr:
        """Return the number of turns of a loop."""

    def channel_lists(self) -> Iterable[tuple[int, Symbol]]:
        """Yield the inputs that are lists, with what says their channels."""

    def channels_of(self, body: Body, k: int, values: Mapping[int, Any]) -> ast.expr:
        """Return the channels of a value that is needed somewhere."""

    def gives(self, tree: ast.expr, body: Body, sizes: Mapping[int, Any]) -> bool:
        """Whether an expression has these values in these rows."""
