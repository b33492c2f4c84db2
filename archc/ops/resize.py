"""Ops that pad, thin out or enlarge a value without weights."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Annotated

from pydantic import BeforeValidator, Field

from archc.ops.arguments import Mode, Positive, Size, Whole, pair
from archc.ops.base import Op, ShapeFault, TwoForms, Use, expect_layout, spell
from archc.ops.cut import shifted, tuple_of
from archc.ops.facts import Facts
from archc.ops.faults import expect_dim, times
from archc.ops.papers import PICTURE
from archc.ops.texts import elements, is_list, options, term
from archc.shapes import Shape
from archc.windows import Span, Window, Windows, sliding


class Pad(Op):
    """A border of a constant: one number for all sides of a map, or a list as F.pad takes it.

    The list is (left, right, top, bottom) for a map: it starts from the last dimension.
    Negative numbers crop.
    """

    name = "pad"
    aliases = (
        "ZeroPad2d(padding)",
        "ZeroPadding2D(padding)",
        "ConstantPad2d(padding, value)",
        "zero_pad2d(padding)",
    )

    padding: Annotated[Whole | tuple[Whole, ...], BeforeValidator(tuple_of)]
    value: float = 0.0

    def shape(self, *xs: Shape) -> Shape:
        """Add two numbers to each dimension, from the last on."""
        x = xs[0]
        if isinstance(self.padding, int):
            if x.layout[-2:] != ("h", "w"):
                raise ShapeFault(
                    "wrong-layout",
                    f"`{self.name}` with one number takes `b c h w`, but gets `{x.spelled}`",
                    "give a list with two numbers for each dimension, the last dimension first",
                    0,
                )
        elif len(self.padding) % 2 or len(self.padding) > 2 * len(x.sizes):
            raise ShapeFault(
                "wrong-length",
                f"`{self.name}` takes two numbers for each dimension of `{x.spelled}`, "
                f"but gets {len(self.padding)}",
                "the list starts from the last dimension: left, right, top, bottom",
            )
        pads = self._sides
        sums = [a + b for a, b in zip(pads[::2], pads[1::2], strict=True)]
        extra = [0] * (len(x.sizes) - len(sums)) + sums[::-1]
        sizes = tuple(size + e for size, e in zip(x.sizes, extra, strict=True))
        if min(sizes) < 1:
            raise ShapeFault(
                "nothing-left", f"`{self.name}` crops {x} to {times(sizes)}", "crop less", 0
            )
        return Shape(x.layout, sizes)

    @property
    def _sides(self) -> tuple[int, ...]:
        return (self.padding,) * 4 if isinstance(self.padding, int) else self.padding

    def sees(self, *xs: Shape) -> Windows:
        """See the place that the border has moved."""
        moved = zip(xs[0].layout[::-1], self._sides[::2], strict=False)
        return shifted(**{dim: -by for dim, by in moved})

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.ZeroPad2d or nn.ConstantPad2d, which pad maps only."""
        text = elements(use.padding)
        if use.shapes[0].layout[-2:] != ("h", "w") or (text and len(text.split(",")) != 4):
            return ""
        if use.value.value == 0:
            return spell("nn.ZeroPad2d", use.padding)
        return spell("nn.ConstantPad2d", use.padding, use.value)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell F.pad, which wants one number for each side."""
        number = use.padding
        pads = number.text if is_list(number) else f"({', '.join([number.text] * 4)})"
        return spell("F.pad", *xs, pads, **options(cls, use, "value"))


class PadChannels(Op):
    """Channels of zeros behind the others: the parameter-free shortcut, option A of ResNet."""

    name = "pad_channels"
    sized = True

    out: Positive

    def shape(self, *xs: Shape) -> Shape:
        """Give `out` channels, which may not be fewer."""
        channels = expect_dim(self, xs[0], "c")
        if channels > self.out:
            raise ShapeFault(
                "fewer-channels",
                f"`{self.name}` can't make {self.out} channels of {channels}",
                f"`conv({self.out}, 1)` can project to fewer",
                0,
            )
        return xs[0].replace(c=self.out)

    def drawn(self, *xs: Shape) -> str:
        """Write `zero pad, 128`."""
        return f"zero pad, {self.out}"

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell F.pad with the number of new channels, which may be a formula."""
        layout, out, channels = use.shapes[0].layout, use.out, use.channels[0]
        extra: object = f"{term(out)} - {channels.atom}"
        if out.text.isdigit() and channels.text.isdigit():
            extra = int(out.text) - int(channels.text)
        zeros = "0, " * 2 * (len(layout) - 1 - layout.index("c"))
        return f"F.pad({xs[0]}, ({zeros}0, {extra}))"


class PadTo(Op):
    """Zeros at the right and the bottom, up to the next multiple of a size."""

    name = "pad_to"
    layouts = ("b c h w", "b h w c")
    torch_helper = "pad_to"

    multiple: Size

    def shape(self, *xs: Shape) -> Shape:
        """Round height and width up."""
        expect_layout(self, xs[0])
        sides = zip(xs[0].spatial, pair(self.multiple), strict=True)
        return xs[0].with_spatial(tuple(size + -size % multiple for size, multiple in sides))

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the helper, for which a size must be a pair."""
        size = use.multiple if is_list(use.multiple) else f"({use.multiple}, {use.multiple})"
        last = use.shapes[0].layout[-1] == "c"
        return spell("pad_to", *xs, size, channels_last=(last, False))


class PadSame(Op):
    """What TensorFlow's `padding="same"` adds before a window slides, which then takes no padding.

    A stride of s gives 1 / s of the map, rounded up; an odd rest is at the right and the bottom.
    """

    name = "pad_same"
    layouts = ("b c h w",)
    torch_helper = "pad_same"

    kernel: Size
    stride: Size = 1
    dilation: Size = 1
    value: float = 0.0

    def shape(self, *xs: Shape) -> Shape:
        """Add what the last window lacks."""
        expect_layout(self, xs[0])
        pads = zip(xs[0].spatial, self._totals(xs[0]), strict=True)
        return xs[0].with_spatial(tuple(size + total for size, total in pads))

    def _totals(self, x: Shape) -> list[int]:
        """Return what is added down and across."""
        windows = map(pair, (self.kernel, self.stride, self.dilation))
        return [
            max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
            for size, k, s, d in zip(x.spatial, *windows, strict=True)
        ]

    def sees(self, *xs: Shape) -> Windows:
        """See the place before the padding at the left and the top."""
        down, across = (Window.shifted(-(total // 2)) for total in self._totals(xs[0]))
        return down, across

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the helper."""
        rest = options(cls, use, "stride", "dilation", "value")
        return spell("pad_same", *xs, use.kernel, **rest)


class Subsample(Op):
    """Every stride-th row and column: a 1×1 pool with a stride, the identity that strides."""

    name = "subsample"
    aliases = ("strided_slice",)
    saves = "inputs"
    layouts = ("b c h w",)

    stride: Size

    def shape(self, *xs: Shape) -> Shape:
        """Divide height and width, rounded up."""
        expect_layout(self, xs[0])
        sides = zip(xs[0].spatial, pair(self.stride), strict=True)
        return xs[0].with_spatial(tuple(-(-size // stride) for size, stride in sides))

    def drawn(self, *xs: Shape) -> str:
        """Write `subsample, /2`."""
        return f"subsample{PICTURE.strided(self.stride)}"

    def sees(self, *xs: Shape) -> Windows:
        """See every stride-th place."""
        return sliding((1, 1), pair(self.stride))

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell a pool of single elements.

        torch.export leaves its height and width free, which it does not for a slice.
        """
        return spell("nn.AvgPool2d", 1, use.stride)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the pool as a function."""
        return spell("F.avg_pool2d", *xs, 1, use.stride)


def interpolated(size: int, to: int, mode: Mode, *, corners: bool) -> Window:
    """Return the window along a side of a map that F.interpolate makes larger or smaller."""
    step = Fraction(size - 1, max(to - 1, 1)) if corners else Fraction(size, to)
    start = Fraction(0) if corners else (step - 1) / 2

    def see(place: int) -> Span:
        at = step * place + start
        if mode == "nearest":
            return floor(step * place), floor(step * place)
        further = int(mode == "bicubic")
        return floor(at) - further, ceil(at) + further

    return Window.of(step, see)


class Upsample(TwoForms):
    """A map enlarged by a whole factor."""

    name = "upsample"
    facts = Facts(gate="keeps")
    aliases = (
        'Upsample(scale, mode="nearest", align_corners)',
        'interpolate(scale, mode="nearest", align_corners)',
        'UpSampling2D(scale, mode="nearest")',
        'UpsamplingNearest2d(scale, mode="nearest")',
        'upsample_nearest(scale, mode="nearest")',
        'upsample_bilinear(scale) = upsample({scale|2}, "bilinear", align_corners=true)',
        'UpsamplingBilinear2d(scale) = upsample({scale|2}, "bilinear", align_corners=true)',
    )
    torch_module = "nn.Upsample"
    torch_function = "F.interpolate"
    layouts = ("b c h w",)

    scale: Positive = 2
    mode: Mode = "nearest"
    align_corners: bool | None = None

    def shape(self, *xs: Shape) -> Shape:
        """Multiply height and width."""
        expect_layout(self, xs[0])
        self.expect_corners(self.name)
        return xs[0].with_spatial(tuple(self.scale * size for size in xs[0].spatial))

    def expect_corners(self, name: str) -> None:
        """Raise where corners should be aligned that the mode has not; `name` is the op's."""
        if self.mode == "nearest" and self.align_corners is not None:
            raise ShapeFault(
                "no-corners",
                f"`{name}` with `mode=nearest` has no corners to align",
                "`align_corners` goes with `mode=bilinear` and `mode=bicubic`",
            )

    def drawn(self, *xs: Shape) -> str:
        """Write `bilinear upsample, ×2`."""
        return f"{self.mode} upsample, ×{self.scale}"

    def sees(self, *xs: Shape) -> Windows:
        """See the nearest place, or those that it is interpolated from."""
        down, across = (
            interpolated(size, self.scale * size, self.mode, corners=bool(self.align_corners))
            for size in xs[0].spatial
        )
        return down, across

    @classmethod
    def spelled(cls, name: str, use: Use, *xs: str) -> str:
        rest = options(cls, use, "mode", "align_corners")
        return spell(name, *xs, scale_factor=(use.scale, None), **rest)


Numbers = Annotated[tuple[float, ...], BeforeValidator(tuple_of), Field(min_length=1)]


class ChannelAffine(Op):
    """Each channel times a fixed number, plus another: a change of the input's normalisation."""

    name = "channel_affine"
    layouts = ("b c h w",)
    keeps_output = False
    torch_module = "ChannelAffine"
    torch_helper = "ChannelAffine"

    scale: Numbers
    shift: Numbers

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape; each channel needs its numbers."""
        expect_layout(self, xs[0])
        for name, numbers in (("scale", self.scale), ("shift", self.shift)):
            if len(numbers) != xs[0].channels:
                raise ShapeFault(
                    "wrong-length",
                    f"`{self.name}` has {len(numbers)} numbers in `{name}` for "
                    f"{xs[0].channels} channels",
                    "give one for each channel",
                    0,
                )
        return xs[0]
