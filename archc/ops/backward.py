"""What the backward pass of an op needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FLOAT = 4
"""The bytes of an element."""


@dataclass(frozen=True)
class Backward:
    """What the backward pass of an op needs, for one sample: values by number, and bytes beside.

    `way` names which of several ways PyTorch takes, where that decides.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    bytes: int = 0
    way: str = ""


Saves = Literal["", "inputs", "output"]
"""Which of its values an op keeps for the backward pass."""
