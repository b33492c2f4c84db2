"""What a network was compiled from: plain data, which pickles, and compiles to the same again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from archc.diagnostics import Source


@dataclass(frozen=True)
class Recipe:
    """A spec, its variant, and what else the user gave, as it was written.

    `weights` is the file that keeps it with its weights, where it was read from one.
    `input` are the sizes given in place of the spec's; `block` is the call of a block that is
    compiled alone over them.
    """

    source: Source
    variant: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    input: tuple[int, ...] = ()
    outputs: Sequence[str] = ()
    allow_ops: bool = False
    block: str = ""
    weights: Path | None = None

    def changed(self, **given: Any) -> Recipe:
        """Return the recipe with what is given now, where anything is, in place of what was."""
        return replace(self, **{name: value for name, value in given.items() if value})
