"""What is static: the same wherever a block is used, and in all turns of its loops."""

from __future__ import annotations

import ast
from typing import Any

from archc.backends.torchfile.asking import EXTENTS
from archc.backends.torchfile.owner import Settled
from archc.backends.torchfile.spots import Spot, alike, level_of, loop_of, splice_of
from archc.language.expr import Expr


class Statics:
    """What is static in one class."""

    def __init__(self, owner: Settled) -> None:
        self.owner = owner
        self.known: dict[str, bool] = {}

    def text(self, value: Any, scope: Any, spot: Spot) -> bool:
        """Whether a text is the same wherever the block is used: all its names are."""
        if isinstance(value, tuple):
            return all(self.text(v, scope, spot) for v in value)
        tree = value.tree if isinstance(value, Expr) else value
        if any(isinstance(n, ast.Attribute) and n.attr in EXTENTS for n in ast.walk(tree)):
            return False
        return all(self.name(n, scope, spot) for n in names(tree))

    def name(self, name: str, scope: Any, spot: Spot) -> bool:
        """Whether a name means the same in all uses."""
        level = level_of(name, scope)
        if level is None:
            return True  # a function, an op, or a step, whose text has its own places
        if (loop := loop_of(level, spot)) is not None:
            turns = [s.values_.get(name) for s in loop.turns.scopes]
            return self.owner.single(loop) and alike(turns)
        if any(level is m.scope for m in self.owner.modules):
            if name not in self.known:
                self.known[name] = self.own(name, spot)
            return self.known[name]
        if (splice := splice_of(level, spot)) is not None:
            group = splice[0]
            if name in group.splices[0].scope.lets:
                return False
            return alike([s.node.arguments.get(name) for s in group.splices])
        return self.owner.setting(name) is None

    def own(self, name: str, spot: Spot) -> bool:
        """Whether a parameter of the block, or what it derives, is the same in all uses."""
        module = self.owner.modules[0]
        if name in module.scope.lets:
            text = module.scope.lets[name]
            self.known[name] = True  # of a circle, which lowering refused
            return self.text(text, module.scope, spot) and not reads_values(text)
        return alike([m.arguments.get(name) for m in self.owner.modules])


def reads_values(value: Any) -> bool:
    """Whether a text asks for the channels or the size of a value, or for the length of a list."""
    if isinstance(value, tuple):
        return any(reads_values(v) for v in value)
    tree = value.tree if isinstance(value, Expr) else value
    return any(isinstance(n, ast.Attribute) for n in ast.walk(tree))


def names(tree: ast.expr) -> list[str]:
    """Return the names in a text; what is asked of a value is a name that no scope has."""
    return [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)]
