"""Attention and windows in ONNX, in nodes that every runtime has."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from archc.backends.onnx.call import Call, Writer
from archc.backends.onnx.plain import unit
from archc.backends.onnx.weighted import product
from archc.ops.arguments import pair
from archc.ops.attention import Attention, MultiheadAttention
from archc.ops.window import (
    RelativeCoordinates,
    RelativePositionBias,
    WindowMask,
    WindowMerge,
    WindowPartition,
)
from archc.shapes import Shape

HIDDEN = -100.0
"""What is added to the logit of a pair of tokens that may not see each other."""


def attention(op: Attention, call: Call) -> str:
    graph, (q, k, v) = call.graph, (_in_heads(call, n, op.heads) for n in range(3))
    terms = list(call.xs[3:])
    if op.similarity == "cosine":
        sharpness = graph.node("Exp", graph.binary("Min", terms.pop(0), math.log(100)))
        q, k = (unit(call, x, -1, 1e-12) for x in (q, k))
        return _attended(call, q, k, v, terms, sharpness)
    scale = op.scale if op.scale is not None else (call.shape.sizes[-1] // op.heads) ** -0.5
    return _attended(call, graph.binary("Mul", q, scale), k, v, terms)


def _in_heads(call: Call, n: int, heads: int) -> str:
    """Cut the channels of tokens into heads, `... n (heads d) -> ... heads n d`."""
    rank, graph = call.rank(n), call.graph
    x = graph.reshape(call.xs[n], [*[0] * (rank - 1), heads, call.shapes[n].sizes[-1] // heads])
    return graph.transpose(x, [*range(rank - 2), rank - 1, rank - 2, rank])


def _attended(call: Call, q: str, k: str, v: str, terms: Sequence[str], sharpness: str = "") -> str:
    """Mix values by softmax(q kᵀ + terms), and put heads side by side again."""
    graph, rank = call.graph, call.rank(1)
    logits = graph.node("MatMul", q, graph.transpose(k, [*range(rank - 1), rank, rank - 1]))
    logits = graph.node("Mul", logits, sharpness) if sharpness else logits
    for term in terms:
        logits = graph.node("Add", logits, term)
    mixed = graph.node("MatMul", graph.node("Softmax", logits, axis=-1), v)
    rank = call.rank()
    mixed = graph.transpose(mixed, [*range(rank - 2), rank - 1, rank - 2, rank])
    return graph.reshape(mixed, [*[0] * (rank - 1), call.shapes[2].sizes[-1]])


def multihead_attention(op: MultiheadAttention, call: Call) -> str:
    graph, own, channels = call.graph, call.own, call.shape.channels
    weight, bias = own["in_proj_weight"], own.get("in_proj_bias", "")
    if len({*call.xs}) == 1:
        whole = product(call, call.x, weight, bias)
        parts = graph.nodes_of("Split", 3, whole, axis=2, num_outputs=3)
    else:
        weights = graph.nodes_of("Split", 3, weight, axis=0, num_outputs=3)
        biases = graph.nodes_of("Split", 3, bias, axis=0, num_outputs=3) if bias else [""] * 3
        triples = zip(call.xs, weights, biases, strict=True)
        parts = tuple(product(call, *triple) for triple in triples)
    heads = Attention(heads=op.heads)
    mixed = attention(heads, Call(graph, parts, tuple(call.shapes)))
    assert call.shapes[2].channels == channels
    return product(call, mixed, own["out_proj.weight"], own.get("out_proj.bias", ""))


# Windows of a map whose channels are last


def _shift(op: WindowPartition | WindowMerge | WindowMask, x: Shape) -> list[tuple[int, int, int]]:
    """Return each side with its length and by how much it is rolled: one window long, not at all."""
    sides = zip((1, 2), x.spatial, pair(op.size), pair(op.shift), strict=True)
    return [(axis, length, by if length > window else 0) for axis, length, window, by in sides]


def _cut(shape: Shape, op: WindowPartition | WindowMerge) -> tuple[list[int], tuple[int, ...]]:
    """Return a map of windows as it is cut, and the order that puts windows before their tokens."""
    (h, w), (height, width) = pair(op.size), shape.spatial
    rows, columns = -(-height // h), -(-width // w)
    if op.grid:
        return [h, rows, w, columns], (0, 2, 4, 1, 3, 5)
    return [rows, h, columns, w], (0, 1, 3, 2, 4, 5)


def window_partition(op: WindowPartition, call: Call) -> str:
    graph, x = call.graph, call.channels_last()
    for axis, length, by in [] if op.grid else _shift(op, call.shape):
        x = graph.rolled(x, axis, -by, length)
    sides, order = _cut(call.shape, op)
    x = graph.reshape(x, [0, *sides, call.shape.channels])
    x = graph.transpose(x, order)
    return graph.reshape(x, [0, *call.result.sizes])


def window_merge(op: WindowMerge, call: Call) -> str:
    graph, like = call.graph, call.shapes[1]
    sides, order = _cut(like, op)
    channels, (h, w) = call.shape.channels, pair(op.size)
    x = graph.reshape(call.x, [0, *(sides[k - 1] for k in order[1:5]), channels])
    x = graph.transpose(x, np.argsort(order).tolist())
    rows, columns = (-(-length // s) for length, s in zip(like.spatial, (h, w), strict=True))
    x = graph.reshape(x, [0, rows * h, columns * w, channels])
    for axis, _, by in [] if op.grid else _shift(op, like):
        x = graph.rolled(x, axis, by, (rows * h, columns * w)[axis - 1])
    for axis, length, whole in zip((1, 2), like.spatial, (rows * h, columns * w), strict=True):
        x = graph.cut(x, axis, 0, length) if length < whole else x
    return x if like.layout[-1] == "c" else graph.transpose(x, (0, 3, 1, 2))


def window_mask(op: WindowMask, call: Call) -> str:
    (h, w), (height, width) = pair(op.size), call.shape.spatial
    regions = np.zeros((height, width), np.int64)
    for axis, length, by in _shift(op, call.shape):
        places = np.arange(length)
        window = (h, w)[axis - 1]
        part = (places >= length - window).astype(np.int64) + (places >= length - by)
        regions = 3 * regions + np.expand_dims(part, 2 - axis)
    cut = regions.reshape(height // h, h, width // w, w).swapaxes(1, 2).reshape(-1, 1, h * w)
    apart = cut[..., :, None] != cut[..., None, :]
    return call.graph.constant(np.where(apart, HIDDEN, 0.0))


def relative_position_bias(op: RelativePositionBias, call: Call) -> str:
    graph, rows, heads = call.graph, call.own["relative_position_index"], call.shape.sizes[-1]
    table = call.x if call.rank() == 2 else graph.reshape(call.x, [-1, heads])
    tokens = math.prod(pair(op.size))
    bias = graph.node("Gather", table, rows, axis=0)
    bias = graph.reshape(bias, [tokens, tokens, heads]) if op.flat else bias
    return graph.transpose(bias, (2, 0, 1))


def relative_coordinates(_op: RelativeCoordinates, call: Call) -> str:
    return call.own["relative_coords_table"]


ATTENTION: dict[str, Writer] = {
    "attention": attention,
    "multihead_attention": multihead_attention,
    "window_partition": window_partition,
    "window_merge": window_merge,
    "window_mask": window_mask,
    "relative_position_bias": relative_position_bias,
    "relative_coordinates": relative_coordinates,
}
