"""How emitted source is laid out: as the common formatters leave it at their 88 columns.

A line that does not fit is broken at its last bracket: what is inside goes on a line of its
own, or an item a line, each with a comma.
"""

from __future__ import annotations

import ast
import re

WIDTH = 88
_OPEN, _CLOSE = "([{", ")]}"


def fit(line: str) -> list[str]:
    """Return a statement as one line, or broken at brackets where it is too long."""
    indent = line[: len(line) - len(line.lstrip())]
    if len(line) <= WIDTH:
        return [line]
    cut = _last_bracket(line)
    if cut is None:
        return [line]
    start, end = cut
    items = split_items(line[start + 1 : end])
    if not items or (len(items) == 1 and _generator(items[0])):
        return [line]
    out = [line[: start + 1]]
    inside = f"{indent}    {', '.join(items)}"
    if len(inside) <= WIDTH:
        return [*out, inside, indent + line[end:]]
    for item in items:
        out += fit_item(f"{indent}    {item}")
    if len(items) == 1 and len(out) > 2 and out[-1].strip()[0] in _CLOSE:
        out[-1] = out[-1].removesuffix(",")
    return [*out, indent + line[end:]]


def fit_item(line: str) -> list[str]:
    """Return an item of a broken call, with its comma."""
    if len(line) + 1 <= WIDTH:
        return [line + ","]
    if parts := choice(line):
        indent = line[: len(line) - len(line.lstrip())]
        return [indent + parts[0], f"{indent}if {parts[1]}", f"{indent}else {parts[2]},"]
    body = fit(line)
    return [*body[:-1], body[-1] + ","] if len(body) > 1 else [line + ","]


def choice(text: str) -> tuple[str, str, str] | None:
    """Return the parts of `a if test else b`, None where the text is no such choice."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(tree, ast.IfExp):
        return None
    body, test, orelse = (ast.get_source_segment(text.strip(), n) or "" for n in (tree.body, tree.test, tree.orelse))
    return body, test, orelse


def _generator(item: str) -> bool:
    """Whether an item is a generator without brackets, which takes no comma."""
    try:
        return not item.startswith("*") and isinstance(ast.parse(f"({item})", mode="eval").body, ast.GeneratorExp)
    except SyntaxError:
        return False


def _last_bracket(line: str) -> tuple[int, int] | None:
    """Find the bracket pair that closes last in a line, unless it is empty."""
    end = max(line.rfind(c) for c in _CLOSE)
    if end < 0:
        return None
    depth = 0
    for start in range(end, -1, -1):
        if line[start] in _CLOSE:
            depth += 1
        elif line[start] in _OPEN:
            depth -= 1
            if depth == 0:
                return (start, end) if line[start + 1 : end].strip() else None
    return None


def split_items(text: str) -> list[str]:
    """Split at the commas outside brackets and strings."""
    items, depth, last, quote = [], 0, 0, ""
    for k, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in _OPEN:
            depth += 1
        elif c in _CLOSE:
            depth -= 1
        elif c == "," and depth == 0:
            items.append(text[last:k].strip())
            last = k + 1
    tail = text[last:].strip()
    return [*items, tail] if tail else items


def camel(name: str) -> str:
    """Return the class name of a block: `inverted_residual` is InvertedResidual, `resnet` ResNet."""
    parts = [p for word in re.split(r"[^A-Za-z0-9]+", name) for p in re.split(r"(?<=\w)(?=net$)", word) if p]
    joined = "".join(p[0].upper() + p[1:] for p in parts)
    return joined if joined and not joined[0].isdigit() else f"Block{joined}"


def atom(text: str) -> str:
    """Return an expression in brackets unless it binds as tightly as a call."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c in _OPEN) - (c in _CLOSE)
        if depth == 0 and c == " ":
            return f"({text})"
        if depth == 0 and c == "-" and k == 0:
            return f"({text})"
    return text
