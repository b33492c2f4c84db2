"""Walk the graph of a network with networkx: receptive field, paths and shortcuts."""

import networkx as nx

import archc


def high(value: int | tuple[int, int]) -> int:
    """Return the height of an argument that may be one number for both sides."""
    return value[0] if isinstance(value, tuple) else value


def receptive_field(graph: nx.DiGraph, end: str) -> int:
    """Return how many pixels high the part of the input is that a value depends on."""
    seen = {"input": (1, 1)}  # by node: receptive field and distance of neighbours, in pixels
    for name in nx.topological_sort(graph):
        if name == "input":
            continue
        field, jump = max(seen[source] for source in graph.predecessors(name))
        op = graph.nodes[name]["target"]
        kernel = high(getattr(op, "kernel", 1))
        stride = high(getattr(op, "stride", 1) or kernel)
        seen[name] = field + (kernel - 1) * jump, jump * stride
    return seen[end][0]


graph = archc.compile("resnet50").graph
for stage in ("layer1.2.out", "layer2.3.out", "layer3.5.out", "layer4.2.out"):
    print(f"{stage}: a pixel sees {receptive_field(graph, stage)} pixels of the input")

additions = [name for name, data in graph.nodes(data=True) if data["op"] == "add"]
print(f"{len(graph)} ops, {len(additions)} shortcuts")

# Veit et al. 2016 look at a residual network as an ensemble of paths: 2^n of them.
paths = {"input": 1}
for name in nx.topological_sort(graph):
    if name != "input":
        paths[name] = sum(paths[source] for source in graph.nodes[name]["inputs"])
print(f"{max(paths.values()):,} paths from the input to the output")

assert len(additions) == 16
assert max(paths.values()) == 2 ** len(additions)
