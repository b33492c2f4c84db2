"""Ops on elements in ONNX: activations, arithmetic, and what drops something in training."""

from __future__ import annotations

import numpy as np

from archc.backends.onnx.call import Call, Writer
from archc.backends.onnx.graph import Attribute
from archc.ops.activation import Celu, Elu, Gelu, LeakyRelu, LogSoftmax, Prelu, Softmax, Softplus
from archc.ops.drop import StochasticDepth
from archc.ops.elementwise import Clamp, L2Normalize, Power
from archc.ops.resize import ChannelAffine
from archc.ops.wiring import Minus, Over, Scale, Shift

SURE = 20.0
"""Above this softplus is x in single precision, whatever threshold is said."""


def _node(kind: str, **attributes: Attribute) -> Writer:
    """Return what writes an op that is a node of ONNX, of as many values as it takes."""
    return lambda _op, call: call.graph.node(kind, *call.xs, **attributes)


def _several(kind: str) -> Writer:
    """Return what writes a node of any number of values, which is one of them by itself."""
    return lambda _op, call: call.graph.node(kind, *call.xs) if len(call.xs) > 1 else call.x


def unchanged(_op: object, call: Call) -> str:
    return call.x


def leaky_relu(op: LeakyRelu, call: Call) -> str:
    return call.graph.node("LeakyRelu", call.x, alpha=op.negative_slope)


def elu(op: Elu, call: Call) -> str:
    return call.graph.node("Elu", call.x, alpha=op.alpha)


def celu(op: Celu, call: Call) -> str:
    return call.graph.node("Celu", call.x, alpha=op.alpha)


def gelu(op: Gelu, call: Call) -> str:
    return call.graph.node("Gelu", call.x, approximate=op.approximate)


def silu(_op: object, call: Call) -> str:
    return call.graph.node("Mul", call.x, call.graph.node("Sigmoid", call.x))


def softplus(op: Softplus, call: Call) -> str:
    graph = call.graph
    scaled = call.x if op.beta == 1 else graph.binary("Mul", call.x, op.beta)
    curve = graph.node("Softplus", scaled)
    curve = curve if op.beta == 1 else graph.binary("Div", curve, op.beta)
    if op.threshold >= SURE:
        return curve
    return graph.node("Where", graph.binary("Greater", scaled, op.threshold), call.x, curve)


def prelu(op: Prelu, call: Call) -> str:
    graph, slope = call.graph, call.own["weight"]
    places = range(1, call.rank() - 1)
    if op.channelwise and places:
        slope = graph.node("Unsqueeze", slope, graph.ints([*places]))
    return graph.node("PRelu", call.x, slope)


def softmax(op: Softmax, call: Call) -> str:
    kind = "LogSoftmax" if isinstance(op, LogSoftmax) else "Softmax"
    return call.graph.node(kind, call.x, axis=call.axis(op.dim))


def power(op: Power, call: Call) -> str:
    return call.graph.binary("Pow", call.x, op.exponent)


def clamp(op: Clamp, call: Call) -> str:
    least, most = (None if n is None else call.graph.constant(n) for n in (op.min, op.max))
    return call.graph.node("Clip", call.x, least or "", *([most] if most else []))


def relu6(_op: object, call: Call) -> str:
    return clamp(Clamp(min=0.0, max=6.0), call)


def l2_normalize(op: L2Normalize, call: Call) -> str:
    return unit(call, call.x, call.axis(op.dim), op.eps)


def unit(call: Call, x: str, axis: int, eps: float) -> str:
    """Divide vectors along an axis by their length, or by `eps` where that is larger."""
    graph = call.graph
    length = graph.node("ReduceL2", x, graph.ints([axis]), keepdims=1)
    return graph.node("Div", x, graph.binary("Max", length, eps))


def scale(op: Scale, call: Call) -> str:
    return call.graph.binary("Mul", call.x, op.factor)


def shift(op: Shift, call: Call) -> str:
    return call.graph.binary("Add", call.x, op.offset)


def minus(op: Minus, call: Call) -> str:
    return call.graph.binary("Sub", call.x, op.minuend, swapped=True)


def over(op: Over, call: Call) -> str:
    return call.graph.binary("Div", call.x, op.number, swapped=op.inverse)


def channel_affine(op: ChannelAffine, call: Call) -> str:
    graph = call.graph
    factor, offset = (graph.constant(np.reshape(n, (-1, 1, 1))) for n in (op.scale, op.shift))
    return graph.node("Add", graph.node("Mul", call.x, factor), offset)


def stochastic_depth(op: StochasticDepth, call: Call) -> str:
    return call.graph.binary("Mul", call.x, 1 - op.p)


PLAIN: dict[str, Writer] = {
    "relu": _node("Relu"),
    "relu6": relu6,
    "leaky_relu": leaky_relu,
    "prelu": prelu,
    "elu": elu,
    "selu": _node("Selu"),
    "celu": celu,
    "gelu": gelu,
    "silu": silu,
    "mish": _node("Mish"),
    "sigmoid": _node("Sigmoid"),
    "tanh": _node("Tanh"),
    "hardswish": _node("HardSwish"),
    "hardsigmoid": _node("HardSigmoid", alpha=1 / 6, beta=0.5),
    "softplus": softplus,
    "softmax": softmax,
    "log_softmax": softmax,
    "abs": _node("Abs"),
    "exp": _node("Exp"),
    "power": power,
    "clamp": clamp,
    "maximum": _node("Max"),
    "minimum": _node("Min"),
    "l2_normalize": l2_normalize,
    "dropout": unchanged,
    "dropout2d": unchanged,
    "drop_path": unchanged,
    "stochastic_depth": stochastic_depth,
    "live_mean": _several("Mean"),
    "identity": unchanged,
    "add": _node("Add"),
    "sub": _node("Sub"),
    "mul": _node("Mul"),
    "div": _node("Div"),
    "scale": scale,
    "shift": shift,
    "minus": minus,
    "over": over,
    "negate": _node("Neg"),
    "sum": _several("Sum"),
    "mean": _several("Mean"),
    "channel_affine": channel_affine,
}
