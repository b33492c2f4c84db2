"""The functions that expressions may call, on numbers and lists; each says what it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

from archc.language.kinds import Misfit, Taking, number
from archc.limits import MAX_LENGTH

HAIR = 1e-6


def make_divisible(value: float, divisor: int = 8, minimum: int | None = None) -> int:
    """Round to a multiple of `divisor`, never below 90 % of the value (MobileNet's rule)."""
    rounded = max(
        divisor if minimum is None else minimum, int(value + divisor / 2) // divisor * divisor
    )
    return rounded + divisor if rounded < 0.9 * value else rounded


def unique(items: list[Any]) -> list[Any]:
    """Return the distinct items in the order of their first appearance."""
    return [item for k, item in enumerate(items) if item not in items[:k]]


def cut(items: list[Any], sizes: list[int]) -> list[list[Any]]:
    """Cut a list into consecutive parts of the given sizes, which must add up to its length."""
    *starts, total = accumulate(sizes, initial=0)
    if total != len(items):
        message = f"the sizes add up to {total}, the list has {len(items)} entries"
        raise Misfit(message)
    return [items[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def linspace(first: float, last: float, count: int) -> list[float]:
    """Return `count` evenly spaced numbers from first to last, both included."""
    _expect_short(count)
    return [first + (last - first) * k / max(count - 1, 1) for k in range(count)]


def bounded_range(*bounds: int) -> list[int]:
    """Return Python's range as a list."""
    if not 1 <= len(bounds) <= 3:
        message = f"`range` takes 1 to 3 whole numbers, here are {len(bounds)}"
        raise Misfit(message)
    if len(bounds) == 3 and bounds[2] == 0:
        message = "`range` takes steps of 0, which never end"
        raise Misfit(message)
    turns = range(*bounds)
    _expect_short(max(0, (turns.stop - turns.start) // turns.step))
    return list(turns)


def _expect_short(length: int) -> None:
    if length > MAX_LENGTH:
        message = f"a list has at most {MAX_LENGTH} entries"
        raise Misfit(message)


def _chosen(choose: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return the smallest or largest of several numbers, or of one list of them."""

    def choice(*values: Any, default: Any = None) -> Any:
        items = values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
        wrong = [v for v in items if not number(v)]
        if wrong or (len(values) == 1 and items is not values[0]) or not values:
            message = f"`{name}` takes numbers, or one list of them"
            raise Misfit(message, *wrong[:1])
        if not items and default is None:
            message = f"`{name}` takes numbers, but the list is empty"
            raise Misfit(message)
        return choose(items) if items else default

    return choice


def _sorted(items: list[Any], reverse: bool = False) -> list[Any]:
    try:
        return sorted(items, reverse=reverse)
    except TypeError:
        message = "`sorted` orders numbers, or texts, or lists of them"
        raise Misfit(message) from None


def _zip(*lists: list[Any]) -> list[list[Any]]:
    lengths = [len(items) for items in lists]
    if len({*lengths}) > 1:
        message = f"`zip` takes lists of one length, here are {' and '.join(map(str, lengths))}"
        raise Misfit(message)
    return [list(row) for row in zip(*lists, strict=True)]


def _log(value: float, base: float | None = None) -> float:
    if base == 1:
        message = "there is no logarithm to the base 1"
        raise Misfit(message)
    return math.log(value) if base is None else math.log(value, base)


def jumps_near(name: str, values: list[Any]) -> bool:
    """Whether a function that rounds is given a number a hair from where its result jumps.

    There the last bit of a float decides. A number exactly at the jump is what was meant.
    """
    match name, values:
        case "int" | "floor" | "ceil", [float(x)]:
            place = x
        case "round", [float(x)]:
            place = x - 0.5
        case "make_divisible", [float(x), *rest]:
            place = x / (rest[0] if rest and rest[0] else 8) - 0.5
        case _:
            return False
    return 0 < abs(place - round(place)) < HAIR


_TABLE: dict[str, tuple[Callable[..., Any], str]] = {
    "min": (_chosen(min, "min"), "*values: anything, default: number = none"),
    "max": (_chosen(max, "max"), "*values: anything, default: number = none"),
    "abs": (abs, "value: number"),
    "round": (round, "value: number, digits: whole = none"),
    "floor": (math.floor, "value: number"),
    "ceil": (math.ceil, "value: number"),
    "sqrt": (math.sqrt, "value: size"),
    "log": (_log, "value: positive, base: positive = none"),
    "log2": (math.log2, "value: positive"),
    "exp": (math.exp, "value: number"),
    "int": (int, "value: number"),
    "float": (float, "value: number"),
    "len": (len, "items: sequence"),
    "sum": (sum, "items: numbers, start: number = none"),
    "range": (bounded_range, "*bounds: whole"),
    "zip": (_zip, "*lists: list"),
    "enumerate": (
        lambda items, start=0: [[k, item] for k, item in enumerate(items, start)],
        "items: list, start: whole = none",
    ),
    "sorted": (_sorted, "items: list, reverse: flag = none"),
    "list": (lambda *items: list(items), "*items: anything"),
    "unique": (unique, "items: list"),
    "count": (lambda items, item: items.count(item), "items: list, item: anything"),
    "cut": (cut, "items: list, sizes: counts"),
    "linspace": (linspace, "first: number, last: number, count: count"),
    "make_divisible": (make_divisible, "value: number, divisor: divisor = none, minimum: whole = none"),
}  # fmt: skip

FUNCTIONS: Mapping[str, Taking] = {
    name: Taking(name, compute, takes) for name, (compute, takes) in _TABLE.items()
}


def unmixed(name: str) -> str:
    """Say what to do with a call that mixes values of the network and numbers."""
    if name in FUNCTIONS:
        return f"`{name}` takes all values or all numbers; `x + 3` and `2 * x` reckon with both"
    return f"configure first, then apply: `{name}(...)(x)`"
