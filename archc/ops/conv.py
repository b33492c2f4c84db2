"""Convolutions: what papers count as the layers of a network, with linear layers."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from archc.ops.arguments import Count, Padding, Positive, Size, pair
from archc.ops.backward import FLOAT, Backward
from archc.ops.base import VARIES, Op, Py, ShapeFault, Tensor, Use, expect_layout, spell
from archc.ops.facts import Facts
from archc.ops.faults import expect_groups, expect_window, times
from archc.ops.papers import PICTURE, Style, window
from archc.ops.texts import as_pair, is_list, options, parsed
from archc.shapes import Shape, conv_size, conv_transpose_size
from archc.windows import Span, Window, Windows, sliding


class Conv(Op):
    """2d convolution; without `padding` an odd kernel keeps the size at stride 1."""

    name = "conv"
    facts = Facts(kind="conv", convolves=True)
    aliases = (
        "Conv2d(in_channels, out, kernel, stride, padding=0, dilation, groups, bias, padding_mode)",
        "Conv2D(out, kernel, stride, padding=0, data_format, dilation, groups, activation, bias)",
        "Convolution2D(out, kernel, stride, padding=0)",
        "LazyConv2d(out, kernel, stride, padding=0, dilation, groups, bias, padding_mode)",
        "conv2d",
        "convolution",
        "conv3x3(in_channels, out, stride, groups, dilation) = conv({out}, 3, bias=false)",
        "conv1x1(in_channels, out, stride) = conv({out}, 1, bias=false)",
        "pointwise_conv(out) = conv({out}, 1)",
        "depthwise_conv(kernel, stride) = conv(prev.channels, {kernel|3}, groups=prev.channels)",
        "DepthwiseConv2D(kernel, stride, padding=0) = conv(prev.channels, {kernel|3}, groups=prev.channels)",
        "dwconv(kernel, stride) = conv(prev.channels, {kernel|3}, groups=prev.channels)",
    )
    layouts = ("b c h w",)
    keeps_output = False
    saves = "inputs"
    weighted = True
    torch_module = "nn.Conv2d"

    out: Positive
    kernel: Size
    stride: Size = 1
    padding: Padding | None = None
    dilation: Size = 1
    groups: Positive = 1
    bias: bool = True
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"

    def pads(self) -> tuple[int, int]:
        """Return the padding above and below, and left and right."""
        if self.padding is not None:
            return pair(self.padding)
        (kh, kw), (dh, dw) = pair(self.kernel), pair(self.dilation)
        if kh % 2 == 0 or kw % 2 == 0:
            raise ShapeFault(
                "even-kernel",
                f"`{self.name}` can't center a kernel of {times((kh, kw))}, which has no middle",
                "give `padding`, as in `padding=0`",
                argument="kernel",
            )
        return (kh - 1) // 2 * dh, (kw - 1) // 2 * dw

    def shape(self, *xs: Shape) -> Shape:
        """Slide the kernel over the padded map."""
        x = xs[0]
        expect_layout(self, x)
        expect_groups(self, self.groups, input=x.channels, output=self.out)
        kernel, stride, dilation = pair(self.kernel), pair(self.stride), pair(self.dilation)
        pads = self.pads()
        sides = zip(x.spatial, kernel, stride, pads, dilation, strict=True)
        out = tuple(conv_size(*side) for side in sides)
        span = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
        expect_window(self, x, out, span, pads)
        self._expect_source(x, pads)
        return x.replace(c=self.out).with_spatial(out)

    def _expect_source(self, x: Shape, pads: tuple[int, int]) -> None:
        """Raise where the map has too little to reflect or to wrap around, as PyTorch does."""
        spare = {"reflect": 1, "circular": 0}.get(self.padding_mode)
        if spare is not None and any(
            p > size - spare for p, size in zip(pads, x.spatial, strict=True)
        ):
            raise ShapeFault(
                "padding-too-large",
                f"`{self.name}` pads a map of {times(x.spatial)} by {times(pads)} of its own elements",
                f"`padding_mode={self.padding_mode}` needs a larger map",
                0,
            )

    def drawn(self, *xs: Shape) -> str:
        """Write `3×3 conv, 64, /2`."""
        return _written(self, PICTURE, xs[0])

    def tabled(self, style: Style, *xs: Shape) -> str:
        """Write `3×3, 64, stride 2`."""
        return _written(self, style, xs[0])

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a weight (out, in / groups, kernel) and a bias."""
        weight = Tensor((self.out, xs[0].channels // self.groups, *pair(self.kernel)))
        return {"weight": weight} | ({"bias": Tensor((self.out,))} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        """Count a multiply-add for each weight at each place of the output."""
        return self.tensors(*xs)["weight"].numel * _area(self.shape(*xs))

    def backward(self, *xs: Shape, learned: Sequence[bool]) -> Backward:
        """Keep the map, or a padded copy of it where it is padded with its own elements."""
        if self.padding_mode == "zeros" or not any(self.pads()):
            return super().backward(*xs, learned=learned)
        sides = zip(xs[0].spatial, self.pads(), strict=True)
        padded = xs[0].with_spatial(tuple(size + 2 * pad for size, pad in sides))
        return Backward(() if self.padding_mode == "circular" else (0,), bytes=FLOAT * padded.numel)

    def sees(self, *xs: Shape) -> Windows:
        """See what is under the kernel."""
        return sliding(pair(self.kernel), pair(self.stride), self.pads(), pair(self.dilation))

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.Conv2d, whose padding must be a number or an expression."""
        head = ("out", "kernel", "stride", "padding")
        rest = options(cls, use, *(name for name in cls.model_fields if name not in head))
        sizes = (use.channels[0], use.out, use.kernel)
        window = {"stride": (use.stride, 1), "padding": (padding_of(use), 0)}
        return spell(cls.torch_module, *sizes, **window, **rest)

    @classmethod
    def helper(cls, use: Use) -> str:
        """Need `same_padding` where the kernel is a number here and a pair there."""
        if use.padding.value is not None and not use.padding.optional:
            return ""
        text = same_padding(use.kernel, use.dilation).text
        return "same_padding" if text.startswith("same_padding(") else ""


class Conv1d(Op):
    """1d convolution along the last dimension, which mixes those of the one before it.

    Tokens are turned for it, `rearrange("b n c -> b c n")`. A row of channels, `b 1 c`, is one
    channel of so many places: the gate of ECA-Net (arXiv:1910.03151) slides along it.
    """

    name = "conv1d"
    facts = Facts(convolves=True)
    aliases = (
        "Conv1d(in_channels, out, kernel, stride, padding=0, dilation, groups, bias)",
        "Conv1D(out, kernel, stride, padding=0, data_format, dilation, groups, activation, bias)",
        "LazyConv1d(out, kernel, stride, padding=0, dilation, groups, bias)",
    )
    keeps_output = False
    saves = "inputs"
    weighted = True

    out: Positive
    kernel: Positive
    stride: Positive = 1
    padding: Count | None = None
    dilation: Positive = 1
    groups: Positive = 1
    bias: bool = True

    def pad(self) -> int:
        """Return the padding at either end."""
        if self.padding is not None:
            return self.padding
        if self.kernel % 2 == 0:
            raise ShapeFault(
                "even-kernel",
                f"`{self.name}` can't center a kernel of {self.kernel}, which has no middle",
                "give `padding`, as in `padding=0`",
                argument="kernel",
            )
        return (self.kernel - 1) // 2 * self.dilation

    def shape(self, *xs: Shape) -> Shape:
        """Slide the kernel along the padded line."""
        x = xs[0]
        if len(x.sizes) != 2 or (x.layout[-1] == "c" and x.sizes[0] != 1):
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` takes `b c n`, but gets `{x.spelled}`",
                '`rearrange` changes the layout: `"b n c -> b c n"`',
                0,
            )
        expect_groups(self, self.groups, input=x.sizes[0], output=self.out)
        pad = self.pad()
        length = conv_size(x.sizes[1], self.kernel, self.stride, pad, self.dilation)
        if length < 1:
            raise ShapeFault(
                "kernel-too-large",
                f"`{self.name}` slides a kernel of {self.dilation * (self.kernel - 1) + 1} "
                f"over a padded input of {x.sizes[1] + 2 * pad}",
                f"the line is only {x.sizes[1]} long here",
                0,
            )
        return Shape(x.layout, (self.out, length))

    def features(self, x: Shape) -> int:
        """Return the size of the dimension before the last."""
        return x.sizes[0]

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a weight (out, in / groups, kernel) and a bias."""
        weight = Tensor((self.out, self.features(xs[0]) // self.groups, self.kernel))
        return {"weight": weight} | ({"bias": Tensor((self.out,))} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        """Count a multiply-add for each weight at each place of the output."""
        return self.tensors(*xs)["weight"].numel * self.shape(*xs).sizes[1]

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.Conv1d, whose padding must be a number or an expression."""
        window = {"stride": (use.stride, 1), "padding": (padding_of(use), 0)}
        rest = options(cls, use, "dilation", "groups", "bias")
        return spell("nn.Conv1d", use.channels[0], use.out, use.kernel, **window, **rest)


def padding_of(use: Use) -> Py:
    """Spell the padding as PyTorch takes it, where `none` means that the size is kept."""
    given = use.padding
    if given.value is not None and not given.optional:
        return given
    same = same_padding(use.kernel, use.dilation)
    return same if given.value is None else Py(without_none(given, same), VARIES)


def without_none(padding: Py, same: Py) -> str:
    """Write a padding that is none in some uses, where `same` takes its place."""
    tree = parsed(padding.text)
    if isinstance(tree, ast.IfExp):
        sides = (tree.body, tree.orelse)
        yes, no = (str(same) if ast.unparse(s) == "None" else ast.unparse(s) for s in sides)
        if str(same) in (yes, no):
            return f"{yes} if {ast.unparse(tree.test)} else {no}"
    return f"{same} if {padding.atom} is None else {padding.atom}"


def same_padding(kernel: Py, dilation: Py) -> Py:
    """Write the padding that keeps the size: (kernel - 1) // 2 * dilation."""
    k, d = kernel.value, dilation.value
    if k is not VARIES and d is not VARIES:
        pads = tuple((a - 1) // 2 * b for a, b in zip(as_pair(k), as_pair(d), strict=True))
        return Py.of(pads if any(pads) and (is_list(kernel) or is_list(dilation)) else max(pads))
    if is_list(kernel) or is_list(dilation):
        return Py(spell("same_padding", kernel, dilation=(dilation, 1)), VARIES)
    if k is VARIES:
        half = f"({kernel.atom} - 1) // 2"
        return Py(half if d == 1 else f"{half} * {dilation.atom}", VARIES)
    half = (k - 1) // 2
    texts = {0: Py.of(0), 1: dilation}
    return texts.get(half, Py(f"{half} * {dilation.atom}", VARIES))


def _spreading(kernel: int, stride: int, padding: int, dilation: int) -> Window:
    """Return the window of the elements that a transposed convolution spreads over a place."""

    def see(place: int) -> Span:
        last = (place + padding) // stride
        first = -(((kernel - 1) * dilation - padding - place) // stride)
        return min(first, last), last

    return Window.of(Fraction(1, stride), see)


class ConvTranspose(Op):
    """2d transposed convolution: the gradient of `conv` with respect to its input."""

    name = "conv_transpose"
    facts = Facts(kind="conv", convolves=True)
    aliases = (
        "ConvTranspose2d(in_channels, out, kernel, stride, padding, output_padding, groups, bias, dilation)",
        "LazyConvTranspose2d(out, kernel, stride, padding, output_padding, groups, bias, dilation)",
        "Conv2DTranspose(out, kernel, stride, padding, output_padding)",
        "deconv",
        "deconvolution",
        "upconv",
        "transposed_conv",
    )
    layouts = ("b c h w",)
    keeps_output = False
    saves = "inputs"
    weighted = True

    out: Positive
    kernel: Size
    stride: Size = 1
    padding: Padding = 0
    output_padding: Padding = 0
    groups: Positive = 1
    bias: bool = True
    dilation: Size = 1

    def shape(self, *xs: Shape) -> Shape:
        """Spread each element over a kernel, at a distance of `stride`."""
        x = xs[0]
        expect_layout(self, x)
        expect_groups(self, self.groups, input=x.channels, output=self.out)
        stride, extra, dilation = pair(self.stride), pair(self.output_padding), pair(self.dilation)
        if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
            raise ShapeFault(
                "output-padding-too-large",
                f"`{self.name}` adds {max(extra)} elements at a stride of {min(stride)}",
                "`output_padding` must be smaller than `stride` or `dilation`",
                argument="output_padding",
            )
        sides = zip(
            x.spatial, pair(self.kernel), stride, pair(self.padding), extra, dilation, strict=True
        )
        out = tuple(conv_transpose_size(*side) for side in sides)
        if min(out) < 1:
            raise ShapeFault(
                "padding-too-large",
                f"`{self.name}` crops {times(pair(self.padding))} off each side, "
                f"which leaves {times(out)}",
                "use a smaller `padding`",
                0,
                "padding",
            )
        return x.replace(c=self.out).with_spatial(out)

    def drawn(self, *xs: Shape) -> str:
        """Write `2×2 up-conv, 64`."""
        return f"{window(self.kernel)} up-conv, {self.out}"

    def tabled(self, style: Style, *xs: Shape) -> str:
        """Write `2×2 transposed conv, 64, stride 2`."""
        return _written(self, replace(style, plain=" transposed conv"), xs[0])

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a weight (in, out / groups, kernel) and a bias."""
        weight = Tensor((xs[0].channels, self.out // self.groups, *pair(self.kernel)))
        return {"weight": weight} | ({"bias": Tensor((self.out,))} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        """Count a multiply-add for each weight at each place of the input."""
        return self.tensors(*xs)["weight"].numel * _area(xs[0])

    def sees(self, *xs: Shape) -> Windows:
        """See the elements that are spread over the place."""
        sides = (self.kernel, self.stride, self.padding, self.dilation)
        down, across = map(_spreading, *map(pair, sides))
        return down, across

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.ConvTranspose2d."""
        names = [name for name in cls.model_fields if name not in ("out", "kernel")]
        head = (use.channels[0], use.out, use.kernel)
        return spell("nn.ConvTranspose2d", *head, **options(cls, use, *names))


def _area(x: Shape) -> int:
    height, width = x.spatial
    return height * width


def _written(op: Conv | ConvTranspose, style: Style, x: Shape) -> str:
    """Write a convolution as papers do; one that derives from these by its own name."""
    plain = op.name in (Conv.name, ConvTranspose.name)
    word = style.plain if plain else f" {op.label().replace('_', ' ')}"
    deep = 1 < op.groups == x.channels and (style.multiplied or op.out == op.groups)
    groups = [style.groups.format(op.groups)] * (op.groups > 1 and not deep)
    return style.layer(
        op.kernel,
        style.depthwise.format(word) if deep else word,
        str(op.out),
        *groups,
        dilation=op.dilation,
        stride=op.stride,
    )
