"""The expression language: parsed by Python's `ast`, held to an allow-list, evaluated in bounds.

Nothing is ever executed: a tree of allowed nodes is walked. Every expression ends, since
there are no loops but comprehensions over lists, whose lengths are capped.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from archc.diagnostics import Diagnostic, Span, SpecError
from archc.language.source import Text

MAX_TEXT = 2000


_ALLOWED = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Store, ast.BinOp, ast.UnaryOp, ast.BoolOp,
    ast.Compare, ast.IfExp, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.ListComp,
    ast.GeneratorExp, ast.comprehension, ast.Call, ast.keyword, ast.Attribute, ast.Starred,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Expr:
    """A parsed expression and the scalar that it was written as."""

    text: Text
    tree: ast.expr
    shift: int = 0

    def span(self, node: ast.AST | None = None) -> Span:
        """Return the place of a part of the expression, or of all of it."""
        if node is None or node is self.tree or not isinstance(node, ast.expr | ast.keyword):
            return self.text.span
        encoded = self.text.encode()
        start = len(encoded[: max(0, node.col_offset - self.shift)].decode("utf-8", "replace"))
        end = len(encoded[: (node.end_col_offset or 0) - self.shift].decode("utf-8", "replace"))
        return self.text.part(start, end)

    @property
    def names(self) -> set[str]:
        """Every name that the expression mentions."""
        return {n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name)}

    def __str__(self) -> str:
        return str(self.text)


def parse(text: Text) -> Expr:
    """Parse an expression; raises SpecError with a place in the scalar where it is none."""
    if not text.strip():
        raise _fault(text, "an expression is missing here", "remove the key, or give it a value")
    if len(text) > MAX_TEXT:
        raise _fault(
            text,
            f"an expression has at most {MAX_TEXT} characters",
            "name parts of it under `let:`",
        )
    bare = re.search(r"\sfor\s", text) is not None
    attempts = [(str(text), 0), (f"[{text}]", 1)] if bare else [(str(text), 0)]
    faults: list[SpecError] = []
    for spelled, shift in attempts:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(spelled.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            faults.append(_syntax(text, error, shift))
            continue
        expr = Expr(text, tree, shift - (len(spelled) - len(spelled.lstrip())))
        _check(expr)
        return expr
    raise faults[0] if text.lstrip().startswith(("[", "(")) else faults[-1]


def _syntax(text: Text, error: Exception, shift: int) -> SpecError:
    reason = error.msg if isinstance(error, SyntaxError) else "too deeply nested"
    offset = (getattr(error, "offset", None) or 1) - 1 - shift
    span = text.part(max(0, offset), max(1, offset + 1)) if offset < len(text) else text.span
    diagnostic = Diagnostic("bad-expression", f"`{text}` is no expression: {reason}", span)
    return SpecError([diagnostic])


def _check(expr: Expr) -> None:
    try:
        nodes = list(ast.walk(expr.tree))
    except RecursionError:
        raise _fault(expr.text, "too deeply nested", "name parts of it under `let:`") from None
    for node in nodes:
        if not isinstance(node, _ALLOWED) or isinstance(
            node,
            (ast.BitOr, ast.BitAnd, ast.BitXor, ast.LShift, ast.RShift, ast.MatMult, ast.Invert),
        ):
            kind = type(node).__name__
            message = f"`{ast.unparse(node) if isinstance(node, ast.expr) else expr.text}` is not part of the expression language ({kind})"
            raise SpecError(
                [
                    Diagnostic(
                        "bad-expression",
                        message,
                        expr.span(node),
                        help="numbers, names, arithmetic, comparisons, conditionals, lists and calls of known functions are",
                    )
                ]
            )
        if isinstance(node, ast.Constant) and not isinstance(
            node.value, (int, float, str, bool, type(None))
        ):
            raise SpecError(
                [
                    Diagnostic(
                        "bad-expression",
                        f"`{ast.unparse(node)}` is no constant of a spec",
                        expr.span(node),
                    )
                ]
            )
    if _depth(expr.tree) > 60:
        raise _fault(expr.text, "too deeply nested", "name parts of it under `let:`")


def _depth(node: ast.AST) -> int:
    depth, level = 0, [node]
    while level:
        level = [child for n in level for child in ast.iter_child_nodes(n)]
        depth += 1
    return depth


def _fault(text: Text, message: str, help_: str = "") -> SpecError:
    return SpecError([Diagnostic("bad-expression", message, text.span, help=help_)])
