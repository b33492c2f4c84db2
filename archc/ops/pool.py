"""Pools: windows that reduce a map."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from archc.ops.arguments import Padding, Size, pair
from archc.ops.base import Op, ShapeFault, TwoForms, Use, expect_layout, spell
from archc.ops.facts import Facts
from archc.ops.faults import expect_window, times
from archc.ops.papers import PICTURE, TABLE, Style, window
from archc.ops.texts import options
from archc.shapes import Shape, pool_size
from archc.windows import Span, Window, Windows, everywhere, sliding

INDEX = 8
"""The bytes of an index of PyTorch."""


class Pool(TwoForms):
    """What max_pool and avg_pool share: a window that slides by its own size unless told."""

    layouts = ("b c h w",)
    saves = "inputs"

    kernel: Size
    stride: Size | None = None
    padding: Padding = 0

    @property
    def step(self) -> Size:
        """How far the window slides."""
        return self.kernel if self.stride is None else self.stride

    def slide(self, x: Shape, *, ceil_mode: bool) -> Shape:
        """Return the shape after the window has slid over x, or raise ShapeFault."""
        expect_layout(self, x)
        dilation = pair(self.apart())
        kernel, pads = pair(self.kernel), pair(self.padding)
        stride = pair(self.step)
        if any(2 * p > k for p, k in zip(pads, kernel, strict=True)):
            raise ShapeFault(
                "padding-too-large",
                f"`{self.name}` pads by {times(pads)}, more than half of its kernel of "
                f"{times(kernel)}",
                "a window would see nothing but padding; `pad` can pad by more",
            )
        sides = zip(x.spatial, kernel, stride, pads, dilation, strict=True)
        out = tuple(pool_size(*side, ceil_mode=ceil_mode) for side in sides)
        span = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
        expect_window(self, x, out, span, pads)
        return x.with_spatial(out)

    def drawn(self, *xs: Shape) -> str:
        """Write `3×3 max pool, /2`."""
        return PICTURE.layer(self.kernel, f" {self.name.replace('_', ' ')}", stride=self.step)

    def sees(self, *xs: Shape) -> Windows:
        """See what is under the window."""
        stride = pair(self.step)
        return sliding(pair(self.kernel), stride, pair(self.padding), pair(self.apart()))

    def apart(self) -> Size:
        """Return how far apart the elements of a window are."""
        return 1

    @classmethod
    def spelled(cls, name: str, use: Use, *xs: str) -> str:
        names = [field for field in cls.model_fields if field != "kernel"]
        return spell(name, *xs, use.kernel, **options(cls, use, *names))


class Largest(Op):
    """What the max pools share: the backward pass needs to know where each element is from."""

    def saved_bytes(self, *xs: Shape) -> int:
        """Remember where each largest element was."""
        given = self.shape(*xs)
        assert isinstance(given, Shape)
        return INDEX * given.numel


class MaxPool(Largest, Pool):
    """The largest element of each window; padding never wins."""

    name = "max_pool"
    facts = Facts(kind="pool")
    aliases = (
        "MaxPool2d(kernel, stride, padding, dilation, return_indices, ceil_mode)",
        "MaxPooling2D(kernel, stride)",
    )
    torch_module = "nn.MaxPool2d"
    torch_function = "F.max_pool2d"

    dilation: Size = 1
    ceil_mode: bool = False

    def apart(self) -> Size:
        """Return how far apart the elements of a window are."""
        return self.dilation

    def tabled(self, style: Style, *xs: Shape) -> str:
        """Write `3×3 max pool, stride 2`."""
        return TABLE.layer(self.kernel, " max pool", stride=self.step)

    def shape(self, *xs: Shape) -> Shape:
        """Slide the window, whose elements are `dilation` apart."""
        return self.slide(xs[0], ceil_mode=self.ceil_mode)


class AvgPool(Pool):
    """The mean of each window, the padding's zeros included unless told."""

    name = "avg_pool"
    facts = Facts(kind="pool")
    aliases = (
        "AveragePooling2D(kernel, stride)",
        "average_pool",
        "mean_pool",
    )
    torch_module = "nn.AvgPool2d"
    torch_function = "F.avg_pool2d"

    ceil_mode: bool = False
    count_include_pad: bool = True

    def tabled(self, style: Style, *xs: Shape) -> str:
        """Write `3×3 average pool, stride 2`."""
        return TABLE.layer(self.kernel, " average pool", stride=self.step)

    def shape(self, *xs: Shape) -> Shape:
        """Slide the window."""
        return self.slide(xs[0], ceil_mode=self.ceil_mode)


class AdaptivePool(Op):
    """What the adaptive pools share: a map is cut into so many windows, nearly equal."""

    layouts = ("b c h w",)
    saves = "inputs"
    torch_function: ClassVar[str]

    size: Size

    def shape(self, *xs: Shape) -> Shape:
        """Give a map of the size that was asked for."""
        expect_layout(self, xs[0])
        return xs[0].with_spatial(pair(self.size))

    def drawn(self, *xs: Shape) -> str:
        """Write `avg pool`, or `avg pool to 7×7`."""
        name = self.name.removeprefix("adaptive_").replace("_", " ")
        return name if self.size in (1, (1, 1)) else f"{name} to {window(self.size)}"

    def sees(self, *xs: Shape) -> Windows:
        """See the places from floor(o * in / out) to ceil((o + 1) * in / out), as PyTorch cuts."""
        down, across = map(_part, xs[0].spatial, pair(self.size))
        return down, across

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the function of torch.nn.functional."""
        return spell(cls.torch_function, *xs, use.size)


def _part(size: int, parts: int) -> Window:
    """Return the windows of so many parts of a side, nearly equal."""

    def see(place: int) -> Span:
        return place * size // parts, -(-(place + 1) * size // parts) - 1

    return Window.everything(size) if parts == 1 else Window.of(Fraction(size, parts), see)


class AdaptiveAvgPool(AdaptivePool):
    """The mean of each window; the result stays a map, of 1×1 for size 1."""

    name = "adaptive_avg_pool"
    facts = Facts(kind="pool")
    torch_module = "nn.AdaptiveAvgPool2d"
    torch_function = "F.adaptive_avg_pool2d"

    def tabled(self, style: Style, *xs: Shape) -> str:
        """Write `average pool`."""
        return "average pool"


class AdaptiveMaxPool(Largest, AdaptivePool):
    """The largest element of each window."""

    name = "adaptive_max_pool"
    facts = Facts(kind="pool")
    aliases = (
        "GlobalMaxPooling2D() = adaptive_max_pool(1)",
        "global_max_pool() = adaptive_max_pool(1)",
        "gmp() = adaptive_max_pool(1)",
    )
    torch_module = "nn.AdaptiveMaxPool2d"
    torch_function = "F.adaptive_max_pool2d"


class GlobalAvgPool(Op):
    """The mean over height and width, which gives a vector."""

    name = "global_avg_pool"
    facts = Facts(kind="pool")
    aliases = (
        "GlobalAveragePooling2D",
        "GlobalAvgPool2d",
        "FastGlobalAvgPool2d",
        "FastAdaptiveAvgPool",
        "SelectAdaptivePool2d",
        "gap",
    )
    layouts = ("b c h w", "b h w c")

    def tabled(self, style: Style, *xs: Shape) -> str:
        """Write `average pool`."""
        return "average pool"

    def shape(self, *xs: Shape) -> Shape:
        """Keep the channels."""
        expect_layout(self, xs[0])
        return Shape.of("c", xs[0].channels)

    def sees(self, *xs: Shape) -> Windows:
        """See the whole map."""
        return everywhere(xs[0].spatial)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell a mean, which is what F.adaptive_avg_pool2d(x, 1) computes too."""
        return f"{xs[0]}.mean({(2, 3) if use.shapes[0].layout[0] == 'c' else (1, 2)})"
