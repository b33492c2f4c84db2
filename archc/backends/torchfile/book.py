"""What all the classes of a network know of each other, for one of them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from archc.backends.torchfile.merge import Apply, Body
from archc.backends.torchfile.overwriting import Overwriting
from archc.backends.torchfile.symbols import Symbol
from archc.graph import Network


class Others(Protocol):
    """The classes of blocks, for those that use them: for `owner`, a class."""

    def call(self, owner: Any, item: Apply, body: Body, k: int) -> ast.expr:
        """Return what makes the module of a block."""

    def summary(self, owner: Any, item: Apply, body: Body) -> ast.expr:
        """Return the channels of what a use of a block gives."""

    def element(
        self, owner: Any, item: Apply, body: Body, index: ast.expr, numbers: Mapping[int, int]
    ) -> ast.expr:
        """Return the channels of one of the values that a use of a block gives."""


class Book(Protocol):
    """The classes of a network; `Classes` is one."""

    @property
    def network(self) -> Network:
        """The network itself."""

    @property
    def settings(self) -> Collection[str]:
        """The params of the file that are arguments of the network's class."""

    @property
    def helpers(self) -> Mapping[str, Symbol]:
        """The functions of the file so far, by their names in the language."""

    @property
    def overwriting(self) -> Overwriting:
        """Which values an op may write over."""

    @property
    def blocks(self) -> Others:
        """The other classes."""

    def helper(self, name: str) -> Symbol:
        """Return a function of the file."""
