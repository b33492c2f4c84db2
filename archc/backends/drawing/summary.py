"""What a block's one box says of what is in it: its layers, as in Table 1 of He et al. 2015."""

from __future__ import annotations

from archc.backends.drawing.scene import Arrow, Box, Frame, boxes
from archc.backends.drawing.shortcuts import WEIGHTED, Shortcuts

MAX_LINES = 5


def summarize(box: Box, items: list[Box | Frame], arrows: list[Arrow], results: list[Box]) -> None:
    """Write on a block's box what its drawing shows, and how it is by-passed."""
    marks = Shortcuts(arrows)
    marks.mark()
    kinds = [a.kind for a in arrows if a.head in results and a.kind != "flow"]
    box.shortcut = kinds[0] if kinds else "flow"
    main = [b for b in boxes(items) if b.weighted and id(b) not in marks.beside]
    lines = _lines(items, marks.beside) if _is_chain(main, marks) else []
    if not lines or len(lines) > MAX_LINES:
        convs = sum(b.kind == "conv" for b in main)
        others = len(main) - convs
        counts = ((convs, "convolution"), (others, "linear layer"))
        lines = [f"{n} {what}{'s' * (n > 1)}" for n, what in counts if n]
    box.notes = lines


def _is_chain(main: list[Box], marks: Shortcuts) -> bool:
    """Say whether weighted boxes follow one another, so that a list shows their order."""
    depths = [marks.length[id(b)] // WEIGHTED for b in main]
    return depths == list(range(1, len(main) + 1))


def _lines(items: list[Box | Frame], beside: set[int]) -> list[str]:
    lines: list[str] = []
    for item in items:
        if isinstance(item, Frame):
            inner = _lines(item.items, beside)
            lines += [f"{' → '.join(inner)}  ×{item.times}"] if item.times > 1 and inner else inner
        elif item.weighted and id(item) not in beside:
            lines.append(item.short + (f"  ×{item.times}" if item.times > 1 else ""))
    return lines
