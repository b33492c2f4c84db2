"""Which old channel each channel of a value stands for: Net2Net's wider layers, by the graph.

A value with more channels repeats those it had (arXiv:1511.05641). One rule says which, from the
two numbers alone, so that what meets in a sum agrees. Who reads repeated channels has shares of
the old weight, unequal ones: copies with equal shares would get equal gradients for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

import torch

from archc.runtime.adopt.graph import Graph, Node

Channels = tuple[int, ...]
KEEP = frozenset(
    ["batch_norm", "layer_norm", "group_norm", "add", "mul", "sub", "maximum", "minimum"]
)


def repeated(old: int, new: int) -> Channels:
    """Return which of the old channels each new one repeats; of fewer the first stay."""
    return tuple(k % old for k in range(new))


def channels(old: Graph, new: Graph, to_old: Mapping[int, int]) -> list[Channels | None]:
    """Return which old channel each channel of a node's value is; None where all are as before."""
    found: list[Channels | None] = []
    for k, node in enumerate(new.nodes):
        before = old.nodes[to_old[k]] if k in to_old else None
        taken = [found[edge.source] for edge in node.edges]
        found.append(_of(node, before, taken, old, new))
    return found


def _of(
    node: Node, before: Node | None, taken: Sequence[Channels | None], old: Graph, new: Graph
) -> Channels | None:
    """Return the channels of one value, from those of the values that it is made of."""
    known = next((channels for channels in taken if channels is not None), None)
    weight = node.operand("weight")
    if node.op in KEEP or before is None or (weight and is_depthwise(node)):
        return known
    if node.op == "cat" and len(before.edges) == len(node.edges):
        return _joined(node, before, taken, old, new)
    was = before.operand("weight")
    if node.op == "affine" and weight and was:
        a, b = was.sizes[0], weight.sizes[0]
        return None if a == b else repeated(a, b)
    fits = known is not None and len(known) in node.sizes and node.op not in ("affine", "deconv")
    return known if fits else None


def _joined(
    node: Node, before: Node, taken: Sequence[Channels | None], old: Graph, new: Graph
) -> Channels | None:
    if all(channels is None for channels in taken):
        return None
    found: list[int] = []
    start = 0
    for edge, was, channels in zip(node.edges, before.edges, taken, strict=True):
        own, other = (g.nodes[e.source].sizes for g, e in ((new, edge), (old, was)))
        length = len(channels) if channels else own[0]
        found += [start + k for k in channels or range(length)]
        start += max(channels) + 1 if channels else other[0]
    return tuple(found)


def is_depthwise(node: Node) -> bool:
    """Whether each channel of a convolution reads the one channel of its number."""
    weight = node.operand("weight")
    groups = dict(node.arguments).get("groups", 1)
    return node.op == "affine" and weight is not None and groups == weight.sizes[0] != 1


def shares(channels: Channels) -> torch.Tensor:
    """Return which part of its old channel each channel carries; those of one add up to 1."""
    seen: dict[int, int] = {}
    ranks = [seen.setdefault(c, 0) for c in channels]
    for k, c in enumerate(channels):
        ranks[k] = seen[c]
        seen[c] += 1
    totals = {c: n + n * (n - 1) / 4 for c, n in seen.items()}
    return torch.tensor(
        [(1 + rank / 2) / totals[c] for c, rank in zip(channels, ranks, strict=True)]
    )


def fit(channels: Channels | None, old: int, new: int) -> TypeGuard[Channels]:
    """Whether channels are known, as many as there are, and all of those that were."""
    return channels is not None and len(channels) == new and max(channels, default=0) < old


def spread(channels: Channels | None, old: int, new: int) -> Channels:
    """Return the channels of a value that was laid flat, so that each has become several."""
    if channels is None or new % len(channels):
        return repeated(old, new)
    each = new // len(channels)
    return tuple(c * each + k for c in channels for k in range(each))


def layer(
    weight: torch.Tensor, rows: Channels | None, columns: Channels | None, sizes: Sequence[int]
) -> torch.Tensor:
    """Return the matrix or kernel of a wider layer."""
    if not fit(rows, len(weight), sizes[0]) and (rows or len(weight) != sizes[0]):
        rows = repeated(len(weight), sizes[0])
    if rows is not None:
        weight = weight[list(rows)]
    if columns is not None or weight.shape[1] != sizes[1]:
        columns = spread(columns, weight.shape[1], sizes[1])
        if not fit(columns, weight.shape[1], sizes[1]):
            columns = repeated(weight.shape[1], sizes[1])
        part = shares(columns).reshape(1, -1, *(1,) * (weight.dim() - 2)).to(weight.dtype)
        weight = weight[:, list(columns)] * part
    return weight
