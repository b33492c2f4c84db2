"""Weights that can't be had, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from archc.escaping import one_line

MOST = 4
LONGEST = 120

Sizes = tuple[int, ...]


class WeightsError(ValueError):
    """Weights that can't be loaded, saved or found: the message says why, and what to do.

    Nothing of a file was run, no module was changed and nothing was written.
    """


@dataclass(frozen=True)
class Misfit:
    """What of a state_dict does not fit a network: keys, and shapes (the network's, the file's)."""

    missing: Sequence[str] = ()
    unexpected: Sequence[str] = ()
    shapes: Sequence[tuple[str, Sizes, Sizes]] = ()
    others: Sequence[str] = field(default=(), kw_only=True)
    """What is wrong with single tensors, said as a phrase."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.shapes or self.others)

    @property
    def lines(self) -> list[str]:
        """What does not fit, a line for each kind."""
        different = [f"{key(k)} is {sizes(b)} there and {sizes(a)} here" for k, a, b in self.shapes]
        rows = {
            "missing": list(map(key, self.missing)),
            "unexpected": list(map(key, self.unexpected)),
            "other shapes": different,
            "unusable": list(self.others),
        }
        return [f"{what} ({len(of)}): {listed(of)}" for what, of in rows.items() if of]


def sizes(shape: Iterable[int]) -> str:
    """Spell a shape, `64×3×7×7`; that of one number is `a number`."""
    return "×".join(map(str, shape)) or "a number"


def key(name: str) -> str:
    """Spell a key of a file, which may be any text."""
    shown = one_line(name)
    return f"`{shown if len(shown) <= LONGEST else shown[:LONGEST] + '…'}`"


def listed(names: Sequence[str]) -> str:
    """Spell the first of many."""
    more = f" and {len(names) - MOST:,} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
