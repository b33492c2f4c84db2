"""Pieces of text that apply something, with what they made in every use."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.backends.pytorch.context import Contexts, Split, frozen_form, same, split_by
from archc.backends.pytorch.items import Val
from archc.graph import Node, Value
from archc.language.expr import Expr


@dataclass(frozen=True, eq=False)
class Site:
    """A piece of text that applies something, with the node that it made in each context.

    `expr` is None where the text can't be read again, and everything is a literal.
    """

    expr: Expr | None
    at: ast.expr | None
    contexts: Contexts
    nodes: Sequence[Node]
    inputs: tuple[Val, ...]
    places: Mapping[str, ast.expr] = field(default_factory=dict)

    def taken(self, k: int) -> list[tuple[Value, ...]]:
        """Return what each node takes at a place: one value, or those of a list."""
        found = []
        for c, n in zip(self.contexts, self.nodes, strict=True):
            sizes = [len(v.parts[id(c.module)]) if v.many else 1 for v in self.inputs]
            start = sum(sizes[:k])
            found.append(n.inputs[start : start + sizes[k]])
        return found

    @property
    def packed(self) -> bool:
        """Whether some input is a list."""
        return any(v.many for v in self.inputs)

    def split(self, label: Callable[[Node], Any]) -> Split:
        """Ask for classes by what a node has."""
        found = {id(c.frame): n for c, n in zip(self.contexts, self.nodes, strict=True)}
        return split_by(self.contexts, lambda c: label(found[id(c.frame)]))


def gathered(site: Site, name: str) -> ast.expr | None:
    """Return where the text has an argument; all positional, or all named ones, may be one."""
    place = site.places.get(name)
    if not isinstance(place, ast.Call) or place not in (site.at, getattr(site.at, "func", None)):
        return place
    target = site.nodes[0].op
    if target is None or name != target.keywords:
        return ast.Tuple(place.args, ast.Load())
    named = [k for k in place.keywords if k.arg not in type(target).model_fields]
    pairs: list[ast.expr] = [ast.Tuple([ast.Constant(k.arg), k.value], ast.Load()) for k in named]
    return ast.Tuple(pairs, ast.Load())


def kind(node: Node) -> Any:
    """Return what a node applies, whatever its arguments."""
    return ("block" if node.op is None else type(node.op), node.again)


def layouts(node: Node, *, packed: bool = False) -> Any:
    """Return the layouts of a node's inputs, and which of them have a batch.

    Where inputs are packed, they must be the same for all.
    """
    found = [(s.batch, s.layout) for s in node.shapes]
    return frozen_form(found[:1] if packed and same(found) else found)


def argument_of(name: str) -> Callable[[Node], Any]:
    """Return what reads an argument of a node's op."""
    return lambda node: getattr(node.op, name)
