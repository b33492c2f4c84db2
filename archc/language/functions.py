"""The functions that expressions may call, on numbers and lists."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

MAX_LENGTH = 10_000
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
    if sum(sizes) != len(items):
        message = f"the sizes add up to {sum(sizes)}, the list has {len(items)} entries"
        raise ValueError(message)
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [items[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def linspace(first: float, last: float, count: int) -> list[float]:
    """Return `count` evenly spaced numbers from first to last, both included."""
    if count > MAX_LENGTH:
        message = f"a list has at most {MAX_LENGTH} entries"
        raise ValueError(message)
    return [first + (last - first) * k / max(count - 1, 1) for k in range(count)]


def bounded_range(*bounds: int) -> list[int]:
    """Return Python's range as a list."""
    turns = range(*bounds)
    if len(turns) > MAX_LENGTH:
        message = f"a list has at most {MAX_LENGTH} entries"
        raise ValueError(message)
    return list(turns)


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
            place = x / (rest[0] if rest else 8) - 0.5
        case _:
            return False
    return 0 < abs(place - round(place)) < HAIR


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "log": math.log,
    "log2": math.log2,
    "exp": math.exp,
    "int": int,
    "float": float,
    "len": len,
    "sum": sum,
    "range": bounded_range,
    "zip": lambda *lists: [list(row) for row in zip(*lists, strict=True)],
    "enumerate": lambda items, start=0: [[k, item] for k, item in enumerate(items, start)],
    "sorted": sorted,
    "list": lambda *items: list(items),
    "unique": unique,
    "count": lambda items, item: items.count(item),
    "cut": cut,
    "linspace": linspace,
    "make_divisible": make_divisible,
}


def unmixed(name: str) -> str:
    """Say what to do with a call that mixes values of the network and numbers."""
    if name in FUNCTIONS:
        return f"`{name}` takes all values or all numbers; `x + 3` and `2 * x` reckon with both"
    return f"configure first, then apply: `{name}(...)(x)`"
