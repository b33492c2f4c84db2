"""A network as aligning sees it: ops with tensors, and ops at which values meet.

What reads one value and owns nothing (activations, pools, views) is no node but a link of the
chain on an edge: two spellings of a network differ in those, and hardly in anything else.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from math import prod

Sizes = tuple[int, ...]
Link = tuple[Hashable, ...]
"""What stands between two nodes: the name of an op, and what it was given."""

VIEW_ARGUMENTS = tuple[Hashable, ...]


@dataclass(frozen=True)
class Piece:
    """A tensor of the state_dict, or zeros where `key` is empty, under views that can be undone.

    `views` are calls of tensor methods, `("permute", (1, 0))`; `sizes` are those of the result.
    """

    key: str
    views: tuple[tuple[str, VIEW_ARGUMENTS], ...]
    sizes: Sizes


@dataclass(frozen=True)
class Operand:
    """What an op takes of the network's own tensors: pieces, joined along their first dimension.

    `chain` is what was done to it that no view undoes.
    """

    slot: str
    pieces: tuple[Piece, ...]
    chain: tuple[Link, ...] = ()

    @property
    def sizes(self) -> Sizes:
        """The sizes of the whole."""
        first = self.pieces[0].sizes
        if len(self.pieces) == 1:
            return first
        return (sum(piece.sizes[0] for piece in self.pieces), *first[1:])

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the tensors in it."""
        return tuple(piece.key for piece in self.pieces if piece.key)

    @property
    def canonical(self) -> Sizes:
        """Sizes that a linear layer and a convolution of one matrix share."""
        if self.slot == "weight" and len(self.sizes) > 1:
            return (self.sizes[0], prod(self.sizes[1:]))
        return tuple(size for size in self.sizes if size > 1) or (1,)


@dataclass(frozen=True)
class Edge:
    """A value that a node takes: whose it is, in which slot, and by which ops it came."""

    source: int
    slot: str
    chain: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Node:
    """An op; `arguments` are those that change what it computes, by name."""

    op: str
    arguments: tuple[tuple[str, Hashable], ...] = ()
    edges: tuple[Edge, ...] = ()
    operands: tuple[Operand, ...] = ()
    sizes: Sizes = ()
    mark: tuple[float, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all tensors that it takes."""
        return tuple(key for operand in self.operands for key in operand.keys)

    @property
    def owner(self) -> str:
        """The path of the module that holds its tensors, or the name of the op."""
        return self.keys[0].rpartition(".")[0] or self.keys[0] if self.keys else self.op

    def operand(self, slot: str) -> Operand | None:
        """Return the operand in a slot."""
        return next((o for o in self.operands if o.slot == slot), None)


@dataclass
class Graph:
    """All nodes in the order of the run: the first is the input, the last the output."""

    nodes: list[Node] = field(default_factory=list)

    def users(self) -> list[list[tuple[int, Edge]]]:
        """Return who takes the value of each node."""
        taken: list[list[tuple[int, Edge]]] = [[] for _ in self.nodes]
        for k, node in enumerate(self.nodes):
            for edge in node.edges:
                taken[edge.source].append((k, edge))
        return taken


def normal(graph: Graph) -> Graph:
    """Return a graph as aligning wants it, whoever spelled it.

    Biases that are added apart are in their layers, queries, keys and values are one layer, and
    what reads one value only is no node.
    """
    return _links(_packed(_biased(graph)))


def _biased(graph: Graph) -> Graph:
    """Return a graph with biases that are added apart taken into their layers."""
    merged: dict[int, int] = {}
    nodes = list(graph.nodes)
    uses = [len(users) for users in graph.users()]
    for k, node in enumerate(graph.nodes):
        bias = node.operand("term")
        if node.op != "add" or bias is None or len(node.edges) != 1 or len(node.operands) != 1:
            continue
        (edge,) = node.edges
        layer = nodes[edge.source]
        fits = layer.op == "affine" and layer.operand("bias") is None and not edge.chain
        weight = layer.operand("weight")
        if fits and uses[edge.source] == 1 and weight and bias.canonical == weight.sizes[:1]:
            operands = (*layer.operands, replace(bias, slot="bias"))
            nodes[edge.source] = replace(layer, operands=operands, mark=node.mark)
            merged[k] = edge.source
    return without(nodes, merged)


PRODUCT = "bmm"


def _packed(graph: Graph) -> Graph:
    """Return a graph with the three layers before attention, where there are three, as one."""
    nodes, merged = list(graph.nodes), dict[int, int]()
    uses = [len(users) for users in graph.users()]
    for mixture in graph.nodes:
        if mixture.op != PRODUCT or len(mixture.edges) != 2:
            continue
        logits = nodes[_logits(nodes, mixture.edges[0].source)]
        if logits.op != PRODUCT or len(logits.edges) != 2:
            continue
        q, k, v = (*(e.source for e in logits.edges), mixture.edges[1].source)
        layers = [nodes[n] for n in (q, k, v)]
        if len({q, k, v}) == 3 and all(uses[n] == 1 for n in (q, k, v)) and _joinable(layers):
            operands = tuple(
                Operand(
                    o.slot,
                    tuple(p for n in layers if (other := n.operand(o.slot)) for p in other.pieces),
                )
                for o in layers[0].operands
            )
            first = min(q, k, v)
            nodes[first] = replace(layers[0], operands=operands, mark=())
            merged |= {n: first for n in (q, k, v) if n != first}
    return without(nodes, merged)


def _logits(nodes: list[Node], number: int) -> int:
    """Return the product behind what is added to it: masks and biases."""
    while nodes[number].op == "add" and nodes[number].edges:
        number = max(nodes[number].edges, key=lambda e: nodes[e.source].op == PRODUCT).source
    return number


def _joinable(layers: list[Node]) -> bool:
    """Whether layers read one value, and their tensors can stand one after the other."""
    first = layers[0]
    slots = {tuple(o.slot for o in n.operands) for n in layers}
    plain = all(len(o.pieces) == 1 and not o.chain for n in layers for o in n.operands)
    return (
        len(slots) == 1
        and plain
        and all((n.op, n.arguments, n.edges) == ("affine", (), first.edges) for n in layers)
    )


def _links(graph: Graph) -> Graph:
    """Return a graph without the nodes that only read one other, several parts of it."""
    merged: dict[int, int] = {}
    for k, node in enumerate(graph.nodes):
        sources = {merged.get(edge.source, edge.source) for edge in node.edges}
        if node.op not in ("input", "output") and not node.operands and len(sources) == 1:
            (merged[k],) = sources
    return without(list(graph.nodes), merged)


def without(nodes: list[Node], merged: dict[int, int]) -> Graph:
    """Return a graph without some nodes: who took their values takes those of others."""
    number: dict[int, int] = {}
    chains: dict[int, tuple[Link, ...]] = {}
    kept: list[Node] = []
    for k, node in enumerate(nodes):
        if k in merged:
            number[k] = number[merged[k]]
            if not node.operands:
                before = {chains.get(e.source, ()) + e.chain for e in node.edges}
                chains[k] = (*min(before, default=(), key=repr), (node.op,))
            continue
        edges = tuple(
            replace(
                edge, source=number[edge.source], chain=chains.get(edge.source, ()) + edge.chain
            )
            for edge in node.edges
        )
        number[k] = len(kept)
        kept.append(replace(node, edges=edges))
    return Graph(kept)
