"""The PyTorch side of a plug-in: classes and functions of a file, as text for the emitted file."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archc.diagnostics import Diagnostic, Source, Span, SpecError
from archc.ops.helpers import HELPERS

IMPORTS = (
    "import math",
    "import torch",
    "import torch.nn.functional as F",
    "from torch import nn",
    "from collections import OrderedDict",
)
"""What emitted files import, where they need it."""

TAKEN = (*HELPERS, "make_divisible", "linspace", "cut", "stage", "F", "nn", "torch", "math")
"""Names that emitted files have already."""


class Definitions(dict[str, str]):
    """Source by name, and the file that it comes from."""

    source: Source


def definitions(source: Source) -> Definitions:
    """Return the source of each class, function and constant of a file, by name, in order.

    The file is parsed and not run. Raises SpecError for whatever an emitted file could not hold.
    """
    found = Definitions()
    found.source = source
    faults: list[Diagnostic] = []
    for node in parsed(source).body:
        name = _name(node)
        if name and name not in TAKEN:
            first = min(
                (d.lineno for d in getattr(node, "decorator_list", [])), default=node.lineno
            )
            lines = source.text.splitlines()[first - 1 : node.end_lineno]
            found[name] = "\n".join(lines) + "\n"
        else:
            faults += _fault(source, node, name)
    if faults:
        raise SpecError(faults)
    return found


def _name(node: ast.stmt) -> str:
    """Return what a statement defines, "" where it is no definition."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return ""


def _fault(source: Source, node: ast.stmt, name: str) -> Iterator[Diagnostic]:
    """Say why a statement can't be part of the emitted file; docstrings and imports are known."""
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if docstring or ast.unparse(node) in IMPORTS:
        return
    message, hint = "an emitted file takes classes, functions and constants", "leave it out"
    if isinstance(node, ast.Import | ast.ImportFrom):
        message = f"emitted files import PyTorch only, not by `{ast.unparse(node)}`"
        hint = f"it may say {', '.join(f'`{i}`' for i in IMPORTS)}"
    elif name:
        message, hint = f"emitted files have a `{name}` of their own", "give it another name"
    yield Diagnostic("bad-torch-file", message, at(source, node.lineno), help=hint)


def parsed(source: Source) -> ast.Module:
    """Parse Python; raises SpecError at what is no Python."""
    try:
        return ast.parse(source.text, source.name)
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", 1) or 1, getattr(error, "offset", 1) or 1
        span = Span(line, column, line, column + 1, source)
        message = f"this is no Python: {getattr(error, 'msg', error)}"
        raise SpecError([Diagnostic("python-syntax", message, span)]) from None


def at(source: Source, line: int) -> Span:
    """Return the span of what stands on a line."""
    text = source.line(line)
    start = len(text) - len(text.lstrip()) + 1
    return Span(line, start, line, max(start, len(text.rstrip())) + 1, source)
