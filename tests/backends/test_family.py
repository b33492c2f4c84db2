"""Networks side by side, as in Fig. 3 of He et al. 2015."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import archc
from archc import zoo
from archc.api import side_by_side
from archc.backends.drawing.scene import boxes

SVG = "{http://www.w3.org/2000/svg}"
FIGURE = ("vgg19", "plain34", "resnet34")


def figure(*names: str) -> ET.Element:
    """Draw networks and read the SVG back."""
    svg = side_by_side([archc.compile(name) for name in names]).svg()
    return ET.fromstring(svg)  # noqa: S314 - our own picture


def words(root: ET.Element, column: str) -> list[str]:
    """Return what stands in a column, from the top down."""
    found = []
    for group in root.iter(f"{SVG}g"):
        if group.get("class") == "node" and (group.get("id") or "").startswith(f"{column}/"):
            texts = list(group.iter(f"{SVG}text"))
            found.append((float(texts[0].get("y", "0")), texts[0].text or ""))
    return [text for _, text in sorted(found)]


def heights(root: ET.Element) -> dict[str, float]:
    """Return how far down each node stands, by its id."""
    return {
        group.get("id", ""): float(text.get("y", "0"))
        for group in root.iter(f"{SVG}g")
        if group.get("class") == "node" and (text := group.find(f".//{SVG}text")) is not None
    }


def test_the_figure() -> None:
    """The columns of Fig. 3, box for box; the paper does not spell the windows of pools."""
    pytest.importorskip("pygraphviz")
    root = figure(*FIGURE)
    conv = "3×3 conv, {}"
    stages = [(64, 3), (128, 4), (256, 6), (512, 3)]
    residual = ["7×7 conv, 64, /2", "3×3 max pool, /2"]
    for width, depth in stages:
        rows = [conv.format(width)] * 2 * depth
        residual += [rows[0] + ", /2" * (width > 64), *rows[1:]]
    plain = [*residual, "avg pool", "fc 1000"]
    vgg: list[str] = []
    for width, depth in [(64, 2), (128, 2), (256, 4), (512, 4), (512, 4)]:
        vgg += [*[conv.format(width)] * depth, "2×2 max pool, /2"]
    vgg += ["fc 4096", "fc 4096", "fc 1000"]

    assert [words(root, f"column{k}") for k in range(3)] == [vgg, plain, plain]


def test_rows_are_level() -> None:
    """What gives one output size begins at one height, beside the size."""
    pytest.importorskip("pygraphviz")
    made = side_by_side([archc.compile(name) for name in FIGURE])
    assert made.family is not None
    found = heights(figure(*FIGURE))
    starts = {row.start: row.size for row in made.family.rows}

    assert list(starts.values()) == ["224", "112", "56", "28", "14", "7", "1"]
    for start, size in starts.items():
        level = [box for box in boxes(made.scene.items) if made.family.row[box.id] == start]
        down = [found[box.id] for box in level] + [found[f"size-{start}"]]
        assert len(level) == (1 if size == "224" else 3)
        assert max(down) - min(down) <= 2, size


def test_shortcuts_are_arcs() -> None:
    """16 in ResNet-34, three of them dotted since dimensions grow there; none in the others."""
    pytest.importorskip("pygraphviz")
    root = figure(*FIGURE)
    arcs = [
        g for g in root.iter(f"{SVG}g") if re.search("-(identity|projection)$", g.get("id", ""))
    ]
    dashed = [g for g in arcs if "stroke-dasharray" in g.find(f"{SVG}path").attrib]  # type: ignore[union-attr]

    assert {(g.get("id") or "").partition("/")[0] for g in arcs} == {"column2"}
    assert (len(arcs), len(dashed)) == (16, 3)
    assert all((g.get("id") or "").endswith("-projection") for g in dashed)


@pytest.mark.parametrize("name", ["resnet152", "resnet1202", "densenet121", "googlenet"])
def test_deep_networks_fold(name: str) -> None:
    """Many layers, or blocks with branches, are drawn by blocks, and fit a page."""
    pytest.importorskip("pygraphviz")
    root = figure(name)

    assert float(root.get("height", "").removesuffix("pt")) < 1200
    assert len(words(root, "column0")) < 40


@pytest.mark.parametrize("path", zoo.files(), ids=lambda p: p.stem)
def test_every_family_has_a_column(path: Path) -> None:
    """Any network can stand in a column, and says the same every time."""
    arch = archc.compile(path)
    text = arch.dot("family")

    assert text == archc.compile(path).dot("family")
    assert len(text) > 1000


def test_two_of_a_kind() -> None:
    """The same network twice makes two columns, with ids of their own."""
    made = side_by_side([archc.compile("resnet20")] * 2)
    ids = [box.id for box in boxes(made.scene.items)]

    assert len(ids) == len(set(ids))
