"""The network that another is a part of, where outputs were chosen and others left out."""

from __future__ import annotations

from archc.graph import Network
from archc.lower.lowering import lower


def whole(network: Network) -> Network:
    """Return the network with what the outputs of its spec need, the chosen ones aside."""
    if not network.chosen:
        return network
    found, _ = lower(network.document, network.variant, network.settings)
    assert found is not None  # a part of it was lowered
    return found
