"""Functions that a file may bring: those of ops, of the language, of plug-ins, of `stages:`."""

from __future__ import annotations

from archc.backends.torchfile import tables
from archc.graph import Network
from archc.ops import HELPERS

STAGE = """\
def stage(block, in_channels, channels, depth, stride=1, **args):
    first = block(in_channels, stride=stride, **args)
    return nn.Sequential(first, *(block(channels, **args) for _ in range(depth - 1)))
"""


def known(network: Network) -> dict[str, str]:
    """Return the text of each by its name."""
    return {**HELPERS, **tables.HELPERS, **plugged(network), "stage": STAGE}


def plugged(network: Network) -> dict[str, str]:
    """Return the definitions that plug-ins bring, by name."""
    ops = {type(n.op) for m in network.modules for n in m.nodes if n.op is not None}
    return {name: text for op in ops for name, text in op.definitions.items()}
