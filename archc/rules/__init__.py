"""Rules of the text: what can be judged of a document without building any variant."""

from __future__ import annotations

from archc.diagnostics import Diagnostic
from archc.spec import Document


def judge_text(document: Document) -> tuple[list[Diagnostic], frozenset[str]]:
    """Return what the text has wrong, and the blocks that are too wrong to be lowered."""
    return [], frozenset()
