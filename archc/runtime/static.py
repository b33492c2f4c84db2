"""Is what archc says of a network true? Its predictions beside the network that PyTorch builds.

On the meta device, where tensors have shapes and no numbers, so that any network fits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archc.passes.costs import Counts
from archc.runtime.load import Emits, load
from archc.runtime.report import Report, Row, listed, sizes
from archc.shapes import Shape

BATCH = 2


class Predicts(Emits, Protocol):
    """What of an Architecture is held against its network."""

    @property
    def training(self) -> Counts:
        """Its counts in training: parameters, and multiply-adds of one sample."""

    @property
    def input(self) -> Shape:
        """The shape of an input sample."""

    @property
    def output(self) -> Shape:
        """The shape of the first output for a sample."""

    def state_dict_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor by key."""


def verify_static(architecture: Predicts, device: str = "meta") -> Report:
    """Hold keys, shapes, parameters, the output's shape and MACs to those of the network."""
    with torch.device(device):
        model = load(architecture)  # in train mode: what only training needs is counted too
        try:
            output, macs = measured(model, architecture.input.sizes, architecture.training.macs)
        except RuntimeError as error:
            if device != "meta" or "meta tensors" not in str(error):
                raise
            return verify_static(architecture, "cpu")  # it looks at numbers, as `live_mean` does
    expected = batched(architecture.output)
    built = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    params = sum(p.numel() for p in model.parameters())
    return Report(
        (
            _shapes(architecture.state_dict_shapes(), built),
            _row("parameters", f"{architecture.training.params:,}", f"{params:,}"),
            _row("output", sizes(expected), sizes(output)),
            _row("MACs", f"{architecture.training.macs:,}", f"{macs:,}"),
        )
    )


def batched(shape: Shape) -> tuple[int, ...]:
    """Return the sizes of a value for a batch; what a network owns may be without."""
    return ({"b": (BATCH,), "1": (1,), "": ()}[shape.batch]) + shape.sizes


def measured(
    model: nn.Module, sample: tuple[int, ...], expected: int
) -> tuple[tuple[int, ...], int]:
    """Return the shape of the first output of a batch, and the MACs of one sample.

    What is reckoned from parameters alone costs the same for any batch: where the share of a
    sample is not as expected, another size of batch tells the two apart.
    """
    value, total = counted(model, torch.empty((BATCH, *sample)))
    if total != BATCH * expected:
        more = counted(model, torch.empty((BATCH + 1, *sample)))[1]
        return first(value), total - (BATCH - 1) * (more - total)
    return first(value), expected


def first(value: Any) -> tuple[int, ...]:
    """Return the shape of the first of what a network gives."""
    while not isinstance(value, torch.Tensor):
        value = next(iter(value.values() if isinstance(value, Mapping) else value))
    return tuple(value.shape)


def counted(model: nn.Module, batch: torch.Tensor) -> tuple[Any, int]:
    """Return what a model gives and its MACs; PyTorch counts two operations for each.

    With gradients attention takes no short cut, which nothing counts.
    """
    with FlopCounterMode(display=False) as counter:
        value = model(batch)
    return value, counter.get_total_flops() // 2


def _shapes(predicted: Mapping[str, Any], built: Mapping[str, Any]) -> Row:
    wrong = [
        f"{k}: {predicted.get(k, 'none')} predicted, {built.get(k, 'none')} built"
        for k in {**predicted, **built}
        if predicted.get(k) != built.get(k)
    ]
    moved = "" if wrong or list(predicted) == list(built) else "in another order"
    error = math.inf if wrong else 0.0
    return Row("keys and shapes", "", len(built), error, note=listed(wrong) or moved)


def _row(what: str, predicted: str, built: str) -> Row:
    note = predicted if predicted == built else f"{predicted} predicted, {built} built"
    return Row(what, "", 1, 0.0 if predicted == built else math.inf, note=note)
