"""A tensor as a few numbers."""

from __future__ import annotations

import torch

from archc.backends.signals.model import Statistics


def numbers(x: torch.Tensor) -> Statistics:
    """Return what is told of a tensor, in double precision."""
    x = x.detach().double()
    if not x.numel():
        return Statistics(0.0, 0.0, 0.0, 0.0)
    spread, largest = x.std(correction=0), x.abs().max()
    return Statistics(float(x.mean()), float(spread), float(x.norm()), float(largest))


def or_none(x: torch.Tensor | None) -> Statistics | None:
    """Return the numbers of a gradient that may not be there."""
    return None if x is None else numbers(x)
