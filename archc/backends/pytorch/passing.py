"""Ops as arguments of a class: `act=nn.ReLU`, made where they stand: `act(inplace=True)`."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from archc.lower.scope import Callee
from archc.ops.activation import Activation

if TYPE_CHECKING:
    from archc.backends.pytorch.context import Contexts
    from archc.graph import Module


def passable(value: Any) -> bool:
    """Whether an op can be an argument of a class: an activation that needs no argument."""
    if not isinstance(value, Callee) or value.arguments or value.init:
        return False
    plain = value.name not in value.file.document.defaults
    return plain and isinstance(value.target, type) and issubclass(value.target, Activation)


def kind_of(value: Any) -> Any:
    """Return what keeps the uses of a block apart: an op or block that can't be an argument."""
    return value if isinstance(value, Callee) and not passable(value) else None


def spelled(value: Any) -> str:
    """Spell an op as an argument, `nn.ReLU`."""
    return str(value.target.torch_module)


def usual(modules: Sequence[Module], name: str, default: Any) -> Any:
    """Return the op that a class has as default: the block's own where it is used, else the most frequent."""
    found = Counter(m.arguments[name] for m in modules if m.arguments[name] is not None)
    return default if default in found or not found else found.most_common(1)[0][0]


def head(at: ast.expr | None) -> str:
    """Return the name of what a piece of text applies, "" where it is no name."""
    func = at.func if isinstance(at, ast.Call) else at
    while isinstance(func, ast.Call) and not func.args and not func.keywords:
        func = func.func
    return func.id if isinstance(func, ast.Name) else ""


def present(node: ast.expr, contexts: Contexts) -> list[bool] | None:
    """Say in which uses a step that is an argument's name is there; None where it always is."""
    if not isinstance(node, ast.Name):
        return None
    values = [c.frame.scope[node.id] for c in contexts if node.id in c.frame.scope]
    there = [v is not None for v in values]
    plain = len(values) == len(contexts) and all(v is None or passable(v) for v in values)
    return there if plain and any(there) and not all(there) else None
