"""Pieces of text that apply something, with what they made in every use."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.backends.pytorch.context import Contexts, Split, frozen_form, split_by
from archc.backends.pytorch.items import Val
from archc.graph import Node
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
    if node.op is not None:
        return (type(node.op), len(node.inputs), node.again)
    return ("block", len(node.inputs), node.again)


def layouts(node: Node) -> Any:
    """Return the layouts of a node's inputs, and which of them have a batch."""
    return frozen_form([(s.batch, s.layout) for s in node.shapes])


def argument_of(name: str) -> Callable[[Node], Any]:
    """Return what reads an argument of a node's op."""
    return lambda node: getattr(node.op, name)
