"""Dimensions split, reordered and merged, in the notation of einops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from math import prod
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from archc.ops.base import Op, Positive, ShapeFault, Use, spell, spelled
from archc.ops.faults import listing
from archc.shapes import Shape

Group = tuple[str, ...]
Side = tuple[Group, ...]

NAME = r"[A-Za-z]\w*"
LETTERS = ("c", "n", "h", "w", "l")
"""The names of dimensions that other ops know."""


@cache
def sides(pattern: str) -> tuple[Side, Side]:
    """Read a pattern: the groups of names on its left and on its right.

    >>> sides("b (h w) c -> b c h w")
    ((('b',), ('h', 'w'), ('c',)), (('b',), ('c',), ('h',), ('w',)))
    """
    halves = pattern.split("->")
    if len(halves) != 2:
        raise _bad("must have one `->`", pattern)
    left, right = (_side(half, pattern) for half in halves)
    once = _names(left)
    if sorted(once) != sorted(_names(right)):
        odd = sorted(set(once) ^ set(_names(right)))
        raise _bad(f"must have {listing([f'`{n}`' for n in odd])} on both sides", pattern)
    return left, right


def _side(text: str, pattern: str) -> Side:
    if re.sub(rf"\(\s*{NAME}(\s+{NAME})*\s*\)|{NAME}", "", text).strip():
        raise _bad("must be names, some of them together in brackets", pattern)
    found = re.findall(r"\(([^()]*)\)|(\w+)", text)
    side = tuple(tuple((inner or name).split()) for inner, name in found)
    names = _names(side)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise _bad(f"must have `{twice[0]}` only once on a side", pattern)
    if side[:1] != (("b",),):
        raise _bad("must begin with `b`, the batch, on both sides", pattern)
    return side


def _names(side: Side) -> list[str]:
    return [name for group in side for name in group]


def _bad(what: str, pattern: str) -> PydanticCustomError:
    context = {"what": what, "pattern": spelled(pattern)}
    return PydanticCustomError("bad_pattern", "{what}, got {pattern}", context)


def _pattern(value: str) -> str:
    sides(value)
    return value


def _pairs(value: Any) -> Any:
    if isinstance(value, tuple) and all(isinstance(v, tuple) and len(v) == 2 for v in value):
        return value
    message = "must be given by the names of the pattern, as `g=2`, got {value}"
    raise PydanticCustomError("by_name", message, {"value": spelled(value)})


def _split(dim: int, group: Group, sizes: dict[str, int]) -> str:
    return f".unflatten({dim}, ({', '.join(str(sizes.get(name, -1)) for name in group)}))"


def _called(group: Group) -> str:
    """Name the dimension that a group is: (g c) is c, (h w) is n."""
    if len(group) == 1 or not _known(group):
        return group[0]
    return "n" if {"h", "w"} <= set(group) and "c" not in group else _known(group)[0]


def _known(group: Group) -> list[str]:
    return [letter for letter in LETTERS if letter in group]


class Rearrange(Op):
    """Split, reorder and merge dimensions as a pattern says: `b (g c) h w -> b (c g) h w`.

    A group in brackets is one dimension. Its parts need their sizes, `g=2`, all but one. Each
    dimension is called then what the pattern calls it: a group with c in it is c, `(h w)` is n.
    """

    name = "rearrange"
    keywords: ClassVar[str] = "sizes"

    pattern: Annotated[str, AfterValidator(_pattern)]
    sizes: Annotated[tuple[tuple[str, Positive], ...], BeforeValidator(_pairs)] = ()

    def shape(self, *xs: Shape) -> Shape:
        """Name the dimensions as the right side does."""
        x = xs[0]
        left, right = sides(self.pattern)
        self._expect_fit(left, x)
        sizes = dict(self._solved(left, x))
        names = [_called(group) for group in right[1:]]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` gives two dimensions that are called `{twice[0]}`",
                "a group with c in it is called `c`, one with h and w `n`",
                0,
            )
        return Shape(tuple(names), tuple(prod(sizes[n] for n in group) for group in right[1:]))

    def _expect_fit(self, left: Side, x: Shape) -> None:
        """Raise unless the left side is the layout of x, as far as both use known names."""
        pairs = zip((_called(group) for group in left[1:]), x.layout, strict=False)
        odd = any(a != b and {a, b} <= {*LETTERS} for a, b in pairs)
        if odd or len(left) - 1 != len(x.layout):
            takes = " ".join(_called(group) for group in left)
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` takes `{takes}` by its pattern, but gets `{x.spelled}`",
                "the left side names the dimensions in their order",
                0,
            )
        for name, _ in self.sizes:
            if name not in _names(left):
                raise ShapeFault(
                    "unknown-dimension",
                    f"`{self.name}` gets a size for `{name}`, which its pattern does not name",
                    f"it names {', '.join(f'`{n}`' for n in _names(left))}",
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
                parts = " × ".join(str(given.get(name, name)) for name in group)
                raise ShapeFault(
                    "parts-do-not-divide",
                    f"`{self.name}` can't make {parts} of {total} along `{_called(group)}`",
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
        left, right = sides(str(use.pattern.value))
        given = dict(use.sizes.value)
        splits = [_split(k, group, given) for k, group in enumerate(left) if len(group) > 1]
        merges = [f".flatten({k}, {k + len(g) - 1})" for k, g in enumerate(right) if len(g) > 1]
        order = [_names(left).index(name) for name in _names(right)]
        moved = [k for k, old in enumerate(order) if k != old]
        turned = f".permute({', '.join(map(str, order))})" if moved else ""
        if len(moved) == 2:
            turned = f".transpose({moved[0]}, {moved[1]})"
        return "".join((xs[0], *reversed(splits), turned, *reversed(merges)))

    @classmethod
    def _order(cls, use: Use) -> list[int]:
        """Return the new order of the dimensions, where that is all; else nothing."""
        left, right = sides(str(use.pattern.value))
        if any(len(group) > 1 for group in (*left, *right)):
            return []
        return [left.index(group) for group in right]
