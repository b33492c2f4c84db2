"""Patterns in the notation of einops: names of dimensions, groups of them in brackets."""

from __future__ import annotations

import re
from functools import cache

from pydantic_core import PydanticCustomError

from archc.ops.arguments import spelled
from archc.ops.faults import listing

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
    left, right = (batched(side_of(half, pattern), pattern) for half in halves(pattern))
    once = names_of(left)
    if sorted(once) != sorted(names_of(right)):
        odd = sorted(set(once) ^ set(names_of(right)))
        raise bad(f"must have {listing([f'`{n}`' for n in odd])} on both sides", pattern)
    return left, right


@cache
def reduced(pattern: str) -> tuple[Side, Side]:
    """Read a pattern whose right side may lack names of the left: those are summed up.

    >>> reduced("b c h w -> b c")
    ((('b',), ('c',), ('h',), ('w',)), (('b',), ('c',)))
    """
    left, right = (batched(side_of(half, pattern), pattern) for half in halves(pattern))
    new = [n for n in names_of(right) if n not in names_of(left)]
    if new:
        raise bad(f"must have `{new[0]}` on the left side too", pattern)
    if len(names_of(left)) == len(names_of(right)):
        raise bad("must leave out a name on the right, or it is a `rearrange`", pattern)
    return left, right


@cache
def contracted(pattern: str) -> tuple[tuple[list[str], list[str]], list[str]]:
    """Read the pattern of a product of two values: names of each, and of the result.

    >>> contracted("b n d, b m d -> b n m")
    ((['b', 'n', 'd'], ['b', 'm', 'd']), ['b', 'n', 'm'])
    """
    left, right = halves(pattern)
    parts = left.split(",")
    if len(parts) != 2:
        raise bad("must name the dimensions of two values, with a comma between", pattern)
    first, second, result = (plain(side_of(t, pattern), pattern) for t in (*parts, right))
    new = [n for n in result if n not in (*first, *second)]
    if new:
        raise bad(f"must have `{new[0]}` on the left side too", pattern)
    if "b" in (*first, *second) and result[:1] != ["b"]:
        raise bad("must begin with `b`, the batch, on the right side", pattern)
    if any("b" in names[1:] for names in (first, second, result)):
        raise bad("must have `b`, the batch, in front", pattern)
    if len({*first, *second}) > 26:
        raise bad("must have no more than 26 names", pattern)
    return (first, second), result


def halves(pattern: str) -> list[str]:
    """Return what stands before and behind the arrow."""
    found = pattern.split("->")
    if len(found) != 2:
        raise bad("must have one `->`", pattern)
    return found


def side_of(text: str, pattern: str) -> Side:
    """Read the groups of one side; a dimension of `1` is a group without names."""
    if re.sub(rf"\(\s*{NAME}(\s+{NAME})*\s*\)|{NAME}|\b1\b", "", text).strip():
        raise bad("must be names or 1, some names together in brackets", pattern)
    found = re.findall(r"\(([^()]*)\)|(\w+)", text)
    side = tuple(tuple((inner or name.removeprefix("1")).split()) for inner, name in found)
    names = names_of(side)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise bad(f"must have `{twice[0]}` only once on a side", pattern)
    return side


def batched(side: Side, pattern: str) -> Side:
    """Return a side that begins with the batch."""
    if side[:1] != (("b",),):
        grouped = any("b" in group for group in side[:1])
        hint = ": groups get a dimension of their own, `b g n c`, which `attention` takes" * grouped
        raise bad(f"must begin with `b`, the batch, on both sides{hint}", pattern)
    return side


def plain(side: Side, pattern: str) -> list[str]:
    """Return the names of a side without brackets."""
    if not side or any(len(group) != 1 for group in side):
        raise bad("must be names without brackets", pattern)
    return names_of(side)


def names_of(side: Side) -> list[str]:
    """Return the names of a side in their order."""
    return [name for group in side for name in group]


def bad(what: str, pattern: str) -> PydanticCustomError:
    """Say of a pattern what it must have."""
    context = {"what": what, "pattern": spelled(pattern)}
    return PydanticCustomError("bad_pattern", "{what}, got {pattern}", context)


def called(group: Group, side: Side) -> str:
    """Name the dimension that a group of the left side is: (g c) is c, (h w) is n.

    In a pattern with h and no w, h are heads rather than the height: `b n (h d) -> b h n d`.
    """
    names = names_of(side)
    known = [n for n in LETTERS if n in group and (n != "h" or "w" in names)]
    if len(group) < 2:
        return group[0] if group else "1"
    if not known:
        return group[0] if group[0] not in LETTERS else "heads"
    return "n" if {"h", "w"} <= set(group) and "c" not in group else known[0]


def dimensions(side: Side, left: Side) -> list[str]:
    """Name the dimensions of a result, the right side of a pattern.

    Channels in heads, `(heads d)` at the end, are c again. Two dimensions of 1 are height and
    width; a single one is what it stands in place of, `b n m -> b n 1`, or what a map lacks,
    `b 1 h w` or `b c h 1`, or the only channel, and else a token.
    """
    names = [called(group, left) for group in side[1:]]
    if len(side[-1]) > 1 and "c" not in names and names[-1] not in LETTERS:
        names[-1] = "c"
    ones = [k for k, group in enumerate(side[1:]) if not group]
    lacking = [name for name in ("c", "h", "w") if name not in names]
    single = lacking[0] if len(names) == 3 and len(lacking) == 1 else "n"
    if len(names) == 1 or single in names:
        single = "c" if "c" not in names else "one"
    if len(left) == len(side) and len(ones) == 1:
        stood = called(left[1:][ones[0]], left)
        single = stood if stood not in ("1", *names) else single
    for k, name in zip(ones, ("h", "w") if len(ones) == 2 else (single,), strict=False):
        names[k] = name
    return names
