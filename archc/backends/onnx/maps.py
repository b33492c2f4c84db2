"""Ops that move elements, reduce them or multiply them in ONNX: cuts, patterns, borders."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from string import ascii_lowercase

import numpy as np

from archc.backends.onnx.call import Call, Writer
from archc.backends.onnx.graph import Dim
from archc.ops.arguments import pair
from archc.ops.cut import Narrow, Select, Split, Unfold
from archc.ops.einsum import Einsum
from archc.ops.patterns import Group, contracted, names_of
from archc.ops.rearrange import Patterned, Rearrange, Reduce
from archc.ops.resize import Pad, PadChannels, PadSame, PadTo
from archc.ops.source import Parameter
from archc.ops.wiring import Concat

REDUCTIONS = {"mean": "ReduceMean", "sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin"}


def parameter(_op: Parameter, call: Call) -> str:
    return call.own[""]


def concat(op: Concat, call: Call) -> str:
    return call.graph.node("Concat", *call.xs, axis=call.axis(op.dim)) if call.xs[1:] else call.x


def stack(_op: object, call: Call) -> str:
    graph = call.graph
    apart = [graph.node("Unsqueeze", x, graph.ints([1])) for x in call.xs]
    return graph.node("Concat", *apart, axis=1)


def flatten(_op: object, call: Call) -> str:
    return call.graph.node("Flatten", call.x, axis=1)


def transpose(_op: object, call: Call) -> str:
    order = [*range(call.rank())]
    h, w = call.axis("h"), call.axis("w")
    order[h], order[w] = w, h
    return call.graph.transpose(call.x, order)


def split(op: Split, call: Call) -> tuple[str, ...]:
    graph, axis = call.graph, call.axis(op.dim)
    if isinstance(op.sizes, int):
        if op.sizes == 1:
            return (call.x,)
        return graph.nodes_of("Split", op.sizes, call.x, axis=axis, num_outputs=op.sizes)
    return graph.nodes_of("Split", len(op.sizes), call.x, graph.ints(op.sizes), axis=axis)


def narrow(op: Narrow, call: Call) -> str:
    return call.graph.cut(call.x, call.axis(op.dim), op.start, op.start + op.length)


def select(op: Select, call: Call) -> str:
    return call.graph.node("Gather", call.x, call.graph.ints(op.index), axis=call.axis(op.dim))


def unfold(op: Unfold, call: Call) -> str:
    """Convolve with kernels of a single 1, one for each place of the window in each channel."""
    graph, channels, kernel = call.graph, call.shape.channels, pair(op.kernel)
    places = prod(kernel)
    ones = np.tile(np.eye(places).reshape(places, 1, *kernel), (channels, 1, 1, 1))
    windows = graph.node(
        "Conv", call.x, graph.constant(ones), kernel_shape=kernel, strides=pair(op.stride),
        pads=pair(op.padding) * 2, dilations=pair(op.dilation), group=channels,
    )  # fmt: skip
    return graph.reshape(windows, [0, channels * places, -1])


# Patterns


def _apart(op: Patterned, call: Call) -> tuple[str, list[Dim]]:
    """Give each name of the left side a dimension of its own; return their sizes too."""
    (left, _), sizes, given = op.sides(op.pattern), op.named(call.shape), dict(op.sizes)
    dims: list[Dim] = []
    for axis, group in enumerate(left):
        whole = call.dim(axis)
        if len(group) == 1:
            dims.append(whole)
        elif isinstance(whole, int):
            dims += [sizes[name] for name in group]
        else:
            dims += [given.get(name, -1) for name in group]
    if all(len(group) == 1 for group in left):
        return call.x, dims
    return call.graph.reshape(call.x, dims), dims


def _together(
    call: Call, x: str, dims: Sequence[Dim], names: list[str], side: Sequence[Group]
) -> str:
    """Put named dimensions into the order and the groups of a side."""
    order = [names.index(name) for name in names_of(tuple(side))]
    x = call.graph.transpose(x, order)
    if all(len(group) == 1 for group in side):
        return x
    free = {name: (x, k) for k, name in enumerate(names_of(tuple(side)))}
    sizes = dict(zip(names, dims, strict=True))
    merged: list[Dim] = []
    for group in side:
        known = [size for name in group if isinstance(size := sizes[name], int)]
        if len(known) == len(group) and -1 not in known:
            merged.append(prod(known))
        else:
            merged.append(free[group[0]] if len(group) == 1 else -1)
    return call.graph.reshape(x, merged)


def rearrange(op: Rearrange, call: Call) -> str:
    left, right = op.sides(op.pattern)
    return _together(call, *_apart(op, call), names_of(left), right)


def reduced(op: Reduce, call: Call) -> str:
    left, right = op.sides(op.pattern)
    x, dims = _apart(op, call)
    names, kept = names_of(left), names_of(right)
    gone = [k for k, name in enumerate(names) if name not in kept]
    x = call.graph.node(REDUCTIONS[op.by], x, call.graph.ints(gone), keepdims=0)
    rest = [(dim, name) for dim, name in zip(dims, names, strict=True) if name in kept]
    return _together(call, x, [dim for dim, _ in rest], [name for _, name in rest], right)


def einsum(op: Einsum, call: Call) -> str:
    graph = call.graph
    (first, second), result = contracted(op.pattern)
    names = [*dict.fromkeys((*first, *second))]
    letters = dict(zip(names, ascii_lowercase, strict=False))
    a, b, out = ("".join(letters[n] for n in part) for part in (first, second, result))
    pairs = zip(call.xs, call.shapes, strict=True)  # a pattern names no batch of one
    xs = [graph.node("Squeeze", x, graph.ints([0])) if s.batch == "1" else x for x, s in pairs]
    return graph.node("Einsum", *xs, equation=f"{a},{b}->{out}")


# Borders


def _padded(call: Call, sides: dict[int, tuple[int, int]], value: float = 0.0) -> str:
    """Add so many elements before and behind along some axes; negative numbers crop."""
    if not any(map(any, sides.values())):
        return call.x
    graph, axes = call.graph, range(call.rank())
    pads = [sides.get(axis, (0, 0))[end] for end in (0, 1) for axis in axes]
    return graph.node("Pad", call.x, graph.ints(pads), graph.constant(value), mode="constant")


def pad(op: Pad, call: Call) -> str:
    given = (op.padding,) * 4 if isinstance(op.padding, int) else op.padding
    last, pairs = call.rank() - 1, zip(given[::2], given[1::2], strict=True)
    return _padded(call, {last - k: sides for k, sides in enumerate(pairs)}, op.value)


def pad_channels(op: PadChannels, call: Call) -> str:
    return _padded(call, {call.axis("c"): (0, op.out - call.shape.channels)})


def pad_to(op: PadTo, call: Call) -> str:
    lacking = zip("hw", call.shape.spatial, pair(op.multiple), strict=True)
    return _padded(call, {call.axis(name): (0, -size % to) for name, size, to in lacking})


def pad_same(op: PadSame, call: Call) -> str:
    grown = zip("hw", call.shape.spatial, op.shape(call.shape).spatial, strict=True)
    extra = {call.axis(name): to - size for name, size, to in grown}
    return _padded(call, {k: (n // 2, n - n // 2) for k, n in extra.items()}, op.value)


MAPS: dict[str, Writer] = {
    "parameter": parameter,
    "concat": concat,
    "stack": stack,
    "flatten": flatten,
    "transpose": transpose,
    "split": split,
    "narrow": narrow,
    "select": select,
    "unfold": unfold,
    "rearrange": rearrange,
    "reduce": reduced,
    "einsum": einsum,
    "pad": pad,
    "pad_channels": pad_channels,
    "pad_to": pad_to,
    "pad_same": pad_same,
}
