"""A picture of a network as DOT text."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING

from archc.backends.drawing.columns import columns
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene, boxes
from archc.backends.drawing.style import FONT, SIZE, SMALL, Theme
from archc.escaping import dot, dot_label, markup

if TYPE_CHECKING:
    from graphviz import Digraph

ROOM = 12
"""How many letters fit between the line that enters a block and its right side."""

CIRCLE = dict(shape="circle", margin="0", width="0.26", height="0.26", fixedsize="true")  # noqa: C408

SHAPES: dict[str, dict[str, str]] = {
    "concat": {"shape": "polygon", "distortion": "0.2", "style": "filled", "margin": "0.02,0"},
    "split": {"shape": "polygon", "distortion": "-0.2", "style": "filled", "margin": "0.02,0"},
    "source": {"shape": "cds", "style": "filled", "margin": "0.14,0.04"},
}
"""Shapes other than a rounded box: what brings together, what takes apart, what is learned."""

STROKES = {"identity": "solid", "projection": "dashed"}


MARKED = {
    "added": {"penwidth": "2.2"},
    "removed": {"style": "dashed,rounded,filled", "penwidth": "1.6"},
    "changed": {"penwidth": "1.6"},
}
"""The lines of a difference: what is added is thick, what is removed dashed."""


def written(picture: Scene, theme: Theme) -> str:
    """Write a picture as DOT."""
    from graphviz import Digraph

    graph = Digraph(dot_label(picture.name))
    graph.attr(
        id=dot_label(picture.name), rankdir="TB", bgcolor=theme.background, fontname=FONT, fontsize=str(SIZE),
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
    parts = columns(picture)
    for part in parts:
        _items(graph, part, theme)
    column = {id(box): k for k, part in enumerate(parts) for box in boxes(part)}
    ends: list[list[str]] = [[picture.items[0].id], *([] for _ in parts[1:])]
    for arrow in picture.arrows:
        here, there = column[id(arrow.tail)], column[id(arrow.head)]
        if here == there:
            _arrow(graph, arrow, theme)
        else:
            up, top = _turn(graph, arrow, theme)
            ends[here].append(up)
            ends[there].insert(0, top)
    tops = [name for names in ends for name in names]
    if len(tops) > 1:
        _level(graph, tops)
    if len(tops) > 2 * len(parts):  # Graphviz's older way of ranking frames fails for some
        graph.attr(newrank="true")
    return str(graph.source)


def _level(graph: Digraph, tops: list[str]) -> None:
    """Put the ends of turns into one row, at the top, in this order."""
    graph.body.append("\t{ rank=min; " + "; ".join(f'"{dot(name)}"' for name in tops) + " }\n")
    for left, right in pairwise(tops):
        if left.removesuffix("-up") != right.removesuffix("-top"):
            graph.edge(left, right, style="invis")


def _turn(graph: Digraph, arrow: Arrow, theme: Theme) -> tuple[str, str]:
    """Draw an arrow from the foot of a column, up, and over to the head of another one.

    It goes up in a column of its own, which stands between the two: edges between nodes of one
    rank go from left to right. Returns the two ends of what leads over.
    """
    foot, up, top = (f"{arrow.id}-{end}" for end in ("foot", "up", "top"))
    for name in (foot, up, top):
        graph.node(
            name, label="", shape="point", width="0.01", height="0.01", color=theme.line,
            group="main" if name == top and arrow.main else foot,
        )  # fmt: skip
    more = _stroke(arrow, theme)
    plain = {**more, "dir": "none"}
    graph.edge(arrow.tail.id, foot, id=arrow.id, weight="2", **plain)
    graph.edge(up, foot, id=f"{arrow.id}-up", weight="0", **plain)
    graph.edge(up, top, id=f"{arrow.id}-over", **plain)
    label = {"label": text} if (text := _arrow_label(arrow)) else {}
    graph.edge(
        top, arrow.head.id, id=f"{arrow.id}-down", weight="10", **label, **more, **_head(arrow)
    )
    return up, top


def _items(graph: Digraph, items: list[Box | Frame], theme: Theme) -> None:
    for item in items:
        if isinstance(item, Box):
            _box(graph, item, theme)
        else:
            _frame(graph, item, theme)


def _frame(graph: Digraph, frame: Frame, theme: Theme) -> None:
    stage = frame.kind == "stage"
    long = stage and len(frame.title) >= ROOM - 4
    paint = theme.marks.get(frame.mark) or (theme.stage if stage else theme.block)
    beside = (bool(frame.counts) or long) and isinstance(frame.items[0], Box)
    title = _stage_title(frame, theme) if stage else _block_title(frame, theme)
    if long and not frame.counts:  # as much room to its left: the line goes through the middle
        title = "&#160;" * 2 * len(frame.title) + title
    with graph.subgraph(name=f"cluster_{frame.id}") as inner:
        inner.attr(
            id=frame.id, label="" if beside else f"<{title}>",
            fontsize=str(SIZE if stage else SMALL + 1), style="filled,rounded", color=paint.line,
            fillcolor=paint.fill, margin="12", labeljust="l" if stage and not frame.counts and not long else "r",
        )  # fmt: skip
        if not stage and not frame.title:
            inner.attr(style="rounded,dashed,filled")
        if frame.mark:
            inner.attr(fillcolor=theme.stage.fill, **MARKED[frame.mark])
        _items(inner, frame.items, theme)
        if beside:
            _head_beside(inner, frame, theme)


def _block_title(frame: Frame, theme: Theme) -> str:
    """Write a block's name to the right of the line that enters it."""
    forked = any(isinstance(i, Box) and i.kind == "fork" for i in frame.items)
    room = ROOM if forked else ROOM // 2
    lines = textwrap.wrap(frame.title, room, break_long_words=False) or [""]
    beside = len(lines[-1]) < room - 3 or frame.times == 1
    return "<BR/>".join(map(markup, lines)) + "<BR/>" * (not beside) + _times(frame.times, theme)


def _stage_title(frame: Frame, theme: Theme) -> str:
    """Write a stage's name, and below it what is counted."""
    lines = [f"<B>{markup(frame.title)}{_times(frame.times, theme)}</B>"]
    lines += [small(line, theme) for line in frame.counts.split(", ") if line]
    return "".join(f'{line}<BR ALIGN="LEFT"/>' for line in lines) if frame.counts else lines[0]


def _head_beside(graph: Digraph, frame: Frame, theme: Theme) -> None:
    """Write a stage's name and what is counted to the right of its first box.

    Above it the line that comes in would go through the words.
    """
    title, first = f"{frame.id}-title", frame.items[0]
    graph.node(
        title,
        label=f"<{_stage_title(frame, theme)}>",
        id=title,
        shape="plaintext",
        style="",
        margin="0",
    )
    graph.edge(first.id, title, style="invis", weight="0")
    graph.body.append(f'\t\t{{ rank=same; "{dot(title)}"; "{dot(first.id)}" }}\n')


def small(text: str, theme: Theme) -> str:
    """Write words in the small letters of what is beside the point."""
    return f'<FONT POINT-SIZE="{SMALL}" COLOR="{theme.quiet}">{markup(text)}</FONT>'


def _box(graph: Digraph, box: Box, theme: Theme) -> None:
    if box.kind == "fork":
        graph.node(
            box.id, label="", id=box.id, shape="point", width="0.05", height="0.05",
            color=theme.line, **_group(box),
        )  # fmt: skip
        return
    paint = theme.marks.get(box.mark) or theme.boxes[box.kind]
    more = {**SHAPES.get(box.kind, {}), **MARKED.get(box.mark, {})}
    if box.kind == "merge" and len(box.title) == 1:
        more |= CIRCLE
    if box.training:
        more["style"] = "dashed,rounded,filled"
    graph.node(
        box.id, label=box_label(box, theme), id=box.id, color=theme.quiet if box.training else paint.line,
        fillcolor=paint.fill, **_group(box), **more,
    )  # fmt: skip
    if box.shortcut != "flow":
        graph.edge(
            f"{box.id}:ne", f"{box.id}:se", id=f"{box.id}-shortcut", style=STROKES[box.shortcut]
        )


def _group(box: Box) -> dict[str, str]:
    """Return what keeps the main path on one straight line."""
    return {"group": "main"} if box.main else {}


def box_label(box: Box, theme: Theme) -> str:
    """Write a box's text: its title, small lines below, and how often it is there."""
    notes = box.notes if box.kind == "block" else [", ".join(box.notes)] * bool(box.notes)
    if not notes and not box.counts and box.times == 1:
        return dot_label(box.title)
    below = [small(note, theme) for note in notes]
    below += [f"<I>{small(fact, theme)}</I>" for fact in box.counts.split(", ") if fact]
    lines = "<BR/>".join([markup(box.title), *below])
    if box.times == 1:
        return f"<{lines}>"
    cells = f"<TD>{lines}</TD><TD>{_times(box.times, theme)}</TD>"
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0"><TR>{cells}</TR></TABLE>>'


def _times(times: int, theme: Theme) -> str:
    return f'  <FONT COLOR="{theme.accent}"><B>×{times}</B></FONT>' if times > 1 else ""


def _arrow(graph: Digraph, arrow: Arrow, theme: Theme) -> None:
    more = {"id": arrow.id, "weight": _weight(arrow), **_stroke(arrow, theme), **_head(arrow)}
    if label := _arrow_label(arrow):
        more["label"] = label
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
    shown = [f"  <I>{markup(arrow.via)}</I>{left}"] * bool(arrow.via)
    shown += [f"  {markup(arrow.shape)}{left}"] * bool(arrow.shape)
    return f"<{''.join(shown)}>" if shown else ""


def _stroke(arrow: Arrow, theme: Theme) -> dict[str, str]:
    """Return how the line of an arrow looks."""
    if arrow.mark in MARKED:
        dashed = {"style": "dashed"} if arrow.mark == "removed" else {}
        return {**MARKED[arrow.mark], **dashed, "color": theme.marks[arrow.mark].line}
    if arrow.training:
        return {"style": "dotted", "color": theme.quiet}
    if arrow.kind == "gate":
        return {"color": theme.accent}
    return {"style": "dashed"} if arrow.kind == "projection" else {}


def _head(arrow: Arrow) -> dict[str, str]:
    """Return how an arrow ends: a gate in a dot."""
    if arrow.head.kind == "fork":
        return {"arrowhead": "none"}
    return {"arrowhead": "dot"} if arrow.kind == "gate" else {}
