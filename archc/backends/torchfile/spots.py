"""Where a text stands in a class, what its parts are in each row, and what tells values apart."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archc.backends.torchfile.merge import Body, Group, Parted, Repeat, Unrollable, use_of
from archc.graph import Module
from archc.language.evaluate import EvalFault, Evaluator
from archc.lower.scope import BlockDef, Callee, Scope
from archc.tree import Reading

MISSING = object()


class Unspelled(Exception):
    """A text that the class can't say; it may be that it need not, being the same everywhere."""


@dataclass(frozen=True)
class Spot:
    """Where a text stands: before item `k` of a body, read in some of its rows."""

    body: Body
    k: int
    rows: Mapping[int, Reading]

    def part(self, rows: Iterable[int]) -> Spot:
        """Return the spot with fewer rows."""
        return Spot(self.body, self.k, {p: self.rows[p] for p in rows})

    def values(self, node: ast.expr) -> dict[int, Any]:
        """Return what a piece of the text is in each row."""
        return {p: _value(reading, node) for p, reading in self.rows.items()}

    def constant(self, node: ast.expr) -> bool:
        """Whether a piece of the text is the same in all rows."""
        values = [*self.values(node).values()]
        return MISSING not in values and alike(values)


def _value(reading: Reading, node: ast.expr) -> Any:
    """Return what a piece of a text is; a text that lowering took as a whole is evaluated."""
    if id(node) in reading.values:
        return reading.values[id(node)]
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in reading.scope:
        return reading.scope[node.id]
    try:
        return Evaluator(reading.scope).evaluate(node)
    except (EvalFault, KeyError, TypeError, AttributeError):
        return MISSING


def frozen(value: Any) -> Any:
    """Return what tells a value from others, in type too."""
    if isinstance(value, list | tuple):
        return tuple(frozen(v) for v in value)
    if isinstance(value, Callee):
        return (value.name, id(value.target), frozen([v for _, v in value.arguments]))
    if isinstance(value, bool | int | float | str) or value is None:
        return (type(value).__name__, value)
    return id(value)


def alike(values: Sequence[Any]) -> bool:
    """Whether values are equal, in type too."""
    return len({frozen(v) for v in values}) <= 1


def part_uses(body: Body, labels: Mapping[int, Any], count: int, why: str) -> Exception:
    """Return what parts the uses of rows with other labels, or writes out their loop."""
    by_use: dict[int, list[Any]] = {}
    for row, label in sorted(labels.items()):
        by_use.setdefault(use_of(body, row), []).append(label)
    if any(len(set(found)) > 1 for found in by_use.values()):
        at: Body | None = body
        while at is not None and at.owner is not None:
            if isinstance(at.owner, Repeat) and not at.owner.written_out:
                return Unrollable(id(at.owner.loop), why)
            at = at.around
    return Parted([tuple(by_use.get(u, ())) for u in range(count)], why)


def literal(value: Any) -> ast.expr:
    """Return a constant, or an op that is an argument."""
    if isinstance(value, list | tuple):
        return ast.Tuple([literal(v) for v in value], ast.Load())
    if isinstance(value, Callee):
        return callee(value)
    if isinstance(value, bool | str) or value is None:
        return ast.Constant(value)
    if isinstance(value, int | float):
        if value < 0:
            return ast.UnaryOp(ast.USub(), ast.Constant(-value))
        return ast.Constant(value)
    raise Unspelled(f"a value that is no constant: {value!r}")


def callee(value: Callee) -> ast.expr:
    """Return the class of an op that is an argument."""
    target = value.target
    if isinstance(target, BlockDef) or value.arguments or not target.torch_module:
        raise Unspelled("a block as an argument")
    return ast.parse(target.torch_module, mode="eval").body


def taken(module: Module) -> list[Any]:
    """Return what a block takes, by its named inputs: `...rest` is a list."""
    own = list(module.takes)
    if not isinstance(module.block, BlockDef):
        return own
    inputs = [str(n) for n in module.block.block.inputs]
    return [own[k:] if n.startswith("...") else own[k] for k, n in enumerate(inputs)]


def input_names(module: Module) -> list[str]:
    """Return the names of a block's inputs."""
    if not isinstance(module.block, BlockDef):
        return ["x"]
    return [str(n).removeprefix("...") for n in module.block.block.inputs]


def level_of(name: str, scope: Any) -> Scope | None:
    """Return the scope that has a name."""
    at = scope
    while isinstance(at, Scope):
        if name in at.values_ or name in at.lets:
            return at
        at = at.parent
    return None


def loop_of(level: Scope, spot: Spot) -> Repeat | None:
    """Return the loop around a spot whose turn a scope is."""
    row, body = next(iter(spot.rows)), spot.body
    while body.around is not None:
        if isinstance(body.owner, Repeat) and body.scopes[row] is level:
            if body.owner.written_out:
                return None
            return body.owner
        row, body = body.up[row], body.around
    return None


def splice_of(level: Scope, spot: Spot) -> tuple[Group, Body, dict[int, int]] | None:
    """Return the block put in whose name a text says, where it is, and its rows there."""
    rows, body = {p: p for p in spot.rows}, spot.body
    first = next(iter(rows))
    while body.around is not None:
        owner = body.owner
        if isinstance(owner, Group) and owner.splices and body.scopes[rows[first]] is level:
            return owner, body, {p: body.up[q] for p, q in rows.items()}
        rows, body = {p: body.up[q] for p, q in rows.items()}, body.around
    return None
