"""The ops of the language, one declaration each; `OPS` is all of them by name.

What `__all__` lists is for writers of plug-ins too (docs/plugins.md): an op is a class derived
from `Op`, or from an op that is here.
"""

from archc.ops.activation import (
    Activation,
    Celu,
    Elu,
    Gelu,
    Hardsigmoid,
    Hardswish,
    LeakyRelu,
    LogSoftmax,
    Mish,
    Prelu,
    Relu,
    Relu6,
    Selu,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
)
from archc.ops.arguments import Count, Padding, Positive, Rate, Size, Whole, pair, spelled
from archc.ops.attention import Attention, MultiheadAttention
from archc.ops.base import VARIES, Op, Py, ShapeFault, Tensor, Use, expect_layout, spell
from archc.ops.conv import Conv, Conv1d, ConvTranspose
from archc.ops.cut import Flatten, Narrow, Select, Split, Transpose, Unfold
from archc.ops.drop import Dropout, Dropout2d, DropPath, LiveMean, StochasticDepth
from archc.ops.einsum import Einsum, Stack
from archc.ops.elementwise import (
    Abs,
    Clamp,
    Exp,
    L2Normalize,
    Maximum,
    Minimum,
    Power,
)
from archc.ops.facts import Facts
from archc.ops.fitting import CropTo, Resize, ResizeTo
from archc.ops.helpers import HELPERS
from archc.ops.linear import Linear
from archc.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm
from archc.ops.pool import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    GlobalAvgPool,
    MaxPool,
    Pool,
)
from archc.ops.rearrange import Rearrange, Reduce
from archc.ops.resize import ChannelAffine, Pad, PadChannels, PadSame, PadTo, Subsample, Upsample
from archc.ops.source import Parameter
from archc.ops.texts import options
from archc.ops.window import (
    RelativeCoordinates,
    RelativePositionBias,
    WindowMask,
    WindowMerge,
    WindowPartition,
)
from archc.ops.wiring import (
    Add,
    Concat,
    Div,
    Identity,
    Mean,
    Minus,
    Mul,
    Negate,
    Over,
    Scale,
    Shift,
    Sub,
    Sum,
)
from archc.shapes import Shape, conv_size, pool_size
from archc.windows import Window, Windows, everywhere, sliding

OPS: dict[str, type[Op]] = {
    "conv": Conv,
    "conv1d": Conv1d,
    "conv_transpose": ConvTranspose,
    "linear": Linear,
    "bn": BatchNorm,
    "layer_norm": LayerNorm,
    "group_norm": GroupNorm,
    "instance_norm": InstanceNorm,
    "local_response_norm": LocalResponseNorm,
    "max_pool": MaxPool,
    "avg_pool": AvgPool,
    "adaptive_avg_pool": AdaptiveAvgPool,
    "adaptive_max_pool": AdaptiveMaxPool,
    "global_avg_pool": GlobalAvgPool,
    "relu": Relu,
    "relu6": Relu6,
    "leaky_relu": LeakyRelu,
    "prelu": Prelu,
    "elu": Elu,
    "selu": Selu,
    "celu": Celu,
    "gelu": Gelu,
    "silu": Silu,
    "mish": Mish,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "hardswish": Hardswish,
    "hardsigmoid": Hardsigmoid,
    "softplus": Softplus,
    "softmax": Softmax,
    "log_softmax": LogSoftmax,
    "abs": Abs,
    "exp": Exp,
    "power": Power,
    "clamp": Clamp,
    "maximum": Maximum,
    "minimum": Minimum,
    "l2_normalize": L2Normalize,
    "dropout": Dropout,
    "dropout2d": Dropout2d,
    "drop_path": DropPath,
    "stochastic_depth": StochasticDepth,
    "live_mean": LiveMean,
    "identity": Identity,
    "add": Add,
    "sub": Sub,
    "mul": Mul,
    "div": Div,
    "scale": Scale,
    "shift": Shift,
    "minus": Minus,
    "over": Over,
    "negate": Negate,
    "concat": Concat,
    "sum": Sum,
    "mean": Mean,
    "flatten": Flatten,
    "transpose": Transpose,
    "split": Split,
    "narrow": Narrow,
    "select": Select,
    "unfold": Unfold,
    "rearrange": Rearrange,
    "reduce": Reduce,
    "stack": Stack,
    "einsum": Einsum,
    "attention": Attention,
    "multihead_attention": MultiheadAttention,
    "window_partition": WindowPartition,
    "window_merge": WindowMerge,
    "window_mask": WindowMask,
    "relative_position_bias": RelativePositionBias,
    "relative_coordinates": RelativeCoordinates,
    "pad": Pad,
    "pad_channels": PadChannels,
    "pad_to": PadTo,
    "pad_same": PadSame,
    "subsample": Subsample,
    "upsample": Upsample,
    "resize": Resize,
    "resize_to": ResizeTo,
    "crop_to": CropTo,
    "channel_affine": ChannelAffine,
    "parameter": Parameter,
}

__all__ = [
    "HELPERS",
    "OPS",
    "VARIES",
    "Activation",
    "Conv",
    "Count",
    "Facts",
    "Op",
    "Padding",
    "Pool",
    "Positive",
    "Py",
    "Rate",
    "Shape",
    "ShapeFault",
    "Size",
    "Tensor",
    "Use",
    "Whole",
    "Window",
    "Windows",
    "conv_size",
    "everywhere",
    "expect_layout",
    "options",
    "pair",
    "pool_size",
    "sliding",
    "spell",
    "spelled",
]
