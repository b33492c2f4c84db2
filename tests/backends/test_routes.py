"""Every edge of a network's graph is in its picture: the drawn SVG is read back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from readback import Drawn
from sweeps import pictures

import archc
from archc import zoo
from archc.backends.drawing.labels import label
from archc.backends.drawing.routes import Route, routes
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene, boxes, frames
from archc.diagnostics import Source
from archc.graph import Module
from archc.ops import Op

FAMILIES = zoo.files()


def is_of(name: str, arch: archc.Architecture, box: Box, drawn: Drawn) -> bool:
    """Whether a box shows an op: it is one of those the box stands for, and the SVG says so."""
    if box.kind == "port":
        return name == "input" or silent(arch.graph.nodes[name]["target"])
    op = arch.graph.nodes[name]["target"]
    leaves = [leaf.node for n in box.nodes if n.module for leaf in n.module.leaves()]
    node = next((n for n in (*box.nodes, *leaves) if n.op is op), None)
    if node is None:
        return False
    if box.kind == "block" or silent(op):
        return True
    words = " ".join(drawn.words[box.id])
    text = label(node, op).text
    short = label(node, op).short
    on_arrows = (words for arrow, words in drawn.vias.items() if arrow.startswith(f"{box.id}--"))
    return any(t in said for t in (text, short) for said in (words, *on_arrows))


def silent(op: Op) -> bool:
    """Whether nothing is said of an op, which does nothing."""
    return op.name == "identity" or getattr(op, "p", None) == 0


def hold(arch: archc.Architecture, level: str) -> None:
    """Hold a picture against the graph, edge by edge."""
    picture = arch.picture(level)
    scene, drawn = picture.scene, Drawn.read(picture.svg())
    found = routes(scene)
    graph = arch.graph
    wanted = Counter((u, v) for v in graph for u in graph.nodes[v]["inputs"])
    assert Counter((route.tail, route.head) for route in found) == wanted
    assert set(graph.edges) == set(wanted)
    for route in found:
        expect_route(route, arch, drawn)
    expect_no_more(scene, found, drawn)
    if level == "block":
        for box in boxes(scene.items):
            if box.kind == "block":
                expect_like(box, scene, drawn)


def expect_route(route: Route, arch: archc.Architecture, drawn: Drawn) -> None:
    """Follow an edge from box to box, along what is drawn."""
    where = f"{route.tail} -> {route.head}"
    for name, box in ((route.tail, route.tail_box), (route.head, route.head_box)):
        assert box.id in drawn.words, where
        assert is_of(name, arch, box, drawn), f"{where}: {name} is not in {box.id}"
    first, *rest = route.parts
    if isinstance(first, Arrow):
        rest, at = list(route.parts), route.tail_box
    elif first is route.head_box and not rest:
        assert route.tail_box is first or drawn.repeats(first), where
        return
    else:
        assert drawn.repeats(first), where
        at = None
    for part in rest:
        assert isinstance(part, Arrow), where
        assert drawn.joins(part), f"{where}: {part.id} is not drawn"
        assert at is None or part.tail is at, where
        at = part.head
    assert at is None or at is route.head_box, where


def expect_like(box: Box, scene: Scene, drawn: Drawn) -> None:
    """Find the drawing of a block that is one box, by its name, and its own layers in the box."""
    like, (module, other) = box.like, (n.module for n in (box.nodes[0], box.like.nodes[0]))
    assert like in frames(scene.items), box.id
    assert drawn.words[box.id][0] == box.title == like.title
    assert like.title in " ".join(drawn.words[like.id])
    same = [f for f in frames(scene.items) if f.title == like.title and f.kind == "block"]
    assert all(wiring(f.nodes[0].module) == wiring(module) for f in same), f"{box.id} is ambiguous"
    assert wiring(other) == wiring(module), box.id
    said = set(" ".join(drawn.words[box.id]).replace(",", "").split())
    for leaf, known in zip(module.leaves(), other.leaves(), strict=True):
        new, old = (label(at.node, at.node.op).short for at in (leaf, known))
        if new != old and leaf.node.op.weighted:
            assert set(new.replace(",", "").split()) <= said, f"{box.id} does not say {new}"


def wiring(module: Module) -> list[object]:
    """Return what the ops of a block are, and which of its values each takes."""
    numbers = {id(v): k for k, v in enumerate(module.inputs)}
    rows: list[object] = []
    for node in module.nodes:
        what = wiring(node.module) if node.module else type(node.op)
        rows.append((what, [numbers[id(v)] for v in node.inputs]))
        numbers |= {id(v): len(numbers) + k for k, v in enumerate(node.outputs)}
    return rows


def expect_no_more(scene: Scene, found: tuple[Route, ...], drawn: Drawn) -> None:
    """Each line that is drawn belongs to an arrow, and each arrow to an edge or an output."""
    ends = ("", "-up", "-over", "-down")
    of_arrows = {arrow.id + end for arrow in scene.arrows for end in ends}
    rest = {name for name in drawn.edges if name not in of_arrows and name.endswith("-shortcut")}
    assert set(drawn.edges) - of_arrows - rest == set()
    used = {id(part) for route in found for part in route.parts}
    assert [a.id for a in scene.arrows if id(a) not in used and a.head.kind != "port"] == []
    assert all(drawn.joins(arrow) for arrow in scene.arrows)


@pytest.mark.parametrize(("path", "level"), pictures(["stage", "block", "op"]))
def test_every_edge_is_drawn(path: Path, level: str) -> None:
    """Each edge of the graph of all ops is found in the SVG, folded ones by what says ×N."""
    pytest.importorskip("pygraphviz")

    hold(archc.compile(path), level)


@pytest.mark.heavy
@pytest.mark.parametrize("level", ["stage", "block", "op"])
@pytest.mark.parametrize("name", [n for n in zoo.names() if n not in {p.stem for p in FAMILIES}])
def test_every_edge_of_every_network(name: str, level: str) -> None:
    pytest.importorskip("pygraphviz")

    hold(archc.compile(name), level)


def test_a_missing_line_is_found() -> None:
    """The test itself: a picture without one of its lines is no proof."""
    pytest.importorskip("pygraphviz")
    picture = archc.compile("resnet20").picture("block")
    whole = Drawn.read(picture.svg())
    arrow = next(a for a in picture.scene.arrows if a.kind == "identity" and a.head.kind == "merge")
    del whole.edges[arrow.id]

    assert not whole.joins(arrow)


BLOCKS = """
archc: 1
name: turns
input: [8, 16, 16]
blocks:
  step(k):
  - conv(8, k)
  - relu
  - conv(8, 1)
body:
  a:
    repeat: j < 8
    do: step(3 if j % 2 == 0 else 5)
  b: conv(8, 1)
"""


@pytest.mark.parametrize("level", ["stage", "block", "op"])
def test_blocks_that_take_turns_fold(level: str) -> None:
    """Two kinds of blocks in turn are drawn once each, in a frame that says how often."""
    pytest.importorskip("pygraphviz")
    arch = archc.compile(Source("turns.yaml", BLOCKS))
    hold(arch, level)
    turns = [f for f in _frames(arch.picture(level).scene.items) if not f.title]

    assert [(frame.times, len(frame.items)) for frame in turns] == [(4, 2)]


def _frames(items: list[Box | Frame]) -> list[Frame]:
    return [f for i in items if isinstance(i, Frame) for f in (i, *_frames(i.items))]


def test_rates_that_grow_fold() -> None:
    """Blocks that differ in the rate of a drop alone are one, with the range of the rates."""
    scene = archc.compile("stochastic_depth110").picture("block").scene
    notes = [
        n for f in _frames(scene.items) for b in f.items if isinstance(b, Box) for n in b.notes
    ]

    assert "stochastic depth 0.0093 to 0.17" in notes
    assert max(f.times for f in _frames(scene.items)) == 18


def test_laterals_are_no_shortcuts() -> None:
    """The sums of a feature pyramid by-pass nothing: their lines are as solid as all others."""
    scene = archc.compile("fpn_resnet50").picture("block").scene
    into = {a.kind for a in scene.arrows if a.head.id.startswith("fpn") and a.head.title == "+"}

    assert into <= {"flow"}
