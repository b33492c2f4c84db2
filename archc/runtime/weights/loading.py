"""Weights into a network: all of them, or an error and no network."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import torch
from torch import nn

from archc.graph import Network
from archc.recipe import Recipe
from archc.runtime.load import Emits, load
from archc.runtime.weights.fitting import COUNTED, chosen, put
from archc.runtime.weights.keeping import retype
from archc.runtime.weights.sources import Weights
from archc.weights.remedies import remedy_for


class Compiled(Emits, Protocol):
    """What of an Architecture is needed to load it with weights."""

    @property
    def network(self) -> Network:
        """The lowered network."""

    @property
    def recipe(self) -> Recipe:
        """What it was compiled from."""


def give(model: nn.Module, network: Network, weights: Weights) -> None:
    """Give a network weights; raises WeightsError where they don't fit, and changes nothing."""
    remedy = remedy_for(network, weights.offer)
    put(model, chosen(model.state_dict(), weights.checkpoint, weights.part, remedy))


def loaded(
    architecture: Compiled,
    weights: Weights,
    spare: Collection[str] = (),
    *,
    as_kept: bool = False,
) -> nn.Module:
    """Return a new instance of a network with weights; raises WeightsError where they don't fit.

    What would be overwritten is not drawn first, nor is there memory for it until all fits.
    `spare` are keys of what was left out of the network, which the weights may have as well.
    `as_kept` lets tensors be of the types that the file has, double precision or half.
    """
    model = _hollow(architecture)
    is_empty = model is not None
    if model is None:
        model = load(architecture)
    remedy = remedy_for(architecture.network, weights.offer)
    tensors = chosen(model.state_dict(), weights.checkpoint, weights.part, remedy, spare)
    if is_empty:
        model = model.to_empty(device=torch.get_default_device())
        for name, buffer in model.named_buffers():
            if name.endswith(COUNTED):
                buffer.zero_()
    if as_kept:
        retype(model, tensors)
    put(model, tensors)
    return model


def _hollow(architecture: Compiled) -> nn.Module | None:
    """Return a network without memory; None where its state_dict is not all that it holds."""
    if architecture.recipe.allow_ops:  # a module of a plug-in may compute as it is made
        return None
    with torch.device("meta"):
        model = load(architecture)
    keys = model.state_dict().keys()
    buffers = {name for name, _ in model.named_buffers()}
    apart = any(isinstance(v, torch.Tensor) for m in model.modules() for v in vars(m).values())
    names = [name for name, _ in model.named_parameters()]
    shared = len(names) < len(list(model.named_parameters(remove_duplicate=False)))
    return None if apart or shared or buffers - keys else model
