"""What became of each tensor of an adoption, and what the outputs say of it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Sizes = tuple[int, ...]

KINDS = (
    "kept", "renamed", "reshaped", "joined", "split", "folded", "resampled", "grown", "cut", "new",
    "dropped",
)  # fmt: skip
"""Every fate, from the least change to the most."""


@dataclass(frozen=True)
class Fate:
    """What became of a tensor: its keys and sizes in the old network and in the new one.

    `how` says what was done, where the kind does not. Of a new tensor nothing was before, of a
    dropped one nothing is left.
    """

    kind: str
    old: tuple[str, ...]
    new: str
    before: Sizes = ()
    after: Sizes = ()
    how: str = ""


@dataclass(frozen=True)
class Judgement:
    """What both networks gave for the same perturbed numbers.

    `error` is the largest difference relative to the largest number, None where the outputs
    have no common shape. `ok`: they are equal, or differ as they must, where tensors were
    resampled, cut or drawn anew.
    """

    verdict: str
    error: float | None = None
    ok: bool = False


@dataclass(frozen=True)
class Adoption:
    """The fates of all tensors of two networks, and the judgement."""

    old: str
    new: str
    fates: Sequence[Fate]
    judgement: Judgement

    @property
    def counts(self) -> dict[str, int]:
        """How many tensors have each fate."""
        found = Counter(fate.kind for fate in self.fates)
        return {kind: found[kind] for kind in KINDS if found[kind]}
