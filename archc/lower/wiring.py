"""Arithmetic on values of the network: `a + b`, `2 * x`, `-x` are ops."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from archc.graph import Value
from archc.language.evaluate import EvalFault, Evaluator, describe
from archc.lower.marks import NOTHING
from archc.lower.origins import Written
from archc.lower.scope import Callee
from archc.ops import OPS

if TYPE_CHECKING:
    from archc.lower.files import File

WIRING = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}


class Wiring(Evaluator):
    """The part of a reader that makes ops of operators."""

    file: File

    def apply(self, callee: Any, values: list[Any], node: ast.expr) -> Any:
        """Apply an op or block to values; makes a node."""
        raise NotImplementedError

    def written(self, node: ast.expr) -> Written:
        """Return a piece of the expression with what its names mean."""
        raise NotImplementedError

    def binary(self, node: ast.BinOp, left: Any, right: Any) -> Any:
        if not (is_tensor(left) or is_tensor(right)):
            return super().binary(node, left, right)
        if NOTHING in (left, right) and isinstance(node.op, ast.Add):
            return right if left is NOTHING else left
        number = right if is_tensor(left) else left
        if is_tensor(number):
            return self.wire(WIRING.get(type(node.op), ""), {}, [left, right], node)
        if isinstance(number, Callee):
            operand = node.left if number is left else node.right
            raise EvalFault(
                "not-applied",
                f"`{ast.unparse(operand)}` is an op, not a value",
                operand,
                f"say what it takes: `{number.name}(...)(x)`",
            )
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise EvalFault(
                "bad-expression", f"`{ast.unparse(node)}` reckons with {describe(number)}", node
            )
        return self.scaled(node, left, right)

    def scaled(self, node: ast.BinOp, left: Any, right: Any) -> Any:
        """Apply an operator to a value and a number."""
        first = is_tensor(right)  # the number stands first
        value, number, place = (right, left, node.left) if first else (left, right, node.right)
        match node.op:
            case ast.Mult():
                return self.wire("scale", {"factor": number}, [value], node, place)
            case ast.Add():
                return self.wire("shift", {"offset": number}, [value], node, place)
            case ast.Sub() if first:
                return self.wire("minus", {"minuend": number}, [value], node, place)
            case ast.Sub():
                return self.wire("shift", {"offset": -number}, [value], node)
            case ast.Div():
                return self.wire("over", {"number": number, "inverse": first}, [value], node, place)
        raise EvalFault(
            "bad-expression",
            f"`{ast.unparse(node)}`: values can be added, subtracted, multiplied and divided",
            node,
        )

    def wire(
        self,
        name: str,
        arguments: dict[str, Any],
        values: list[Any],
        node: ast.expr,
        place: ast.expr | None = None,
    ) -> Any:
        """Apply an op of arithmetic to values; `place` is where its number is written."""
        if name not in OPS:
            raise EvalFault(
                "bad-expression",
                f"`{ast.unparse(node)}`: values can be added, subtracted, multiplied and divided",
                node,
            )
        places = () if place is None else ((next(iter(arguments)), place),)
        origins = () if place is None else ((next(iter(arguments)), self.written(place)),)
        callee = Callee(name, OPS[name], self.file, tuple(arguments.items()), places, origins)
        return self.apply(callee, values, node)

    def unary(self, node: ast.UnaryOp, value: Any) -> Any:
        if is_tensor(value) and isinstance(node.op, ast.USub):
            return self.wire("negate", {}, [value], node)
        return super().unary(node, value)

    def truth(self, value: Any, node: ast.expr) -> bool:
        if is_tensor(value) and not isinstance(value, list):
            raise EvalFault(
                "bad-expression",
                f"`{ast.unparse(node)}` is a value of the network, neither true nor false",
                node,
                "a choice is made by params, sizes and numbers, before there is an image",
            )
        return super().truth(value, node)


def is_tensor(value: Any) -> bool:
    """Whether something is a value of the network, a list of them, or nothing."""
    if isinstance(value, list):
        items = [v for v in value if v != []]
        return bool(items) and all(is_tensor(v) for v in items)
    return value is NOTHING or isinstance(value, (Value, dict))
