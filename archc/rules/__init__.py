"""Rules of the text: what can be judged of a document without building any variant."""

from __future__ import annotations

from collections.abc import Callable

from archc.diagnostics import Diagnostic
from archc.language.spec import Document
from archc.lower.scope import library
from archc.rules.calls import arguments
from archc.rules.dead import dead_names, dead_values
from archc.rules.fanout import fan_out
from archc.rules.keys import keys
from archc.rules.names import clashes, unknown
from archc.rules.structure import structure
from archc.rules.table import Table
from archc.rules.walk import Walker

# What is wrong here would lead to more faults where the block is lowered: it is left out there.
POISON: tuple[Callable[[Document, Table], list[tuple[str, Diagnostic]]], ...] = (
    unknown,
    clashes,
    arguments,
    fan_out,
)
HARMLESS: tuple[Callable[[Document, Table], list[Diagnostic]], ...] = (
    keys,
    structure,
    dead_values,
    dead_names,
)


def judge_text(document: Document) -> tuple[list[Diagnostic], frozenset[str]]:
    """Return what the text has wrong, and the blocks that are too wrong to be lowered."""
    table = Walker(document, {name: b.signature for name, b in library().items()}).walk()
    poison = [found for rule in POISON for found in rule(document, table)]
    harmless = [found for rule in HARMLESS for found in rule(document, table)]
    return [d for _, d in poison] + harmless, frozenset(owner for owner, _ in poison)
