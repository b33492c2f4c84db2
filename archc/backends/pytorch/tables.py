"""Lists of numbers that the model's constructor says as the spec does: schedules of rates.

A list such as `rates: cut(linspace(0, 0.2, sum(depths)), depths)` would be a table that grows
with depth where each number was written out. It becomes a local of the constructor instead,
with the names that it is made of.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archc.backends.pytorch.render import BUILTINS, MATH, literal, unparse
from archc.backends.pytorch.settings import expressions, names_of
from archc.diagnostics import SpecError
from archc.graph import Network
from archc.language.evaluate import EvalFault, Evaluator
from archc.language.expr import Expr
from archc.language.spec import Row

FEW = 3
"""So many numbers are written out."""

HELPERS = {
    "make_divisible": '''\
def make_divisible(value, divisor=8, minimum=None):
    """Round to a multiple of a divisor, never below 90 % of the value."""
    least = divisor if minimum is None else minimum
    rounded = max(least, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded
''',
    "linspace": '''\
def linspace(first, last, count):
    """Return evenly spaced numbers, the first and the last included."""
    return [first + (last - first) * k / max(count - 1, 1) for k in range(count)]
''',
    "cut": '''\
def cut(items, sizes):
    """Cut a list into consecutive parts of the given sizes."""
    rest = iter(items)
    return [[next(rest) for _ in range(size)] for size in sizes]
''',
}
"""The functions of the language that Python lacks, as the file spells them."""

SAID = {*BUILTINS, "range", "linspace", "cut", "make_divisible"}


class Unsaid(Exception):
    """An expression that has no equal in Python."""


def tables(network: Network) -> set[str]:
    """Find the lists of numbers that the steps look up in a loop, and that Python can say."""
    looked_up = {n for row in rows(network) for e in row.arguments.values() for n in indexed(e)}
    return schedules(network) | {n for n in looked_up if numbers(network, n)}


def schedules(network: Network) -> set[str]:
    """Find the lists of rates, on which no module depends: other numbers can take their place."""
    document, scope = network.document, network.root.scope
    read = {n for step in document.steps.values() for e in expressions(step) for n in e.names}
    inner = {n for v in document.let.values() for n in names_of(v)}
    found = read - inner
    return {
        n
        for n in found
        if numbers(network, n) and any(isinstance(v, float) for v in leaves(scope[n]))
    }


def numbers(network: Network, name: str) -> bool:
    """Whether a name is that of a derived list of more than a few numbers."""
    document = network.document
    lets = {str(n): v for n, v in document.let.items()}
    if name not in lets or name in {str(s.name) for s in document.blocks}:
        return False
    value = network.root.scope[name]
    found = list(leaves(value)) if isinstance(value, list) else []
    plain = all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in found)
    return plain and len(found) > FEW and Speaker(lets, network.root.scope).say(name)


def rows(network: Network) -> list[Row]:
    """Return the rows of `stages:`."""
    return [step for step in network.document.steps.values() if isinstance(step, Row)]


def indexed(value: Any) -> set[str]:
    """Return the names that an argument of a row looks up by the number of the copy."""
    nodes = ast.walk(value.tree) if isinstance(value, Expr) else ()
    found = [n for n in nodes if isinstance(n, ast.Subscript)]
    turns = [n for n in found if isinstance(n.slice, ast.Name) and n.slice.id == "i"]
    return {m.id for n in turns for m in ast.walk(n.value) if isinstance(m, ast.Name)}


def said(network: Network, names: set[str], kept: set[str]) -> dict[str, str]:
    """Return lists of rates, and the locals that they read, as Python.

    `kept` are params that are arguments of the constructor.
    """
    lets = {str(n): v for n, v in network.document.let.items()}
    speaker = Speaker(lets, network.root.scope, kept)
    for name in sorted(names):
        speaker.say(name)
    return speaker.texts


def leaves(value: Any) -> Any:
    """Yield what a nested list holds."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    else:
        yield value


@dataclass
class Speaker:
    """Writes a derived value and what it reads."""

    lets: Mapping[str, Any]
    scope: Mapping[str, Any]
    kept: set[str] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)

    def say(self, name: str) -> bool:
        """Write a derived value; whether that can be done."""
        value = self.lets[name]
        try:
            if not isinstance(value, Expr):
                return False
            self.texts[name] = unparse(self.tree(value.tree, frozenset()))
        except Unsaid:
            return False
        return True

    def tree(self, node: Any, bound: frozenset[str]) -> Any:
        """Return the Python tree of an expression, `bound` being names of comprehensions."""
        if isinstance(node, ast.Name):
            return node if node.id in bound else self.name(node.id)
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            own = {
                n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)
            }
            made = self.parts(node, bound | own)
            return ast.ListComp(made.elt, made.generators)
        if isinstance(node, ast.Call):
            return self.call(node, bound)
        if isinstance(node, ast.IfExp):
            return self.tree(self.taken(node), bound)
        if isinstance(node, ast.Attribute | ast.Starred | ast.Is | ast.IsNot):
            raise Unsaid
        return self.parts(node, bound)

    def taken(self, node: ast.IfExp) -> ast.expr:
        """Return the side of a choice that this network takes."""
        try:
            return node.body if Evaluator(self.scope).evaluate(node.test) else node.orelse
        except (EvalFault, SpecError):
            raise Unsaid from None

    def parts(self, node: Any, bound: frozenset[str]) -> Any:
        """Return a node with its parts as Python."""
        made = type(node)(**dict(ast.iter_fields(node)))
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr | ast.comprehension):
                setattr(made, name, self.tree(value, bound))
            elif isinstance(value, list):
                inner = [self.tree(v, bound) if isinstance(v, ast.AST) else v for v in value]
                setattr(made, name, inner)
        return made

    def call(self, node: ast.Call, bound: frozenset[str]) -> ast.expr:
        """Return a call of a function of numbers and lists."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in SAID | MATH or name in self.scope or node.keywords:
            raise Unsaid
        func: ast.expr = ast.Name(name, ast.Load())
        if name in MATH:
            func = ast.Attribute(ast.Name("math", ast.Load()), name, ast.Load())
        return ast.Call(func, [self.tree(a, bound) for a in node.args], [])

    def name(self, name: str) -> ast.expr:
        """Return a name of the file: a local of its own, an argument, or a number."""
        if name not in self.scope:
            raise Unsaid
        value = self.scope[name]
        if not all(isinstance(n, (int, float)) for n in leaves(value)):
            raise Unsaid
        known = name in self.kept or name in self.texts or (name in self.lets and self.say(name))
        if not known and not isinstance(value, list):
            return ast.Constant(value)
        if not known:
            self.texts[name] = literal(value).text
        return ast.Name(name, ast.Load())
