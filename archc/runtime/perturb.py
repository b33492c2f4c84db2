"""Numbers that no layer can hide behind.

A new network proves little: its biases are 0, its norms do nothing, a branch that is scaled
by 1e-6 is not seen in the output. And eval mode overflows in a deep one whose statistics were
never measured. So every tensor is moved, and the statistics are those of a real batch, moved.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import nn

SMALL = 0.01
REFUSALS = (RuntimeError, ValueError, AssertionError)  # of an input that does not fit


@torch.no_grad()
def perturb(model: nn.Module, x: torch.Tensor, seed: int) -> None:
    """Move every weight and statistic of a model by seeded noise, measuring on a batch first."""
    noise = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.copy_(moved(parameter, noise))
    with statistics_of_one_batch(model), suppress(*REFUSALS):
        model.train()(x.clone())
    for norm in normalising(model):
        mean, var = norm.running_mean, norm.running_var
        mean.add_(0.1 * var.sqrt() * torch.randn(mean.shape, generator=noise))
        var.mul_(0.75 + 0.5 * torch.rand(var.shape, generator=noise))


def moved(x: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    """Return a tensor with noise: a tenth of what it varies by, or around its one value.

    Zeros become what a layer of their size would draw, and tiny scales become about 1.
    """
    draw = torch.randn(x.shape, generator=noise)
    level = float(x.flatten()[0]) if x.numel() else 0.0
    if not bool((x == level).all()):
        return x + 0.1 * x.std() * draw
    if level == 0:
        return draw / math.sqrt(x[0].numel() if x.dim() > 1 else 100)
    return (1 + 0.2 * draw) * (level if abs(level) > SMALL else 1.0)


def normalising(model: nn.Module) -> Iterator[Any]:
    """Yield the modules that keep running statistics."""
    return (m for m in model.modules() if getattr(m, "running_mean", None) is not None)


@contextmanager
def statistics_of_one_batch(model: nn.Module) -> Iterator[None]:
    """Let running statistics become the next batch's, whatever they were."""
    norms = [(m, m.momentum) for m in normalising(model)]
    for norm, _ in norms:
        norm.momentum = 1.0
    try:
        yield
    finally:
        for norm, momentum in norms:
            norm.momentum = momentum
