"""What a user's PyTorch code raises, told at the line of the user's own file."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from archc.diagnostics import Diagnostic, Note, SpecError
from archc.graph import Network, Node
from archc.ops import Op
from archc.ops.definitions import Definitions, at
from archc.ops.guard import exception_line
from archc.ops.plugins import is_plugin


@contextmanager
def blaming(network: Network, *but: type[Exception]) -> Iterator[None]:
    """Raise what running a network with ops of plug-ins raises as a SpecError, `but` some."""
    try:
        yield
    except Exception as error:
        if isinstance(error, (SpecError, *but)):
            raise
        nodes = _plugged(network)
        if not nodes:
            raise
        raise SpecError([raised(error, network) or _unfound(error, nodes[0][1])]) from error


def _plugged(network: Network) -> list[tuple[type[Op], Node]]:
    return [
        (type(node.op), node)
        for module in network.modules
        for node in module.nodes
        if node.op is not None and is_plugin(type(node.op))
    ]


def raised(error: Exception, network: Network) -> Diagnostic | None:
    """Report an exception at the innermost line of a user's PyTorch code, None where none ran."""
    nodes = _plugged(network)
    for frame in reversed(traceback.extract_tb(error.__traceback__)) if nodes else ():
        text = "".join(linecache.getlines(frame.filename))
        for op, node in nodes:
            for name, definition in op.definitions.items():
                if frame.filename == label(name):
                    line = frame.lineno or 1
                elif frame.filename.startswith("<archc ") and definition in text:
                    before = text.index(definition)
                    line = (frame.lineno or 0) - text.count("\n", 0, before)
                else:
                    continue
                if 0 < line <= definition.count("\n"):
                    return _at(error, op, name, line, node)
    return None


def _at(error: Exception, op: type[Op], name: str, line: int, node: Node) -> Diagnostic:
    assert isinstance(op.definitions, Definitions)
    source = op.definitions.source
    before = source.text.index(op.definitions[name].rstrip("\n"))
    span = at(source, source.text.count("\n", 0, before) + line)
    return Diagnostic(
        "op-raises",
        f"running `{name}` of `{op.name}` raises {exception_line(error)}",
        span,
        notes=(Note(node.span, "it is used here"),),
    )


def _unfound(error: Exception, node: Node) -> Diagnostic:
    """Report what PyTorch raises of a value that a plug-in made, or declared wrongly."""
    return Diagnostic(
        "op-raises",
        f"a network with `{node.name}`, an op of a plug-in, can't be run: {exception_line(error)}",
        node.span,
        help="`archc check-op FILE.py` holds its ops to what they declare",
    )


def label(name: str) -> str:
    """Return the file name by which a definition is compiled that runs on its own."""
    return f"<archc definition {name}>"
