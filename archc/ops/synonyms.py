"""What PyTorch, Keras and timm call the ops: their names, their arguments, what to write here.

An alias of an op is a name, with the parameters that it has there in their order, called as
they are here where the op has them: `Conv2d(in_channels, out, kernel)`. After `=` stands what
to write where it is more than the op, after `~` an example of what to write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from archc.ops import OPS
from archc.ops.base import Op

# What others call the blocks of the library.
BLOCKS: Mapping[str, tuple[str, ...]] = {
    "squeeze_excitation": (
        "se(reduction) = squeeze_excitation(prev.channels // {reduction|16})",
        "se_block(reduction) = squeeze_excitation(prev.channels // {reduction|16})",
        "squeeze_excite(channels, reduction) = squeeze_excitation(prev.channels // {reduction|16})",
        "SELayer(channels, reduction) = squeeze_excitation(prev.channels // {reduction|16})",
        "SEModule(channels, reduction) = squeeze_excitation(prev.channels // {reduction|16})",
        "SqueezeExcitation(channels, squeeze)",
    ),
    "mlp": ("Mlp(in_features, hidden, out_features, act)", "feed_forward(hidden)", "ffn(hidden)"),
    "conv_norm_act": (
        "ConvNormAct(in_channels, out, kernel, stride, padding, dilation, groups, bias)",
        "ConvNormActivation(in_channels, out, kernel, stride, padding, groups)",
        "Conv2dNormActivation(in_channels, out, kernel, stride, padding, groups)",
        "ConvModule(in_channels, out, kernel, stride, padding, dilation, groups, bias)",
        "BasicConv2d(in_channels, out, kernel, stride, padding)",
        "conv_bn_relu",
        "conv_bn_act",
        "conv_bn",
        "cbs",
    ),
    "projection": ("downsample(channels, stride)",),
}

# Others' names for arguments, in lower case without `_`.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "out": ("outchannels", "outchs", "outplanes", "outfeatures", "filters", "units", "nout",
            "outputs", "width", "channels", "dimout", "cout", "outdim"),
    "kernel": ("kernelsize", "poolsize", "ksize", "k", "size", "windowsize"),
    "stride": ("strides", "s", "subsampling"),
    "padding": ("pad", "pads"),
    "dilation": ("dilationrate", "dilations", "d", "atrous"),
    "groups": ("numgroups", "group", "g", "cardinality"),
    "bias": ("usebias", "hasbias", "biasterm", "qkvbias"),
    "p": ("rate", "prob", "probability", "dropprob", "dropoutrate", "droprate", "ratio", "keepprob"),
    "eps": ("epsilon",),
    "affine": ("elementwiseaffine", "scale", "center", "learnable"),
    "size": ("outputsize", "target", "outputshape"),
    "scale": ("scalefactor", "factor", "size"),
    "mode": ("interpolation", "method"),
    "heads": ("numheads", "nhead", "nheads", "h"),
    "negative_slope": ("alpha", "slope"),
    "dim": ("axis", "dims"),
    "min": ("minval", "minvalue"),
    "max": ("maxval", "maxvalue"),
    "hidden": ("hiddenfeatures", "hiddenchannels", "hiddendim", "mlpdim"),
    "act": ("actlayer", "activationlayer", "activation", "actfunc", "nonlinearity"),
    "norm": ("normlayer", "normalization"),
    "squeeze": ("squeezechannels", "rdchannels"),
    "drop": ("dropout", "droprate"),
    "reduction": ("reductionratio", "ratio", "r"),
    "g": ("groups", "numgroups"),
    "r": ("upscalefactor", "downscalefactor", "blocksize"),
    "value": ("constant", "constantvalues", "fill"),
    "sizes": ("chunks", "splitsizeorsections", "numorsizesplits"),
    "channels": ("outchannels", "planes", "filters"),
    "width": ("outchannels", "planes", "filters", "channels", "out"),
    "depth": ("blocks", "numblocks", "nblocks", "repeats", "numrepeats", "layers", "numlayers"),
}  # fmt: skip

# What need not be said here, and why.
_WORKED_OUT = "what it takes tells it"
NEEDLESS: Mapping[str, str] = {
    **dict.fromkeys(
        ("in_channels", "in_chs", "in_features", "in_planes", "inplanes", "in_dim", "num_features",
         "num_channels", "input_channels", "input_dim", "normalized_shape", "embed_dim", "inp",
         "input_shape", "num_parameters", "nin", "c_in", "in_channel"),
        _WORKED_OUT,
    ),
    **dict.fromkeys(("inplace", "inplace_act"), "what may be overwritten is found out"),
    **dict.fromkeys(("device", "dtype"), "the module is moved by `.to(...)` when it is there"),
    **dict.fromkeys(("name", "trainable"), "the key of the step is its name"),
    "data_format": "maps are `b c h w`",
    "batch_first": "the batch is first",
    **dict.fromkeys(
        ("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer"),
        "initialisers stand under `init:`",
    ),
}  # fmt: skip

_PLUGIN = "an op of your own is a few lines of Python, see docs/plugins.md"
_LOSS = "a loss belongs to the training, a spec holds the network alone"
_LISTS = "a list of steps, `- conv(8, 3)`, is a sequence; named steps are a body"
_SHORTCUT = "a shortcut is a sum of two values: `out: relu(bn2 + x)`"
_RECURRENT = f"no op keeps a state from one image to the next; {_PLUGIN}"

# What no op is, and what to do.
ADVICE: Mapping[str, str] = {
    **dict.fromkeys(("yes", "on"), "write `true`"),
    **dict.fromkeys(("no", "off"), "write `false`"),
    **dict.fromkeys(("null", "nil", "undefined"), "write `none`"),
    **dict.fromkeys(("sequential", "modulelist", "moduledict", "container"), _LISTS),
    **dict.fromkeys(("residual", "residualblock", "shortcut", "skipconnection"), _SHORTCUT),
    **dict.fromkeys(("lstm", "gru", "rnn", "lstmcell", "grucell", "rnncell"), _RECURRENT),
    "separableconv": "write two steps: `conv(prev.channels, 3, groups=prev.channels)`, then `conv(out, 1)`",
    "depthwiseseparableconv": "write two steps: `conv(prev.channels, 3, groups=prev.channels)`, then `conv(out, 1)`",
    "convsame": "write two steps: `pad_same(kernel, stride=stride)`, then `conv(out, kernel, stride=stride, padding=0)`",
    "batchnormact": "write two steps: `bn`, then the activation",
    "groupnormact": "write two steps: `group_norm(groups)`, then the activation",
    "glu": "write two steps: `parts: split(2)`, then `parts[0] * sigmoid(parts[1])`",
    "reflectionpad": 'a convolution pads so by `padding_mode="reflect"`',
    "replicationpad": 'a convolution pads so by `padding_mode="replicate"`',
    "circularpad": 'a convolution pads so by `padding_mode="circular"`',
    "activation": "write the activation by its name, `relu` say",
    "inputlayer": "say what the network takes at the top: `input: [3, 224, 224]`",
    "input": "say what the network takes at the top: `input: [3, 224, 224]`",
    "lambda": "write what it computes as a step: `2 * x + 1`",
    "transformerencoderlayer": "write it as a block of `layer_norm`, `multihead_attention` and `mlp`",
    "transformerencoder": "repeat a block of `layer_norm`, `multihead_attention` and `mlp`",
    "transformer": "repeat a block of `layer_norm`, `multihead_attention` and `mlp`",
    "patchembed": 'write two steps: `conv(width, 16, stride=16, padding=0)`, then `rearrange("b c h w -> b (h w) c")`',
    "layerscale": "write `scale: parameter(1, channels, 1, 1)` and multiply by it",
    "squeeze": 'write `rearrange("b c 1 1 -> b c")`',
    "unsqueeze": 'write `rearrange("b c -> b c 1 1")`',
    "expand": "what has 1 in place of a size is repeated where it is added or multiplied",
    "forward": "a step is applied to the one above it; its name in a later step is its value",
}

_FRAMEWORKS = ("nn", "F", "torch", "functional", "tf", "keras", "layers", "timm", "torchvision",
               "ops", "einops", "jax", "flax", "linen", "paddle", "mx", "np", "numpy", "math", "K", "self")  # fmt: skip


@dataclass(frozen=True)
class Synonym:
    """Another name of an op or block, with its parameters there where they are known."""

    target: str
    name: str
    parameters: tuple[str, ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()
    template: str = ""
    example: bool = False
    known: bool = False

    @staticmethod
    def read(target: str, text: str) -> Synonym:
        """Read an alias."""
        head, sign, template = re.match(r"([^=~]*(?:\([^)]*\))?)(?: ([=~]) (.*))?$", text).groups()  # type: ignore[union-attr]  # each alias is one
        name, bracket, inside = head.strip().partition("(")
        parts = [p for p in inside.rstrip(")").split(", ") if p]
        pairs = [tuple(p.split("=")) for p in parts if "=" in p]
        names = tuple(p.partition("=")[0] for p in parts)
        return Synonym(
            target, name, names, tuple(pairs), template or "", sign == "~", bool(bracket)
        )


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _forms(name: str) -> tuple[str, str]:
    """Return a name in lower case without `_`, and without its number of dimensions too."""
    plain = _plain(name)
    return plain, re.sub(r"(?<=\w)2d$", "", plain)


def aliases(op: type[Op]) -> list[Synonym]:
    """Return the other names of an op: its own aliases, and those of the PyTorch that it emits."""
    own = [Synonym.read(op.name, a) for a in vars(op).get("aliases", ())]
    spelled = (op.torch_module, getattr(op, "torch_function", ""))
    fields = tuple(op.model_fields)
    emitted = [
        Synonym(op.name, t.rpartition(".")[2], fields, known=True) for t in spelled if "." in t
    ]
    return [*own, *emitted, Synonym(op.name, op.name, fields, known=True)]


@cache
def _table() -> Mapping[str, Synonym]:
    """Return the synonyms by name as written, in lower case, and without dimensions."""
    found = [s for op in OPS.values() for s in aliases(op)]
    found += [Synonym.read(block, a) for block, names in BLOCKS.items() for a in names]
    table: dict[str, Synonym] = {}
    for form in (lambda n: n, lambda n: _forms(n)[0], lambda n: _forms(n)[1]):
        for synonym in found:
            table.setdefault(form(synonym.name), synonym)
    return table


def synonym(name: str) -> Synonym | None:
    """Return what a name of another framework, `nn.Conv2d`, means here."""
    last = name.rpartition(".")[2].rstrip("_")
    if _plain(last).endswith("3d"):
        return None
    table = _table()
    exact = next((table[f] for f in (last, *_forms(last)) if f in table), None)
    if exact is not None or not (_camel(last) or "." in name) or advised(last):
        return exact
    slips = get_close_matches(last, (s for s in table if _camel(s)), n=1, cutoff=0.9)
    return table[slips[0]] if slips else None


def advised(last: str) -> str:
    """Say what to do about what is known to have no op here; "" of others."""
    plain, bare = _forms(last)
    if bare in ADVICE:
        return ADVICE[bare]
    if plain.endswith("loss") or "crossentropy" in plain:
        return _LOSS
    if plain.endswith(("1d", "3d")):
        return f"maps have two dimensions here, height and width; {_PLUGIN}"
    return ""


def advice(name: str) -> str:
    """Say what to do about a name of another framework for which there is no op; "" of others."""
    last = name.rpartition(".")[2].rstrip("_")
    if told := advised(last):
        return told
    if name.startswith("self."):
        return f"a step is named by its key, without `self.`; `reuse({last})(...)` applies its module again"
    foreign = "." in name and name.partition(".")[0] in _FRAMEWORKS
    return f"there is no op for it; {_PLUGIN}" if foreign or _camel(last) else ""


def _camel(name: str) -> bool:
    return bool(re.fullmatch(r"[A-Z]\w*[a-z]\w*|[A-Z]{2,}\w*", name))


def framework(name: str) -> bool:
    """Whether a name is one that other frameworks are imported by."""
    return name in _FRAMEWORKS


def renamed(name: str, fields: Iterable[str]) -> str:
    """Return what an argument of another framework is called here; "" where it is not known."""
    fields = list(fields)
    plain = _plain(name)
    if same := next((f for f in fields if _plain(f) == plain), ""):
        return same
    return next((f for f in fields if plain in PARAMETERS.get(f, ())), "")


def needless(name: str) -> str:
    """Say why an argument of another framework is not needed here; "" where it is not known."""
    return NEEDLESS.get(name, NEEDLESS.get(name.lower(), ""))
