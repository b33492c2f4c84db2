"""Checks that several ops share; each raises a ShapeFault that says both numbers."""

from __future__ import annotations

from math import gcd, isqrt

from archc.ops.base import Op, ShapeFault
from archc.shapes import Shape


def times(sizes: tuple[int, ...]) -> str:
    """Spell sizes as people do: `7×7`."""
    return "×".join(str(size) for size in sizes)


def listing(words: list[str]) -> str:
    """Spell a choice in a sentence: h, w or c."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def expect_groups(op: Op, groups: int, **channels: int) -> None:
    """Raise unless `groups` divides each of `channels`, named input and output."""
    for culprit, (side, size) in enumerate(channels.items()):
        if size % groups:
            near = " and ".join(str(d) for d in nearest_divisors(gcd(*channels.values()), groups))
            what = " and ".join(str(c) for c in dict.fromkeys(channels.values()))
            verb = "is" if " and " not in near else "are"
            raise ShapeFault(
                "groups-do-not-divide",
                f"`{op.name}` can't cut {size} {side} channels into {groups} groups",
                f"the nearest that divides {what} {verb} {near}",
                None if culprit else 0,
                "groups",
            )


def nearest_divisors(number: int, wanted: int) -> list[int]:
    """Return the largest divisor of a number below the wanted one, and the smallest above."""
    small = [d for d in range(1, isqrt(number) + 1) if number % d == 0]
    divisors = {*small, *(number // d for d in small)}
    below = max((d for d in divisors if d < wanted), default=None)
    above = min((d for d in divisors if d > wanted), default=None)
    return [d for d in (below, above) if d is not None]


def expect_window(
    op: Op, x: Shape, out: tuple[int, ...], span: tuple[int, ...], padding: tuple[int, ...]
) -> None:
    """Raise where a kernel that spans `span` elements leaves no output on x."""
    if min(out) > 0:
        return
    padded = tuple(size + 2 * p for size, p in zip(x.spatial, padding, strict=True))
    raise ShapeFault(
        "kernel-too-large",
        f"`{op.name}` slides a kernel of {times(span)} over a padded input of {times(padded)}",
        f"the map is only {times(x.spatial)} here: use a larger input or fewer strides before it",
        0,
    )


def expect_dim(op: Op, x: Shape, dim: str) -> int:
    """Return the size of a named dimension of x, or raise where it has none."""
    size = x.get(dim)
    if size is None:
        choice = listing([f'`dim="{d}"`' for d in x.layout])
        raise ShapeFault(
            "unknown-dimension",
            f"`{op.name}` works along `{dim}`, but its input is `{x.spelled}`",
            f"give {choice}",
            0,
        )
    return size


def expect_channels_last(op: Op, x: Shape, takes: str, culprit: int = 0) -> None:
    """Raise unless the last dimension of x is channels, or nothing that is known to be else."""
    if x.layout[-1] in ("n", "h", "w", "l") or "c" in x.layout[:-1]:
        if x.batch != "b":
            return  # the names of a parameter are only guessed from their number
        hint = "`rearrange` changes the layout"
        if x.layout == ("c", "h", "w"):
            hint = (
                "a map becomes a vector by `flatten` or `global_avg_pool`, and tokens by "
                "`rearrange`: `b c h w -> b (h w) c`"
            )
        raise ShapeFault(
            "wrong-layout", f"`{op.name}` takes {takes}, but gets `{x.spelled}`", hint, culprit
        )
