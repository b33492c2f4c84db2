"""Tensors of one network given to another one that differs in its classes or input channels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from archc.passes.landmarks import Landmarks
from archc.weights.faults import WeightsError, sizes


@torch.no_grad()
def carry(tensors: Mapping[str, torch.Tensor], model: nn.Module, marks: Landmarks) -> None:
    """Give a network the tensors of its keys; a classifier of other classes is left as it is.

    Other input channels are made of those that are there, as timm does: their sum for one, else
    they are repeated, and scaled so that the sum stays. Raises WeightsError for other shapes.
    """
    head = f"{marks.classifier.path}." if marks.classifier else None
    given: dict[str, torch.Tensor] = {}
    wrong = []
    for key, own in model.state_dict().items():
        old = tensors[key]
        if old.shape == own.shape:
            given[key] = old
        elif key == f"{marks.first}.weight" and old.dim() == own.dim() == 4:
            given[key] = with_channels(old, own.shape[1])
        elif head is None or not key.startswith(head):
            wrong.append((key, tuple(own.shape), tuple(old.shape)))
    if wrong:
        found = "; ".join(f"`{k}` is {sizes(a)}, there {sizes(b)}" for k, a, b in wrong[:4])
        message = f"weights of another shape: {found}"
        raise WeightsError(message)
    model.load_state_dict(given, strict=False)


def with_channels(weight: torch.Tensor, channels: int) -> torch.Tensor:
    """Return the kernels of a first convolution for other channels of the input."""
    own = weight.shape[1]
    if channels == 1:
        return weight.sum(dim=1, keepdim=True)
    repeated = weight.repeat(1, -(-channels // own), 1, 1)[:, :channels]
    return repeated * (own / channels)
