"""What a call may say: a parameter that there is, once."""

from __future__ import annotations

import ast

from archc.language.evaluate import EvalFault
from archc.lower.scope import Callee, takes
from archc.ops.translating import argument


def expect_new(callee: Callee, keyword: ast.keyword, bound: set[str]) -> None:
    """Raise unless a keyword names a parameter that has no argument yet."""
    name = str(keyword.arg)
    if name not in callee.parameters:
        hint = argument(name, callee.parameters) or f"its arguments: {takes(callee)}"
        message = f"`{callee.name}` has no argument `{name}`"
        raise EvalFault("unknown-argument", message, keyword, hint)
    if name in bound:
        message = f"`{callee.name}` gets `{name}` twice"
        raise EvalFault("argument-twice", message, keyword, "give it once, by place or by name")
