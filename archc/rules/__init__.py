"""Rules of the text: what can be judged of a document without building any variant."""

from __future__ import annotations

from collections.abc import Callable

from archc.diagnostics import Diagnostic, errors
from archc.language.spec import Document, Library
from archc.lower.linking import link
from archc.rules.calls import arguments
from archc.rules.dead import dead_names, dead_values
from archc.rules.fanout import fan_out
from archc.rules.keys import keys
from archc.rules.names import clashes, unknown
from archc.rules.outputs import training_outputs
from archc.rules.structure import structure
from archc.rules.table import Table
from archc.rules.walk import Walker

# What is wrong here would lead to more faults where the block is lowered: it is left out there.
POISON: tuple[Callable[[Document | Library, Table], list[tuple[str, Diagnostic]]], ...] = (
    unknown,
    clashes,
    arguments,
    fan_out,
)
HARMLESS: tuple[Callable[[Document | Library, Table], list[Diagnostic]], ...] = (
    keys,
    structure,
    training_outputs,
    dead_values,
    dead_names,
)


Judged = tuple[list[Diagnostic], frozenset[str]]


def judge_text(document: Document | Library) -> Judged:
    """Return what the text has wrong, and the blocks that are too wrong to be lowered.

    The files that it imports are judged too; one with errors counts as such a block.
    """
    return _judged(document, {})


def _judged(document: Document | Library, done: dict[int, Judged]) -> Judged:
    if id(document) not in done:
        linked = link(document)
        table = Walker(document, linked).walk()
        poison = [found for rule in POISON for found in rule(document, table)]
        found = [d for _, d in poison]
        found += [d for rule in HARMLESS for d in rule(document, table)]
        faulty = {owner for owner, _ in poison}
        found += [*linked.faults, *linked.plugin_faults]
        faulty |= {""} if linked.plugin_faults else set()
        for name, file in linked.imports.items():
            inside = _judged(file, done)[0] if file is not None else []
            found += inside
            faulty |= {name} if errors(inside) else set()
        done[id(document)] = found, frozenset(faulty)
    return done[id(document)]
