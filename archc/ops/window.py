"""Windows of a map, in which attention stays local, and what is known of places in them."""

from __future__ import annotations

from archc.ops.arguments import Padding, Size, pair
from archc.ops.base import Op, ShapeFault, Tensor, Use, expect_layout, spell
from archc.ops.facts import Facts
from archc.ops.faults import times
from archc.ops.papers import shown, window
from archc.shapes import Shape
from archc.windows import EVERYTHING, Windows

MAPS = ("b h w c", "b c h w")


class WindowPartition(Op):
    """Cut a map into windows `b g n c`: g of them, of n tokens each (arXiv:2103.14030).

    With `shift` the map is rolled up and to the left first, unless it is one window high or
    wide. With `grid` the tokens of a window are `size` by `size` places spread evenly over the
    map (arXiv:2204.01697).
    """

    name = "window_partition"
    facts = Facts(kind="window")
    layouts = MAPS
    decisive = ("grid",)

    size: Size
    shift: Padding = 0
    grid: bool = False

    def shape(self, *xs: Shape) -> Shape:
        """Have size × size tokens in each window; the windows must cover the map."""
        x = xs[0]
        expect_layout(self, x)
        expect_shift(self, self.size, self.shift, grid=self.grid)
        (height, width), (h, w) = x.spatial, pair(self.size)
        if height % h or width % w:
            raise window_fault(self, x, self.size)
        return Shape.of("g n c", height // h * (width // w), h * w, x.channels)

    def drawn(self, *xs: Shape) -> str:
        """Write `windows, 7×7, shift 3`."""
        shift = f", shift {shown(self.shift)}" if self.shift else ""
        return f"windows, {window(self.size)}{shift}"

    def sees(self, *xs: Shape) -> Windows:
        """See whatever place it is from, since windows have no rows and columns."""
        return EVERYTHING

    @classmethod
    def helper(cls, use: Use) -> str:
        """Need one of two functions."""
        return "grid_partition" if use.grid.value else "window_partition"

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the function."""
        return spell(cls.helper(use), channels_last(xs[0], use.shapes[0]), use.size, **shifted(use))


class WindowMerge(Op):
    """Put windows back into a map as large as the second value: the inverse of the partition.

    What `pad_to` added to the second value before the windows were cut is cut off.
    """

    name = "window_merge"
    aliases = ("window_reverse",)
    inputs = 2
    reads = 1
    decisive = ("grid",)

    size: Size
    shift: Padding = 0
    grid: bool = False

    def shape(self, *xs: Shape) -> Shape:
        """Take height and width of the second value."""
        windows, x = xs
        if windows.layout != ("g", "n", "c"):
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` takes windows, `b g n c`, but gets `{windows.spelled}`",
                "`window_partition` makes them",
                0,
            )
        if x.spelled not in MAPS:
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` makes a map like the second value, which is `{x.spelled}`",
                "give the map that was cut into windows, `b h w c` or `b c h w`",
                1,
            )
        expect_shift(self, self.size, self.shift, grid=self.grid)
        (height, width), (h, w) = x.spatial, pair(self.size)
        if self.grid and (height % h or width % w):
            raise window_fault(self, x, self.size)
        wanted = (-(-height // h) * -(-width // w), h * w)
        if windows.sizes[:2] != wanted:
            raise ShapeFault(
                "window-mismatch",
                f"`{self.name}` makes {times(x.spatial)} of {wanted[0]} windows of {wanted[1]} "
                f"tokens, but gets {windows.sizes[0]} of {windows.sizes[1]}",
                "give `window_merge` the size of `window_partition`, and the map that it cut",
                0,
            )
        return x.replace(c=windows.channels)

    def sees(self, *xs: Shape) -> Windows:
        """See whatever token stands there."""
        return EVERYTHING

    @classmethod
    def helper(cls, use: Use) -> str:
        """Need one of two functions."""
        return "grid_merge" if use.grid.value else "window_merge"

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the function; convolutions that follow want channels that lie first in memory."""
        like = channels_last(xs[1], use.shapes[1])
        back = "" if use.shapes[1].layout[-1] == "c" else ".permute(0, 3, 1, 2).contiguous()"
        return spell(cls.helper(use), xs[0], like, use.size, **shifted(use)) + back


class WindowMask(Op):
    """What keeps tokens of a shifted map apart: -100 where a pair was not side by side, else 0.

    It takes the map that is cut into windows and gives a term for `attention`, one for each
    window. It is there where nothing is shifted too: the size of a map changes no module.
    """

    name = "window_mask"
    reads = 0
    layouts = MAPS
    torch_helper = "window_mask"

    size: Size
    shift: Padding = 0

    def shape(self, *xs: Shape) -> Shape:
        """Have a row and a column for each token of a window."""
        windows = WindowPartition(size=self.size, shift=self.shift).shape(xs[0])
        count, tokens, _ = windows.sizes
        return Shape.of("g heads n m", count, 1, tokens, tokens)

    def batch(self, *xs: Shape) -> str:
        """Have no batch: it is the same for every sample."""
        return ""

    def sees(self, *xs: Shape) -> Windows:
        """See places only, no values."""
        return EVERYTHING

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the function."""
        return spell("window_mask", channels_last(xs[0], use.shapes[0]), use.size, use.shift)


class RelativePositionBias(Op):
    """A term for `attention` from a table with a row of heads for each offset in a window.

    The table is `((2 height - 1) (2 width - 1), heads)`, or a map of that height and width. Its
    buffer says which row each pair of tokens has (arXiv:2103.14030, equation 4).
    """

    name = "relative_position_bias"
    aliases = (
        "RelPosBias",
        "RelativePositionBias2d",
    )
    unbatched = "kept"
    registered = True
    torch_helper = "relative_position_bias"
    decisive = ("flat",)

    size: Size
    flat: bool = True

    def shape(self, *xs: Shape) -> Shape:
        """Have a row and a column for each token, for each head."""
        x, (h, w) = xs[0], pair(self.size)
        rows = (2 * h - 1) * (2 * w - 1)
        if x.batch == "b" or x.numel != rows * x.sizes[-1] or len(x.sizes) not in (2, 3):
            raise ShapeFault(
                "wrong-table",
                f"`{self.name}` for windows of {times((h, w))} takes a table of {rows} rows, but "
                f"gets `{x.spelled}` of {x}",
                f"`parameter({rows}, heads)` is one",
                0,
            )
        return Shape.of("heads n m", x.sizes[-1], h * w, h * w)

    def batch(self, *xs: Shape) -> str:
        """Have no batch, whether the table has a dimension for one or not."""
        return ""

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own the row of each pair, in one dimension or, with `flat=false`, two."""
        h, w = pair(self.size)
        shape = ((h * w) ** 2,) if self.flat else (h * w, h * w)
        return {"relative_position_index": Tensor(shape, trainable=False)}

    @classmethod
    def buffers(cls, use: Use) -> dict[str, str]:
        """Spell the rows."""
        index = spell("relative_position_index", use.size)
        flat = ".flatten()" if use.flat.value else ""
        return {"relative_position_index": f"{index}{flat}"}

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the function."""
        return spell("relative_position_bias", *xs)


class RelativeCoordinates(Op):
    """The offsets in a window, down and across, as a map of two channels, spaced by logarithms.

    sign(d) log2(1 + 8 |d| / (size - 1)) / 3 for an offset d (arXiv:2111.09883, equation 4).
    """

    name = "relative_coordinates"
    inputs = 0
    registered = True

    size: Size

    def shape(self, *xs: Shape) -> Shape:
        """Have a place for each offset."""
        h, w = pair(self.size)
        return Shape.of("h w c", 2 * h - 1, 2 * w - 1, 2)

    def batch(self, *xs: Shape) -> str:
        """Have a dimension for the batch."""
        return "1"

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own the map."""
        shape = (1, *self.shape().sizes)
        return {"relative_coords_table": Tensor(shape, trainable=False)}

    @classmethod
    def buffers(cls, use: Use) -> dict[str, str]:
        """Spell the map."""
        return {"relative_coords_table": spell("relative_coordinates", use.size)}

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the buffer itself."""
        return xs[0]


def channels_last(x: str, shape: Shape) -> str:
    """Write a map with its channels last."""
    return x if shape.layout[-1] == "c" else f"{x}.permute(0, 2, 3, 1)"


def shifted(use: Use) -> dict[str, tuple[object, object]]:
    """Write a shift, unless it is none."""
    return {} if use.grid.value else {"shift": (use.shift, 0)}


def expect_shift(op: Op, size: Size, shift: Padding, *, grid: bool = False) -> None:
    """Raise where windows would be shifted by all of their size, or those of a grid at all."""
    if grid and any(pair(shift)):
        raise ShapeFault(
            "shift-too-large",
            f"`{op.name}` shifts a grid by {times(pair(shift))}",
            "a grid spans all of the map: leave out `shift`",
        )
    if any(s >= length for s, length in zip(pair(shift), pair(size), strict=True)):
        raise ShapeFault(
            "shift-too-large",
            f"`{op.name}` shifts windows of {times(pair(size))} by {times(pair(shift))}",
            "a shift is smaller than the window: half of it",
        )


def window_fault(op: Op, x: Shape, size: Size) -> ShapeFault:
    """Say that windows do not cover a map."""
    return ShapeFault(
        "window-does-not-fit",
        f"`{op.name}` can't cut a map of {times(x.spatial)} into windows of {times(pair(size))}",
        f"`pad_to({pair(size)[0]})` before it pads with zeros",
        0,
    )
