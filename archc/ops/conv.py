"""Convolutions and linear layers: what papers count as the layers of a network."""

from __future__ import annotations

from typing import Literal

from archc.ops.base import (
    VARIES,
    Op,
    Padding,
    Positive,
    Py,
    ShapeFault,
    Size,
    Tensor,
    Use,
    expect_layout,
    pair,
    spell,
)
from archc.ops.faults import expect_groups, expect_window, times
from archc.ops.texts import as_pair, is_list, options
from archc.shapes import Shape, conv_size, conv_transpose_size


class Conv(Op):
    """2d convolution; without `padding` an odd kernel keeps the size at stride 1."""

    name = "conv"
    layouts = ("b c h w",)
    keeps_output = False
    weighted = True

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
                f"`conv` can't center a kernel of {times((kh, kw))}, which has no middle",
                "give `padding`, as in `padding=0`",
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
                f"`conv` pads a map of {times(x.spatial)} by {times(pads)} of its own elements",
                f"`padding_mode={self.padding_mode}` needs a larger map",
                0,
            )

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a weight (out, in / groups, kernel) and a bias."""
        weight = Tensor((self.out, xs[0].channels // self.groups, *pair(self.kernel)))
        return {"weight": weight} | ({"bias": Tensor((self.out,))} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        """Count a multiply-add for each weight at each place of the output."""
        return self.tensors(*xs)["weight"].numel * _area(self.shape(*xs))

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.Conv2d, whose padding must be a number or an expression."""
        padding = use.padding
        if padding.value is None:
            padding = same_padding(use.kernel, use.dilation)
        elif padding.optional:
            same = same_padding(use.kernel, use.dilation)
            padding = Py(f"{same} if {padding} is None else {padding}", VARIES)
        rest = options(cls, use, "dilation", "groups", "bias", "padding_mode")
        stride = (use.stride, 1)
        head = (use.channels[0], use.out, use.kernel)
        return spell("nn.Conv2d", *head, stride=stride, padding=(padding, 0), **rest)

    @classmethod
    def helper(cls, use: Use) -> str:
        """Need `same_padding` where the kernel is a number here and a pair there."""
        if use.padding.value is not None and not use.padding.optional:
            return ""
        text = same_padding(use.kernel, use.dilation).text
        return "same_padding" if text.startswith("same_padding(") else ""


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


class ConvTranspose(Op):
    """2d transposed convolution: the gradient of `conv` with respect to its input."""

    name = "conv_transpose"
    layouts = ("b c h w",)
    keeps_output = False
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
            )
        return x.replace(c=self.out).with_spatial(out)

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a weight (in, out / groups, kernel) and a bias."""
        weight = Tensor((xs[0].channels, self.out // self.groups, *pair(self.kernel)))
        return {"weight": weight} | ({"bias": Tensor((self.out,))} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        """Count a multiply-add for each weight at each place of the input."""
        return self.tensors(*xs)["weight"].numel * _area(xs[0])

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.ConvTranspose2d."""
        names = [name for name in cls.model_fields if name not in ("out", "kernel")]
        head = (use.channels[0], use.out, use.kernel)
        return spell("nn.ConvTranspose2d", *head, **options(cls, use, *names))


class Linear(Op):
    """Affine map of the last dimension, the channels."""

    name = "linear"
    layouts = ("b c", "b n c", "b h w c")
    keeps_output = False
    weighted = True

    out: Positive
    bias: bool = True

    def shape(self, *xs: Shape) -> Shape:
        """Change the channels, wherever they are."""
        expect_layout(self, xs[0])
        return xs[0].replace(c=self.out)

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a weight (out, in) and a bias."""
        weight = Tensor((self.out, xs[0].channels))
        return {"weight": weight} | ({"bias": Tensor((self.out,))} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        """Count a multiply-add for each weight and token."""
        return xs[0].numel * self.out

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.Linear."""
        return spell("nn.Linear", use.channels[0], use.out, **options(cls, use, "bias"))


def _area(x: Shape) -> int:
    height, width = x.spatial
    return height * width
