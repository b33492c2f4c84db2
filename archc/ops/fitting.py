"""Ops that give a map another height and width: given ones, or those of another map."""

from __future__ import annotations

from archc.ops.arguments import Mode, Size, pair
from archc.ops.base import VARIES, Op, Py, ShapeFault, TwoForms, Use, expect_layout, spell
from archc.ops.cut import shifted
from archc.ops.facts import Facts
from archc.ops.faults import times
from archc.ops.resize import Upsample, interpolated
from archc.ops.texts import options
from archc.shapes import Shape
from archc.windows import Windows


class _Fitted(Op):
    """The first value, as high and wide as the second, which is not read."""

    layouts = ("b c h w",)
    inputs = 2
    reads = 1

    def shape(self, *xs: Shape) -> Shape:
        """Give the channels of the first value, and height and width of the second."""
        for x in xs:
            expect_layout(self, x)
        return xs[0].with_spatial(xs[1].spatial)


class Resize(TwoForms):
    """A map enlarged or reduced to a height and width that are given, as F.interpolate does it."""

    name = "resize"
    facts = Facts(gate="keeps")
    aliases = ("Resizing",)
    torch_module = "nn.Upsample"
    torch_function = "F.interpolate"
    layouts = ("b c h w",)

    size: Size
    mode: Mode = "nearest"
    align_corners: bool | None = None

    def shape(self, *xs: Shape) -> Shape:
        """Give a map of the size that was asked for."""
        Upsample(mode=self.mode, align_corners=self.align_corners).expect_corners(self.name)
        expect_layout(self, xs[0])
        return xs[0].with_spatial(pair(self.size))

    def sees(self, *xs: Shape) -> Windows:
        """See the nearest place, or those that it is interpolated from."""
        down, across = (
            interpolated(of, to, self.mode, corners=bool(self.align_corners))
            for of, to in zip(xs[0].spatial, pair(self.size), strict=True)
        )
        return down, across

    @classmethod
    def spelled(cls, name: str, use: Use, *xs: str) -> str:
        rest = options(cls, use, "mode", "align_corners")
        return spell(name, *xs, size=(use.size, None), **rest)


class ResizeTo(_Fitted):
    """A map enlarged or reduced to the size of another, as F.interpolate does it."""

    name = "resize_to"
    facts = Facts(gate="keeps")

    mode: Mode = "nearest"
    align_corners: bool | None = None

    def shape(self, *xs: Shape) -> Shape:
        """Give the channels of the first value, and height and width of the second."""
        Upsample(mode=self.mode, align_corners=self.align_corners).expect_corners(self.name)
        return super().shape(*xs)

    def sees(self, *xs: Shape) -> Windows:
        """See the nearest place, or those that it is interpolated from."""
        down, across = (
            interpolated(of, to, self.mode, corners=bool(self.align_corners))
            for of, to in zip(xs[0].spatial, xs[1].spatial, strict=True)
        )
        return down, across

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell F.interpolate."""
        size = Py(f"{xs[1]}.shape[-2:]", VARIES)
        rest = options(cls, use, "mode", "align_corners")
        return spell("F.interpolate", xs[0], size=(size, None), **rest)


class CropTo(_Fitted):
    """The middle of a map, as large as another: the crop of U-Net's skip connections."""

    name = "crop_to"
    aliases = (
        "center_crop",
        "CenterCrop",
    )
    views = True
    torch_helper = "crop_to"

    def shape(self, *xs: Shape) -> Shape:
        """Give the channels of the first value, and height and width of the second."""
        cut = super().shape(*xs)
        if any(to > of for of, to in zip(xs[0].spatial, xs[1].spatial, strict=True)):
            raise ShapeFault(
                "out-of-range",
                f"`{self.name}` can't cut {times(xs[1].spatial)} out of {times(xs[0].spatial)}",
                "the first value is cropped to the size of the second: are they in this order?",
                0,
            )
        return cut

    def sees(self, *xs: Shape) -> Windows:
        """See its own place, by half of what is cut off."""
        top, left = ((of - to) // 2 for of, to in zip(xs[0].spatial, xs[1].spatial, strict=True))
        return shifted(h=top, w=left)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the helper."""
        return spell("crop_to", *xs)
