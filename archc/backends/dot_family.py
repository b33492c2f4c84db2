"""Networks side by side as DOT text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from archc.backends.dot import STROKES, box_label, small
from archc.backends.drawing.family import Family
from archc.backends.drawing.scene import Arrow, Box, Frame, boxes
from archc.backends.drawing.style import FONT, SMALL, Paint, Theme
from archc.escaping import dot, markup

if TYPE_CHECKING:
    from graphviz import Digraph

DOTTED = {**STROKES, "projection": "dotted"}
"""In this figure of the paper the shortcuts that change dimensions are dotted."""


def written(family: Family, theme: Theme) -> str:
    """Write the picture: a rank of Graphviz for each row."""
    from graphviz import Digraph

    graph = Digraph("family")
    graph.attr(
        id="family", rankdir="TB", bgcolor=theme.background, fontname=FONT, nodesep="0.5",
        ranksep="0.14", pad="0.15",
    )  # fmt: skip
    graph.attr(
        "node", shape="box", style="filled", fontname=FONT, fontsize=str(SMALL), margin="0.05,0.02",
        fontcolor=theme.text, height="0.2", width="1.35", penwidth="0.9",
    )  # fmt: skip
    graph.attr("edge", color=theme.line, arrowsize="0.45", penwidth="0.9")
    columns = [item for item in family.scene.items if isinstance(item, Frame)]
    _ruler(graph, family, columns, theme)
    paints = {}
    for k, row in enumerate(family.rows):
        paints.update(dict.fromkeys(range(row.start, row.start + row.height), k))
    for column in columns:
        for box in boxes(column.items):
            paint = theme.sizes[paints[family.row[box.id]] % len(theme.sizes)]
            _box(graph, box, column.id, paint, theme)
    for arrow in family.scene.arrows:
        if arrow in family.arcs:
            _arc(graph, arrow)
        else:
            graph.edge(arrow.tail.id, arrow.head.id, id=arrow.id, weight="100")
    return str(graph.source)


def _ruler(graph: Digraph, family: Family, columns: Sequence[Frame], theme: Theme) -> None:
    """Draw names above the columns and output sizes to their left, and hold every row level."""
    height = max((row.start + row.height for row in family.rows), default=0)
    sizes = {row.start: row.size for row in family.rows}
    marks = ["size-top", *(f"size-{k}" for k in range(height))]
    for k, mark in enumerate(marks):
        size = sizes.get(k - 1)
        text = "" if size is None else f"output size: <B>{markup(size)}</B>"
        graph.node(
            mark, label=f"<{text}>" if text else "", id=mark, shape="plaintext", style="", group="sizes", width="0.9",
            fontcolor=theme.quiet,
        )  # fmt: skip
    for upper, lower in pairwise(marks):
        graph.edge(upper, lower, style="invis", weight="100")
    ranks: dict[int, list[str]] = {k: [mark] for k, mark in enumerate(marks)}
    for column in columns:
        lines = [
            f"<B>{markup(column.title)}</B>",
            *(small(x, theme) for x in column.counts.split(", ") if x),
        ]
        graph.node(
            column.id,
            label=f"<{'<BR/>'.join(lines)}>",
            id=column.id,
            shape="plaintext",
            style="",
            group=column.id,
            fontsize="12",
        )
        ranks[0].append(column.id)
        column_boxes = list(boxes(column.items))
        for box in column_boxes:
            ranks[family.row[box.id] + 1].append(box.id)
        if column_boxes:
            graph.edge(column.id, column_boxes[0].id, style="invis", weight="100")
    for left, right in pairwise(ranks[0]):
        graph.edge(left, right, style="invis")
    for names in ranks.values():
        listed = "; ".join(f'"{dot(name)}"' for name in names)
        graph.body.append(f"\t{{ rank=same; {listed} }}\n")


def _box(graph: Digraph, box: Box, column: str, paint: Paint, theme: Theme) -> None:
    """Draw a layer: convolutions and blocks in the colour of their output size, the rest plain."""
    used = paint if box.kind in ("conv", "block") else theme.boxes["port"]
    graph.node(
        box.id,
        label=box_label(box, theme),
        id=box.id,
        group=column,
        color=used.line,
        fillcolor=used.fill,
    )
    if box.shortcut != "flow":
        style = DOTTED[box.shortcut]
        graph.edge(f"{box.id}:ne", f"{box.id}:se", id=f"{box.id}-shortcut", style=style)


def _arc(graph: Digraph, arrow: Arrow) -> None:
    """Draw what leads around layers as an arc to their right, from output to output."""
    style = DOTTED.get(arrow.kind, "solid")
    graph.edge(
        f"{arrow.tail.id}:se", f"{arrow.head.id}:se", id=arrow.id, style=style, constraint="false"
    )
