"""A picture in words, for those who do not see it."""

from __future__ import annotations

from archc.backends.drawing.scene import Box, Frame, Scene, boxes


def describe(scene: Scene) -> str:
    """Return what a picture shows, in one line: its frames and what they hold."""
    items = [_item(item) for item in scene.items]
    by_passed = {a.kind for a in scene.arrows} | {b.shortcut for b in boxes(scene.items)}
    beside = any(isinstance(item, Frame) and item.kind == "network" for item in scene.items)
    broken = "dotted" if beside else "dashed"
    lines = {"identity": "solid for an identity", "projection": f"{broken} for a projection"}
    kinds = [text for kind, text in lines.items() if kind in by_passed]
    shortcuts = f". Shortcuts are {', '.join(kinds)}" if kinds else ""
    return "; ".join(filter(None, items)) + shortcuts + "."


def _item(item: Box | Frame) -> str:
    times = f" ×{item.times}" if item.times > 1 else ""
    counts = f": {item.counts}" if item.counts and isinstance(item, Frame) else ""
    if isinstance(item, Box):
        mark = f" {item.mark}" if item.mark not in ("", "same") else ""
        return " ".join(item.title.split()) + times + mark
    inside = ", ".join(filter(None, map(_item, item.items)))
    return f"{item.title}{times}{counts} ({inside})".strip()
