"""Which arrows are shortcuts: the ways into a sum that by-pass what the longest path goes through.

A sum alone makes no shortcut: the lateral connections of a feature pyramid are added too. A
shortcut and what it by-passes are one value of one box at first, and nothing of what is by-passed
is read elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from archc.backends.drawing.scene import Arrow, ArrowKind, Box

SUMS = frozenset({"+"})
WEIGHTED = 1000


class Shortcuts:
    """Marks the shortcuts among arrows, which come in an order where tails precede heads."""

    def __init__(self, arrows: Iterable[Arrow]) -> None:
        self.into: dict[int, list[Arrow]] = defaultdict(list)
        self.out: dict[int, list[Arrow]] = defaultdict(list)
        self.length: dict[int, int] = defaultdict(int)
        self.beside: set[int] = set()
        """The boxes that stand on a shortcut."""
        self.forks: dict[int, Box] = {}
        """Where the shortcut into a sum begins."""
        for arrow in arrows:
            self.into[id(arrow.head)].append(arrow)
            self.out[id(arrow.tail)].append(arrow)
            reached = self.length[id(arrow.tail)] + _cost(arrow.head)
            self.length[id(arrow.head)] = max(self.length[id(arrow.head)], reached)

    def mark(self) -> None:
        """Give every arrow its kind."""
        for arrows in list(self.into.values()):
            if arrows[0].head.kind == "merge" and arrows[0].head.title in SUMS:
                self._mark_sum(arrows)

    def mark_main(self, box: Box) -> None:
        """Mark the longest path to a box."""
        box.main = True
        while arrows := self.into[id(box)]:
            longest = max(arrows, key=lambda a: self.length[id(a.tail)])
            longest.main = longest.tail.main = True
            box = longest.tail

    def _mark_sum(self, arrows: list[Arrow]) -> None:
        longest = max(self.length[id(a.tail)] for a in arrows)
        main = [a for a in arrows if self.length[id(a.tail)] == longest]
        behind = self._behind(main)
        for arrow in arrows:
            if arrow not in main:
                self._mark_path(arrow, main, behind)

    def _mark_path(self, arrow: Arrow, main: Sequence[Arrow], behind: set[int]) -> None:
        """Mark a shortcut from its sum back to where it leaves the main path."""
        path, ends, forks = [arrow], [arrow.tail], {}
        on: set[int] = set()
        while ends:
            box = ends.pop()
            if id(box) in behind:
                forks[id(box)] = box
            elif id(box) not in on:
                on.add(id(box))
                path += self.into[id(box)]
                ends += [a.tail for a in self.into[id(box)]]
        if len(forks) != 1:
            return
        fork = next(iter(forks.values()))
        if not self._enclosed(arrow.head, main, id(fork), on):
            return
        self.beside |= on
        self.forks[id(arrow.head)] = fork
        passed = {id(a.head): a.head for a in path[1:]}
        changed = any(box.weighted or box.changes for box in passed.values())
        kind: ArrowKind = "projection" if changed else "identity"
        for part in path:
            part.kind = kind

    def _enclosed(self, head: Box, main: Sequence[Arrow], fork: int, on: set[int]) -> bool:
        """Say whether what lies between a fork and a sum begins at the one and ends at the other."""
        between: set[int] = set()
        ends = [a.tail for a in main]
        while ends:
            box = ends.pop()
            if id(box) == fork or id(box) in between:
                continue
            between.add(id(box))
            if not self.into[id(box)] and box.kind != "source":
                return False
            ends += [a.tail for a in self.into[id(box)]]
        allowed = between | on | {id(head)}
        if len({a.port for a in self.out[fork] if id(a.head) in allowed}) > 1:
            return False
        return all(id(a.head) in allowed for key in between for a in self.out[key])

    def _behind(self, arrows: Sequence[Arrow]) -> set[int]:
        """Return the boxes that the tails of arrows hang on, themselves included."""
        behind: set[int] = set()
        ends = [a.tail for a in arrows]
        while ends:
            box = ends.pop()
            if id(box) not in behind:
                behind.add(id(box))
                ends += [a.tail for a in self.into[id(box)]]
        return behind


def _cost(box: Box) -> int:
    if box.kind in ("fork", "port"):
        return 0
    return WEIGHTED if box.weighted or box.kind == "block" else 1
