"""One application of an op to tensors, as a kernel is given it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from archc.shapes import Shape

KernelResult = torch.Tensor | Sequence[torch.Tensor]
Kernel = Callable[[Any, "KernelCall"], KernelResult]
"""Takes an op with its arguments, and what it is applied to."""


@dataclass(frozen=True)
class KernelCall:
    """The values of an op, the tensors that it owns by name, and the mode.

    `shapes` are those that the graph says of the values, for their layouts.
    """

    xs: Sequence[torch.Tensor]
    own: Mapping[str, torch.Tensor]
    shapes: Sequence[Shape]
    training: bool

    @property
    def x(self) -> torch.Tensor:
        """The first value."""
        return self.xs[0]

    @property
    def layout(self) -> tuple[str, ...]:
        """The dimensions of the first value, without its batch."""
        return self.shapes[0].layout

    @property
    def last(self) -> bool:
        """Whether the channels of the first value are its last dimension."""
        return self.layout[-1] == "c"

    def axis(self, name: str) -> int:
        """Return the number of a dimension of the first value, which has a batch."""
        return 1 + self.layout.index(name)
