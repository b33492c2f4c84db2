"""A network that gives its outputs as a list, in their order, as `features_only` of timm does."""

from __future__ import annotations

import ast


def listed(text: str) -> str:
    """Return an emitted file whose network gives a list of the values that it gave by name."""
    tree = ast.parse(text)
    model = next(n for n in reversed(tree.body) if isinstance(n, ast.ClassDef))
    forward = next(n for n in model.body if isinstance(n, ast.FunctionDef) and n.name == "forward")
    lines = text.splitlines(keepends=True)
    for node in sorted(_returned(forward), key=lambda n: -n.lineno):
        values = node.values if isinstance(node, ast.Dict) else [node]
        new = f"[{', '.join(ast.unparse(v) for v in values)}]"
        _replace(lines, node, new)
    return "".join(lines)


def _returned(forward: ast.FunctionDef) -> list[ast.expr]:
    returns = (n for n in ast.walk(forward) if isinstance(n, ast.Return))
    return [n.value for n in returns if n.value is not None]


def _replace(lines: list[str], node: ast.expr, new: str) -> None:
    """Put text in the place of an expression; columns count in bytes."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    before = lines[first].encode()[: node.col_offset].decode()
    after = lines[last].encode()[node.end_col_offset or 0 :].decode()
    lines[first : last + 1] = [before + new + after]
