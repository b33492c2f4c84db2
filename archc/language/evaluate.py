"""The value of an expression: a walk over its tree, within bounds.

Every expression ends, since there are no loops but comprehensions over lists, whose lengths
are capped.
"""

from __future__ import annotations

import ast
import operator
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from archc.diagnostics import Diagnostic, SpecError, nearest
from archc.language.expr import Expr, parse
from archc.language.functions import FUNCTIONS, MAX_LENGTH, jumps_near
from archc.language.source import Text

MAX_BITS = 256
MAX_STEPS = 200_000
CONSTANTS: dict[str, Any] = {"true": True, "false": False, "none": None}

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.eq,  # `unit is preact` compares what the names mean
    ast.IsNot: operator.ne,
}


class EvalFault(Exception):
    """An expression that has no value; `node` is the part that is to blame."""

    def __init__(self, code: str, message: str, node: ast.AST, help: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.node, self.help = code, message, node, help

    def diagnostic(self, expr: Expr) -> Diagnostic:
        """Say it of an expression of a spec."""
        return Diagnostic(self.code, self.message, expr.span(self.node), help=self.help)


class Evaluator:
    """Walks an expression over a scope of plain data: numbers, strings, lists, none.

    Subclasses give names and calls more meanings (values of a network, ops).
    """

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope
        self.steps = 0

    def evaluate(self, node: ast.expr) -> Any:
        """Return the value of a node; raises EvalFault where it has none."""
        self.spend(1, node)
        method = getattr(self, f"visit_{type(node).__name__.lower()}")
        return method(node)

    def spend(self, steps: int, node: ast.expr) -> None:
        """Count steps, or entries of lists by the ten; raises EvalFault where they are too many."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise EvalFault("too-much", "the expression takes too long", node)

    def visit_constant(self, node: ast.Constant) -> Any:
        return self.bounded(node.value, node)

    def visit_name(self, node: ast.Name) -> Any:
        if node.id in self.scope:
            return self.scope[node.id]
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        raise EvalFault(
            "unknown-name", f"`{node.id}` is not known here", node, nearest(node.id, self.scope)
        )

    def visit_binop(self, node: ast.BinOp) -> Any:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        return self.binary(node, left, right)

    def binary(self, node: ast.BinOp, left: Any, right: Any) -> Any:
        """Apply an arithmetic operator to plain data, within the caps."""
        op = type(node.op)
        kinds = {type(left), type(right)}
        lists = op is ast.Add and kinds == {list}
        repeated = op is ast.Mult and kinds == {list, int}
        if not (lists or repeated or kinds <= {int, float, bool}):
            odd = left if not isinstance(left, (int, float)) else right
            raise EvalFault(
                "bad-expression", f"`{ast.unparse(node)}` reckons with {describe(odd)}", node
            )
        if (
            repeated
            and len(left if isinstance(left, list) else right)
            * (right if isinstance(left, list) else left)
            > MAX_LENGTH
        ):
            raise EvalFault("too-much", f"a list has at most {MAX_LENGTH} entries", node)
        if lists or repeated:
            self.spend(
                (weight(left) + weight(right)) * (right if isinstance(right, int) else 1) // 10,
                node,
            )
        if op is ast.Pow and isinstance(right, int) and abs(right) > MAX_BITS:
            raise EvalFault("too-much", f"`{ast.unparse(node)}` is too large a power", node)
        return self.guarded(lambda: _BINARY[op](left, right), node)

    def visit_unaryop(self, node: ast.UnaryOp) -> Any:
        return self.unary(node, self.evaluate(node.operand))

    def unary(self, node: ast.UnaryOp, value: Any) -> Any:
        if isinstance(node.op, ast.Not):
            return not self.truth(value, node.operand)
        if not isinstance(value, (int, float)):
            raise EvalFault(
                "bad-expression", f"`{ast.unparse(node)}` reckons with {describe(value)}", node
            )
        return self.guarded(lambda: _UNARY[type(node.op)](value), node)

    def visit_boolop(self, node: ast.BoolOp) -> Any:
        wanted = isinstance(node.op, ast.Or)
        value: Any = None
        for part in node.values:
            value = self.evaluate(part)
            if self.truth(value, part) is wanted:
                break
        return value

    def visit_compare(self, node: ast.Compare) -> Any:
        left = self.evaluate(node.left)
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(part)
            self.spend((weight(left) + weight(right)) // 10, node)
            compare = partial(_COMPARE[type(op)], left, right)
            if not self.guarded(compare, node):
                return False
            left = right
        return True

    def visit_ifexp(self, node: ast.IfExp) -> Any:
        test = self.truth(self.evaluate(node.test), node.test)
        return self.evaluate(node.body if test else node.orelse)

    def truth(self, value: Any, node: ast.expr) -> bool:  # noqa: ARG002 - for those who refuse some
        """Return whether a value counts as true."""
        return bool(value)

    def visit_subscript(self, node: ast.Subscript) -> Any:
        value = self.evaluate(node.value)
        if isinstance(node.slice, ast.Slice):
            parts = [
                None if p is None else self.evaluate(p)
                for p in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            return self.guarded(lambda: value[slice(*parts)], node)
        index = self.evaluate(node.slice)
        if (
            isinstance(value, list)
            and isinstance(index, int)
            and not -len(value) <= index < len(value)
        ):
            name = ast.unparse(node.value)
            raise EvalFault(
                "index-out-of-range",
                f"`{name}[{index}]` is beyond the end: `{name}` has {len(value)} entries",
                node,
            )
        if not isinstance(value, (list, str, dict)):
            raise EvalFault(
                "bad-expression",
                f"`{ast.unparse(node.value)}` is {describe(value)}, not a list",
                node,
                _cut(value),
            )
        return self.guarded(lambda: value[index], node)

    def visit_tuple(self, node: ast.Tuple | ast.List) -> list[Any]:
        return [self.evaluate(part) for part in node.elts]

    visit_list = visit_tuple

    def visit_starred(self, node: ast.Starred) -> Any:
        raise EvalFault("bad-expression", f"`{ast.unparse(node)}` can't stand here", node)

    def visit_listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> list[Any]:
        return list(self.turns(node.elt, node.generators, self.scope))

    visit_generatorexp = visit_listcomp

    def turns(
        self, element: ast.expr, loops: list[ast.comprehension], scope: Mapping[str, Any]
    ) -> Iterator[Any]:
        """Yield the element of a comprehension for every turn of its loops."""
        outer, self.scope = self.scope, scope
        try:
            if not loops:
                yield self.evaluate(element)
                return
            loop, *rest = loops
            for item in listed(self.evaluate(loop.iter), loop.iter):
                self.scope = ChainMap(unpack(loop.target, item), scope)  # type: ignore[arg-type]  # read only
                if all(self.truth(self.evaluate(test), test) for test in loop.ifs):
                    yield from self.turns(element, rest, self.scope)
        finally:
            self.scope = outer

    def visit_attribute(self, node: ast.Attribute) -> Any:
        raise EvalFault(
            "bad-expression",
            f"`{ast.unparse(node)}`: a number has no attributes",
            node,
            "values of the network have `.channels`, `.height`, `.width` and `.tokens`",
        )

    def visit_call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            name = ast.unparse(node.func)
            raise EvalFault(
                "unknown-name", f"`{name}` is no function", node.func, nearest(name, FUNCTIONS)
            )
        values = [self.evaluate(a) for a in node.args]
        return self.function(node, values)

    def function(self, node: ast.Call, values: list[Any]) -> Any:
        """Call one of the known functions on plain data."""
        keywords = {k.arg: self.evaluate(k.value) for k in node.keywords if k.arg}
        name = ast.unparse(node.func)
        size = sum(weight(v) for v in values)
        self.spend(size * size // 100 if name == "unique" else size // 10, node)
        result = self.guarded(lambda: FUNCTIONS[name](*values, **keywords), node)
        if jumps_near(name, values):
            self.warn(
                "near-jump",
                f"`{ast.unparse(node)}` is {result}, but a hair decides: it rounds {values[0]!r}",
                node,
                "reckon in whole numbers as far as you can: `29 * width // 100`, `a * k / n`",
            )
        return result

    def warn(self, code: str, message: str, node: ast.expr, help: str) -> None:
        """Note what may be wrong; subclasses have a place for it."""

    def guarded(self, compute: Callable[[], Any], node: ast.expr) -> Any:
        """Compute, turning Python's complaints into faults of the spec."""
        try:
            return self.bounded(compute(), node)
        except ZeroDivisionError:
            raise EvalFault(
                "bad-expression", f"`{ast.unparse(node)}` divides by zero", node
            ) from None
        except (
            TypeError,
            ValueError,
            OverflowError,
            KeyError,
            IndexError,
            AttributeError,
        ) as error:
            raise EvalFault(
                "bad-expression", f"`{ast.unparse(node)}` has no value: {error}", node
            ) from None

    def bounded(self, value: Any, node: ast.expr) -> Any:
        """Hold a result to the caps on size."""
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise EvalFault("too-much", f"a number has at most {MAX_BITS} bits", node)
        if isinstance(value, (list, tuple)) and len(value) > MAX_LENGTH:
            raise EvalFault("too-much", f"a list has at most {MAX_LENGTH} entries", node)
        return list(value) if isinstance(value, tuple) else value


def _cut(value: Any) -> str:
    return (
        "`cut(xs, sizes)` cuts a list; `split` is the op that cuts a value"
        if str(value) == "`split`"
        else ""
    )


def weight(value: Any) -> int:
    """Return the number of entries of a list, those of inner lists counted too."""
    return sum(1 + weight(v) for v in value) if isinstance(value, list) else 0


def listed(value: Any, node: ast.expr) -> list[Any]:
    """Return a list to loop over, or raise EvalFault."""
    if not isinstance(value, list):
        raise EvalFault(
            "bad-expression",
            f"`{ast.unparse(node)}` is {describe(value)}, not a list to go through",
            node,
        )
    return value


def unpack(target: ast.expr, item: Any) -> dict[str, Any]:
    """Bind the names of a loop target, `i` or `j, (a, b)`, to an item."""
    if isinstance(target, ast.Name):
        return {target.id: item}
    if isinstance(target, (ast.Tuple, ast.List)):
        if not isinstance(item, list) or len(item) != len(target.elts):
            raise EvalFault(
                "bad-expression", f"`{ast.unparse(target)}` does not fit {describe(item)}", target
            )
        bound: dict[str, Any] = {}
        for part, value in zip(target.elts, item, strict=True):
            bound |= unpack(part, value)
        return bound
    raise EvalFault("bad-expression", f"`{ast.unparse(target)}` is no loop variable", target)


def describe(value: Any) -> str:
    """Say what kind of thing a value is, for messages."""
    if value is None:
        return "`none`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text `{value}`"
    return f"a list of {len(value)}" if isinstance(value, list) else str(value)


def arithmetic(text: Text, scope: Mapping[str, Any]) -> Any:
    """Parse and evaluate an expression over plain data; raises SpecError."""
    expr = parse(text)
    try:
        return Evaluator(scope).evaluate(expr.tree)
    except EvalFault as fault:
        raise SpecError([fault.diagnostic(expr)]) from None
