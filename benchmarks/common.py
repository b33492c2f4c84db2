"""What the benchmarks share: interleaved timing, and tables."""

from __future__ import annotations

import statistics
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


def ratio(times: Sequence[float], others: Sequence[float]) -> str:
    """Spell the ratio of the medians."""
    return f"{statistics.median(times) / statistics.median(others):.3f}"


def seconds(times: Sequence[float]) -> str:
    """Spell the median and the range."""
    middle, low, high = statistics.median(times), min(times), max(times)
    if high < 1:
        return f"{middle * 1e3:.0f} ms ({low * 1e3:.0f} to {high * 1e3:.0f})"
    return f"{middle:.2f} s ({low:.2f} to {high:.2f})"


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
