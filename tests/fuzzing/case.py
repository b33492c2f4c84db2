"""What the fuzzers make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archc.diagnostics import Diagnostic


@dataclass(frozen=True)
class Case:
    """One damaged input: `run` hands it to archc, and returns what archc says of it."""

    label: str
    run: Callable[[], list[Diagnostic]]
    text: str = ""


class Refusal(ValueError):
    """What a command said when it ended with 1 or 2."""
