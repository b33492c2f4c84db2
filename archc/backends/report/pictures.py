"""Drawings of the layers in a block, whose boxes bear the keys of their records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from archc.backends.dot import written
from archc.backends.drawing.attaching import ArrowStart
from archc.backends.drawing.build import Builder, Cursor
from archc.backends.drawing.fold import Folding, uses
from archc.backends.drawing.scene import Box, Frame, Plan, Scene, boxes, frames
from archc.backends.drawing.shortcuts import Shortcuts
from archc.backends.drawing.style import THEMES, Theme
from archc.backends.drawing.subgraph import stretch
from archc.backends.render import render
from archc.backends.report.contexts import NodeContext
from archc.backends.report.records import Records
from archc.escaping import markup
from archc.graph import Module, Node, join

# What Graphviz writes that a page has no use for: a prolog, names that repeat, the one font.
NOISE = re.compile(
    r"^.*?(?=<svg )|<!--.*?-->\n|<title>.*?</title>\n|</?a>\n| font-family=\"[^\"]*\""
    r"| id=\"(?!k\d+\")[^\"]*\"| xmlns(?::xlink)?=\"[^\"]*\"",
    re.DOTALL,
)
PATHS = re.compile(r"#fe([0-9a-f]{4})")


def part(nodes: Sequence[Node], module: Module, prefix: str, folding: Folding) -> Scene:
    """Return the picture of some nodes of a module in a row, from where values come in to out."""
    builder = Builder("block", folding)
    cursor = Cursor(prefix, uses(module), Plan(module))
    subgraph = stretch(prefix, module, nodes)
    for value in subgraph.inputs:
        dot = builder.box(join(prefix, "x"), "fork", "")
        cursor.items.append(dot)
        cursor.give([value], ArrowStart(dot))
    builder.nodes([(node,) for node in nodes], cursor)
    for value in subgraph.outputs.values():
        end = builder.box(join(prefix, "y"), "fork", "")
        cursor.items.append(end)
        builder.arrow(cursor.starts[id(value)], end, value)
    marks = Shortcuts(builder.arrows)
    marks.mark()
    if builder.arrows:
        marks.mark_main(builder.arrows[-1].head)
    return Scene(prefix, cursor.items, builder.arrows)


def keyed(scene: Scene, places: Mapping[int, list[NodeContext]], records: Records) -> None:
    """Give what a scene shows records of their own, whose keys are their ids from here on."""
    for frame in list(frames(scene.items)):
        times = frame.times
        frame.id = _key(frame, places, records, times=times if times > 1 else None)
    for box in boxes(scene.items):
        if box.kind not in ("fork", "port"):
            box.id = _key(box, places, records)


def _key(
    shown: Box | Frame, places: Mapping[int, list[NodeContext]], records: Records, **more: Any
) -> str:
    path = shown.id.partition("~")[0].removesuffix("+")
    own = places.get(id(shown.nodes[0]), []) if shown.nodes else []
    if not own:
        return records.put({"title": shown.title, "path": path})
    place = next((each for each in own if each.path == path), own[0])
    near = {id(n): n for n in shown.nodes if _beside(place, n, places)}
    nodes = list(near.values()) if isinstance(shown, Box) else [place.node]
    notes = shown.notes if isinstance(shown, Box) else []
    title = " ".join((shown.title or "blocks in turn").split())
    return records.add(", ".join([title, *notes]), place, nodes, **more)


def _beside(place: NodeContext, node: Node, places: Mapping[int, list[NodeContext]]) -> bool:
    """Whether a node stands around the same corner: what went into the box of another."""
    return any(each.prefix == place.prefix for each in places.get(id(node), ()))


def drawn(scene: Scene, theme: Theme) -> str:
    """Return a scene as SVG to stand in a page: colours are the page's, and nothing is named."""
    picture = render(written(scene, theme), "svg").decode()
    picture = NOISE.sub("", centred(picture, scene))
    picture = re.sub(
        r'<g id="(k\d+)" class="(node|cluster)">', r'<g data-k="\1" class="\2">', picture
    )
    picture = re.sub(r' id="k\d+[^"]*"', "", picture)
    return PATHS.sub(lambda hit: f"var(--d{int(hit[1], 16)})", picture).strip()


def centred(picture: str, scene: Scene) -> str:
    """Widen an SVG so that the place where a value comes in is in the middle of it."""
    entry = next((item.id for item in scene.items if isinstance(item, Box)), "")
    size = re.search(
        r'<svg width="([\d.]+)pt" height="[\d.]+pt"\s+viewBox="0.00 0.00 ([\d.]+) ', picture
    )
    move = re.search(r"translate\(([\d.]+)", picture)
    place = re.search(rf'<g id="{re.escape(markup(entry))}".*?cx="([-\d.]+)"', picture, re.DOTALL)
    if not (size and move and place):
        return picture
    middle, wide = float(move[1]) + float(place[1]), float(size[2])
    half = max(middle, wide - middle)
    view = f'viewBox="{middle - half:.2f} 0.00 {2 * half:.2f} '
    changed = size[0].replace(f'width="{size[1]}pt"', f'width="{2 * half:.0f}pt"')
    changed = re.sub(r'viewBox="0.00 0.00 [\d.]+ ', view, changed)
    return picture.replace(size[0], changed, 1)


# Colours


def marked() -> Theme:
    """Return a theme in which each colour is the number of a variable of the page's style."""
    numbers = iter(range(0x10000))
    marks: Theme = _painted(THEMES["light"], numbers)
    return marks


def _painted(paint: Any, numbers: Iterator[int]) -> Any:
    if isinstance(paint, str):
        return f"#fe{next(numbers):04x}"
    if isinstance(paint, Mapping):
        return {key: _painted(value, numbers) for key, value in paint.items()}
    if isinstance(paint, tuple):
        return tuple(_painted(value, numbers) for value in paint)
    assert is_dataclass(paint)
    assert not isinstance(paint, type)
    return replace(
        paint, **{f.name: _painted(getattr(paint, f.name), numbers) for f in fields(paint)}
    )


def colours(theme: Theme) -> Iterator[str]:
    """Yield the colours of a theme in the order in which `marked` numbers them."""
    yield from _flat(theme)


def _flat(paint: Any) -> Iterator[str]:
    if isinstance(paint, str):
        yield paint
    elif isinstance(paint, Mapping):
        for value in paint.values():
            yield from _flat(value)
    elif isinstance(paint, tuple):
        for value in paint:
            yield from _flat(value)
    else:
        for each in fields(paint):
            yield from _flat(getattr(paint, each.name))
