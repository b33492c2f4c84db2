"""Lines of a constructor that fill module lists: made at once, or in a loop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from archc.backends.pytorch.chaining import runs

MADE = re.compile(r"(\S+) = nn\.ModuleList\(\)")
EMPTY = "nn.ModuleList()"
ADDED = re.compile(r"(\S+?)\.append\((.*)\)")


def filled(lines: Sequence[str]) -> list[str]:
    """Write lists that are made and filled as one call, or equal rounds of several as a loop."""
    apart = hoisted(lines)
    found = rounds(apart)
    return at_once(nested(lines) if found == apart else found)


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


def nested(lines: Sequence[str]) -> list[str]:
    """Write lists that are appended empty to a list, and filled at once, as one call."""
    out: list[str] = []
    counts: Counter[str] = Counter()
    k = 0
    while k < len(lines):
        added = ADDED.fullmatch(lines[k])
        k += 1
        if not added:
            out.append(lines[k - 1])
            continue
        inner = f"{added[1]}[{counts[added[1]]}].append("
        counts[added[1]] += 1
        texts: list[str] = []
        while added[2] == EMPTY and k < len(lines) and lines[k].startswith(inner):
            texts.append(lines[k].removeprefix(inner).removesuffix(")"))
            k += 1
        made = module_list(texts) if texts else added[2]
        out.append(f"{added[1]}.append({made})")
    return out


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
            out.append(f"{made[1]} = {module_list(texts)}")
        else:
            out.append(lines[k])
        k += 1 + len(texts)
    return out


def module_list(texts: Sequence[str]) -> str:
    """Write modules as an nn.ModuleList, equal ones as a generator."""
    found = runs(texts)
    if len(found) == 1 and found[0].startswith("*("):
        return f"nn.ModuleList({found[0][2:-1]})"
    return f"nn.ModuleList([{', '.join(found)}])"
