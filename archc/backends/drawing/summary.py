"""What a block's one box says of what is in it: its layers, as in Table 1 of He et al. 2015."""

from __future__ import annotations

from collections.abc import Iterator

from archc.backends.drawing.scene import Arrow, Box, Frame, boxes
from archc.backends.drawing.shortcuts import WEIGHTED, Shortcuts

MAX_LINES = 6
WORDS = {"conv": "convolution", "attention": "attention", "linear": "linear layer"}


def summarize(box: Box, items: list[Box | Frame], arrows: list[Arrow], results: list[Box]) -> bool:
    """Write on a block's box what its drawing shows, and how it is by-passed.

    Returns whether the layers are listed; where they are many, or have branches, they are counted.
    """
    marks = Shortcuts(arrows)
    marks.mark()
    kinds = [a.kind for a in arrows if a.head in results and a.kind in ("identity", "projection")]
    if kinds and all(_reaches(result, marks) for result in results):
        box.shortcut = kinds[0]
    main = [b for b in boxes(items) if _listed(b) and id(b) not in marks.beside]
    lines = _lines(items, marks.beside) if _is_chain(main, marks) else []
    listed = 0 < len(lines) <= MAX_LINES
    box.notes = lines if listed else list(_counted(items, marks.beside))
    return listed


def _reaches(box: Box, marks: Shortcuts) -> bool:
    """Say whether shortcuts, one behind the other, lead from a block's input to a box of it."""
    fork = marks.forks.get(id(box))
    return fork is not None and (not marks.into[id(fork)] or _reaches(fork, marks))


def _listed(box: Box) -> bool:
    return box.weighted or box.kind in ("attention", "window")


def _counted(items: list[Box | Frame], beside: set[int]) -> Iterator[str]:
    """Say how many layers of each kind there are, as often as they are repeated."""
    layers = list(_repeated(items, beside, 1))
    for kind, word in WORDS.items():
        count = sum(times for box, times in layers if box.kind == kind)
        if count:
            yield f"{count} {word}{'s' * (count > 1)}"


def _repeated(items: list[Box | Frame], beside: set[int], times: int) -> Iterator[tuple[Box, int]]:
    for item in items:
        if isinstance(item, Frame):
            yield from _repeated(item.items, beside, times * item.times)
        elif _listed(item) and id(item) not in beside:
            yield item, times * item.times


def _is_chain(main: list[Box], marks: Shortcuts) -> bool:
    """Say whether weighted boxes follow one another, so that a list shows their order."""
    weighted = [box for box in main if box.weighted]
    depths = [marks.length[id(b)] // WEIGHTED for b in weighted]
    return depths == list(range(1, len(weighted) + 1))


def _lines(items: list[Box | Frame], beside: set[int]) -> list[str]:
    lines: list[str] = []
    for item in items:
        if isinstance(item, Frame):
            inner = _lines(item.items, beside)
            lines += [f"{' → '.join(inner)}  ×{item.times}"] if item.times > 1 and inner else inner
        elif _listed(item) and id(item) not in beside:
            lines.append(item.short + (f"  ×{item.times}" if item.times > 1 else ""))
    return lines
