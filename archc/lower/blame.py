"""Where a fault stands: at the line that a user can change, with notes at what leads to it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic, Note, Source, Span
from archc.graph import Value, flat
from archc.language.evaluate import EvalFault
from archc.lower.origins import Written, has_place, origin
from archc.ops import ShapeFault

if TYPE_CHECKING:
    from archc.lower.reader import Reader
    from archc.lower.scope import BlockDef, Callee


@dataclass(frozen=True, eq=False)
class Use:
    """A use of a block while its body is lowered: what it was given, and where it stands."""

    definition: BlockDef
    arguments: dict[str, Any]
    inputs: tuple[Any, ...] = ()
    own: tuple[Value, ...] = ()
    span: Span | None = None


def label(reader: Reader) -> str:
    """Say in which use of a block something is wrong."""
    trail = reader.frame.module.trail if reader.frame else ""
    return f"in {trail}" if trail else ""


def written(callee: Callee, name: str) -> Written | None:
    """Return where an argument of an op or block was last written; None where no text says it."""
    given = dict(callee.origins).get(name)
    declared = callee.file.declared(callee.name)
    if given is None and name in declared:
        given = Written(declared[name], callee.file.scope)
    return None if given is None or not has_place(given) else origin(given)


def judged(
    reader: Reader, callee: Callee, fault: ShapeFault, inputs: Sequence[Value], node: ast.expr
) -> Diagnostic:
    """Say that an op can't take its inputs, with the origin of each shape."""
    text = ast.unparse(node)
    place = reader.expr.span(node)
    at = written(callee, fault.argument) if fault.argument else None
    span = place if at is None or within(at.span, place) else at.span
    notes = [] if span == place else [Note(place, f"`{callee.name}` takes it here")]
    for value in inputs:
        shown = outside(value, reader.lowering.stack, reader.lowering.document.source)
        said = f"{value.shape}: {shown.text}" if shown.text else str(value.shape)
        notes.append(Note(shown.span, said))
    return Diagnostic(
        fault.code,
        fault.message if fault.message.startswith("`") else f"`{text}` {fault.message}",
        span,
        label(reader),
        tuple(dict.fromkeys(notes)),
        fault.help,
    )


def located(fault: EvalFault, reader: Reader) -> Diagnostic:
    """Say a fault of an expression; a list that is too short is shown where it is written.

    A variant's, a setting's or an argument's is to blame itself, since others do with the text.
    """
    found = fault.diagnostic(reader.expr)
    if fault.code != "index-out-of-range" or not isinstance(fault.node, ast.Subscript):
        return found
    entries = origin(reader.written(fault.node.value))
    if not has_place(entries) or within(entries.span, reader.expr.text.span):
        return found
    declared = reader.file.document.params.values() if hasattr(reader.scope, "file") else ()
    if any(entries.text is value for value in declared):
        return replace(found, notes=(Note(entries.span, "its entries"),))
    return replace(found, span=entries.span, notes=(Note(found.span, "they are read here"),))


def within(inner: Span, outer: Span) -> bool:
    """Whether a place is a part of another on one line."""
    return (
        inner.source is outer.source
        and inner.line == outer.line
        and outer.column <= inner.column
        and inner.end_column <= outer.end_column
    )


def outside(value: Value, stack: Sequence[Use], source: Source) -> Value:
    """Return what a user's text calls a value that a block of the library takes."""
    for use in reversed(stack):
        if changeable(value.span, source):
            break
        taken = zip(use.own, flat(list(use.inputs)), strict=False)
        value = next((given for own, given in taken if own is value), value)
    return value


def changeable(span: Span, source: Source) -> bool:
    """Whether a user can change the text: it is of the file that is judged, or no part of archc."""
    return span.source is source or not span.source.shipped


def at_use(
    diagnostics: Iterable[Diagnostic], span: Span | None, name: str, source: Source
) -> list[Diagnostic]:
    """Move what is wrong in a block of the library to its use; the block's own line is a note."""
    return [
        d
        if span is None or changeable(d.span, source)
        else replace(d, span=span, notes=(Note(d.span, f"in `{name}`"), *d.notes))
        for d in diagnostics
    ]
