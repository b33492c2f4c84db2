"""Whether tensors are those of a network, by their keys and shapes."""

from __future__ import annotations

from collections.abc import Mapping

from archc.graph import Network
from archc.lower.whole import whole
from archc.weights.faults import Misfit

Shapes = Mapping[str, tuple[int, ...]]

COUNTED = "num_batches_tracked"
"""What inference does not read, and old files lack."""


def misfit(network: Network, given: Shapes) -> Misfit:
    """Say what does not fit; where outputs were chosen, what only others need may be there too."""
    wanted = network.state_dict_shapes()
    beside = [key for key in given if key not in wanted]
    known = whole(network).state_dict_shapes() if beside else wanted
    return Misfit(
        [key for key in wanted if key not in given and not key.endswith(COUNTED)],
        [key for key in beside if key not in known],
        [(k, wanted[k], given[k]) for k in wanted if k in given and given[k] != wanted[k]],
    )
