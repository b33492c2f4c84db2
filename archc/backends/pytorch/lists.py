"""Lines of a constructor that fill module lists: made at once, or in a loop."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archc.backends.pytorch.chaining import runs

MADE = re.compile(r"(\S+) = nn\.ModuleList\(\)")
ADDED = re.compile(r"(\S+?)\.append\((.*)\)")


def filled(lines: Sequence[str]) -> list[str]:
    """Write lists that are made and filled as one call, or equal rounds of several as a loop."""
    return at_once(rounds(hoisted(lines)))


def hoisted(lines: Sequence[str]) -> list[str]:
    """Make lists before others are filled, so that what fills them stands together."""
    out: list[str] = []
    for line in lines:
        place = len(out)
        while MADE.fullmatch(line) and place and ADDED.fullmatch(out[place - 1]):
            place -= 1
        out.insert(place, line)
    return out


def rounds(lines: Sequence[str]) -> list[str]:
    """Write equal rounds over several lists as a loop."""
    out: list[str] = []
    k = 0
    while k < len(lines):
        period, count = best_round(lines, k)
        if count < 2 or best_round(lines, k + 1) == (period, count):
            out.append(lines[k])
            k += 1
            continue
        body = [f"    {line}" for line in lines[k : k + period]]
        out += [f"for _ in range({count}):", *body]
        k += period * count
    return out


def best_round(lines: Sequence[str], start: int) -> tuple[int, int]:
    """Return how many lines from here on fill several lists, over and over, and how often."""
    for period in (2, 3, 4):
        first = lines[start : start + period]
        matches = [ADDED.fullmatch(line) for line in first]
        names = [m[1] for m in matches if m]
        if len(set(names)) < period:
            continue
        count = 1
        while lines[start + count * period : start + (count + 1) * period] == first:
            count += 1
        if count > 1:
            return period, count
    return 1, 1


def at_once(lines: Sequence[str]) -> list[str]:
    """Write a list that is filled right after it is made as one call."""
    out: list[str] = []
    k = 0
    while k < len(lines):
        made = MADE.fullmatch(lines[k])
        texts: list[str] = []
        while made and k + 1 + len(texts) < len(lines):
            added = ADDED.fullmatch(lines[k + 1 + len(texts)])
            if not added or added[1] != made[1]:
                break
            texts.append(added[2])
        if made and texts:
            out.append(f"{made[1]} = nn.ModuleList([{', '.join(runs(texts))}])")
        else:
            out.append(lines[k])
        k += 1 + len(texts)
    return out
