"""Pools and other sizes of a map in ONNX."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from archc.backends.onnx.call import Call, Writer
from archc.backends.onnx.graph import Dim
from archc.ops.arguments import Mode, pair
from archc.ops.fitting import Resize, ResizeTo
from archc.ops.pool import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool
from archc.ops.resize import Subsample, Upsample

MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}
KEYS = -0.75
"""The coefficient of PyTorch's cubic convolution (Keys, 1981)."""

Places = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def _overhang(op: MaxPool | AvgPool, call: Call) -> tuple[int, int]:
    """Return how far the last window hangs over what is padded, down and across."""
    dilation = pair(op.dilation) if isinstance(op, MaxPool) else (1, 1)
    stride = pair(op.kernel if op.stride is None else op.stride)
    sides = zip(
        call.shape.spatial, op.shape(call.shape).spatial, pair(op.kernel), stride,
        pair(op.padding), dilation, strict=True,
    )  # fmt: skip
    down, across = (
        max(0, (out - 1) * s + d * (k - 1) + 1 - size - 2 * p) for size, out, k, s, p, d in sides
    )
    return down, across


def _rounds_up(op: MaxPool | AvgPool) -> bool:
    """Whether ONNX rounds up as PyTorch does, at every size: no window starts behind the map."""
    stride = pair(op.kernel if op.stride is None else op.stride)
    inside = all(s <= k for s, k in zip(stride, pair(op.kernel), strict=True))
    return op.ceil_mode and inside and not any(pair(op.padding))


def _pool(kind: str, op: MaxPool | AvgPool, call: Call, x: str, **more: int | Sequence[int]) -> str:
    """Slide a window over a map; one that hangs over is padded for, unless ONNX rounds up."""
    pads, up = pair(op.padding), _rounds_up(op)
    over = (0, 0) if up else _overhang(op, call)
    if "pads" not in more:
        more["pads"] = [*pads, *(p + o for p, o in zip(pads, over, strict=True))]
    return call.graph.node(
        kind, x, kernel_shape=pair(op.kernel), ceil_mode=int(up),
        strides=pair(op.kernel if op.stride is None else op.stride), **more,
    )  # fmt: skip


def max_pool(op: MaxPool, call: Call) -> str:
    """Slide a window; runtimes refuse to pad by all of its kernel, as a dilated one may need."""
    graph, pads, over = call.graph, pair(op.padding), _overhang(op, call)
    wide = any(p + o >= k for p, o, k in zip(pads, over, pair(op.kernel), strict=True))
    if not wide or _rounds_up(op):
        return _pool("MaxPool", op, call, call.x, dilations=pair(op.dilation))
    border = graph.ints([*[0] * 6, *over])
    x = graph.node("Pad", call.x, border, graph.constant(-np.inf), mode="constant")
    return _pool("MaxPool", op, call, x, dilations=pair(op.dilation), pads=[*pads, *pads])


def avg_pool(op: AvgPool, call: Call) -> str:
    """Slide a window; a mean counts zeros of the padding where told, and nothing beyond it."""
    graph, x, pads = call.graph, call.x, pair(op.padding)
    over = (0, 0) if _rounds_up(op) else _overhang(op, call)
    if not (op.count_include_pad and any(pads)):
        return _pool("AveragePool", op, call, x, count_include_pad=0)
    if not any(over):
        return _pool("AveragePool", op, call, x, count_include_pad=1)
    border = graph.ints([0, 0, *pads] * 2)
    x = graph.node("Pad", x, border, graph.constant(0.0), mode="constant")
    return _pool("AveragePool", op, call, x, count_include_pad=0, pads=[0, 0, *over])


def global_avg_pool(_op: object, call: Call) -> str:
    axes = call.graph.ints([call.axis("h"), call.axis("w")])
    return call.graph.node("ReduceMean", call.x, axes, keepdims=0)


def _parts(size: int, parts: int) -> list[range]:
    """Return the places of so many windows along a side, nearly equal, as PyTorch cuts it."""
    return [range(k * size // parts, -(-(k + 1) * size // parts)) for k in range(parts)]


def _adaptive(kind: str, op: AdaptiveAvgPool | AdaptiveMaxPool, call: Call) -> str:
    """Pool a map to a size that divides its own; "" where it does not."""
    if pair(op.size) == (1, 1):
        return call.graph.node(f"Global{kind}", call.x)
    sides = list(zip(call.shape.spatial, pair(op.size), strict=True))
    if any(size % parts for size, parts in sides):
        return ""
    kernel = [size // parts for size, parts in sides]
    return call.graph.node(kind, call.x, kernel_shape=kernel, strides=kernel)


def adaptive_avg_pool(op: AdaptiveAvgPool, call: Call) -> str:
    """Multiply by a matrix of means from each side, where windows are of several sizes."""
    free = any(call.free) and pair(op.size) != (1, 1)
    if not free and (even := _adaptive("AveragePool", op, call)):
        return even
    graph = call.graph
    down, across = (
        _matrix(call, call.dim(k), n) for k, n in zip((2, 3), pair(op.size), strict=True)
    )
    rows = graph.node("MatMul", down, call.x)
    return graph.node("MatMul", rows, graph.transpose(across, (1, 0)))


def _matrix(call: Call, size: Dim, parts: int) -> str:
    """Return the means of so many windows along a side; reckoned where its size is free."""
    graph = call.graph
    if isinstance(size, int):
        return graph.constant(_means(size, parts))
    length, count = graph.sizes([size]), graph.ints([parts])
    bounds = np.arange(parts + 1)[:, None]
    starts = graph.node("Div", graph.node("Mul", graph.ints(bounds[:-1]), length), count)
    scaled = graph.node("Mul", graph.ints(bounds[1:]), length)
    ends = graph.node("Div", graph.node("Add", scaled, graph.ints([parts - 1])), count)
    places = graph.node("Range", graph.ints(0), graph.node("Squeeze", length), graph.ints(1))
    after = graph.node("GreaterOrEqual", places, starts)
    inside = graph.node("And", after, graph.node("Less", places, ends))
    weights, counts = (
        graph.node("Cast", x, to=TensorProto.FLOAT)
        for x in (inside, graph.node("Sub", ends, starts))
    )
    return graph.node("Div", weights, counts)


def _means(size: int, parts: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    means = np.zeros((parts, size))
    for k, places in enumerate(_parts(size, parts)):
        means[k, places] = 1 / len(places)
    return means


def adaptive_max_pool(op: AdaptiveMaxPool, call: Call) -> str:
    """Gather the windows of each side, the short ones with a place repeated, where they differ."""
    if even := _adaptive("MaxPool", op, call):
        return even
    graph, x = call.graph, call.x
    for axis, size, parts in zip(
        (3, 2), call.shape.spatial[::-1], pair(op.size)[::-1], strict=True
    ):
        cut = _parts(size, parts)
        longest = max(map(len, cut))
        places = [[min(p.start + k, p.stop - 1) for k in range(longest)] for p in cut]
        windows = graph.node("Gather", x, graph.ints(np.array(places)), axis=axis)
        x = graph.node("ReduceMax", windows, graph.ints([axis + 1]), keepdims=0)
    return x


def subsample(op: Subsample, call: Call) -> str:
    x = call.x
    for axis, step in zip((2, 3), pair(op.stride), strict=True):
        x = call.graph.cut(x, axis, 0, step=step) if step > 1 else x
    return x


# Other sizes


def upsample(op: Upsample, call: Call) -> str:
    sizes: list[Dim] = [op.scale * side for side in call.shape.spatial]
    if any(call.free):
        graph = call.graph
        scales = graph.constant([op.scale] * 2)
        return _resized(call, op.mode, op.align_corners, scales=scales)
    return _resized(call, op.mode, op.align_corners, sizes)


def resize(op: Resize, call: Call) -> str:
    return _resized(call, op.mode, op.align_corners, list(pair(op.size)))


def resize_to(op: ResizeTo, call: Call) -> str:
    return _resized(call, op.mode, op.align_corners, [call.dim(2, 1), call.dim(3, 1)])


def _resized(
    call: Call, mode: Mode, corners: bool | None, sizes: Sequence[Dim] = (), scales: str = ""
) -> str:
    """Interpolate along height and width as F.interpolate does."""
    graph = call.graph
    if mode == "nearest" and not scales and not all(map(_rounds_alike, call.dims()[2:], sizes)):
        return _nearest(call, sizes)
    places = "asymmetric" if mode == "nearest" else "align_corners" if corners else "half_pixel"
    more = {"nearest_mode": "floor"} if mode == "nearest" else {}
    to = [scales] if scales else ["", graph.sizes(sizes)]
    return graph.node(
        "Resize", call.x, "", *to, axes=[2, 3], mode=MODES[mode], cubic_coeff_a=KEYS,
        coordinate_transformation_mode=places, **more,
    )  # fmt: skip


def _places(size: int, to: int) -> Places:
    """Return the nearest places along a side, in the single precision of PyTorch."""
    ratio = np.float32(size) / np.float32(to)
    places: Places = np.floor(np.arange(to, dtype=np.float32) * ratio)
    return places


def _rounds_alike(size: Dim, to: Dim) -> bool:
    """Whether a place divided by a scale is what it is multiplied by the inverse: 14 to 2 is not."""
    if not isinstance(size, int) or not isinstance(to, int):
        return False
    scale = np.float32(to) / np.float32(size)
    theirs = np.floor(np.arange(to, dtype=np.float32) / scale)
    return bool((theirs == _places(size, to)).all())


def _nearest(call: Call, sizes: Sequence[Dim]) -> str:
    """Gather the nearest places of each side."""
    graph, x = call.graph, call.x
    for axis, to in zip((2, 3), sizes, strict=True):
        size = call.dim(axis)
        if isinstance(size, int) and isinstance(to, int):
            places = graph.ints(_places(size, to).astype(np.int64))
        else:
            places = _places_at_run_time(call, size, to)
        x = graph.node("Gather", x, places, axis=axis)
    return x


def _places_at_run_time(call: Call, size: Dim, to: Dim) -> str:
    """Reckon the nearest places along a side, as above."""
    graph = call.graph
    whole, part = (graph.sizes([n]) for n in (size, to))
    ratio = graph.node("Div", *(graph.node("Cast", n, to=TensorProto.FLOAT) for n in (whole, part)))
    counted = graph.node("Range", graph.ints(0), graph.node("Squeeze", part), graph.ints(1))
    place = graph.node("Mul", graph.node("Cast", counted, to=TensorProto.FLOAT), ratio)
    return graph.node("Cast", graph.node("Floor", place), to=TensorProto.INT64)


def crop_to(_op: object, call: Call) -> str:
    graph, x = call.graph, call.x
    if any(call.free):
        whole, part = (graph.node("Shape", value, start=2, end=4) for value in call.xs)
        first = graph.node("Div", graph.node("Sub", whole, part), graph.ints([2]))
        return graph.node("Slice", x, first, graph.node("Add", first, part), graph.ints([2, 3]))
    for axis, of, to in zip((2, 3), *(s.spatial for s in call.shapes), strict=True):
        start = (of - to) // 2
        x = graph.cut(x, axis, start, start + to) if to < of else x
    return x


SAMPLING: dict[str, Writer] = {
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "adaptive_avg_pool": adaptive_avg_pool,
    "adaptive_max_pool": adaptive_max_pool,
    "global_avg_pool": global_avg_pool,
    "subsample": subsample,
    "upsample": upsample,
    "resize": resize,
    "resize_to": resize_to,
    "crop_to": crop_to,
}
