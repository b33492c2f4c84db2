"""A tensor as a few numbers."""

from __future__ import annotations

import torch

from archc.backends.signals.model import Numbers


def numbers(x: torch.Tensor) -> Numbers:
    """Return what is told of a tensor, in double precision."""
    x = x.detach().double()
    if not x.numel():
        return Numbers(0.0, 0.0, 0.0, 0.0)
    spread, largest = x.std(correction=0), x.abs().max()
    return Numbers(float(x.mean()), float(spread), float(x.norm()), float(largest))


def or_none(x: torch.Tensor | None) -> Numbers | None:
    """Return the numbers of a gradient that may not be there."""
    return None if x is None else numbers(x)
