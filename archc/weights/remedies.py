"""What can be done with weights that don't fit a network."""

from __future__ import annotations

from collections.abc import Callable

from archc.graph import Network
from archc.weights.faults import Misfit
from archc.weights.offers import Offer


def remedy_for(network: Network, offer: Offer | None = None) -> Callable[[Misfit], str]:
    """Return what says, of a misfit, which argument makes the network that the weights are of."""

    def remedy(wrong: Misfit) -> str:
        of_shapes = not (wrong.missing or wrong.unexpected or wrong.others)
        made = _settings(network, wrong, offer) if of_shapes else ""
        if made:
            return f"`{made}` makes the network of these weights; `adapt=True`, or `archc adopt`, fits them to this one"
        return "`adapt=True`, or `archc adopt`, fits weights of other keys and shapes; `archc identify` says of which network they are"

    return remedy


def _settings(network: Network, wrong: Misfit, offer: Offer | None) -> str:
    """Return the argument by which the network would get the shapes of the file."""
    heads = {(a[0], b[0]) for _, a, b in wrong.shapes if a and b and a[1:] == b[1:]}
    has_classes = any(str(name) == "num_classes" for name in network.document.params)
    if len(heads) == 1 and all(a[1:] == b[1:] for _, a, b in wrong.shapes):
        ((here, there),) = heads
        classified = has_classes and network.output.sizes == (here,)
        return f"num_classes={there}" if classified else ""
    own = network.input.sizes
    if offer is not None and offer.input and offer.input != own and len(own) == len(offer.input):
        return f"input={offer.input}"
    if len(wrong.shapes) == 1 and len(own) == 3:
        ((_, a, b),) = wrong.shapes
        if len(a) == len(b) == 4 and (a[0], *a[2:]) == (b[0], *b[2:]) and a[1] == own[0]:
            return f"input={(b[1], *own[1:])}"
    return ""
