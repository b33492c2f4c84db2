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
from archc.language.source import Text, Unsound
from archc.language.syntax import keyed, odd, reason, reserved
from archc.limits import MAX_TEXT


class Unknown(ast.expr):
    """What a text that is wrong stands for, which has been reported."""


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

    @property
    def sound(self) -> bool:
        """Whether it is an expression, and not what stands in for a wrong text."""
        return not isinstance(self.tree, Unknown)

    def __str__(self) -> str:
        return str(self.text)


def parse(text: Text) -> Expr:
    """Parse an expression; raises SpecError with a place in the scalar where it is none."""
    if isinstance(text, Unsound):
        return Expr(text, Unknown(lineno=1, col_offset=0))
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
    if (word := reserved(text)) is not None:
        start = word[1] + len(text) - len(text.lstrip())
        return SpecError(
            [
                Diagnostic(
                    "reserved-name",
                    f"`{word[0]}` is a reserved word, and no name that an expression can read",
                    text.part(start, start + len(word[0])),
                    help="give it another name",
                )
            ]
        )
    words, remedy = keyed(text) or reason(error)
    offset = (getattr(error, "offset", None) or 1) - 1 - shift
    span = text.part(max(0, offset), max(1, offset + 1)) if offset < len(text) else text.span
    message = f"`{text}` is no expression: {words}"
    return SpecError([Diagnostic("bad-expression", message, span, help=remedy)])


def _check(expr: Expr) -> None:
    try:
        nodes = list(ast.walk(expr.tree))
    except RecursionError:
        raise _fault(expr.text, "too deeply nested", "name parts of it under `let:`") from None
    for node in nodes:
        if (strange := odd(node)) is not None:
            raise _strange(expr, node, *strange)
        if isinstance(node, ast.Constant) and not isinstance(
            node.value, (int, float, str, bool, type(None))
        ):
            message = f"`{ast.unparse(node)}` is no number and no text of a spec"
            raise SpecError([Diagnostic("bad-expression", message, expr.span(node))])
    if _depth(expr.tree) > 60:
        raise _fault(expr.text, "too deeply nested", "name parts of it under `let:`")


def _strange(expr: Expr, node: ast.AST, what: str, remedy: str) -> SpecError:
    """Refuse a node that expressions do not have; an operator stands in for its operation."""
    whole = next((n for n in ast.walk(expr.tree) if getattr(n, "op", None) is node), node)
    shown = (
        ast.unparse(whole)
        if isinstance(whole, ast.expr)
        else f"**{ast.unparse(whole.value)}"
        if isinstance(whole, ast.keyword)
        else str(expr.text)
    )
    message = f"`{shown}` is {what}, which the expression language has not"
    return SpecError([Diagnostic("bad-expression", message, expr.span(whole), help=remedy)])


def _depth(node: ast.AST) -> int:
    depth, level = 0, [node]
    while level:
        level = [child for n in level for child in ast.iter_child_nodes(n)]
        depth += 1
    return depth


def _fault(text: Text, message: str, help_: str = "") -> SpecError:
    return SpecError([Diagnostic("bad-expression", message, text.span, help=help_)])
