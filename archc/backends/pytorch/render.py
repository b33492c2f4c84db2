"""Expressions of the spec as Python, for all uses of a class at once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.backends.pytorch.context import Contexts, Split, same, split_by
from archc.backends.pytorch.passing import kind_of, passable, spelled
from archc.escaping import python_source
from archc.graph import Value
from archc.language.evaluate import EvalFault
from archc.language.expr import Expr
from archc.lower.marks import Poisoned
from archc.lower.scope import BlockDef, Callee
from archc.ops import VARIES, Py

BUILTINS = {"min", "max", "abs", "round", "int", "float", "len", "sum", "sorted"}
MATH = {"ceil", "floor", "sqrt", "log", "log2", "exp"}


@dataclass
class Names:
    """What a class needs of its surroundings, found while its text is written.

    `kept` are constants that stay arguments with a default, so that formulas stay readable;
    `varying` differ between uses; `tables` are lists that the model's constructor has as
    locals; `used` are all that the constructor reads; `stored` those
    that forward reads, and how; `sizes` are in expressions of channels.
    """

    kept: set[str] = field(default_factory=set)
    varying: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    stored: dict[str, str] = field(default_factory=dict)
    loops: set[str] = field(default_factory=set)
    sizes: set[str] = field(default_factory=set)

    @property
    def known(self) -> set[str]:
        """Every name that stands for itself."""
        return self.kept | self.varying | self.tables


class Renderer:
    """Writes expressions; `channels` writes `x.channels`."""

    def __init__(
        self,
        names: Names,
        channels: Callable[[ast.Attribute, Expr, Contexts], ast.expr],
    ) -> None:
        self.names, self.channels = names, channels

    def values(self, expr: Expr, node: ast.expr, contexts: Contexts) -> list[Any]:
        """Return the value in each context."""
        try:
            return [c.evaluate(expr, node) for c in contexts]
        except (EvalFault, Poisoned):
            raise split_by(contexts, lambda c: id(c.module)) from None

    def py(self, expr: Expr, node: ast.expr, contexts: Contexts) -> Py:
        """Write an expression: a literal where all contexts agree."""
        if self.fixed(expr, node, contexts):
            return literal(self.values(expr, node, contexts)[0])
        tree = self.tree(expr, node, contexts, whole=True)
        return Py(unparse(tree), tree.value if isinstance(tree, ast.Constant) else VARIES)

    def fixed(self, expr: Expr, node: ast.expr, contexts: Contexts) -> bool:
        """Whether an expression is a literal: the same in all contexts, and not by chance.

        It is by chance where these are some of the uses, or an argument is kept.
        """
        while isinstance(node, ast.IfExp):
            tests = [bool(t) for t in self.values(expr, node.test, contexts)]
            if not same(tests):
                break
            node = node.body if tests[0] else node.orelse
        named = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        free = not any(self.known(n, contexts) for n in named)
        return free and same(self.values(expr, node, contexts))

    def known(self, name: str, contexts: Contexts) -> bool:
        """Whether a name stands for itself, or for what does where its block is applied."""
        if contexts[0].call is None:
            return name in self.names.known
        found = said_as(name, contexts)
        if found is None:
            return False
        _, node, around = found
        return any(self.known(n.id, around) for n in ast.walk(node) if isinstance(n, ast.Name))

    def tree(
        self, expr: Expr, node: ast.expr, contexts: Contexts, *, whole: bool = False
    ) -> ast.expr:
        """Return the Python tree of an expression of the spec."""
        constant = self.fixed(expr, node, contexts)
        if isinstance(node, ast.Name):
            return self.name(expr, node, contexts, whole=whole)
        if constant:
            return parsed(literal(self.values(expr, node, contexts)[0]).text)

        def inner(part: ast.expr) -> ast.expr:
            return self.tree(expr, part, contexts)

        match node:
            case ast.Attribute():
                return self.channels(node, expr, contexts)
            case ast.IfExp():
                return self.choice(expr, node, contexts, whole=whole)
            case ast.BoolOp():
                return self.boolean(expr, node, contexts)
            case ast.BinOp():
                return sum_of(ast.BinOp(inner(node.left), node.op, inner(node.right)))
            case ast.UnaryOp():
                return ast.UnaryOp(node.op, inner(node.operand))
            case ast.Compare() if is_presence(node):
                return ast.Compare(inner(node.left), node.ops, node.comparators)
            case ast.Compare() if not any(isinstance(o, ast.Is | ast.IsNot) for o in node.ops):
                return ast.Compare(inner(node.left), node.ops, [inner(c) for c in node.comparators])
            case ast.Subscript() if not isinstance(node.slice, ast.Slice):
                return ast.Subscript(inner(node.value), inner(node.slice), ast.Load())
            case ast.List() | ast.Tuple():
                return ast.Tuple([inner(e) for e in node.elts], ast.Load())
            case ast.Call() if isinstance(node.func, ast.Name) and not node.keywords:
                if func := self.function(node.func.id):
                    return ast.Call(func, [inner(a) for a in node.args], [])
        raise split_by(contexts, lambda c: c.evaluate(expr, node))

    def choice(self, expr: Expr, node: ast.IfExp, contexts: Contexts, *, whole: bool) -> ast.expr:
        """Write a conditional, or the branch that all contexts take."""
        tests = [bool(t) for t in self.values(expr, node.test, contexts)]
        if same(tests):
            chosen = node.body if tests[0] else node.orelse
            return self.tree(expr, chosen, contexts, whole=whole)
        yes = [c for c, t in zip(contexts, tests, strict=True) if t]
        no = [c for c, t in zip(contexts, tests, strict=True) if not t]
        test = self.tree(expr, node.test, contexts)
        return ast.IfExp(test, self.tree(expr, node.body, yes), self.tree(expr, node.orelse, no))

    def boolean(self, expr: Expr, node: ast.BoolOp, contexts: Contexts) -> ast.expr:
        """Leave out the parts that never decide; `k or 2` is a value, so its last part stays."""
        values = [self.values(expr, p, contexts) for p in node.values]
        deciding = isinstance(node.op, ast.Or)
        never = [same(map(bool, v)) and bool(v[0]) is not deciding for v in values]
        never[-1] &= all(isinstance(v, bool) for v in self.values(expr, node, contexts))
        open_parts = [p for p, out in zip(node.values, never, strict=True) if not out]
        if not open_parts:
            return parsed(literal(self.values(expr, node, contexts)[0]).text)
        trees = [self.tree(expr, p, contexts) for p in open_parts]
        return trees[0] if len(trees) == 1 else ast.BoolOp(node.op, trees)

    def function(self, name: str) -> ast.expr | None:
        """Return a function of numbers, None where Python has none like it."""
        if name in MATH:
            return ast.Attribute(ast.Name("math", ast.Load()), name, ast.Load())
        return ast.Name(name, ast.Load()) if name in BUILTINS | {"make_divisible"} else None

    def name(self, expr: Expr, node: ast.Name, contexts: Contexts, *, whole: bool) -> ast.expr:
        """Write a name: an argument of the class, a local, or a literal."""
        name, values = node.id, self.values(expr, node, contexts)
        if contexts[0].call is not None and name not in self.names.loops:
            return self.inner_name(expr, node, contexts, whole=whole)
        plain = isinstance(values[0], (int, float)) and not isinstance(values[0], bool)
        known = name in self.names.known
        if not known and name not in self.names.loops and same(values):
            if not plain or whole or not self.keepable(name, contexts):
                return parsed(literal(values[0]).text)
            self.names.kept.add(name)
            known = True
        if not (known or name in self.names.loops) or any(
            isinstance(v, Value) or kind_of(v) is not None for v in values
        ):
            raise split_by(contexts, lambda c: c.evaluate(expr, node))
        self.names.used.add(name)
        return ast.Name(name, ast.Load())

    def inner_name(
        self, expr: Expr, node: ast.Name, contexts: Contexts, *, whole: bool
    ) -> ast.expr:
        """Write a name of a block that is written inside the class around it."""
        values = self.values(expr, node, contexts)
        found = said_as(node.id, contexts)
        if found is not None and same_each(values, self.values(*found)):
            return self.tree(*found, whole=whole)
        if same(values):
            return parsed(literal(values[0]).text)
        raise split_by(contexts, lambda c: c.evaluate(expr, node))

    def keepable(self, name: str, contexts: Contexts) -> bool:
        """Whether a constant may stay an argument of the class: a param of block or file."""
        module = contexts[0].module
        if not isinstance(module.block, BlockDef):
            return False
        scope = module.scope
        return name in module.arguments or (name in scope and name not in module.block.block.let)


def said_as(name: str, contexts: Contexts) -> tuple[Expr, ast.expr, Contexts] | None:
    """Return what says a name of a block without a class: an argument, or a name around it.

    None where nothing around it has that name.
    """
    calls = [c.call for c in contexts if c.call is not None]
    block = contexts[0].module.block.block
    if isinstance(derived := block.let.get(name), Expr):
        return derived, derived.tree, contexts
    around = [c.context for c in calls]
    if name not in calls[0].places and any(name not in c.frame.scope for c in around):
        return None
    return calls[0].expr, calls[0].places.get(name, ast.Name(name, ast.Load())), around


def same_each(first: Sequence[Any], second: Sequence[Any]) -> bool:
    """Whether two lists have equal values, in type too."""
    return all(same(pair) for pair in zip(first, second, strict=True))


def literal(value: Any) -> Py:
    """Spell a constant, or an op that is an argument; ask for classes where it is another."""
    if isinstance(value, Callee):
        if not passable(value):
            raise Split({})
        return Py(spelled(value), value)
    if isinstance(value, (list, tuple)):
        items = [literal(v).text for v in value]
        return Py(f"({', '.join(items)}{',' * (len(items) == 1)})", tupled(value))
    return Py.of(value)


def spellable(value: Any) -> Py | None:
    """Spell a constant; None where it is an op that no class could be given."""
    try:
        return literal(value)
    except Split:
        return None


def sum_of(tree: ast.BinOp) -> ast.expr:
    """Add up the whole numbers at both ends of a sum: `18 + i + 1` is `19 + i`."""
    last = whole_number(tree.right) if isinstance(tree.op, ast.Add) else None
    if last == 0:
        return tree.left
    if (
        last is None
        or not isinstance(tree.left, ast.BinOp)
        or not isinstance(tree.left.op, ast.Add)
    ):
        return tree
    first = whole_number(tree.left.left)
    if first is None:
        return tree
    return ast.BinOp(ast.Constant(first + last), ast.Add(), tree.left.right)


def whole_number(tree: ast.expr) -> int | None:
    """Return the value of a whole number, None of anything else."""
    plain = isinstance(tree, ast.Constant) and type(tree.value) is int
    return tree.value if plain else None  # type: ignore[attr-defined]


def is_presence(node: ast.Compare) -> bool:
    """Whether a comparison asks whether an argument is None."""
    nothing = isinstance(node.comparators[0], ast.Constant) and node.comparators[0].value is None
    return (
        nothing and isinstance(node.ops[0], ast.Is | ast.IsNot) and isinstance(node.left, ast.Name)
    )


def tupled(value: Any) -> Any:
    """Return a value with tuples for lists."""
    return tuple(tupled(v) for v in value) if isinstance(value, (list, tuple)) else value


def parsed(text: str) -> ast.expr:
    """Parse a Python expression."""
    return ast.parse(text, mode="eval").body


def unparse(tree: ast.expr) -> str:
    """Write a tree as formatters do: powers of simple operands without spaces."""
    text = python_source(tree)
    if " ** " not in text:
        return text
    nodes = list(ast.walk(tree))
    powers = [n for n in nodes if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow)]
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    simple = not any(" ** " in t for t in texts) and all(
        isinstance(s, ast.Name | ast.Attribute | ast.Constant)
        for p in powers
        for s in (p.left, p.right)
    )
    return text.replace(" ** ", "**") if simple else text
