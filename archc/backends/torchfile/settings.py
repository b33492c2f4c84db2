"""The numbers of the file that the model class takes as arguments, such as `num_classes`."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from archc.graph import Module, Network
from archc.language.expr import Expr
from archc.language.spec import Body, Chain, Modified, Row
from archc.lower.origins import Written


def model_arguments(network: Network, tables: set[str]) -> set[str]:
    """Return the params that stand only as whole arguments of the model's own steps.

    Those of `tables`, lists that the constructor says itself, are arguments too.
    """
    document = network.document
    lets = {str(n): v for n, v in document.let.items()}
    values = [v for n, v in lets.items() if n not in tables]
    values += document.params.values()
    values += [v for rules in document.defaults.values() for v in rules.values()]
    values += [v for b in document.blocks.values() for v in b.let.values()]
    inside = {n for v in values for n in names_of(v)}
    inside |= {n for b in document.blocks.values() for e in expressions(b.body) for n in e.names}
    whole = {n for t in tables for n in names_of(lets[t])}
    other: set[str] = set()
    for step in document.steps.values():
        sort_names(step, whole, other)
    found = set()
    for name in map(str, document.params):
        value = network.root.scope[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and name in whole - other - inside and not is_width(network.root, name):
            found.add(name)
    return found


def is_width(root: Module, name: str) -> bool:
    """Whether layers of the model take as many channels as a param says, and would have to follow."""
    reached: set[int] = set()
    for node in root.nodes:
        if any(id(v) in reached for v in node.inputs):
            if node.held or node.module is not None:
                return True
            reached |= {id(v) for v in node.outputs}
        origins = node.callee.origins if node.callee is not None else ()
        if any(w is not None and _says(w, name) for _, w in origins):
            reached |= {id(v) for v in node.outputs if v.shape.channels == root.scope[name]}
    return False


def _says(written: Written, name: str) -> bool:
    tree = written.tree
    return isinstance(tree, ast.Name) and tree.id == name


def names_of(value: Any) -> set[str]:
    """Return the names in a value of the spec."""
    if isinstance(value, Expr):
        return value.names
    return {n for v in value for n in names_of(v)} if isinstance(value, tuple) else set()


def sort_names(step: Any, whole: set[str], other: set[str]) -> None:
    """Sort the names of a step: those that are whole arguments of a call, and all others."""
    if isinstance(step, Expr):
        calls = [n for n in ast.walk(step.tree) if isinstance(n, ast.Call)]
        arguments = [a for n in calls for a in [*n.args, *(k.value for k in n.keywords)]]
        alone = {id(a) for a in arguments if isinstance(a, ast.Name)}
        for n in ast.walk(step.tree):
            if isinstance(n, ast.Name):
                (whole if id(n) in alone else other).add(n.id)
    elif isinstance(step, Row) or (isinstance(step, Modified) and (step.repeat or step.each)):
        other.update(n for e in expressions(step) for n in e.names)
    elif isinstance(step, Modified):
        other.update(n for e in (step.condition, step.source) if e is not None for n in e.names)
        for inner in (step.do, step.otherwise):
            sort_names(inner, whole, other)
    elif isinstance(step, Chain | Body):
        for inner in step.root if isinstance(step, Chain) else step.root.values():
            sort_names(inner, whole, other)


def expressions(step: Any) -> Iterable[Expr]:
    """Yield every expression of a step."""
    match step:
        case Expr():
            yield step
        case Chain() | tuple():
            for inner in step if isinstance(step, tuple) else step.root:
                yield from expressions(inner)
        case Body() | dict():
            for inner in (step if isinstance(step, dict) else step.root).values():
                yield from expressions(inner)
        case Modified():
            loops = [lo.expr for lo in (step.repeat, step.each) if lo is not None]
            for inner in [step.do, step.otherwise, step.condition, step.source, *loops]:
                yield from expressions(inner)
        case Row():
            parts = [step.block, step.depth, step.condition, *step.arguments.values()]
            for inner in [*parts, step.first, step.last, step.repeat and step.repeat.expr]:
                yield from expressions(inner)
