"""The value of an expression: a walk over its tree, within bounds.

Every expression ends, since there are no loops but comprehensions over lists, whose lengths
are capped.
"""

from __future__ import annotations

import ast
import math
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from archc.diagnostics import Diagnostic, SpecError, nearest
from archc.language.expr import Expr, parse
from archc.language.functions import FUNCTIONS, jumps_near
from archc.language.kinds import Misfit
from archc.language.operators import BINARY, COMPARE, UNARY
from archc.language.source import Text
from archc.limits import MAX_BITS, MAX_LENGTH, MAX_RECKONING, Excess, measure, weight

CONSTANTS: dict[str, Any] = {"true": True, "false": False, "none": None}


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

    values: dict[int, Any] | None = None
    """What every part of the expression is, by identity, where somebody asks for that."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope
        self.steps = 0

    def evaluate(self, node: ast.expr) -> Any:
        """Return the value of a node; raises EvalFault where it has none."""
        self.spend(1, node)
        method = getattr(self, f"visit_{type(node).__name__.lower()}", None)
        if method is None:  # a stretch `a:b` by itself, or what stands in for a wrong text
            raise EvalFault(
                "bad-expression", f"`{ast.unparse(node)}` has no value of its own", node
            )
        value = method(node)
        if self.values is not None:
            self.values[id(node)] = value
        return value

    def spend(self, steps: int, node: ast.expr) -> None:
        """Count steps, or entries of lists by the ten; raises EvalFault where they are too many."""
        self.steps += steps
        if self.steps > MAX_RECKONING:
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
        return self.guarded(lambda: BINARY[op](left, right), node)

    def visit_unaryop(self, node: ast.UnaryOp) -> Any:
        return self.unary(node, self.evaluate(node.operand))

    def unary(self, node: ast.UnaryOp, value: Any) -> Any:
        if isinstance(node.op, ast.Not):
            return not self.truth(value, node.operand)
        if not isinstance(value, (int, float)):
            raise EvalFault(
                "bad-expression", f"`{ast.unparse(node)}` reckons with {describe(value)}", node
            )
        return self.guarded(lambda: UNARY[type(node.op)](value), node)

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
            if not self.compare(node, op, left, right):
                return False
            left = right
        return True

    def compare(self, node: ast.Compare, op: ast.cmpop, left: Any, right: Any) -> bool:
        """Compare two things that can be compared so."""
        if isinstance(op, (ast.In, ast.NotIn)):
            fits = isinstance(right, (list, dict)) or (
                isinstance(right, str) and isinstance(left, str)
            )
            wrong = f"asks what is in {describe(right)}"
        else:
            fits, wrong = True, f"compares {describe(left)} with {describe(right)}"
        try:
            if fits:
                return bool(COMPARE[type(op)](left, right))
        except TypeError:
            pass
        raise EvalFault("bad-expression", f"`{ast.unparse(node)}` {wrong}", node)

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
            return self.slice(node, value, parts)
        index = self.evaluate(node.slice)
        if not isinstance(value, (list, str, dict)):
            raise self.no_list(node, value)
        if isinstance(value, dict):
            if isinstance(index, str) and index in value:
                return value[index]
            raise EvalFault(
                "bad-expression",
                f"`{ast.unparse(node)}` asks for {describe(index)}, which is no name of its values",
                node,
                "its values: " + ", ".join(f"`{name}`" for name in value),
            )
        if not isinstance(index, int) or isinstance(index, bool):
            raise EvalFault(
                "bad-expression",
                f"`{ast.unparse(node)}` counts with {describe(index)}",
                node.slice,
                "an entry of a list is asked for by a whole number, the first by 0",
            )
        if not -len(value) <= index < len(value):
            name = ast.unparse(node.value)
            what = f"{len(value)} {'entries' if isinstance(value, list) else 'letters'}"
            raise EvalFault(
                "index-out-of-range",
                f"`{name}[{index}]` is beyond the end: `{name}` has {what}",
                node,
            )
        return value[index]

    def slice(self, node: ast.Subscript, value: Any, parts: list[Any]) -> Any:
        """Return a stretch of a list or a text."""
        if not isinstance(value, (list, str)):
            raise self.no_list(node, value)
        odd = next((p for p in parts if p is not None and not isinstance(p, int)), None)
        if odd is not None or parts[2] == 0:
            raise EvalFault(
                "bad-expression",
                f"`{ast.unparse(node)}` counts with {describe(parts[2] if odd is None else odd)}",
                node,
                "a stretch is `[first:end]`, in whole numbers",
            )
        return self.bounded(value[slice(*parts)], node)

    def no_list(self, node: ast.Subscript, value: Any) -> EvalFault:
        """Refuse an entry of what has none."""
        message = f"`{ast.unparse(node.value)}` is {describe(value)}, not a list"
        return EvalFault("bad-expression", message, node, _cut(value))

    def visit_tuple(self, node: ast.Tuple | ast.List) -> list[Any]:
        items = [self.evaluate(part) for part in node.elts]
        self.bounded(items, node)
        return items

    visit_list = visit_tuple

    def visit_starred(self, node: ast.Starred) -> Any:
        raise EvalFault("bad-expression", f"`{ast.unparse(node)}` can't stand here", node)

    def visit_listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> list[Any]:
        items = list(self.turns(node.elt, node.generators, self.scope))
        self.bounded(items, node)
        return items

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
        try:
            result = self.guarded(lambda: FUNCTIONS[name](*values, **keywords), node)
        except Misfit as misfit:
            raise self.misfit(node, misfit, [*values, *keywords.values()]) from None
        if jumps_near(name, values):
            self.warn(
                "near-jump",
                f"`{ast.unparse(node)}` is {result}, but a hair decides: it rounds {values[0]!r}",
                node,
                "reckon in whole numbers as far as you can: `29 * width // 100`, `a * k / n`",
            )
        return result

    def misfit(self, node: ast.Call, misfit: Misfit, values: list[Any]) -> EvalFault:
        """Say which argument a function does not take."""
        written = [*node.args, *(k.value for k in node.keywords)]
        culprit = next(
            (n for n, v in zip(written, values, strict=False) if v is misfit.value), None
        )
        if culprit is None or misfit.value is None:
            return EvalFault("bad-expression", misfit.message, node)
        shown, text = describe(misfit.value), ast.unparse(culprit)
        got = shown if shown.strip("`").endswith(text) else f"`{text}`, which is {shown}"
        return EvalFault(
            "bad-expression", f"{misfit.message}, got {got}", culprit, self.remedy(misfit.value)
        )

    def remedy(self, value: Any) -> str:  # noqa: ARG002 - for those who know more kinds of values
        """Say what to do with a value that a function does not take."""
        return ""

    def warn(self, code: str, message: str, node: ast.expr, help: str) -> None:
        """Note what may be wrong; subclasses have a place for it."""

    def guarded(self, compute: Callable[[], Any], node: ast.expr) -> Any:
        """Compute, turning Python's complaints into faults of the spec."""
        try:
            value = compute()
            if isinstance(value, complex):
                raise EvalFault("bad-expression", f"`{ast.unparse(node)}` is no real number", node)
            return self.bounded(value, node)
        except ZeroDivisionError:
            raise EvalFault(
                "bad-expression", f"`{ast.unparse(node)}` divides by zero", node
            ) from None
        except OverflowError:
            raise EvalFault("too-much", f"`{ast.unparse(node)}` is too large", node) from None

    def bounded(self, value: Any, node: ast.expr) -> Any:
        """Hold a result to the caps on size; a number is a real one."""
        if isinstance(value, complex):
            raise EvalFault("bad-expression", f"`{ast.unparse(node)}` is no real number", node)
        if isinstance(value, float) and not math.isfinite(value):
            raise EvalFault("too-much", f"`{ast.unparse(node)}` is too large", node)
        try:
            self.spend(measure(value) // 10, node)
        except Excess as fault:
            raise EvalFault("too-much", str(fault), node) from None
        return list(value) if isinstance(value, tuple) else value


def _cut(value: Any) -> str:
    return (
        "`cut(xs, sizes)` cuts a list; `split` is the op that cuts a value"
        if str(value) == "`split`"
        else ""
    )


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
    if isinstance(value, dict):
        return "several values by name"
    return f"a list of {len(value)}" if isinstance(value, list) else str(value)


def arithmetic(text: Text, scope: Mapping[str, Any]) -> Any:
    """Parse and evaluate an expression over plain data; raises SpecError."""
    expr = parse(text)
    try:
        return Evaluator(scope).evaluate(expr.tree)
    except EvalFault as fault:
        raise SpecError([fault.diagnostic(expr)]) from None
