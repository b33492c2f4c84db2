"""Rules of the text: what can be judged of a document without building any variant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate

from archc.diagnostics import Diagnostic, Span, errors
from archc.language.spec import Document, Library
from archc.lower.linking import link
from archc.lower.marks import Faults
from archc.rules.analysis import Analysis
from archc.rules.calls import arguments
from archc.rules.dead import dead_names, dead_values
from archc.rules.fanout import fan_out
from archc.rules.keys import keys
from archc.rules.names import clashes, unknown
from archc.rules.outputs import training_outputs
from archc.rules.structure import structure
from archc.rules.walk import Walker

# A block with such a fault is not lowered: more faults would follow from it there.
BLOCKING: tuple[Callable[[Document | Library, Analysis], list[tuple[str, Diagnostic]]], ...] = (
    unknown,
    clashes,
    arguments,
    fan_out,
)
NON_BLOCKING: tuple[Callable[[Document | Library, Analysis], list[Diagnostic]], ...] = (
    keys,
    structure,
    training_outputs,
    dead_values,
    dead_names,
)


# What a name means is not known anywhere then.
CONFUSING = ("same-name", "name-taken", "reserved-name")

Judged = tuple[list[Diagnostic], Faults]


def judge_text(document: Document | Library) -> Judged:
    """Return what the text has wrong, and what of it is too wrong to be lowered.

    The files that it imports are judged too; one with errors counts as such a block.
    """
    return _judged(document, {})


def _judged(document: Document | Library, done: dict[int, Judged]) -> Judged:
    if id(document) not in done:
        linked = link(document)
        analysis = Walker(document, linked).walk()
        blocking = [faults for rule in BLOCKING for faults in rule(document, analysis)]
        faults = [d for _, d in blocking]
        faults += [d for rule in NON_BLOCKING for d in rule(document, analysis)]
        spans = [(o, None if d.code in CONFUSING else d.span) for o, d in blocking]
        faulty, places = unknown_parts([*spans, *analysis.doubtful], analysis)
        faults += [*linked.faults, *linked.plugin_faults]
        faulty |= {""} if linked.plugin_faults else set()
        for name, file in linked.imports.items():
            inside = _judged(file, done)[0] if file is not None else []
            faults += inside
            faulty |= {name} if errors(inside) else set()
        done[id(document)] = faults, Faults(frozenset(faulty), frozenset(places))
    return done[id(document)]


def unknown_parts(
    wrong: Iterable[tuple[str, Span | None]], analysis: Analysis
) -> tuple[set[str], set[object]]:
    """Return the owners that are unknown as a whole, and of the network those texts that are."""
    texts = [r.expr.text.span for r in analysis.readings if r.owner == ""]
    texts += [d.span for d in analysis.defs if d.owner == "" and d.origin != "input"]
    texts.sort()
    starts = [(t.line, t.column) for t in texts]
    ends = list(accumulate(((t.end_line, t.end_column) for t in texts), max))
    owners: set[str] = set()
    places: set[object] = set()
    for owner, span in wrong:
        at: set[object] = set()
        if span is not None and not owner:
            k = bisect_right(starts, (span.line, span.column)) - 1
            while k >= 0 and ends[k] >= (span.end_line, span.end_column):
                at |= {texts[k].key} if covers(texts[k], span) else set()
                k -= 1
        places |= at
        owners |= set() if at else {owner}
    return owners, places


def covers(outer: Span, inner: Span) -> bool:
    """Whether one stretch of a text is in another."""
    first, last = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return (
        outer.source.name == inner.source.name
        and first <= (inner.line, inner.column)
        and (inner.end_line, inner.end_column) <= last
    )
