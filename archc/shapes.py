"""Shapes and the arithmetic of windows that slide over them; nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

SPATIAL = ("d", "h", "w", "l")
IMAGES, LEAST_IMAGE = (1, 3, 4), 16


@dataclass(frozen=True)
class Shape:
    """The shape of one sample of a value, the batch dimension left out.

    `layout` names the dimensions: c channels, h height, w width, n tokens, l length,
    d depth. `b c h w` of a framework is ("c", "h", "w") here. `batch` is what stands before
    them: "b" for a batch; of what a network owns rather than computes, a learned parameter
    say, "1" for a dimension of one element, or "" for none. Shapes that differ in it only are
    equal, since the one is repeated along the batch of the other.
    """

    layout: tuple[str, ...]
    sizes: tuple[int, ...]
    batch: str = field(default="b", compare=False)

    def __post_init__(self) -> None:
        if len(self.layout) != len(self.sizes):
            message = f"layout {self.layout} does not fit sizes {self.sizes}"
            raise ValueError(message)

    @classmethod
    def of(cls, layout: str, *sizes: int) -> Self:
        """Build a shape from a spelled layout: `Shape.of("c h w", 3, 224, 224)`."""
        return cls(tuple(layout.split()), sizes)

    def __iter__(self) -> Iterator[int]:
        """Yield the sizes: `tuple(arch.input)`."""
        return iter(self.sizes)

    def get(self, dim: str) -> int | None:
        """Return the size of a named dimension, or None where there is none."""
        return self.sizes[self.layout.index(dim)] if dim in self.layout else None

    def __getitem__(self, dim: str) -> int:
        """Return the size of a dimension, which must be there."""
        size = self.get(dim)
        if size is None:
            raise KeyError(f"{self.spelled} has no dimension {dim}")
        return size

    @property
    def channels(self) -> int:
        """The size of dimension c, or of the last one where none is called so."""
        size = self.get("c")
        return self.sizes[-1] if size is None else size

    @property
    def spatial(self) -> tuple[int, ...]:
        """The sizes of h and w (and d, l), in the order of the layout."""
        return tuple(s for d, s in zip(self.layout, self.sizes, strict=True) if d in SPATIAL)

    @property
    def numel(self) -> int:
        """The number of elements of one sample."""
        total = 1
        for size in self.sizes:
            total *= size
        return total

    def replace(self, **sizes: int) -> Shape:
        """Return the shape with some named dimensions changed."""
        pairs = zip(self.layout, self.sizes, strict=True)
        return Shape(self.layout, tuple(sizes.get(d, s) for d, s in pairs))

    def with_spatial(self, spatial: tuple[int, ...]) -> Shape:
        """Return the shape with other spatial sizes, given in the order of the layout."""
        rest = iter(spatial)
        pairs = zip(self.layout, self.sizes, strict=True)
        return Shape(self.layout, tuple(next(rest) if d in SPATIAL else s for d, s in pairs))

    @property
    def spelled(self) -> str:
        """The layout with its batch dimension, as messages spell it: `b c h w`."""
        return " ".join(filter(None, (self.batch, *self.layout)))

    def __str__(self) -> str:
        return "×".join(str(size) for size in self.sizes)


def conv_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Return the output size of a convolution along one dimension, in elements.

    floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, as
    torch.nn.Conv2d documents; 0 or less where the kernel does not fit.
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def conv_transpose_size(
    size: int, kernel: int, stride: int, padding: int, output_padding: int, dilation: int
) -> int:
    """Return the output size of a transposed convolution along one dimension."""
    return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1


def pool_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int = 1, *, ceil_mode: bool = False
) -> int:
    """Return the output size of a pool along one dimension, in elements.

    With `ceil_mode` the last window may hang over the right edge, but must start
    inside the input or its left padding, as in PyTorch.
    """
    if not ceil_mode:
        return conv_size(size, kernel, stride, padding, dilation)
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    out = -(-span // stride) + 1
    if (out - 1) * stride >= size + padding:
        out -= 1
    return out


def channels_first(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return sizes that look like height, width and channels in the order that is meant; else none.

    Images have 1, 3 or 4 channels. A map that is one wide is none of them, unless it is square.
    """
    if len(sizes) != 3:
        return ()
    height, width, channels = sizes
    image = channels in IMAGES and (channels > 1 or height == width)
    return (channels, height, width) if image and min(height, width) >= LEAST_IMAGE else ()
