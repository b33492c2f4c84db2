"""Dimensions split, reordered and merged, in the notation of einops."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import floor, prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from archc.ops.arguments import Positive, spelled
from archc.ops.backward import Backward
from archc.ops.base import Op, ShapeFault, Use, spell
from archc.ops.facts import Facts
from archc.ops.patterns import LETTERS, Group, Side, called, dimensions, names_of, reduced, sides
from archc.ops.texts import parsed
from archc.shapes import Shape
from archc.windows import Span, Window, Windows, everywhere


def _pattern(value: str) -> str:
    sides(value)
    return value


def _pairs(value: Any) -> Any:
    if isinstance(value, tuple) and all(isinstance(v, tuple) and len(v) == 2 for v in value):
        return value
    message = "must be given by the names of the pattern, as `g=2`, got {value}"
    raise PydanticCustomError("by_name", message, {"value": spelled(value)})


def _split(dim: int, group: Group, sizes: dict[str, str]) -> str:
    return f".unflatten({dim}, ({', '.join(str(sizes.get(name, -1)) for name in group)}))"


def _given(use: Use) -> dict[str, str]:
    """Return the sizes that are given as Python expressions, by name."""
    pairs = getattr(parsed(use.sizes.text), "elts", [])
    return {p.elts[0].value: ast.unparse(p.elts[1]) for p in pairs}


def _strides(group: Group, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return how far apart neighbours along each name of a group stand in its dimension."""
    return {name: prod(sizes[inner] for inner in group[k + 1 :]) for k, name in enumerate(group)}


def _seen(
    name: str,
    before: list[dict[str, int]],
    after: list[dict[str, int]],
    sizes: Mapping[str, int],
) -> Window:
    """Return the window along h or w: names that leave its dimension widen it to all of theirs."""
    old, new = (next((g for g in groups if name in g), {}) for groups in (before, after))
    if not (old and new) or {"h", "w"} <= {*old} | {*new}:
        return Window()
    step = Fraction(old[name], new[name])
    spread = sum(old[n] * (sizes[n] - 1) for n in old if n not in new)

    def see(place: int) -> Span:
        first = floor(place * step)
        return first, first + spread

    return Window.of(step, see)


Sizes = Annotated[tuple[tuple[str, Positive], ...], BeforeValidator(_pairs)]


class Patterned(Op):
    """What `rearrange` and `reduce` share: a pattern, and sizes of names in it."""

    if TYPE_CHECKING:
        pattern: str
        sizes: tuple[tuple[str, int], ...]

    keywords: ClassVar[str] = "sizes"

    @staticmethod
    def sides(pattern: str) -> tuple[Side, Side]:
        """Read a pattern."""
        return sides(pattern)

    def shape(self, *xs: Shape) -> Shape:
        """Name the dimensions as the right side does."""
        x = xs[0]
        left, right = self.sides(self.pattern)
        self._expect_fit(left, x)
        sizes = dict(self._solved(left, x))
        names = dimensions(right, left)
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` gives two dimensions that are called `{twice[0]}`",
                "a group with c in it is called `c`, one with h and w `n`",
                0,
            )
        return Shape(tuple(names), tuple(prod(sizes[n] for n in group) for group in right[1:]))

    def sees(self, *xs: Shape) -> Windows:
        """See a patch where `(h p)` becomes h, a part of a place where h becomes `(h p)`."""
        left, right = self.sides(self.pattern)
        sizes = {"b": 1, **dict(self._solved(left, xs[0]))}
        before, after = (
            [_strides(g, sizes) for g in side if {"h", "w"} & {*g}] for side in (left, right)
        )
        down, across = (_seen(name, before, after, sizes) for name in ("h", "w"))
        return down, across

    def named(self, x: Shape) -> dict[str, int]:
        """Return the size of each name of the left side."""
        return {"b": 1, **dict(self._solved(self.sides(self.pattern)[0], x))}

    def _expect_fit(self, left: Side, x: Shape) -> None:
        """Raise unless the left side is the layout of x, as far as both use known names."""
        pairs = zip((called(group, left) for group in left[1:]), x.layout, strict=False)
        odd = x.batch == "b" and any(a != b and {a, b} <= {*LETTERS} for a, b in pairs)
        if odd or len(left) - 1 != len(x.layout):
            takes = " ".join(called(group, left) for group in left)
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` takes `{takes}` by its pattern, but gets `{x.spelled}`",
                "the left side names the dimensions in their order",
                0,
            )
        for name, _ in self.sizes:
            if name not in names_of(left):
                raise ShapeFault(
                    "unknown-dimension",
                    f"`{self.name}` gets a size for `{name}`, which its pattern does not name",
                    f"it names {', '.join(f'`{n}`' for n in names_of(left))}",
                )

    def _solved(self, left: Side, x: Shape) -> Iterator[tuple[str, int]]:
        """Yield the size of each name."""
        given = dict(self.sizes)
        for group, total in zip(left[1:], x.sizes, strict=True):
            free = [name for name in group if name not in given]
            if len(free) > 1:
                named = " and ".join(f"`{name}`" for name in free)
                raise ShapeFault(
                    "missing-argument",
                    f"`{self.name}` can't tell the sizes of {named}",
                    f"give all but one of a group: `{free[0]}=...`",
                )
            rest, over = divmod(total, prod(given.get(name, 1) for name in group))
            if over or (not free and rest != 1):
                parts = " × ".join(str(given.get(name, name)) for name in group) or "1"
                raise ShapeFault(
                    "parts-do-not-divide",
                    f"`{self.name}` can't make {parts} of {total} along `{called(group, left)}`",
                    "",
                    0,
                )
            yield from ((name, given.get(name, rest)) for name in group)

    @classmethod
    def helper(cls, use: Use) -> str:
        """Need the module that PyTorch has not, where dimensions are only reordered."""
        return "Permute" if cls._order(use) else ""

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell the helper for a new order alone."""
        order = cls._order(use)
        return spell("Permute", *order) if order else ""

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell what changes: unflatten, transpose or permute, flatten."""
        left, right = cls.sides(str(use.pattern.value))
        given = _given(use)
        gone = [f".squeeze({k})" for k, group in enumerate(left) if not group]
        new = [f".unsqueeze({k})" for k, group in enumerate(right) if not group]
        left, right = (tuple(group for group in side if group) for side in (left, right))
        splits = [_split(k, group, given) for k, group in enumerate(left) if len(group) > 1]
        starts = [len(names_of(right[:k])) for k in range(len(right))]  # none is merged yet
        merges = [
            f".flatten({k}, {k + len(g) - 1})"
            for k, g in zip(starts, right, strict=True)
            if len(g) > 1
        ]
        kept = [name for name in names_of(left) if name in names_of(right)]
        order = [kept.index(name) for name in names_of(right)]
        moved = [k for k, old in enumerate(order) if k != old]
        turned = f".permute({', '.join(map(str, order))})" if moved else ""
        if len(moved) == 2:
            turned = f".transpose({moved[0]}, {moved[1]})"
        first, last = [*reversed(gone), *reversed(splits)], [*reversed(merges), *new]
        return "".join((xs[0], *first, cls._sum(use), turned, *last))

    @classmethod
    def _sum(cls, use: Use) -> str:
        """Spell what becomes of the names that the right side leaves out: here there are none."""
        return ""

    @classmethod
    def _order(cls, use: Use) -> list[int]:
        """Return the new order of the dimensions, where that is all; else nothing."""
        left, right = cls.sides(str(use.pattern.value))
        if any(len(group) != 1 for group in (*left, *right)):
            return []
        return [left.index(group) for group in right]


class Rearrange(Patterned):
    """Split, reorder and merge dimensions as a pattern says: `b (g c) h w -> b (c g) h w`.

    A group in brackets is one dimension. Its parts need their sizes, `g=2`, all but one. Each
    dimension is called then what the pattern calls it: a group with c in it is c, `(h w)` is n.
    """

    name = "rearrange"
    facts = Facts(gate="keeps")
    aliases = (
        'permute() ~ rearrange("b c h w -> b h w c")',
        'reshape() ~ rearrange("b c h w -> b (h w) c")',
        'view() ~ rearrange("b c h w -> b (h w) c")',
        'unflatten() ~ rearrange("b (h c) -> b h c", h=8)',
        'channel_shuffle(g) = rearrange("b (g c) h w -> b (c g) h w", g={g|2})',
        'ChannelShuffle(g) = rearrange("b (g c) h w -> b (c g) h w", g={g|2})',
        'PixelShuffle(r) = rearrange("b (c p q) h w -> b c (h p) (w q)", p={r|2}, q={r|2})',
        'depth_to_space(r) = rearrange("b (p q c) h w -> b c (h p) (w q)", p={r|2}, q={r|2})',
        'PixelUnshuffle(r) = rearrange("b c (h p) (w q) -> b (c p q) h w", p={r|2}, q={r|2})',
        'space_to_depth(r) = rearrange("b c (h p) (w q) -> b (p q c) h w", p={r|2}, q={r|2})',
    )

    pattern: Annotated[str, AfterValidator(_pattern)]
    sizes: Sizes = ()


def _summing(value: str) -> str:
    reduced(value)
    return value


class Reduce(Patterned):
    """Dimensions that the right side of a pattern leaves out, reduced: `b c h w -> b c`.

    `by` says how: their mean, sum, largest or smallest element.
    """

    name = "reduce"
    aliases = (
        'reduce_mean() ~ reduce("b c h w -> b c", "mean")',
        'amax() ~ reduce("b c h w -> b c", "max")',
    )

    pattern: Annotated[str, AfterValidator(_summing)]
    by: Literal["mean", "sum", "max", "min"]
    sizes: Sizes = ()

    @staticmethod
    def sides(pattern: str) -> tuple[Side, Side]:
        """Read a pattern whose right side leaves out what is reduced."""
        return reduced(pattern)

    def sees(self, *xs: Shape) -> Windows:
        """See all of a map whose height or width is gone."""
        left, right = (names_of(side) for side in self.sides(self.pattern))
        gone = any(name in left and name not in right for name in ("h", "w"))
        return everywhere(xs[0].spatial) if gone else super().sees(*xs)

    def backward(self, *xs: Shape, learned: Sequence[bool]) -> Backward:
        """Keep what it takes and gives, to know where the largest or smallest elements are."""
        return Backward((0,), output=True) if self.by in ("max", "min") else Backward()

    @classmethod
    def _order(cls, use: Use) -> list[int]:
        return []

    @classmethod
    def _sum(cls, use: Use) -> str:
        """Spell the method, with the numbers of the dimensions."""
        left, right = (names_of(side) for side in cls.sides(str(use.pattern.value)))
        dims = [k for k, name in enumerate(left) if name not in right]
        method = {"max": "amax", "min": "amin"}.get(str(use.by.value), use.by.value)
        return f".{method}({dims[0] if len(dims) == 1 else tuple(dims)})"
