"""What a network was compiled from: plain data, which pickles, and compiles to the same again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.diagnostics import Source


@dataclass(frozen=True)
class Recipe:
    """A spec, its variant, and what else the user gave, as it was written.

    `block` is the call of a block that is compiled alone, over an `input` of a shape.
    """

    source: Source
    variant: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    allow_ops: bool = False
    block: str = ""
    input: Sequence[int] = ()
