"""The lowered network: modules that are shared by their uses, and the networkx graph of all.

Work follows the number of distinct blocks and not the depth. `Network.graph` unfolds all of it,
when asked for.
"""

from archc.graph.network import Network, Stage, unfold
from archc.graph.nodes import (
    Leaf,
    Module,
    Node,
    Output,
    Value,
    Wires,
    flat,
    flattened,
    is_source,
    join,
)
from archc.graph.unrolling import unrolled

__all__ = [
    "Leaf",
    "Module",
    "Network",
    "Node",
    "Output",
    "Stage",
    "Value",
    "Wires",
    "flat",
    "flattened",
    "is_source",
    "join",
    "unfold",
    "unrolled",
]
