"""What a trace holds: plain numbers, made by the runtime and written by the backends.

Shapes include the batch. A gradient is that of L = Σ r·y, where y are the outputs of what is
traced and r is drawn once from N(0, 1); so ∂L/∂y = r, and every norm is a gain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MODES = ("train", "eval")


@dataclass(frozen=True)
class Statistics:
    """What is told of a tensor; `std` divides by n, `norm` is the root of the sum of squares."""

    mean: float
    std: float
    norm: float
    largest: float


@dataclass(frozen=True)
class ValueRow:
    """A value on its way: its numbers, and those of its gradient, None where none comes."""

    name: str
    op: str
    shape: tuple[int, ...]
    forward: Mapping[str, Statistics]
    gradient: Mapping[str, Statistics | None]


@dataclass(frozen=True)
class WeightRow:
    """A weight by its state_dict key, and its gradient in each mode."""

    name: str
    shape: tuple[int, ...]
    value: Statistics
    gradient: Mapping[str, Statistics | None]


@dataclass(frozen=True)
class NormRow:
    """A batch norm: what it measured by channel, and its running statistics before and after.

    In training `after` = (1 - momentum) · before + momentum · batch, where the variance taken
    up is the unbiased one; `error` is how far from that it is. In inference nothing changes.
    """

    name: str
    momentum: float
    batch_mean: tuple[float, ...]
    batch_var: tuple[float, ...]
    mean_before: tuple[float, ...]
    var_before: tuple[float, ...]
    mean_after: tuple[float, ...]
    var_after: tuple[float, ...]
    error: float
    kept_in_eval: bool


@dataclass(frozen=True)
class SplitPart:
    """The gradient that comes to the fork through one operand of a join."""

    role: str
    operand: str
    numbers: Statistics


@dataclass(frozen=True)
class SplitRow:
    """The gradient at a fork, part by part: ∂L/∂x = ∂L/∂y · (1 + ∂F/∂x) for y = x + F(x).

    `error` is the largest difference between the sum of the parts and what autograd gives at
    the fork, relative to its largest number. `unchanged` says that the shortcut hands on the
    gradient of the sum as it is. `elsewhere` is the norm of what comes from beside the join.
    """

    join: str
    fork: str
    mode: str
    parts: tuple[SplitPart, ...]
    total: Statistics
    error: float
    unchanged: bool
    elsewhere: float


@dataclass(frozen=True)
class Trace:
    """A walk through a network or a part of it, forwards and backwards, in both modes."""

    network: str
    at: str
    input: str
    seed: int
    values: tuple[ValueRow, ...]
    weights: tuple[WeightRow, ...]
    norms: tuple[NormRow, ...]
    splits: tuple[SplitRow, ...]
    verified: str

    @property
    def error(self) -> float:
        """The largest error of all sums of parts."""
        return max((row.error for row in self.splits), default=0.0)
