"""Pictures: their DOT text, what of the network's graph they show, and who renders them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import networkx as nx
import pytest
from sweeps import sweep
from typer.testing import CliRunner

import archc
from archc import zoo
from archc.backends import dot
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene, boxes, frames
from archc.backends.drawing.style import THEMES
from archc.backends.notice import dot as notice_as_dot
from archc.backends.render import NoRendererError, render
from archc.cli import app
from archc.diagnostics import Source

GOLDENS = Path(__file__).resolve().parent.parent / "goldens" / "dot"
SVG = "{http://www.w3.org/2000/svg}"
LEVELS = ("stage", "block", "op")

PYRAMID = """
archc: 1
name: pyramid
input: [3, 32, 32]
variants: {pyramid: {}}
blocks:
  down(c):
  - max_pool(2)
  - conv(c, 3)
  - relu
  up(c):
    inputs: [x, skip]
    up: conv_transpose(c, 2, stride=2)(x)
    conv: conv(c, 3)(concat(skip, up))
body:
  encoder:
    repeat: j, c in enumerate([8, 16, 32])
    do: down(c) if j > 0 else conv(c, 3)
  decoder:
    repeat: j in [1, 0]
    do: up(8 * 2 ** j)(prev, encoder.steps[j])
  head: conv(2, 1)
"""


def parse(svg: str | bytes) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own picture


def compiled(name: str) -> archc.Architecture:
    return archc.compile(Source("pyramid.yaml", PYRAMID) if name == "pyramid" else name)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["resnet50", "resnet34", "plain34", "resnet20", "pyramid"])
def test_text(name: str, level: str, golden: Callable[[Path, str], None]) -> None:
    """The DOT text of a network is what it was."""
    golden(GOLDENS / f"{name}-{level}.dot", compiled(name).dot(level))


@pytest.mark.parametrize("level", ["stage", "block"])
@pytest.mark.parametrize("name", sweep(n for n, f in zoo.index().items() if "resnet" in f.stem))
def test_a_page_however_deep(name: str, level: str) -> None:
    """The depth of a network does not make its picture larger."""
    pytest.importorskip("pygraphviz")
    root = parse(render(compiled(name).dot(level)))
    width, height = (float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))

    assert width < 2000
    assert height < 1200


@pytest.mark.parametrize(
    "name",
    ["mobilenet_v2", "convmixer_1536_20", "densenet121", "unet", "googlenet", "xception", "sknet"],
)
def test_blocks_share_drawings(name: str) -> None:
    """Blocks alike in form are drawn once where each by itself would be too much for a page."""
    pytest.importorskip("pygraphviz")
    path = Path(__file__).parents[2] / "specs" / f"{name}.yaml"
    root = parse(archc.compile(path if path.exists() else name).svg("block"))
    sides = sorted(float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))

    assert sides[0] < 1300
    assert sides[1] < 1800


def test_what_a_shared_drawing_says() -> None:
    """A box has the name of a frame, and its own layers, or what is otherwise than in the frame."""
    chain = archc.compile("mobilenet_v2").picture("block").scene
    branched = archc.compile("googlenet").picture("block").scene
    said = {box.id: (box.title, box.notes, box.times) for box in boxes(chain.items) if box.like}
    changed = next(box for box in boxes(branched.items) if box.like)

    assert said["features.8"] == (
        "inverted residual B",
        ["1×1, 384", "3×3 depthwise, 384", "1×1, 64"],
        3,
    )
    assert changed.notes[:2] == ["1×1, 64 → 128", "1×1, 96 → 128"]
    assert {f.title for f in frames(chain.items)} >= {"inverted residual A", "inverted residual B"}


def drawn(svg: str) -> nx.MultiDiGraph:
    """Read an SVG back: its nodes and edges by the ids that they bear."""
    graph = nx.MultiDiGraph()
    for group in parse(svg).iter(f"{SVG}g"):
        title = group.findtext(f"{SVG}title") or ""
        if group.get("class") == "node":
            graph.add_node(
                title,
                texts=[t.text.strip() for t in group.iter(f"{SVG}text") if (t.text or "").strip()],
            )
        elif group.get("class") == "edge":
            path = group.find(f"{SVG}path")
            tail, _, head = title.partition("->")
            ends = (end.partition(":")[0] for end in (tail, head))
            graph.add_edge(*ends, dashed=path is not None and "stroke-dasharray" in path.attrib)
    return graph


def test_shortcuts() -> None:
    """Solid for an identity, dashed for a projection, as in Fig. 3 of He et al. 2015."""
    pytest.importorskip("pygraphviz")
    picture = drawn(archc.compile("resnet50").svg("stage"))
    shortcuts = {u: data["dashed"] for u, v, data in picture.edges(data=True) if u == v}

    assert shortcuts == {f"layer{s}.{k}": k == 0 for s in (1, 2, 3, 4) for k in (0, 1)}


def test_plain_networks_have_no_shortcuts() -> None:
    pytest.importorskip("pygraphviz")
    picture = drawn(archc.compile("plain34").svg("stage"))

    assert [u for u, v in picture.edges() if u == v] == []


def test_labels() -> None:
    """Layers are called what the paper calls them; a folded block says how often it is there."""
    pytest.importorskip("pygraphviz")
    picture = drawn(archc.compile("resnet50").svg("stage"))
    texts = picture.nodes(data="texts")

    assert texts["conv1"][0] == "7×7 conv, 64, /2"
    assert texts["layer3.1"] == ["bottleneck", "1×1, 256", "3×3, 256", "1×1, 1024", "×5"]


def test_svg_speaks() -> None:
    """A screen reader hears the name and what the picture shows."""
    pytest.importorskip("pygraphviz")
    root = parse(archc.compile("resnet50").svg())

    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "resnet50"
    said = root.findtext(f"{SVG}desc") or ""
    assert "layer3: 7.10 M params, 1.46 G MACs (bottleneck, bottleneck ×5)" in said


@pytest.mark.parametrize("level", ["family", *LEVELS])
@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2", "dpn92"])
def test_svg_is_fit_for_all(name: str, level: str) -> None:
    """It has a title, a description, ids that are unique, and fonts that each machine has."""
    pytest.importorskip("pygraphviz")
    svg = archc.compile(name).svg(level)
    root = parse(svg)
    ids = re.findall(r' id="([^"]+)"', svg)

    assert (root.get("role"), root.findtext(f"{SVG}title")) == ("img", name)
    assert len(root.findtext(f"{SVG}desc") or "") > 100
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'font-family="([^"]+)"', svg)) == {"sans-serif"}


@pytest.mark.parametrize("seed", ["0", "1"])
def test_same_bytes(seed: str) -> None:
    """A picture does not hang on the order of a set or on the process."""
    pytest.importorskip("pygraphviz")
    wanted = [("resnet50", "family"), ("resnet50", "stage"), ("dpn92", "block"), ("unet", "op")]
    code = (
        "import archc, sys\n"
        f"for name, level in {wanted}: sys.stdout.write(archc.compile(name).svg(level))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env={"PYTHONHASHSEED": seed}, check=True
    )
    here = "".join(archc.compile(name).svg(level) for name, level in wanted)

    assert run.stdout.decode() == here


def test_same_picture() -> None:
    pytest.importorskip("pygraphviz")
    arch = archc.compile("resnet50")

    assert arch.svg("block") == arch.svg("block")


@pytest.mark.parametrize("theme", ["dark", "print"])
def test_themes(theme: str) -> None:
    """A theme changes colours, and nothing else."""
    arch = archc.compile("resnet50")
    bare = [re.sub(r"#[0-9a-f]{6}", "#", arch.dot("block", t)) for t in ("light", theme)]

    assert bare[0] == bare[1]
    assert arch.dot("block", theme) != arch.dot("block")


@pytest.mark.parametrize(("level", "theme"), [("layer", "light"), ("stage", "pink")])
def test_unknown_names(level: str, theme: str) -> None:
    with pytest.raises(ValueError, match="choose from"):
        archc.compile("resnet50").dot(level, theme)


@pytest.fixture
def _no_renderer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("_no_renderer")
def test_missing_renderer() -> None:
    """Who has no Graphviz is told what to install; a notebook falls back to text."""
    arch = archc.compile("resnet50")
    with pytest.raises(NoRendererError, match=re.escape("pip install archc[draw]")):
        arch.svg()

    assert arch._repr_svg_() is None
    result = CliRunner().invoke(app, ["draw", "resnet50"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "pip install archc[draw]" in result.stderr


@pytest.mark.parametrize("title", ["\n", "\nx", "\n\n---\n", " \n", "\nx\n\ny\n"])
def test_a_label_whose_first_line_is_empty(title: str) -> None:
    """Graphviz 8 corrupts its memory for such a label of a box if it is quoted."""
    pytest.importorskip("pygraphviz")
    a, b = Box("a", "conv", title), Box("b", "port", title)
    scene = Scene("x", [a, Frame("f", "stage", title, [b])], [Arrow("r", a, b, title)])
    text = dot.written(scene, THEMES["light"])

    assert "<svg " in render(text, "svg").decode()
    assert "<svg " in render(notice_as_dot(f"\n{title}", THEMES["light"])).decode()


def test_a_crash_of_graphviz(_no_renderer: Path) -> None:  # noqa: PT019
    """It ends the picture and not archc."""
    program = _no_renderer / "dot"
    program.write_text("#!/bin/sh\nkill -SEGV $$\n")
    program.chmod(0o755)

    with pytest.raises(NoRendererError, match="ended with -11"):
        archc.compile("resnet50").svg()
    result = CliRunner().invoke(app, ["draw", "resnet50"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did not draw" in result.stderr


def test_program_draws_where_the_library_is_missing(_no_renderer: Path) -> None:  # noqa: PT019
    program = _no_renderer / "dot"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)

    assert render("digraph {}", "pdf") == b"-Tpdf\n"


@pytest.mark.parametrize(
    ("suffix", "start"),
    [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph resnet20")],
)
def test_command(suffix: str, start: bytes, tmp_path: Path) -> None:
    """The format is what the file's name asks for."""
    pytest.importorskip("pygraphviz")
    path = tmp_path / f"picture.{suffix}"
    result = CliRunner().invoke(app, ["draw", "resnet20", "--level", "block", "-o", str(path)])

    assert (result.exit_code, result.output) == (0, "")
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize(
    "options", [["--level", "layer"], ["--theme", "pink"], ["--format", "gif"], ["-o", "a.jpg"]]
)
def test_command_usage(options: list[str]) -> None:
    result = CliRunner().invoke(app, ["draw", "resnet20", *options])

    assert result.exit_code == 2
    assert "choose from" in result.stderr
