"""What an op is called in a picture, as papers write it: `3×3 conv, 64, /2`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from archc.backends.drawing.scene import OpKind
from archc.graph import Node
from archc.ops import Op, spelled
from archc.ops.attention import Attention, MultiheadAttention
from archc.ops.conv import Conv, ConvTranspose
from archc.ops.linear import Linear
from archc.ops.norm import GroupNorm
from archc.ops.pool import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool
from archc.ops.resize import PadChannels, Subsample, Upsample
from archc.ops.window import WindowPartition
from archc.ops.wiring import Scale, Shift
from archc.shapes import Shape

KINDS: dict[str, OpKind] = {
    **dict.fromkeys(("conv", "conv_transpose"), "conv"),
    "linear": "linear",
    **dict.fromkeys(("max_pool", "avg_pool", "global_avg_pool"), "pool"),
    **dict.fromkeys(("adaptive_avg_pool", "adaptive_max_pool"), "pool"),
    **dict.fromkeys(("bn", "layer_norm", "group_norm"), "norm"),
    **dict.fromkeys(("instance_norm", "local_response_norm"), "norm"),
    **dict.fromkeys(("add", "sub", "mul", "div", "sum", "mean"), "merge"),
    **dict.fromkeys(("concat", "stack"), "concat"),
    **dict.fromkeys(("split", "narrow", "select"), "split"),
    "window_partition": "window",
    **dict.fromkeys(("attention", "multihead_attention"), "attention"),
}

ABBREVIATIONS = {
    "bn": "BN",
    "layer_norm": "LN",
    "instance_norm": "IN",
    "local_response_norm": "LRN",
    "add": "+",
    "sum": "+",
    "sub": "−",
    "mul": "×",
    "div": "÷",
    "gelu": "GELU",
    "silu": "SiLU",
    "dropout": "dropout",
    "dropout2d": "dropout",
    "drop_path": "drop path",
    "stochastic_depth": "stochastic depth",
}

FOLLOWERS = frozenset(
    {"dropout", "dropout2d", "drop_path", "stochastic_depth", "flatten", "identity"}
)
"""Ops that change no number in inference, or only the layout: they go with the box before."""


@dataclass(frozen=True)
class Label:
    """The kind of an op's box, its text, and a short one for where it stands in a list.

    `rate` is that of an op which drops something while training. It is no part of what an op
    looks like, so that blocks fold whose rate grows with depth.
    """

    kind: OpKind
    text: str
    short: str
    rate: float | None = field(default=None, compare=False)


def label(node: Node, op: Op) -> Label:
    """Return what a picture says of an op."""
    text = ABBREVIATIONS.get(op.name) or written(op, node.shapes)
    if node.again:
        text += " (shared)"
    rate = getattr(op, "p", None) if op.has_mode else None
    return Label(kind(op), text, text.replace(" conv,", ","), rate)


def rated(text: str, rates: Collection[float]) -> str:
    """Write what an op does with the rate at which it does so, or their range: `dropout 0.5`."""
    low, high = min(rates), max(rates)
    return f"{text} {low:.2g}" + (f" to {high:.2g}" if high > low else "")


def kind(op: Op) -> OpKind:
    """Return which kind of box an op is drawn as."""
    if op.activation:
        return "activation"
    return (
        "source"
        if op.inputs == 0
        else next((KINDS[name] for name in op.lineage() if name in KINDS), "other")
    )


def written(op: Op, xs: tuple[Shape, ...]) -> str:
    """Write an op with the arguments that matter to a reader."""
    match op:
        case Conv():
            return _conv(op, xs[0])
        case ConvTranspose():
            return f"{size(op.kernel)} up-conv, {op.out}"
        case Linear():
            return f"fc {op.out}" if xs[0].layout == ("c",) else f"linear, {op.out}"
        case MaxPool() | AvgPool():
            stride = op.kernel if op.stride is None else op.stride
            return f"{size(op.kernel)} {op.name.replace('_', ' ')}{by(stride)}"
        case AdaptiveAvgPool() | AdaptiveMaxPool():
            name = op.name.removeprefix("adaptive_").replace("_", " ")
            return name if op.size in (1, (1, 1)) else f"{name} to {size(op.size)}"
        case Attention() | MultiheadAttention():
            return f"attention, {op.heads} head{'s' * (op.heads > 1)}"
        case WindowPartition():
            return f"windows, {size(op.size)}" + (f", shift {_value(op.shift)}" if op.shift else "")
        case GroupNorm():
            return f"GN, {op.groups} groups"
        case Scale():
            return f"× {op.factor:g}"
        case Shift():
            return f"{'−' if op.offset < 0 else '+'} {abs(op.offset):g}"
        case PadChannels():
            return f"zero pad, {op.out}"
        case Subsample():
            return f"subsample{by(op.stride)}"
        case Upsample():
            return f"{op.mode} upsample, ×{op.scale}"
        case _:
            return generic(op)


def generic(op: Op) -> str:
    """Write an op by its name, the arguments that it must be given, and whole numbers set."""
    fields = type(op).model_fields
    values = [_value(getattr(op, n)) for n, f in fields.items() if f.is_required()]
    set_ = {n: getattr(op, n) for n, f in fields.items() if not f.is_required()}
    chosen = {n: v for n, v in set_.items() if type(v) is int and v != fields[n].default}
    more = [f"{n.replace('_', ' ')} {v}" for n, v in chosen.items()]
    return ", ".join([op.label().replace("_", " "), *values, *more])


def _value(value: object) -> str:
    if isinstance(value, str):
        return value.replace("->", "→")
    if isinstance(value, (list, tuple)):
        shown = [_value(v) for v in value]
        return "×".join(shown) if len(shown) < 4 else f"{len(shown)} values"
    return f"{value:g}" if isinstance(value, float) else spelled(value).strip("`")


def size(value: int | tuple[int, int]) -> str:
    """Write a kernel or a size: `3×3`."""
    height, width = value if isinstance(value, tuple) else (value, value)
    return f"{height}×{width}"


def by(stride: int | tuple[int, int]) -> str:
    """Write a stride, as in `, /2`; nothing for 1."""
    if stride in (1, (1, 1)):
        return ""
    return f", /{size(stride) if isinstance(stride, tuple) else stride}"


def _conv(op: Conv, x: Shape) -> str:
    depthwise = op.groups == x.channels > 1
    parts = [
        f"{size(op.kernel)} {'depthwise' if depthwise else op.label().replace('_', ' ')}",
        str(op.out),
    ]
    if op.groups > 1 and not depthwise:
        parts.append(f"{op.groups} groups")
    if op.dilation not in (1, (1, 1)):
        parts.append(f"dilation {_value(op.dilation)}")
    return ", ".join(parts) + by(op.stride)
