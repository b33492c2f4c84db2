"""What the benchmarks share: interleaved timing, and tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence


def interleaved(tasks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time each task once a round, in turn, so that a busy machine is busy for all of them.

    Every other round goes backwards: none always comes after the same one.
    """
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds):
        for name in list(tasks)[:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            tasks[name]()
            times[name].append(time.perf_counter() - start)
    return times


def typical(times: Sequence[float]) -> float:
    """Return the lower quartile: what other work on the machine adds comes in bursts."""
    return sorted(times)[len(times) // 4]


def ratio(times: Sequence[float], others: Sequence[float]) -> str:
    """Spell the ratio of what two tasks typically take."""
    return f"{typical(times) / typical(others):.2f}"


def seconds(times: Sequence[float]) -> str:
    """Spell the lower quartile and the range."""
    numbers = typical(times), min(times), max(times)
    if typical(times) < 1:
        return "{:.0f} ms ({:.0f} to {:.0f})".format(*(1000 * t for t in numbers))
    return "{:.2f} s ({:.2f} to {:.2f})".format(*numbers)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
