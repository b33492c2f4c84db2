"""The tensors of weights, for what takes them without running a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from archc.graph import Network, join
from archc.lower.whole import whole
from archc.ops.arguments import spelled
from archc.passes.steps import unroll
from archc.runtime.kernels import expected_buffers
from archc.runtime.weights.fitting import COUNTED, chosen
from archc.runtime.weights.sources import opened
from archc.weights.faults import WeightsError
from archc.weights.remedies import remedy_for


def state_of(
    network: Network, weights: Any, settings: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    """Return the tensors of weights by the keys of a network; raises WeightsError.

    `settings` are those that the user gave: where the owner of the weights gives others to its
    network, the user has to decide.
    """
    source = opened(weights, network.name)
    if of_owner := source.settings(network, settings):
        told = " ".join(f"--set {name}={spelled(value)}" for name, value in of_owner.items())
        raise WeightsError(f"{source.name} are of a network with other settings: say {told}")
    remedy = remedy_for(network, source.offer)
    try:
        return chosen(_tensors(network), source.checkpoint, source.part, remedy)
    except WeightsError:
        if not network.chosen:
            raise
    found = chosen(_tensors(whole(network)), source.checkpoint, source.part, remedy)
    return {key: found[key] for key in network.state_dict_shapes() if key in found}


def _tensors(network: Network) -> dict[str, torch.Tensor]:
    """Return the tensors of a network without their numbers."""
    whole = {
        join(step.owner, name): buffer.dtype
        for step in unroll(network).steps
        for name, buffer in expected_buffers(step.node.op).items()
    }
    return {
        key: torch.empty(
            shape,
            device="meta",
            dtype=torch.int64 if key.endswith(COUNTED) else whole.get(key, torch.float32),
        )
        for key, shape in network.state_dict_shapes().items()
    }
