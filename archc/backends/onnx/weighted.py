"""Ops with weights of their own in ONNX: convolutions, linear layers, norms."""

from __future__ import annotations

import numpy as np

from archc.backends.onnx.call import Call, Writer
from archc.ops.arguments import pair
from archc.ops.conv import Conv, Conv1d, ConvTranspose
from archc.ops.linear import Linear
from archc.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm

PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _weights(call: Call) -> tuple[str, ...]:
    bias = call.own.get("bias")
    return (call.own["weight"], bias) if bias else (call.own["weight"],)


def conv(op: Conv, call: Call) -> str:
    graph, pads, x = call.graph, op.pads() * 2, call.x
    if op.padding_mode != "zeros" and any(pads):
        border = graph.ints([0, 0, *op.pads()] * 2)
        x, pads = graph.node("Pad", x, border, mode=PAD_MODES[op.padding_mode]), (0, 0, 0, 0)
    return graph.node(
        "Conv", x, *_weights(call), kernel_shape=pair(op.kernel), strides=pair(op.stride),
        pads=pads, dilations=pair(op.dilation), group=op.groups,
    )  # fmt: skip


def conv1d(op: Conv1d, call: Call) -> str:
    return call.graph.node(
        "Conv", call.x, *_weights(call), kernel_shape=[op.kernel], strides=[op.stride],
        pads=[op.pad()] * 2, dilations=[op.dilation], group=op.groups,
    )  # fmt: skip


def conv_transpose(op: ConvTranspose, call: Call) -> str:
    """Spread elements over a kernel.

    More padding of the output than its stride, which runtimes refuse, is what elements of 0
    behind the map spread over, cropped.
    """
    graph, x = call.graph, call.x
    stride, extra = pair(op.stride), pair(op.output_padding)
    more = [-(-e // s) if e >= s else 0 for e, s in zip(extra, stride, strict=True)]
    sides = zip(pair(op.padding), more, stride, extra, strict=True)
    ends = [p + n * s - e if n else p for p, n, s, e in sides]
    if any(more):
        x = graph.node("Pad", x, graph.ints([*[0] * 6, *more]), graph.constant(0.0))
    return graph.node(
        "ConvTranspose", x, *_weights(call), kernel_shape=pair(op.kernel), strides=stride,
        pads=[*pair(op.padding), *ends], dilations=pair(op.dilation), group=op.groups,
        output_padding=[0 if n else e for n, e in zip(more, extra, strict=True)],
    )  # fmt: skip


def linear(op: Linear, call: Call) -> str:
    graph, weight, bias = call.graph, call.own["weight"], call.own.get("bias", "")
    if bias and op.bias_mask is not None:
        mask = np.repeat(op.bias_mask, op.out // len(op.bias_mask))
        bias = graph.node("Mul", bias, graph.constant(mask))
    return product(call, call.x, weight, bias, flat=call.rank() == 2)


def product(call: Call, x: str, weight: str, bias: str = "", *, flat: bool = False) -> str:
    """Multiply by a matrix (out, in), and add a bias; `flat` values have two dimensions."""
    graph = call.graph
    if flat:
        return graph.node("Gemm", x, weight, *([bias] if bias else []), transB=1)
    made = graph.node("MatMul", x, graph.transpose(weight, (1, 0)))
    return graph.node("Add", made, bias) if bias else made


def _scaled(call: Call, x: str) -> str:
    """Scale and shift by channel, where the op owns numbers for it."""
    graph, places = call.graph, range(1, call.rank() - 1)
    for kind, name in (("Mul", "weight"), ("Add", "bias")):
        if name in call.own:
            own = call.own[name]
            own = graph.node("Unsqueeze", own, graph.ints([*places])) if places else own
            x = graph.node(kind, x, own)
    return x


def _affine(call: Call, size: int, own: tuple[str, str] = ("weight", "bias")) -> tuple[str, str]:
    """Return scale and shift, of ones and zeros where the op owns none."""
    weight, bias = (
        call.own.get(name) or call.graph.constant(np.full(size, fill))
        for name, fill in zip(own, (1, 0), strict=True)
    )
    return weight, bias


def bn(op: BatchNorm, call: Call) -> str:
    if op.track_running_stats:
        statistics = (call.own["running_mean"], call.own["running_var"])
        affine = _affine(call, call.shape.channels)
        return call.graph.node("BatchNormalization", call.x, *affine, *statistics, epsilon=op.eps)
    graph = call.graph
    places = graph.ints([0, *range(2, call.rank())])
    centred = graph.node("Sub", call.x, graph.node("ReduceMean", call.x, places, keepdims=1))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), places, keepdims=1)
    deviation = graph.node("Sqrt", graph.binary("Add", variance, op.eps))
    return _scaled(call, graph.node("Div", centred, deviation))


def instance_norm(op: InstanceNorm, call: Call) -> str:
    if op.track_running_stats:
        return bn(op, call)
    affine = _affine(call, call.shape.channels)
    return call.graph.node("InstanceNormalization", call.x, *affine, epsilon=op.eps)


def group_norm(op: GroupNorm, call: Call) -> str:
    """Normalise groups as instances of one channel: ONNX scales groups, not channels, until 21."""
    graph = call.graph
    groups = graph.reshape(call.x, [call.dim(0), op.groups, -1])
    unscaled = [graph.constant(np.full(op.groups, fill)) for fill in (1, 0)]
    normal = graph.node("InstanceNormalization", groups, *unscaled, epsilon=op.eps)
    return _scaled(call, graph.reshape(normal, call.dims()))


def layer_norm(op: LayerNorm, call: Call) -> str:
    graph, rank = call.graph, call.rank()
    last = call.shape.layout[-1] == "c"
    x = call.x if last else graph.transpose(call.x, [0, *range(2, rank), 1])
    affine = _affine(call, call.shape.channels)
    x = graph.node("LayerNormalization", x, *affine, epsilon=op.eps, axis=-1)
    return x if last else graph.transpose(x, [0, rank - 1, *range(1, rank - 1)])


def local_response_norm(op: LocalResponseNorm, call: Call) -> str:
    graph, size = call.graph, op.size
    if size % 2:
        return graph.node("LRN", call.x, size=size, alpha=op.alpha, beta=op.beta, bias=op.k)
    squares = graph.node("Unsqueeze", graph.node("Mul", call.x, call.x), graph.ints([1]))
    means = graph.node(
        "AveragePool", squares, kernel_shape=[size, 1, 1], count_include_pad=1,
        pads=[size // 2, 0, 0, (size - 1) // 2, 0, 0],
    )  # fmt: skip
    means = graph.node("Squeeze", means, graph.ints([1]))
    energy = graph.binary("Add", graph.binary("Mul", means, op.alpha), op.k)
    return graph.node("Div", call.x, graph.binary("Pow", energy, op.beta))


WEIGHTED: dict[str, Writer] = {
    "conv": conv,
    "conv1d": conv1d,
    "conv_transpose": conv_transpose,
    "linear": linear,
    "bn": bn,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "local_response_norm": local_response_norm,
}
