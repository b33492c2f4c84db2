"""A picture of a network as DOT text: `dot(network, level="stage", theme="light")`."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from archc.backends.drawing.build import LEVELS, Level, scene
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene
from archc.backends.drawing.style import FONT, SIZE, SMALL, THEMES, Theme
from archc.graph import Network

if TYPE_CHECKING:
    from graphviz import Digraph

__all__ = ["LEVELS", "THEMES", "dot"]


def dot(network: Network, level: Level = "stage", theme: str = "light") -> str:
    """Return the DOT text of a network; the same network gives the same bytes."""
    return written(scene(network, level), THEMES[theme])


def written(picture: Scene, theme: Theme) -> str:
    """Write a picture as DOT."""
    from graphviz import Digraph  # noqa: PLC0415 - only who draws waits for it

    graph = Digraph(picture.name)
    graph.attr(
        id=picture.name, rankdir="TB", bgcolor=theme.background, fontname=FONT, fontsize=str(SIZE),
        fontcolor=theme.text, nodesep="0.3", ranksep="0.28", pad="0.15", labeljust="l",
    )  # fmt: skip
    graph.attr(
        "node", shape="box", style="filled,rounded", fontname=FONT, fontsize=str(SIZE),
        fontcolor=theme.text, margin="0.12,0.06", height="0.3", width="0.5", penwidth="1.1",
    )  # fmt: skip
    graph.attr(
        "edge", fontname=FONT, fontsize=str(SMALL), fontcolor=theme.quiet, color=theme.line,
        arrowsize="0.6", penwidth="1.1",
    )  # fmt: skip
    _items(graph, picture.items, theme)
    for arrow in picture.arrows:
        _arrow(graph, arrow, theme)
    return str(graph.source)


def _items(graph: Digraph, items: list[Box | Frame], theme: Theme) -> None:
    for item in items:
        if isinstance(item, Box):
            _box(graph, item, theme)
        else:
            _frame(graph, item, theme)


def _frame(graph: Digraph, frame: Frame, theme: Theme) -> None:
    paint = theme.stage if frame.kind == "stage" else theme.block
    title = escape(frame.title)
    if frame.kind == "stage":
        title = f"<B>{title}</B>"
    with graph.subgraph(name=f"cluster_{frame.id}") as inner:
        inner.attr(
            id=frame.id, label=f"<{title}{_times(frame.times, theme)}>", style="filled,rounded",
            color=paint.line, fillcolor=paint.fill, margin="10",
        )  # fmt: skip
        _items(inner, frame.items, theme)


def _box(graph: Digraph, box: Box, theme: Theme) -> None:
    if box.kind == "fork":
        graph.node(box.id, label="", id=box.id, shape="point", width="0.05", height="0.05", color=theme.line)
        return
    paint = theme.boxes[box.kind]
    shape = {"shape": "circle", "margin": "0", "width": "0.26", "height": "0.26", "fixedsize": "true"}
    more = shape if box.kind == "merge" and len(box.title) == 1 else {}
    graph.node(
        box.id, label=_label(box, theme), id=box.id, color=paint.line, fillcolor=paint.fill, **more
    )
    if box.shortcut != "flow":
        style = "dashed" if box.shortcut == "projection" else "solid"
        graph.edge(f"{box.id}:ne", f"{box.id}:se", id=f"{box.id}-shortcut", style=style)


def _label(box: Box, theme: Theme) -> str:
    """Write a box's text: its title, small lines below, and how often it is there."""
    if not box.notes and box.times == 1:
        return box.title
    small = [f'<FONT POINT-SIZE="{SMALL}" COLOR="{theme.quiet}">{escape(n)}</FONT>' for n in box.notes]
    if box.kind != "block":
        small = [", ".join(small)] if small else []
    lines = "<BR/>".join([escape(box.title), *small])
    if box.times == 1:
        return f"<{lines}>"
    badge = f"<TD>{_times(box.times, theme)}</TD>"
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0"><TR><TD>{lines}</TD>{badge}</TR></TABLE>>'


def _times(times: int, theme: Theme) -> str:
    return f'  <FONT COLOR="{theme.accent}"><B>×{times}</B></FONT>' if times > 1 else ""


def _arrow(graph: Digraph, arrow: Arrow, theme: Theme) -> None:
    shown = [f"<I>{escape(arrow.via)}</I>"] * bool(arrow.via) + [escape(arrow.shape)] * bool(arrow.shape)
    more = {"label": f"<{'<BR/>'.join(shown)}>"} if shown else {}
    if arrow.kind == "projection":
        more["style"] = "dashed"
    if arrow.kind == "flow":
        more["weight"] = "8"
    if arrow.head.kind == "fork":
        more["arrowhead"] = "none"
    graph.edge(arrow.tail.id, arrow.head.id, **more)
