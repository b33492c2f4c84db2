"""The statements that set the tensors of steps with initialisers of their own."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from archc.backends.torchfile.init import BLANK, step_lines
from archc.backends.torchfile.merge import Apply, Body, Choice, Group, Item, Repeat
from archc.backends.torchfile.modules import SELF, Modules, if_else
from archc.backends.torchfile.spots import part_uses

if TYPE_CHECKING:
    from archc.backends.torchfile.classes import Class


class Initialisers:
    """The statements that set the tensors of steps with initialisers of their own."""

    def __init__(self, cls: Class, modules: Modules) -> None:
        self.cls, self.modules = cls, modules

    def body(self, body: Body) -> list[ast.stmt]:
        """Return the initialisers of a body."""
        return [s for item in body.items for s in self.item(item, body)]

    def item(self, item: Item, body: Body) -> list[ast.stmt]:
        """Return the initialisers of an item."""
        match item:
            case Apply():
                return self.apply(item, body)
            case Group():
                return self.body(item.body)
            case Choice():
                if not item.yes.size or not item.no.size:
                    return self.body(item.yes if item.yes.size else item.no)
                yes, no = self.body(item.yes), self.body(item.no)
                return [if_else(self.cls.test(item, body), yes, no)] if yes or no else []
            case Repeat() if item.written_out:
                return [s for part in item.written_out for s in self.body(part)]
            case Repeat():
                inner = self.body(item.turns)
                if not inner or self.cls.single(item):
                    return inner
                target, over = self.cls.header(item, body)
                return [ast.For(target, over, inner, [], lineno=0)]
        raise AssertionError(item)

    def apply(self, item: Apply, body: Body) -> list[ast.stmt]:
        """Return the initialisers of a step."""
        if item.nodes[0].again:
            return []
        lines = {p: tuple(step_lines(item.rows[p].scope, n)) for p, n in enumerate(item.nodes)}
        if len({*lines.values()}) > 1:
            raise part_uses(body, lines, len(self.cls.modules), "other initialisers")
        if not lines[0]:
            return []
        node = item.nodes[0]
        if node.op is not None and node.op.registered:
            reference: ast.expr = SELF
        else:
            reference = self.modules.references[id(item)]()
        text = "\n".join(lines[0]).replace(BLANK, ast.unparse(reference))
        return ast.parse(text).body
