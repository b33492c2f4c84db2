"""Blocks that are one module, and loops that are better written out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from archc import tree
from archc.backends.torchfile.merge import Apply, Body, Choice, Group
from archc.backends.torchfile.modules import Modules, call, if_else
from archc.graph import Module

if TYPE_CHECKING:
    from archc.backends.torchfile.classes import Class


class Single:
    """The body of a function that returns the one module that a block is."""

    def __init__(self, cls: Class, modules: Modules) -> None:
        self.cls, self.modules = cls, modules

    def body(self, body: Body) -> list[ast.stmt]:
        """Return statements that return the module."""
        for k, item in enumerate(body.items):
            match item:
                case Apply():
                    return [ast.Return(self.cls.module(item, body, k))]
                case Choice():
                    if not item.yes.size or not item.no.size:
                        return self.body(item.yes if item.yes.size else item.no)
                    yes, no = self.body(item.yes), self.body(item.no)
                    return [if_else(self.cls.test(item, body), yes, no)]
                case Group():
                    return self.body(item.body)
                case _:
                    raise AssertionError("a loop that is one module")
        return [ast.Return(call("nn.Identity"))]


def named_copies(modules: Sequence[Module]) -> set[int]:
    """Return the loops that read better written out: each copy has a name of its own.

    That is so where a block is used once; where it is used often their number may vary.
    """

    def visit(items: Sequence[tree.Item]) -> Iterator[int]:
        for item in items:
            match item:
                case tree.Repeat():
                    if item.key is not None and item.key.names_copies(item.loop):
                        yield id(item.loop)
                    for turn in item.turns:
                        yield from visit(turn.items)
                case tree.Choice() | tree.Group():
                    yield from visit(item.items)

    return set(visit(modules[0].tree)) if len(modules) == 1 else set()
