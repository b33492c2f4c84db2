"""Weights into a network that was just made: all of them, or an error and no network."""

from __future__ import annotations

from torch import nn

from archc.graph import Network
from archc.runtime.weights.fitting import chosen, put
from archc.runtime.weights.keeping import retype
from archc.runtime.weights.sources import Weights
from archc.weights.remedies import remedy_for


def give(model: nn.Module, network: Network, weights: Weights, *, as_kept: bool = False) -> None:
    """Give a network weights; raises WeightsError where they don't fit, and changes nothing.

    `as_kept` lets its tensors be of the types that the file has, double precision or half.
    """
    remedy = remedy_for(network, weights.offer)
    tensors = chosen(model.state_dict(), weights.checkpoint, weights.part, remedy)
    if as_kept:
        retype(model, tensors)
    put(model, tensors)
