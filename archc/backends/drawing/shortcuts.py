"""Which arrows are shortcuts: those into a sum that do not come by the longest path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from archc.backends.drawing.scene import Arrow, ArrowKind, Box

SUMS = frozenset({"+"})
WEIGHTED = 1000


class Shortcuts:
    """Marks the shortcuts among arrows, which come in an order where tails precede heads."""

    def __init__(self, arrows: Iterable[Arrow]) -> None:
        self.into: dict[int, list[Arrow]] = defaultdict(list)
        self.length: dict[int, int] = defaultdict(int)
        self.beside: set[int] = set()
        """The boxes that stand on a shortcut."""
        for arrow in arrows:
            self.into[id(arrow.head)].append(arrow)
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
                self._mark_path(arrow, behind)

    def _mark_path(self, arrow: Arrow, behind: set[int]) -> None:
        """Mark a shortcut from its sum back to where it leaves the main path."""
        path, ends = [arrow], [arrow.tail]
        while ends:
            box = ends.pop()
            if id(box) not in behind and id(box) not in self.beside:
                self.beside.add(id(box))
                path += self.into[id(box)]
                ends += [a.tail for a in self.into[id(box)]]
        passed = {id(a.head): a.head for a in path[1:]}
        changed = any(box.weighted or box.changes for box in passed.values())
        kind: ArrowKind = "projection" if changed else "identity"
        for part in path:
            part.kind = kind

    def _behind(self, arrows: list[Arrow]) -> set[int]:
        """Return the boxes that the tails of arrows hang on, themselves included."""
        found: set[int] = set()
        ends = [a.tail for a in arrows]
        while ends:
            box = ends.pop()
            if id(box) not in found:
                found.add(id(box))
                ends += [a.tail for a in self.into[id(box)]]
        return found


def _cost(box: Box) -> int:
    if box.kind in ("fork", "port"):
        return 0
    return WEIGHTED if box.weighted or box.kind == "block" else 1
