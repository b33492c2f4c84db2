"""How emitted source is laid out: as the common formatters leave it at their 88 columns.

A line that does not fit is broken at its last bracket: what is inside goes on a line of its
own, or an item a line, each with a comma.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Sequence

WIDTH = 88
_OPEN, _CLOSE = "([{", ")]}"


STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def fit(line: str, end: str = "") -> list[str]:
    """Return a statement as one line, or broken where it is too long; `end` follows it."""
    if len(line) + len(end) <= WIDTH:
        return [line + end]
    texts: list[str] = []
    lines = _fit(_covered(line, texts), end)
    return [_bare(part, texts) for part in lines]


def _covered(line: str, texts: list[str]) -> str:
    """Return a line with a name for each string, as long as that: nothing in it is a bracket."""

    def name(match: re.Match[str]) -> str:
        if re.fullmatch(r'"[\w.-]*"', match[0]):
            return match[0]
        texts.append(match[0])
        return f"_Q{len(texts) - 1}_".ljust(len(match[0]), "_")

    return line if '"' not in line or 'f"' in line else STRING.sub(name, line)


def _bare(line: str, texts: Sequence[str]) -> str:
    return re.sub(r"\b_Q(\d+)_+", lambda m: texts[int(m[1])], line) if texts else line


def _fit(line: str, end: str) -> list[str]:
    if len(line) + len(end) <= WIDTH:
        return [line + end]
    indent = _indent(line)
    if targets := _long_targets(line, end):
        return targets
    head, operands = operation(line.strip())
    if operands:
        inside = _broken_operation(f"{indent}    ", operands)
        return [f"{indent}{head}(", *inside, f"{indent}){end}"]
    if parts := steps_of(line.strip()):
        head, *rest = parts
        whole = f"{indent}    {''.join(rest)}"
        tuple_ = rest[-1].endswith(",")
        inside = [f"{indent}    {part}" for part in rest]
        inside = inside if tuple_ or len(whole) > WIDTH else [whole]
        return [f"{indent}{head}(", *inside, f"{indent}){end}"]
    cut = _last_bracket(line)
    if cut is None:
        return [line + end]
    start, stop = cut
    called = start > 0 and (line[start - 1].isalnum() or line[start - 1] in "_)]")
    text = line[start + 1 : stop]
    if (
        line[start] == "("
        and not called
        and len(split_items(text)) == 1
        and text.rstrip()[-1:] != ","
    ):
        inside = fit(f"{indent}    {text.strip()}")  # brackets of precedence: a comma makes a tuple
        return [line[: start + 1], *inside, indent + line[stop:] + end]
    inside = _contents(f"{indent}    ", text, called=called, index=line[start] == "[")
    return [line[: start + 1], *inside, indent + line[stop:] + end]


def _long_targets(line: str, end: str) -> list[str]:
    """Break an assignment to names that leave no room for a bracket behind them; none of others."""
    found = re.fullmatch(r"(\s*)((?:\w+, )+\w+) = (.*)", line)
    cut = _last_bracket(line)
    if found is None or cut is None or cut[0] < WIDTH:
        return []
    indent, names, value = found.groups()
    if len(indent) + len(names) + len(" = (") <= WIDTH:
        return [f"{indent}{names} = (", *fit(f"{indent}    {value}"), f"{indent}){end}"]
    listed = [f"{indent}    {name}," for name in names.split(", ")]
    return [f"{indent}(", *listed, *fit(f"{indent}) = {value}", end)]


def _contents(indent: str, text: str, *, called: bool, index: bool) -> list[str]:
    """Lay out what stands between brackets; a list or tuple has each item on its own line."""
    text = text.strip().rstrip(",")
    comma = not (called and index)
    if called and len(indent) + len(text) <= WIDTH:
        return [indent + text]
    if parts := generator(text):
        return [line for part in parts for line in fit(indent + part)]
    return [line for item in split_items(text) for line in fit_item(indent + item, comma=comma)]


def fit_item(line: str, *, comma: bool = True) -> list[str]:
    """Return an item of a broken call, with its comma."""
    end = "," if comma else ""
    if len(line) + len(end) <= WIDTH:
        return [line + end]
    indent = _indent(line)
    name, value = _keyword(line.strip())
    if parts := choice(value):
        if not name:
            return [indent + parts[0], f"{indent}if {parts[1]}", f"{indent}else {parts[2]}{end}"]
        deeper = f"{indent}    "
        inside = [deeper + parts[0], f"{deeper}if {parts[1]}", f"{deeper}else {parts[2]}"]
        return [f"{indent}{name}(", *inside, f"{indent}){end}"]
    _, operands = operation(f"return {value}")
    if operands and not name:
        *others, last = operands
        return [*(f"{indent}{operand}" for operand in others), f"{indent}{last}{end}"]
    if value.startswith("*(") and (inner := generator(value[2:-1])):
        body = [out for part in inner for out in fit(f"{indent}    {part}")]
        return [f"{indent}*(", *body, f"{indent}){end}"]
    return fit(line, end)


def _keyword(text: str) -> tuple[str, str]:
    """Return the name of a keyword argument with its sign, and its value."""
    found = re.match(r"(\w+=)(?!=)(.*)", text)
    return (found[1], found[2]) if found else ("", text)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def generator(text: str) -> list[str] | None:
    """Return the parts of `a for b in c` or `k: a for b in c`, None where the text is neither."""
    text = text.strip()
    if text.startswith(("*", "{")) or " for " not in text:
        return None
    tree = _parsed(f"({text})") or _parsed(f"{{{text}}}")
    if not isinstance(tree, ast.GeneratorExp | ast.DictComp):
        return None
    cuts = [text.rfind("for ", 0, g.target.col_offset - 1) for g in tree.generators]
    ends = zip([0, *cuts], [*cuts, len(text)], strict=True)
    return [text[start:end].strip() for start, end in ends]


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def operation(statement: str) -> tuple[str, list[str]]:
    """Return the head of a statement, and the operands of the sum that it assigns or returns.

    There are no operands where it does something else.
    """
    try:
        tree = ast.parse(statement).body[0]
    except SyntaxError:
        return "", []
    value = tree.value if isinstance(tree, ast.Assign | ast.Return) else None
    if not isinstance(value, ast.BinOp):
        return "", []
    head = statement[: value.col_offset]
    operands: list[str] = []
    while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub):
        between = statement[value.left.end_col_offset or 0 : value.right.col_offset]
        right = ast.get_source_segment(statement, value.right) or ""
        brackets = between.count("(")
        sign = "+" if isinstance(value.op, ast.Add) else "-"
        operands.insert(0, f"{sign} {'(' * brackets}{right}{')' * brackets}")
        value = value.left
    if not operands or head.endswith("("):
        return "", []
    return head, [ast.get_source_segment(statement, value) or "", *operands]


def _broken_operation(indent: str, operands: list[str]) -> list[str]:
    """Lay out a sum in brackets: on one line, or an operand a line."""
    whole = indent + " ".join(operands)
    if len(whole) <= WIDTH:
        return [whole]
    return [line for operand in operands for line in fit(indent + operand)]


def choice(text: str) -> tuple[str, str, str] | None:
    """Return the parts of `a if test else b`, None where the text is no such choice."""
    text = text.strip()
    tree = _parsed(text) if " if " in text else None
    if not isinstance(tree, ast.IfExp):
        return None
    parts = [ast.get_source_segment(text, n) or "" for n in (tree.body, tree.test, tree.orelse)]
    return parts[0], parts[1], parts[2]


def steps_of(statement: str) -> list[str]:
    """Return the head of a statement and the parts of what it gives that stand in brackets.

    They are the calls of a chain of methods, or the values of a tuple; none of anything else.
    """
    try:
        tree = ast.parse(statement).body[0]
    except SyntaxError:
        return []
    value = tree.value if isinstance(tree, ast.Assign | ast.Return) else None
    if value is None:
        return []
    head, text = statement[: value.col_offset], statement[value.col_offset :]
    if isinstance(value, ast.Tuple) and isinstance(tree, ast.Return) and not text.startswith("("):
        return [head, *(f"{item}," for item in split_items(text))]
    cuts: list[int] = []
    node: ast.expr = value
    while isinstance(node, ast.Call | ast.Attribute):
        inner = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, ast.Attribute) and isinstance(inner, ast.Call | ast.Subscript):
            cuts.insert(0, (inner.end_col_offset or 0) - value.col_offset)
        node = inner
    if len(cuts) < 2:
        return []
    return [head, *(text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True))]


def _last_bracket(line: str) -> tuple[int, int] | None:
    """Find the bracket pair that closes last in a line, unless it is empty.

    The index of what a call gives, `f(x)[0]`, stays behind the call where that has to be broken.
    """
    index = re.search(r"(?<=\))\[\d+\]$", line)
    if index and index.start() >= WIDTH:
        line = line[: index.start()]
    end = max(line.rfind(c) for c in _CLOSE)
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
    """Return the class name of a block: `inverted_residual` is InvertedResidual."""
    words = re.split(r"[^A-Za-z0-9]+", name)
    parts = [p for word in words for p in re.split(r"(?<=\w)(?=net$)", word) if p]
    joined = "".join(p[0].upper() + p[1:] for p in parts)
    if keyword.iskeyword(joined):  # a network may be called none or true
        return f"{joined}_"
    return joined if joined and not joined[0].isdigit() else f"Block{joined}"


def atom(text: str) -> str:
    """Return an expression in brackets unless it binds as tightly as a call."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c in _OPEN) - (c in _CLOSE)
        if depth == 0 and (c == " " or (c == "-" and k == 0)):
            return f"({text})"
    return text


def statement(indent: str, raw: str) -> list[str]:
    """Write a line of a constructor; a choice that does not fit one line becomes an `if`."""
    texts: list[str] = []
    return [_bare(line, texts) for line in _statement(indent, _covered(raw, texts))]


def _statement(indent: str, raw: str) -> list[str]:
    line = indent + raw
    target, _, value = raw.partition(" = ")
    parts = choice(value) if len(line) > WIDTH and value else None
    if parts is None:
        return fit(line)
    deeper = indent + raw[: len(raw) - len(raw.lstrip())]
    target = target.strip()
    lines = [f"{deeper}if {parts[1]}:", *fit(f"{deeper}    {target} = {parts[0]}")]
    return [*lines, f"{deeper}else:", *fit(f"{deeper}    {target} = {parts[2]}")]
