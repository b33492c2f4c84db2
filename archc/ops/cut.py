"""Ops that take a value apart or look at it in another shape; they copy nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from archc.ops.arguments import Count, Padding, Positive, Size, Whole, pair
from archc.ops.base import Op, ShapeFault, TwoForms, Use, expect_layout, spell
from archc.ops.facts import Facts
from archc.ops.faults import expect_dim, expect_window
from archc.ops.texts import axis, is_list, options
from archc.shapes import Shape, conv_size
from archc.windows import Window, Windows, everywhere, sliding


def tuple_of(value: object) -> object:
    """Take a list of a spec as the tuple that a frozen model holds."""
    return tuple(value) if isinstance(value, list) else value


def shifted(h: int = 0, w: int = 0, **_: int) -> Windows:
    """Return the windows of single places that are so far down and across."""
    return Window.shifted(h), Window.shifted(w)


class Flatten(Op):
    """Everything after the batch in one dimension, in PyTorch's order: c, then h, then w."""

    name = "flatten"
    facts = Facts(follows=True)
    views = True
    torch_module = "nn.Flatten"

    def shape(self, *xs: Shape) -> Shape:
        """Give a vector."""
        return Shape.of("c", xs[0].numel)

    def sees(self, *xs: Shape) -> Windows:
        """See all places, which the one vector holds, where there are several."""
        return super().sees() if xs[0].channels == xs[0].numel else everywhere(xs[0].spatial)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the method."""
        return f"{xs[0]}.flatten(1)"


class Transpose(Op):
    """A map with height and width swapped, which is a map again.

    `rearrange` moves names with their sizes, so that what it transposes is no map any more.
    """

    name = "transpose"
    facts = Facts(gate="keeps")
    aliases = ("swapaxes",)
    layouts = ("b c h w", "b h w c")
    views = True

    def shape(self, *xs: Shape) -> Shape:
        """Swap height and width."""
        expect_layout(self, xs[0])
        return xs[0].with_spatial(xs[0].spatial[::-1])

    def sees(self, *xs: Shape) -> Windows:
        """See all of the map: a window down would have to go on as one across."""
        return everywhere(xs[0].spatial)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the method."""
        return f"{xs[0]}.transpose({'2, 3' if use.shapes[0].layout[0] == 'c' else '1, 2'})"


class Split(Op):
    """The parts of a value along a dimension: so many equal ones, or a list of sizes."""

    name = "split"
    facts = Facts(kind="split", gate="keeps")
    aliases = (
        "chunk(sizes)",
        "tensor_split",
    )
    views = True

    sizes: Annotated[
        Positive | Annotated[tuple[Positive, ...], Field(min_length=1)], BeforeValidator(tuple_of)
    ]
    dim: str = "c"

    def shape(self, *xs: Shape) -> tuple[Shape, ...]:
        """Give the shape of each part."""
        x = xs[0]
        total = expect_dim(self, x, self.dim)
        if isinstance(self.sizes, int):
            if total % self.sizes:
                raise ShapeFault(
                    "parts-do-not-divide",
                    f"`{self.name}` can't cut {total} along `{self.dim}` into {self.sizes} "
                    "equal parts",
                    f"a list of sizes that add up to {total} can cut unequal parts",
                    0,
                )
            return (x.replace(**{self.dim: total // self.sizes}),) * self.sizes
        if sum(self.sizes) != total:
            raise ShapeFault(
                "parts-do-not-add-up",
                f"`{self.name}` cuts {sum(self.sizes)} along `{self.dim}`, but there are {total}",
                "the sizes must add up",
                0,
            )
        return tuple(x.replace(**{self.dim: size}) for size in self.sizes)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell chunk for a number of parts, split for a list of sizes."""
        method = "split" if is_list(use.sizes) else "chunk"
        return spell(f"{xs[0]}.{method}", use.sizes, dim=(axis(use.shapes[0], use.dim), 0))


class Narrow(Op):
    """The `length` elements from `start` on along a dimension."""

    name = "narrow"
    facts = Facts(kind="split", gate="keeps")
    views = True

    start: Count
    length: Positive
    dim: str = "c"

    def shape(self, *xs: Shape) -> Shape:
        """Give the shape of the part, which must be inside."""
        total = expect_dim(self, xs[0], self.dim)
        if self.start + self.length > total:
            raise ShapeFault(
                "out-of-range",
                f"`{self.name}` takes up to element {self.start + self.length} along "
                f"`{self.dim}`, but there are {total}",
                "",
                0,
            )
        return xs[0].replace(**{self.dim: self.length})

    def sees(self, *xs: Shape) -> Windows:
        """See a place that is `start` further on."""
        return shifted(**{self.dim: self.start})

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the method."""
        return spell(f"{xs[0]}.narrow", axis(use.shapes[0], use.dim), use.start, use.length)


class Select(Op):
    """One element along a dimension, which is gone then: the class token of a transformer."""

    name = "select"
    facts = Facts(kind="split", gate="keeps")
    aliases = ("index_select",)
    views = True

    index: Whole
    dim: str

    def shape(self, *xs: Shape) -> Shape:
        """Drop the dimension; a value needs one besides the batch."""
        x, dim = xs[0], self.dim
        total = expect_dim(self, x, dim)
        if not -total <= self.index < total:
            raise ShapeFault(
                "out-of-range",
                f"`{self.name}` takes element {self.index} along `{dim}`, but there are {total}",
                "the first has index 0, the last -1",
                0,
            )
        if len(x.layout) == 1:
            raise ShapeFault(
                "no-dimension-left",
                f"`{self.name}` takes away `{dim}`, the only dimension of `{x.spelled}`",
                "`narrow` keeps the dimension",
                0,
            )
        rest = [(d, size) for d, size in zip(x.layout, x.sizes, strict=True) if d != dim]
        return Shape(tuple(d for d, _ in rest), tuple(size for _, size in rest))

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell an index: `x[:, 0]`."""
        before = use.shapes[0].layout.index(str(use.dim.value)) + 1
        return f"{xs[0]}[{':, ' * before}{use.index}]"


class Unfold(TwoForms):
    """The windows that a kernel slides over, as `b c n`: n windows of c × height × width elements.

    `rearrange("b (c k) n -> b n k c", k=9)` takes the places of a window apart. Padding is 0
    unless given, as in pools.
    """

    name = "unfold"
    aliases = ("im2col",)
    torch_module = "nn.Unfold"
    torch_function = "F.unfold"
    layouts = ("b c h w",)

    kernel: Size
    stride: Size = 1
    padding: Padding = 0
    dilation: Size = 1

    def shape(self, *xs: Shape) -> Shape:
        """Have a place for each window, row by row."""
        x = xs[0]
        expect_layout(self, x)
        kernel, stride, dilation = pair(self.kernel), pair(self.stride), pair(self.dilation)
        pads = pair(self.padding)
        sides = zip(x.spatial, kernel, stride, pads, dilation, strict=True)
        out = tuple(conv_size(*side) for side in sides)
        span = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
        expect_window(self, x, out, span, pads)
        return Shape.of("c n", x.channels * kernel[0] * kernel[1], out[0] * out[1])

    def sees(self, *xs: Shape) -> Windows:
        """See what is under the kernel."""
        sides = (self.kernel, self.stride, self.padding, self.dilation)
        return sliding(*map(pair, sides))

    @classmethod
    def spelled(cls, name: str, use: Use, *xs: str) -> str:
        rest = options(cls, use, "dilation", "padding", "stride")
        return spell(name, *xs, use.kernel, **rest)
