"""Weights into a network that was just made: all of them, or an error and no network."""

from __future__ import annotations

from torch import nn

from archc.graph import Network
from archc.runtime.weights.fitting import load_into
from archc.runtime.weights.sources import Weights
from archc.weights.remedies import remedy_for


def give(model: nn.Module, network: Network, weights: Weights) -> None:
    """Give a network weights; raises WeightsError where they don't fit, and changes nothing."""
    remedy = remedy_for(network, weights.offer)
    load_into(model, weights.checkpoint, weights.part, remedy)
