"""What a comparison found: rows of a table, and how far apart two tensors are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

Tensors = Mapping[str, torch.Tensor | None]


@dataclass(frozen=True)
class Row:
    """One comparison: of what, at which input size, of how many things, and the largest error.

    `error` is 0 where all are equal to the last bit, and infinite where no number can say how
    far apart they are; `where` is the tensor that it is in, to whose largest number it is
    relative. A `refused` row compared nothing, since neither network takes such an input.
    """

    what: str
    at: str
    count: int
    error: float = 0.0
    where: str = ""
    note: str = ""
    refused: bool = False

    @property
    def result(self) -> str:
        """Say in words how it ended."""
        if self.refused or self.error == 0 or math.isinf(self.error):
            verdict = "" if self.refused else "equal" if self.error == 0 else "differs"
            where = f" in {self.where}" if self.where else ""
            return f"{verdict}{where}{': ' * bool(verdict and self.note)}{self.note}"
        return f"{self.error:.1e} in {self.where}"


@dataclass(frozen=True)
class Report:
    """All comparisons of two networks."""

    rows: tuple[Row, ...]
    tolerance: float = 0.0

    @property
    def wrong(self) -> tuple[Row, ...]:
        """The rows whose error is above the tolerance."""
        return tuple(row for row in self.rows if not row.error <= self.tolerance)

    @property
    def refused(self) -> bool:
        """Whether neither network takes any of the sizes, so that nothing was run."""
        ran = [row.refused for row in self.rows if row.at]
        return bool(ran) and all(ran)

    @property
    def ok(self) -> bool:
        """Whether something was compared, and nothing differs."""
        return not self.wrong and not self.refused


def compare(what: str, at: str, ours: Tensors, theirs: Tensors) -> Row:
    """Compare two sets of tensors by name; a name that one lacks is a difference.

    An error is relative to no less than a hundredth of the largest number of all: a gradient
    that cancels out, as that of a bias before a norm does, is made of rounding alone.
    """
    least = 0.01 * max((_largest(x) for x in theirs.values() if x is not None), default=0.0)
    errors = {k: difference(ours.get(k), theirs.get(k), least) for k in {**theirs, **ours}}
    worst = max(errors, key=errors.__getitem__, default="")
    error = errors.get(worst, 0.0)
    return Row(what, at, len(errors), error, worst if error else "", _why(ours, theirs, worst))


def difference(a: torch.Tensor | None, b: torch.Tensor | None, least: float = 0.0) -> float:
    """Return the largest error of `a`, relative to the largest number of `b`, or to `least`."""
    if a is None or b is None:
        return 0.0 if a is b else math.inf
    if a.shape != b.shape or a.dtype != b.dtype or not (_finite(a) and _finite(b)):
        return math.inf
    if torch.equal(a, b):
        return 0.0
    scale = max(_largest(b), least)
    return _largest(a.detach().double() - b.detach().double()) / scale if scale else math.inf


def _largest(x: torch.Tensor) -> float:
    numbers = x.detach() if x.is_floating_point() else x.double()  # of truth values too
    return float(numbers.abs().max()) if x.numel() else 0.0


def _finite(x: torch.Tensor) -> bool:
    return bool(x.isfinite().all())


def _why(ours: Tensors, theirs: Tensors, name: str) -> str:
    """Say what of two tensors no number can compare."""
    a, b = ours.get(name), theirs.get(name)
    if a is None or b is None:
        return "" if a is b else "only one of the two has it"
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return f"{spelled(a)} and {spelled(b)}"
    return "" if _finite(a) and _finite(b) else "not finite, which proves nothing"


def spelled(x: torch.Tensor) -> str:
    """Spell shape and dtype, `64×3×7×7 float32`."""
    return f"{sizes(x.shape)} {str(x.dtype).removeprefix('torch.')}".lstrip()


def sizes(shape: Iterable[int]) -> str:
    """Spell sizes, `64×3×7×7`."""
    return "×".join(map(str, shape))


def listed(names: Sequence[str], most: int = 4) -> str:
    """Spell the first of some names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
