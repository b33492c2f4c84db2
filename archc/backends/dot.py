"""A picture of a network as DOT text: `dot(network, level="stage", theme="light")`."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

from archc.backends.drawing import words
from archc.backends.drawing.build import LEVELS, scene
from archc.backends.drawing.columns import columns
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene, boxes
from archc.backends.drawing.style import FONT, SIZE, SMALL, THEMES, Theme
from archc.graph import Network

if TYPE_CHECKING:
    from graphviz import Digraph

ROOM = 12
"""How many letters fit between the line that enters a block and its right side."""

CIRCLE = dict(shape="circle", margin="0", width="0.26", height="0.26", fixedsize="true")  # noqa: C408

__all__ = ["LEVELS", "THEMES", "describe", "dot"]


def dot(network: Network, level: str = "stage", theme: str = "light") -> str:
    """Return the DOT text of a network; the same network gives the same bytes.

    Raises ValueError for a level or theme that there is not.
    """
    if theme not in THEMES:
        raise ValueError(f"there is no theme `{theme}`: choose from {', '.join(THEMES)}")
    return written(_scene(network, level), THEMES[theme])


def describe(network: Network, level: str = "stage") -> str:
    """Return in words what the picture of a network shows."""
    return words.describe(_scene(network, level))


def _scene(network: Network, level: str) -> Scene:
    known = next((each for each in LEVELS if each == level), None)
    if known is None:
        raise ValueError(f"there is no level `{level}`: choose from {', '.join(LEVELS)}")
    return scene(network, known)


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
    parts = columns(picture)
    column = {id(box): k for k, part in enumerate(parts) for box in boxes(part)}
    for arrow in picture.arrows:
        if column[id(arrow.tail)] == (to := column[id(arrow.head)]):
            _arrow(graph, arrow, theme)
        else:
            _turn(graph, arrow, to, theme)
    if len(parts) > 1:
        tops = [picture.items[0].id, *(f"turn{k}-top" for k in range(1, len(parts)))]
        graph.body.append("\t{ rank=min; " + "; ".join(f'"{name}"' for name in tops) + " }\n")
    return str(graph.source)


def _turn(graph: Digraph, arrow: Arrow, number: int, theme: Theme) -> None:
    """Draw an arrow from the foot of a column, up, and over to the head of the next one."""
    top, foot = f"turn{number}-top", f"turn{number}-foot"
    for name in (top, foot):
        graph.node(
            name, label="", shape="point", width="0.01", height="0.01", color=theme.line,
            group=f"turn{number}", penwidth="0",
        )  # fmt: skip
    graph.edge(arrow.tail.id, foot, dir="none", weight="2")
    graph.edge(top, foot, dir="none", weight="0")
    more = {"label": label} if (label := _arrow_label(arrow)) else {}
    graph.edge(top, arrow.head.id, weight="10", **more, **_head(arrow))


def _items(graph: Digraph, items: list[Box | Frame], theme: Theme) -> None:
    for item in items:
        if isinstance(item, Box):
            _box(graph, item, theme)
        else:
            _frame(graph, item, theme)


def _frame(graph: Digraph, frame: Frame, theme: Theme) -> None:
    paint = theme.stage if frame.kind == "stage" else theme.block
    stage = frame.kind == "stage"
    forked = any(isinstance(i, Box) and i.kind == "fork" for i in frame.items)
    room = ROOM if forked else ROOM // 2
    lines = [frame.title] if stage else textwrap.wrap(frame.title, room, break_long_words=False)
    beside = len(lines[-1]) < room - 3 or frame.times == 1
    title = "<BR/>".join(map(escape, lines)) + "<BR/>" * (not beside)
    title += _times(frame.times, theme)
    if stage:
        title = f"<B>{title}</B>"
    with graph.subgraph(name=f"cluster_{frame.id}") as inner:
        inner.attr(
            id=frame.id, label=f"<{title}>", fontsize=str(SIZE if stage else SMALL + 1),
            style="filled,rounded", color=paint.line, fillcolor=paint.fill, margin="12",
            labeljust="l" if stage else "r",
        )  # fmt: skip
        _items(inner, frame.items, theme)


def _box(graph: Digraph, box: Box, theme: Theme) -> None:
    if box.kind == "fork":
        graph.node(
            box.id, label="", id=box.id, shape="point", width="0.05", height="0.05",
            color=theme.line, **_group(box),
        )  # fmt: skip
        return
    paint = theme.boxes[box.kind]
    more = CIRCLE if box.kind == "merge" and len(box.title) == 1 else {}
    graph.node(
        box.id, label=_label(box, theme), id=box.id, color=paint.line, fillcolor=paint.fill,
        **_group(box), **more,
    )  # fmt: skip
    if box.shortcut != "flow":
        style = "dashed" if box.shortcut == "projection" else "solid"
        graph.edge(f"{box.id}:ne", f"{box.id}:se", id=f"{box.id}-shortcut", style=style)


def _group(box: Box) -> dict[str, str]:
    """Return what keeps the main path on one straight line."""
    return {"group": "main"} if box.main else {}


def _label(box: Box, theme: Theme) -> str:
    """Write a box's text: its title, small lines below, and how often it is there."""
    if not box.notes and box.times == 1:
        return box.title
    notes = box.notes if box.kind == "block" else [", ".join(box.notes)] * bool(box.notes)
    font = f'<FONT POINT-SIZE="{SMALL}" COLOR="{theme.quiet}">'
    lines = "<BR/>".join([escape(box.title), *(f"{font}{escape(n)}</FONT>" for n in notes)])
    if box.times == 1:
        return f"<{lines}>"
    cells = f"<TD>{lines}</TD><TD>{_times(box.times, theme)}</TD>"
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0"><TR>{cells}</TR></TABLE>>'


def _times(times: int, theme: Theme) -> str:
    return f'  <FONT COLOR="{theme.accent}"><B>×{times}</B></FONT>' if times > 1 else ""


def _arrow(graph: Digraph, arrow: Arrow, theme: Theme) -> None:  # noqa: ARG001
    more = _head(arrow)
    if label := _arrow_label(arrow):
        more["label"] = label
    if arrow.kind == "projection":
        more["style"] = "dashed"
    more["weight"] = _weight(arrow)
    graph.edge(arrow.tail.id, arrow.head.id, **more)


def _weight(arrow: Arrow) -> str:
    """Return how short and straight an arrow should be: the main path before all others."""
    if arrow.main:
        return "100"
    if arrow.kind == "flow":
        return "10"
    return "1" if arrow.head.kind == "merge" else "4"


def _arrow_label(arrow: Arrow) -> str:
    left = '<BR ALIGN="LEFT"/>'
    shown = [f"  <I>{escape(arrow.via)}</I>{left}"] * bool(arrow.via)
    shown += [f"  {escape(arrow.shape)}{left}"] * bool(arrow.shape)
    return f"<{''.join(shown)}>" if shown else ""


def _head(arrow: Arrow) -> dict[str, str]:
    return {"arrowhead": "none"} if arrow.head.kind == "fork" else {}
