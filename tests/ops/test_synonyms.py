"""Names of PyTorch, Keras and timm lead to the op that does it, in the user's own arguments."""

from __future__ import annotations

import inspect
import re

import pytest
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

import archc
from archc.diagnostics import Diagnostic, Source, plausible
from archc.ops import OPS
from archc.ops.synonyms import BLOCKS, aliases, synonym

SPEC = """\
archc: 1
name: net
input: [16, 32, 32]
body:
  u: relu
  v: relu(x)
  out: {step}
outputs: [u, v, out]
"""


def faults_of(step: str) -> list[Diagnostic]:
    """Return what is wrong with a step."""
    quoted = "'" + step.replace("'", "''") + "'"
    return archc.check(Source("net.yaml", SPEC.format(step=quoted)))


def help_of(step: str, code: str = "unknown-name") -> str:
    """Return the help about a step that another framework's words are in."""
    [fault] = [d for d in faults_of(step) if d.code == code]
    return fault.help


def modules() -> list[str]:
    """Return the names of the modules of PyTorch."""
    classes = ((n, getattr(nn, n)) for n in dir(nn))
    return [n for n, c in classes if inspect.isclass(c) and issubclass(c, nn.Module)]


def functions() -> list[str]:
    """Return the names of the functions of torch.nn.functional."""
    return [n for n in dir(F) if not n.startswith("_") and inspect.isroutine(getattr(F, n))]


# What the ops are for, by a part of the name that is enough to tell.
MEANT = {
    r"(Lazy)?Conv(olution)?2[dD]|conv2d": "conv",
    r"(Lazy)?Conv1[dD]|conv1d": "conv1d",
    r"(Lazy)?ConvTranspose2d|Conv2DTranspose|conv_transpose2d": "conv_transpose",
    r"(Lazy|NonDynamicallyQuantizable)?Linear|linear|Dense": "linear",
    r"(Lazy|Sync)?BatchNorm([12]d)?|batch_norm|BatchNormalization": "bn",
    r"LayerNorm(2d|alization)?|layer_norm": "layer_norm",
    r"GroupNorm(1|alization)?|group_norm": "group_norm",
    r"(Lazy)?InstanceNorm2d|instance_norm": "instance_norm",
    r"LocalResponseNorm|CrossMapLRN2d|local_response_norm": "local_response_norm",
    r"MaxPool(ing)?2[dD]|max_pool2d": "max_pool",
    r"AvgPool2d|AveragePooling2D|avg_pool2d": "avg_pool",
    r"AdaptiveAvgPool2d|adaptive_avg_pool2d": "adaptive_avg_pool",
    r"AdaptiveMaxPool2d|adaptive_max_pool2d|GlobalMax(imum)?Pool(ing)?2D": "adaptive_max_pool",
    r"GlobalA(vg|verage)Pool(ing)?2D|FastAdaptiveAvgPool|SelectAdaptivePool2d": "global_avg_pool",
    r"ReLU|relu_?": "relu",
    r"ReLU6|relu6": "relu6",
    r"LeakyReLU|leaky_relu_?": "leaky_relu",
    r"PReLU|prelu": "prelu",
    r"ELU|elu_?": "elu",
    r"SELU|selu_?": "selu",
    r"CELU|celu_?": "celu",
    r"GELU(Tanh)?|gelu": "gelu",
    r"SiLU|silu|Swish": "silu",
    r"Mish|mish": "mish",
    r"Sigmoid|sigmoid": "sigmoid",
    r"Tanh|tanh": "tanh",
    r"Hard[sS]wish|hardswish": "hardswish",
    r"Hard[sS]igmoid|hardsigmoid": "hardsigmoid",
    r"Hardtanh|hardtanh_?": "clamp",
    r"Softplus|softplus": "softplus",
    r"Softmax(2d)?|softmax": "softmax",
    r"LogSoftmax|log_softmax": "log_softmax",
    r"normalize|UnitNormalization": "l2_normalize",
    r"Dropout|dropout": "dropout",
    r"Dropout2d|dropout2d|SpatialDropout2D": "dropout2d",
    r"DropPath": "drop_path",
    r"Identity": "identity",
    r"Add": "add",
    r"Subtract": "sub",
    r"Multiply": "mul",
    r"Average": "mean",
    r"Maximum": "maximum",
    r"Minimum": "minimum",
    r"Concatenate": "concat",
    r"Flatten": "flatten",
    r"Unfold|unfold": "unfold",
    r"Unflatten|(Native)?ChannelShuffle|channel_shuffle|Pixel(Uns|S)huffle|pixel_(un)?shuffle|Reshape|Permute": "rearrange",
    r"(Zero|Constant)Pad(ding)?2[dD]|pad": "pad",
    r"Upsample|UpSampling2D|Upsampling(Nearest|Bilinear)2d|interpolate|upsample(_nearest|_bilinear)?": "upsample",
    r"Resizing": "resize",
    r"CenterCrop": "crop_to",
    r"Multi[hH]eadAttention": "multihead_attention",
    r"scaled_dot_product_attention": "attention",
    r"DepthwiseConv2D": "conv",
    r"SqueezeExcite|SEModule": "squeeze_excitation",
    r"Mlp": "mlp",
    r"ConvNormAct": "conv_norm_act",
}  # fmt: skip

KERAS = [
    "Activation",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "CenterCrop",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "ELU",
    "Embedding",
    "Flatten",
    "GRU",
    "GaussianDropout",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "InputLayer",
    "LSTM",
    "Lambda",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "Resizing",
    "SeparableConv2D",
    "SimpleRNN",
    "Softmax",
    "SpatialDropout2D",
    "Subtract",
    "UnitNormalization",
    "UpSampling2D",
    "ZeroPadding2D",
]

TIMM = [
    "BatchNormAct2d",
    "BlurPool2d",
    "ConvNormAct",
    "DropBlock2d",
    "DropPath",
    "FastAdaptiveAvgPool",
    "GELUTanh",
    "GroupNorm1",
    "HardSwish",
    "HardSigmoid",
    "LayerNorm",
    "LayerNorm2d",
    "LayerScale",
    "Mish",
    "Mlp",
    "PatchEmbed",
    "SEModule",
    "SelectAdaptivePool2d",
    "SqueezeExcite",
    "Swish",
    "GlobalResponseNorm",
    "SplitAttn",
]

# There is no such op: the message says so, and what to do instead.
NONE_HERE = r"""
    .*Loss.*|.*_loss|.*cross_entropy.*|kl_div|.*[13][dD](_with_indices)?|(Alpha|FeatureAlpha)Dropout
    (feature_)?alpha_dropout|.*RNN(Base|Cell|CellBase)?|LSTM(Cell)?|GRU(Cell)?|Transformer.*
    Embedding(Bag)?|embedding(_bag)?|Sequential|Module(List|Dict)?|Container|Parameter(List|Dict)
    DataParallel|Bilinear|bilinear|Cosine.*|cosine.*|PairwiseDistance|pairwise_distance|pdist
    Fold|fold|Fractional.*|fractional.*|GLU|glu|.*[sS]hrink|LPPool2d|lp_pool2d|Log[sS]igmoid
    logsigmoid|MaxUnpool2d|max_unpool2d|.*_with_indices|RMSNorm|rms_norm|RReLU|rrelu_?|Re(flection|plication)Pad2d
    CircularPad2d|Softmin|softmin|Softsign|softsign|Threshold|threshold_?|affine_grid|grid_sample
    gumbel_softmax|one_hot|.*torch_function.*|assert_int_or_pair|boolean_dispatch|conv_tbc
    (scaled_)?(grouped_)?mm|multi_head_attention_forward|native_channel_shuffle|NLLLoss2d
    Activation|Cropping2D|Dot|GaussianDropout|InputLayer|Lambda|RepeatVector|SeparableConv2D
    BatchNormAct2d|BlurPool2d|DropBlock2d|LayerScale|PatchEmbed|GlobalResponseNorm|SplitAttn
"""

NAMES = [
    *(f"nn.{n}" for n in modules()),
    *(f"F.{n}" for n in functions()),
    *(f"layers.{n}" for n in KERAS),
    *(f"timm.layers.{n}" for n in TIMM),
]


@pytest.mark.parametrize("prefix", ["nn.", "F.", "layers.", "timm.layers."])
def test_every_name_leads_somewhere(prefix: str) -> None:
    """Every class and function leads to the op that does it, or to what to do without one."""
    lost = []
    none_here = "|".join(NONE_HERE.split())
    for name in (n for n in NAMES if n.startswith(prefix) and n.count(".") == prefix.count(".")):
        last = name.rpartition(".")[2]
        ops = {op for pattern, op in MEANT.items() if re.fullmatch(pattern, last)}
        meaning = synonym(name)
        told = help_of(f"{name}(3)")
        if ops:
            right = meaning is not None and {meaning.target} == ops and "did you mean" in told
        else:
            right = meaning is None and re.fullmatch(none_here, last) is not None
            right = right and bool(told) and "did you mean" not in told
        if not right:
            lost.append((name, meaning and meaning.target, told))

    assert lost == []


@pytest.mark.parametrize(
    ("step", "written"),
    [
        ("nn.Conv2d(3, 16, 3, padding=1)", "conv(16, 3)"),
        ("nn.Conv2d(3, 16, 3)", "conv(16, 3, padding=0)"),
        ("nn.Conv2d(3, 16, 1, bias=False)", "conv(16, 1, bias=false)"),
        ("nn.Conv2d(3, 16, kernel_size=7, stride=2, padding=3)", "conv(16, 7, stride=2)"),
        ("nn.Conv2d(in_channels=3, out_channels=16, kernel_size=3, padding=1)", "conv(16, 3)"),
        ("Conv2D(16, 3, strides=2, padding='valid')", "conv(16, 3, stride=2, padding=0)"),
        ("Conv2D(filters=16, kernel_size=(3, 3), padding='same')", "conv(16, [3, 3])"),
        ("Conv2d(16, 3)", "conv(16, 3)"),
        ("nn.BatchNorm2d(16, eps=1e-3)", "bn(0.001)"),
        ("nn.BatchNorm2d(num_features=16)", "bn"),
        ("nn.ReLU(inplace=True)", "relu"),
        ("F.relu(u)", "relu(u)"),
        ("torch.cat([u, v], dim=1)", "concat(u, v)"),
        ("F.max_pool2d(u, 2)", "max_pool(2)(u)"),
        ("nn.AdaptiveAvgPool2d((1, 1))", "adaptive_avg_pool([1, 1])"),
        ("nn.Dropout(p=0.2)", "dropout(0.2)"),
        ("Dropout(rate=0.2)", "dropout(0.2)"),
        ("nn.Linear(512, 10)", "linear(10)"),
        ("Dense(units=10, use_bias=False)", "linear(10, bias=false)"),
        ("depthwise_conv(3)", "conv(prev.channels, 3, groups=prev.channels)"),
        ("nn.PixelShuffle(2)", 'rearrange("b (c p q) h w -> b c (h p) (w q)", p=2, q=2)'),
        ("permute(0, 2, 3, 1)", 'rearrange("b c h w -> b h w c")'),
        ("SELayer(16, 4)", "squeeze_excitation(prev.channels // 4)"),
        ("nn.Upsample(scale_factor=2, mode='nearest')", 'upsample(2, mode="nearest")'),
        ("nn.Upsample(scale_factor=2)", 'upsample(2, mode="nearest")'),
    ],
)  # fmt: skip
def test_the_users_own_arguments(step: str, written: str) -> None:
    """The help is the user's own call, in the words of a spec, and passes when it is typed in."""
    told = help_of(step)

    assert f"did you mean `{written}`?" in told
    assert {d.code for d in faults_of(written)} <= {"wrong-layout"}  # of a layer for vectors


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("kernel_size=3", "it is called `kernel` here"),
        ("out_channels=3", "it is called `out` here"),
        ("filters=3", "it is called `out` here"),
        ("strides=2", "it is called `stride` here"),
        ("use_bias=false", "it is called `bias` here"),
        ("in_channels=3", "leave it out: what it takes tells it"),
        ("kernal=3", "did you mean `kernel`?"),
    ],
)
def test_arguments(argument: str, told: str) -> None:
    """An argument of another framework is told by its name here."""
    assert help_of(f"conv(16, 3, {argument})", "unknown-argument") == told


@pytest.mark.parametrize("name", ["permutation_x", "zzz", "interpolated_thing"])
def test_nothing_far_fetched(name: str) -> None:
    """What is spelled altogether otherwise is not suggested."""
    assert "did you mean" not in help_of(name)
    assert not plausible("permute", "parameter")
    assert not plausible("interpolate", "enumerate")


def test_aliases_are_read() -> None:
    """Every alias names parameters of its op, or such as it leaves out on purpose."""
    assert len([s for op in OPS.values() for s in aliases(op)]) > 250
    assert all(op.name == s.target for op in OPS.values() for s in aliases(op))
    assert {*BLOCKS} & {*OPS} == set()
