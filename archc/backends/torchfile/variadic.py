"""Arguments of an op that takes any number of them, by place or by name."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from archc.backends.torchfile.spots import Spot
from archc.lower.origins import Written

Says = Callable[[Spot, Mapping[int, Any], Mapping[int, Written | None]], ast.expr]


def spread(
    says: Says, spot: Spot, values: Mapping[int, Any], texts: Mapping[int, Written]
) -> ast.expr | None:
    """Return what a call says of such arguments, each by itself; None of other arguments.

    Those by name are pairs of a name and what it is.
    """
    call = next(iter(texts.values())).tree
    if not isinstance(call, ast.Call) or not all(isinstance(v, tuple) for v in values.values()):
        return None

    def said(node: ast.expr, entries: Mapping[int, Any]) -> ast.expr:
        pieces = {p: Written(w.text, w.scope, node, w.values) for p, w in texts.items()}
        return says(spot, entries, pieces)

    names = {tuple(_name(pair) for pair in v) for v in values.values()}
    keywords = {k.arg: k.value for k in call.keywords}
    shared = names.pop() if len(names) == 1 else ("",)
    if shared and all(name in keywords for name in shared):
        pairs: list[ast.expr] = []
        for k, name in enumerate(shared):
            entry = said(keywords[name], {p: v[k][1] for p, v in values.items()})
            pairs.append(ast.Tuple([ast.Constant(name), entry], ast.Load()))
        return ast.Tuple(pairs, ast.Load())
    if all(len(v) == len(call.args) for v in values.values()):
        entries = [{p: v[k] for p, v in values.items()} for k in range(len(call.args))]
        return ast.Tuple([said(n, e) for n, e in zip(call.args, entries, strict=True)], ast.Load())
    return None


def _name(pair: Any) -> str:
    named = isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)
    return pair[0] if named else ""
