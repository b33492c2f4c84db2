"""The uses of a class, side by side, and expressions of the spec written as Python for all.

The emitter reads a block's text again with every use of the block at hand. A `Context` is one
use (inside loops: one turn of one use); what has the same value in all contexts is a literal,
what differs is an expression over the class's arguments.
"""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from archc.expr import EvalFault, Evaluator, Expr
from archc.graph import Module, Node, Value
from archc.lower import Frame, freeze
from archc.ops import VARIES, Py
from archc.reader import Poisoned, Reader
from archc.scope import BlockDef, Callee

BUILTINS = {"min", "max", "abs", "round", "int", "float", "len", "sum", "sorted", "zip", "enumerate", "range"}
MATH = {"ceil", "floor", "sqrt", "log", "log2", "exp"}


class Split(Exception):  # noqa: N818 - a request, not an error
    """The uses of a class differ in what a class can't say: it must become several.

    `label` tells, for each use, which of them it belongs to.
    """

    def __init__(self, labels: dict[int, Any]) -> None:
        super().__init__("the uses of a block need classes of their own")
        self.labels = labels


@dataclass(frozen=True, eq=False)
class Context:
    """One use of a block, with the names of the text bound to what they are in this use."""

    frame: Frame
    blocks: Any

    @property
    def module(self) -> Module:
        """The use."""
        return self.frame.module

    def evaluate(self, expr: Expr, node: ast.expr) -> Any:
        """Return the value of a piece of an expression in this use."""
        reader = Reader(SimpleNamespace(blocks=self.blocks), expr, self.frame.scope, self.frame)  # type: ignore[arg-type]
        return reader.whole(node) if isinstance(node, ast.Name) and node is expr.tree else reader.evaluate(node)

    def evaluate_quietly(self, expr: Expr, node: ast.expr) -> Any:
        """Return the value of a piece of an expression if it is plain data, else None."""
        if any(isinstance(n, ast.Name) and n.id in self.frame.values for n in ast.walk(node) if not isinstance(n, ast.Attribute)):
            return None
        try:
            return self.evaluate(expr, node)
        except (EvalFault, Poisoned, AttributeError):
            return None

    def node(self, at: ast.expr) -> Node | None:
        """Return the node that a piece of text made, if it made one."""
        return self.module.applied.get((id(at), self.frame.turns))

    def result(self, step: Any) -> Any:
        """Return what became of a step."""
        return self.module.results.get((id(step), self.frame.turns))

    def turn(self, number: int, bound: dict[str, Any]) -> Context:
        """Return the context of a turn of a loop."""
        frame = self.frame.inner(scope=self.frame.scope.child(**bound), turns=(*self.frame.turns, number))
        return replace(self, frame=frame)

    def number(self, text: str) -> Any:
        """Return the value of a Python expression over the class's arguments, or None."""
        inputs = dict(zip(channel_names(self.module), (v.shape.channels for v in self.module.inputs), strict=False))
        scope = ChainMap(inputs, self.frame.scope)  # type: ignore[arg-type]  # read only
        try:
            return Evaluator(scope).evaluate(ast.parse(text, mode="eval").body)
        except (EvalFault, SyntaxError, AttributeError):
            return None


def channel_names(module: Module) -> list[str]:
    """Return the names of the arguments that hold the channels of a module's inputs."""
    if not isinstance(module.block, BlockDef) or len(module.block.block.inputs) == 1:
        return ["in_channels"]
    names = [str(n).removeprefix("...") for n in module.block.block.inputs]
    return ["in_channels" if n == "x" else f"{n}_channels" for n in names]


Contexts = Sequence[Context]


def same(values: Sequence[Any]) -> bool:
    """Whether all values are equal, in type too."""
    first = freeze(values[0])
    return all(freeze(v) == first for v in values[1:])


def split_by(contexts: Contexts, label: Callable[[Context], Any]) -> Split:
    """Ask for a class for each value of a label."""
    return Split({id(c.module): freeze(label(c)) for c in contexts})


@dataclass
class Names:
    """What the class needs of its surroundings, found while its text is written."""

    kept: set[str] = field(default_factory=set)
    varying: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    stored: dict[str, str] = field(default_factory=dict)
    loops: list[str] = field(default_factory=list)


class Renderer:
    """Writes expressions of the spec as Python, for all contexts at once."""

    def __init__(self, names: Names, channels: Callable[[ast.expr, Expr, Contexts], ast.expr], helper: Callable[[str], None]) -> None:
        self.names, self.channels, self.helper = names, channels, helper

    def values(self, expr: Expr, node: ast.expr, contexts: Contexts) -> list[Any]:
        """Return the value in each context."""
        try:
            return [c.evaluate(expr, node) for c in contexts]
        except (EvalFault, Poisoned) as fault:  # pragma: no cover - lowering has evaluated it before
            message = f"`{expr}` can't be evaluated again: {fault}"
            raise AssertionError(message) from fault

    def py(self, expr: Expr, node: ast.expr, contexts: Contexts) -> Py:
        """Write an expression: a literal where all contexts agree."""
        if self.fixed(expr, node, contexts):
            return Py.of(_tupled(self.values(expr, node, contexts)[0]))
        tree = self.tree(expr, node, contexts, whole=True)
        return Py(ast.unparse(tree), tree.value if isinstance(tree, ast.Constant) else VARIES)

    def fixed(self, expr: Expr, node: ast.expr, contexts: Contexts) -> bool:
        """Whether an expression is a literal: the same in all contexts, and not only because
        these are some of the uses, or because an argument that is kept happens to be constant."""
        while isinstance(node, ast.IfExp):
            tests = [bool(t) for t in self.values(expr, node.test, contexts)]
            if not same(tests):
                break
            node = node.body if tests[0] else node.orelse
        named = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        return not named & (self.names.kept | self.names.varying) and same(self.values(expr, node, contexts))

    def tree(self, expr: Expr, node: ast.expr, contexts: Contexts, *, whole: bool = False) -> ast.expr:
        """Return the Python tree of an expression of the spec."""
        values = self.values(expr, node, contexts)
        constant = self.fixed(expr, node, contexts)
        if isinstance(node, ast.Name):
            return self.name(node, values, contexts, constant=constant, whole=whole)
        if constant:
            return _literal(values[0])
        inner = lambda n: self.tree(expr, n, contexts)  # noqa: E731
        match node:
            case ast.Attribute():
                return self.channels(node.value, expr, contexts)
            case ast.IfExp():
                tests = [bool(t) for t in self.values(expr, node.test, contexts)]
                if same(tests):
                    return self.tree(expr, node.body if tests[0] else node.orelse, contexts, whole=whole)
                yes = [c for c, t in zip(contexts, tests, strict=True) if t]
                no = [c for c, t in zip(contexts, tests, strict=True) if not t]
                return ast.IfExp(inner(node.test), self.tree(expr, node.body, yes), self.tree(expr, node.orelse, no))
            case ast.BoolOp():
                return self.boolean(expr, node, contexts)
            case ast.BinOp():
                return ast.BinOp(inner(node.left), node.op, inner(node.right))
            case ast.UnaryOp():
                return ast.UnaryOp(node.op, inner(node.operand))
            case ast.Compare():
                return ast.Compare(inner(node.left), node.ops, [inner(c) for c in node.comparators])
            case ast.Subscript() if not isinstance(node.slice, ast.Slice):
                return ast.Subscript(inner(node.value), inner(node.slice), ast.Load())
            case ast.List() | ast.Tuple():
                return ast.Tuple([inner(e) for e in node.elts], ast.Load())
            case ast.Call() if isinstance(node.func, ast.Name) and not node.keywords:
                return self.call(node.func.id, [inner(a) for a in node.args], contexts, values)
        raise split_by(contexts, lambda c: c.evaluate(expr, node))

    def boolean(self, expr: Expr, node: ast.BoolOp, contexts: Contexts) -> ast.expr:
        """Leave out the parts that are decided."""
        parts = [p for p in node.values if not same([bool(v) for v in self.values(expr, p, contexts)])]
        if not parts:
            return _literal(self.values(expr, node, contexts)[0])
        trees = [self.tree(expr, p, contexts) for p in parts]
        return trees[0] if len(trees) == 1 else ast.BoolOp(node.op, trees)

    def call(self, name: str, arguments: list[ast.expr], contexts: Contexts, values: list[Any]) -> ast.expr:
        """Write a call of a function of numbers."""
        if name in MATH:
            self.helper("math")
            func: ast.expr = ast.Attribute(ast.Name("math", ast.Load()), name, ast.Load())
        elif name in BUILTINS:
            func = ast.Name(name, ast.Load())
        elif name == "make_divisible":
            self.helper(name)
            func = ast.Name(name, ast.Load())
        else:
            raise Split({id(c.module): freeze(v) for c, v in zip(contexts, values, strict=True)})
        return ast.Call(func, arguments, [])

    def name(self, node: ast.Name, values: list[Any], contexts: Contexts, *, constant: bool, whole: bool) -> ast.expr:
        """Write a name: an argument of the class, a local, or a literal."""
        name = node.id
        plain = isinstance(values[0], (int, float)) and not isinstance(values[0], bool)
        if name not in self.names.varying and name not in self.names.kept and same(values):
            keep = plain and not whole and name not in self.names.loops and self.keepable(name, contexts)
            if not keep:
                return _literal(values[0])
            self.names.kept.add(name)
        if any(isinstance(v, (Callee, Value)) for v in values):
            raise Split({id(c.module): freeze(v) for c, v in zip(contexts, values, strict=True)})
        self.names.used.add(name)
        return ast.Name(name, ast.Load())

    def keepable(self, name: str, contexts: Contexts) -> bool:
        """Whether a constant may stay an argument of the class: a param of block or file."""
        module = contexts[0].module
        if not isinstance(module.block, BlockDef):
            return False
        return name in module.arguments or name in contexts[0].frame.scope


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value


def _literal(value: Any) -> ast.expr:
    return ast.parse(Py.of(_tupled(value)).text, mode="eval").body
