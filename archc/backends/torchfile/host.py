"""What a class offers to those that write its modules and its channels."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from archc.backends.torchfile.book import Book
from archc.backends.torchfile.exprs import Exprs
from archc.backends.torchfile.merge import Apply, Body, Choice, Repeat
from archc.backends.torchfile.operands import Carry
from archc.backends.torchfile.owner import Owner
from archc.backends.torchfile.symbols import Symbol
from archc.backends.torchfile.wiring import Wiring


class Host(Owner, Protocol):
    """A class, for those that write parts of it; `Class` is one."""

    @property
    def functional(self) -> set[int]:
        """The applications of ops that forward writes as functions, by identity."""

    @property
    def exprs(self) -> Exprs:
        """Its expressions."""

    @property
    def wiring(self) -> Wiring:
        """Its operands."""

    @property
    def around(self) -> Mapping[int, Body]:
        """The body that each item is in."""

    @property
    def straight(self) -> Mapping[int, Sequence[tuple[Any, Any]]]:
        """The items that are one module, with what runs in and out in each row."""

    @property
    def bare(self) -> Collection[str]:
        """The paths of the groups that are modules without a forward method."""

    @property
    def carrying(self) -> Mapping[int, Symbol]:
        """The variables for the channels of carries."""

    @property
    def carries(self) -> Mapping[int, Sequence[Carry]]:
        """Those carries by their loop."""

    @property
    def body(self) -> Body:
        """What its uses do, as one."""

    @property
    def used(self) -> Collection[str]:
        """The symbols that it needs so far."""

    @property
    def classes(self) -> Book:
        """The classes that it is one of."""

    def outside(self, name: str) -> ast.expr:
        """Return a name that the file imports."""

    def loop_symbols(self, loop: Repeat) -> Sequence[Symbol]:
        """Return the variables of a loop."""

    def header(self, loop: Repeat, body: Body) -> tuple[ast.expr, ast.expr]:
        """Return the target of a loop, and what it goes over."""

    def index(self, values: Mapping[int, int], body: Body) -> ast.expr:
        """Return an index: a constant, or the variable of a loop around, with a constant added."""

    def test(self, item: Choice, body: Body) -> ast.expr:
        """Return the test of a choice."""

    def module(self, item: Apply, body: Body, k: int) -> ast.expr:
        """Return what makes the module of an application."""

    def buffers(self, item: Apply, body: Body, k: int, on: ast.expr) -> list[ast.stmt]:
        """Return the statements that register the tensors of an op."""

    def has_function(self, item: Apply, body: Body, k: int) -> bool:
        """Whether an op can be applied without a module."""

    def op_argument(self, item: Apply, body: Body, k: int, name: str) -> ast.expr:
        """Return an argument of an op."""

    def channel_symbol(self, k: int) -> Symbol:
        """Return the parameter that says the channels of an input."""

    def channel_variable(self, carry: Carry) -> Symbol:
        """Return the variable for the channels of what a loop carries."""

    def channel_steps(self, loop: Repeat) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Return what sets the channels of what a loop carries, before it and in each turn."""

    def summary(self, item: Apply, body: Body) -> ast.expr:
        """Return the channels of what a use of another class gives."""

    def element(
        self, item: Apply, body: Body, index: ast.expr, numbers: Mapping[int, int]
    ) -> ast.expr:
        """Return the channels of one of the values that a use of another class gives."""
