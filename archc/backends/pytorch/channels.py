"""Expressions of channels: guesses, sums, and those of what is called in terms of the caller."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from archc.backends.pytorch.layout import atom
from archc.backends.pytorch.render import parsed, unparse
from archc.graph import Node, Value
from archc.ops import Py


def related(channels: str, nodes: Sequence[Node], k: int) -> list[str]:
    """Guess the channels of a result from those of the input: a part or a multiple of them."""
    pairs = {(n.inputs[0].shape.channels, n.outputs[k].shape.channels) for n in nodes}
    found = []
    for numerator, denominator in {(a // math.gcd(a, b), b // math.gcd(a, b)) for a, b in pairs}:
        if denominator == 1 < numerator:
            found.append(divided(channels, str(numerator)))
        if numerator == 1 < denominator:
            found.append(f"{denominator} * {atom(channels)}")
    return found if len(found) == 1 else []


def divided(channels: str, by: str) -> str:
    """Divide channels; a factor of theirs goes."""
    factors = [channels]
    tree = parsed(channels)
    while isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult):
        factors = [unparse(tree.left), unparse(tree.right), *factors[1:]]
        tree = tree.left
    if by not in factors or len(factors) < 2:
        return f"{atom(channels)} // {by}"
    factors.remove(by)
    return " * ".join(atom(f) for f in factors)


def summed(parts: list[str]) -> str:
    """Add up channels, numbers together, and equal terms: `in_channels + 4 * width + 64`."""
    numbers = sum(int(p) for p in parts if p.isdigit())
    terms = [
        (p if isinstance(parsed(p), ast.BinOp) or atom(p) == p else atom(p))
        if count == 1
        else f"{count} * {atom(p)}"
        for p, count in Counter(p for p in parts if not p.isdigit()).items()
    ]
    return " + ".join([*terms, *([str(numbers)] if numbers or not terms else [])])


def substitute(text: str, arguments: Mapping[str, Py]) -> str:
    """Put the arguments of a call into an expression over the parameters of what it calls.

    Return "" where the expression reads anything else.
    """
    tree = parsed(text)

    class Put(ast.NodeTransformer):
        complete = True

        def visit_Call(self, node: ast.Call) -> ast.expr:
            node.args = [self.visit(a) for a in node.args]
            return node

        def visit_Name(self, node: ast.Name) -> ast.expr:
            if node.id in arguments:
                return parsed(arguments[node.id].text)
            self.complete = False
            return node

    put = Put()
    made = put.visit(tree)
    return unparse(made) if put.complete else ""


def number(values: Sequence[Value]) -> tuple[str, ...]:
    """Return the channels of values as a number, where it is one."""
    found = {v.shape.channels for v in values}
    return (str(found.pop()),) if len(found) == 1 else ()


def listed_items(py: Py) -> list[str]:
    """Return the items of a list or tuple, none of anything else."""
    tree = parsed(py.text)
    return [unparse(e) for e in tree.elts] if isinstance(tree, ast.List | ast.Tuple) else []
