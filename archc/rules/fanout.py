"""Explicit fan-out: a value that a later step names may not be handed on without a word too."""

from __future__ import annotations

from archc.diagnostics import Diagnostic, Note
from archc.language.spec import Body, Chain, Document, Library, Modified, Row
from archc.rules.analysis import Analysis, Def, Reference, Step


def fan_out(_: Document | Library, analysis: Analysis) -> list[tuple[str, Diagnostic]]:
    """Return, with its block, every step that must say what it takes."""
    return [
        (d.owner, found)
        for d in analysis.defs
        if d.origin == "step" and d.name and d.named and (d.owner, None) not in analysis.doubtful
        for found in _silent(d)
    ]


def _silent(value: Def) -> list[Diagnostic]:
    takers = {
        id(path[value.depth]): path[value.depth] for path in value.taken if len(path) > value.depth
    }
    return [
        _diagnostic(value, taker) for taker in takers.values() if not isinstance(taker.node, Row)
    ]


def _diagnostic(value: Def, taker: Step) -> Diagnostic:
    use = next((u for u in value.named if _where(value, u) != taker.name), value.named[0])
    here = _where(value, use)
    used = f"`{use.name}` is used in `{here}`" if here else f"`{use.name}` is used further down"
    step = f"`{taker.name}`" if taker.name else "this step"
    names = [use.name] if value.owner == "" else ["x", use.name]
    nested = isinstance(taker.node, (Body, Chain)) or (
        isinstance(taker.node, Modified) and isinstance(taker.node.do, (Body, Chain))
    )
    bare = (
        isinstance(taker.node, Modified)
        and taker.node.condition is not None
        and taker.node.otherwise is None
    )
    spelled = [f"`from: {n}`" if nested or bare else f"`({n})`" for n in names]
    message = f"{used}, so {step} must say what it takes: {' or '.join(spelled)}"
    return Diagnostic(
        "silent-fan-out",
        message,
        taker.span,
        notes=(Note(use.span, f"`{use.name}` is used here"),),
        help=_help(use.name, taker, nested or bare),
    )


def _where(value: Def, use: Reference) -> str:
    """Return the step beside the value in which it is used."""
    return use.path[value.depth].name if len(use.path) > value.depth else ""


def _help(value: str, taker: Step, nested: bool) -> str:
    name = taker.name or "the step"
    if not nested:
        return ""
    if isinstance(taker.node, Modified):
        return f"`from:` beside `do:` says what `{name}` takes"
    return f"put what `{name}` is made of under `do:`, and `from: {value}` beside it"
