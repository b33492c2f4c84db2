"""`archc draw`: what it takes, parts of networks, and drawing again when a file is saved."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

import archc
from archc.backends.drawing.scene import Box, boxes
from archc.backends.drawing.subgraph import UnknownPlace
from archc.backends.picture import picture
from archc.cli import app
from archc.commands import watching

SPEC = """\
archc: 1
name: example
input: [3, 8, 8]
body:
  conv: conv(4, 3)
  act: relu
"""


def draw(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["draw", *arguments])


def test_several_stand_side_by_side() -> None:
    """Several networks, or several variants of one file, are drawn at level `family`."""
    by_name = draw("resnet18", "resnet34", "--format", "dot")
    by_variant = draw("resnet", "--variants", "resnet18,resnet34", "--format", "dot")

    assert by_name.exit_code == by_variant.exit_code == 0
    assert by_name.stdout == by_variant.stdout
    assert "<B>resnet34</B>" in by_name.stdout


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        ("mmd", "flowchart TB\n"),
        ("md", "```mermaid\nflowchart TB\n"),
        ("gv", "digraph resnet20 {\n"),
    ],
)
def test_suffixes(suffix: str, start: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture.{suffix}"

    assert draw("resnet20", "-o", str(path)).exit_code == 0
    assert path.read_text(encoding="utf-8").startswith(start)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resnet50", "--at", "layer3.9"], "nothing at `layer3.9`: did you mean `layer3."),
        (["resnet50", "--at", "layr3"], "did you mean `layer3`"),
        (["resnet18", "resnet34", "--level", "op"], "side by side, at level `family`"),
        (["resnet50", "--at", "layer1", "--level", "family"], "no `at` goes with level `family`"),
        (["resnet", "--variants", "resnet18", "--variant", "resnet34"], "goes with no --variant"),
        (["resnet20", "--watch"], "--watch draws a file"),
        (["-", "--watch", "-o", "a.svg"], "from specs that are files"),
        (["-", "-"], "standard input can be read once"),
        (["resnet20", "--level", "layer"], "choose from family, stage, block, op"),
    ],
)
def test_usage(arguments: list[str], said: str) -> None:
    """What goes with nothing else is said, in a line."""
    result = draw(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    ("at", "ports", "count"),
    [
        ("layer3.0", ["x  512×28×28", "output  1024×14×14"], 14),
        ("layer3", ["x  512×28×28", "output  1024×14×14"], 24),
        ("layer3.0.conv2", ["x  256×28×28", "output  256×14×14"], 3),
        ("layer3.0.downsample", ["x  512×28×28", "output  1024×14×14"], 4),
        ("stem", ["x  3×224×224", "output  64×56×56"], 6),
    ],
)
def test_parts(at: str, ports: list[str], count: int) -> None:
    """A stage, a block or an op is drawn between what goes in and what comes out."""
    scene = picture([archc.compile("resnet50").network], "op", at).scene
    found = [b for b in boxes(scene.items) if b.kind != "fork"]

    assert [b.title for b in found if b.kind == "port"] == ports
    assert len(found) == count


def test_a_part_of_several_outputs() -> None:
    scene = picture([archc.compile("hrnet_w18").network], "block", "stage3").scene
    ports = [b.title for b in scene.items if isinstance(b, Box) and b.kind == "port"]

    assert [p.partition("  ")[0] for p in ports].count("output[2]") == 1


@pytest.mark.parametrize("name", ["resnet50", "swin_t", "unet", "dpn68"])
def test_every_path_is_a_part(name: str) -> None:
    """Whatever bears a path can be drawn alone."""
    network = archc.compile(name).network
    for node in network.root.nodes[:6]:
        if node.path:
            assert picture([network], "op", node.path).scene.arrows, node.path
    with pytest.raises(UnknownPlace):
        picture([network], "op", "nowhere.at.all")


# Watching


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PAUSE", 0.01)


@pytest.mark.usefixtures("_quick")
def test_watch_works_again_when_a_file_changes(tmp_path: Path) -> None:
    """Written in place, replaced, gone for a while: each is one change."""
    path = tmp_path / "a.yaml"
    path.write_text("0", encoding="utf-8")
    os.utime(path, (0, 0))  # what has just been written is looked at twice
    seen: list[str] = []
    steps: list[Callable[[], object]] = [
        lambda: path.write_text("1!", encoding="utf-8"),
        lambda: _replaced(path, "2!!"),
    ]

    def work() -> list[Path]:
        seen.append(path.read_text(encoding="utf-8"))
        if len(seen) > len(steps):
            raise KeyboardInterrupt
        threading.Timer(0.1, steps[len(seen) - 1]).start()
        return [path]

    watching.watch(work)

    assert seen == ["0", "1!", "2!!"]


def _replaced(path: Path, text: str) -> None:
    other = path.with_suffix(".new")
    other.write_text(text, encoding="utf-8")
    path.unlink()
    time.sleep(0.05)
    other.rename(path)


@contextmanager
def watched(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a command until it is interrupted, as by Ctrl-C; that is no failure."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        late = Timer(60, process.kill)  # whoever waits for a line then reads the end of it
        late.start()
        try:
            yield process
            process.send_signal(signal.SIGINT)
            assert process.wait() == 0
        finally:
            process.kill()
            late.cancel()


@pytest.mark.parametrize("form", ["svg", "mmd", "dot", "png"])
def test_watch(form: str, tmp_path: Path) -> None:
    """A wrong spec shows its diagnostics in the terminal and in the picture, until it is mended."""
    pytest.importorskip("pygraphviz")
    spec, out = tmp_path / "example.yaml", tmp_path / f"out.{form}"
    spec.write_text(SPEC, encoding="utf-8")
    command = [sys.executable, "-m", "archc.cli", "draw", str(spec), "--watch", "-o", str(out)]
    with watched(command) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"archc: drew {out}\n"
        good = out.read_bytes()
        spec.write_text(SPEC.replace("relu", "relo"), encoding="utf-8")
        said = [process.stderr.readline() for _ in range(8)]
        assert said[0] == "error[unknown-name]: `relo` is not known here\n"
        assert said[-1] == f"archc: {out} says what is wrong\n"
        wrong = out.read_bytes()
        spec.write_text(SPEC.replace("relu", "gelu"), encoding="utf-8")
        assert process.stderr.readline() == f"archc: drew {out}\n"
        mended = out.read_bytes()
    assert len({good, wrong, mended}) == 3
    if form != "png":
        assert b"relo" in wrong
        assert b"GELU" in mended
    if form == "svg":
        root = ET.fromstring(wrong)  # noqa: S314 - our own picture
        words = "".join(root.itertext())
        assert "did you mean `relu`" in words
        assert "3×3 conv, 4" in words, "the last good picture is below"


# Notebooks


def test_notebook() -> None:
    """A notebook gets every form; the picture is left out where nothing can draw it."""
    pytest.importorskip("pygraphviz")
    arch = archc.compile("resnet20")
    bundle = arch._repr_mimebundle_()

    assert list(bundle) == ["text/plain", "text/markdown", "text/html", "image/svg+xml"]
    assert bundle["text/plain"].startswith("Architecture(resnet20: 3×32×32 to 10, ")
    assert bundle["text/markdown"].count("| layer1") == 1
    assert "<svg " in bundle["text/html"]
    assert "<table>" in bundle["text/html"]
    assert list(arch._repr_mimebundle_(include={"text/html"})) == ["text/html"]
    assert "text/html" not in arch._repr_mimebundle_(exclude={"text/html"})


def test_notebook_without_graphviz(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    bundle = archc.compile("resnet20")._repr_mimebundle_()

    assert list(bundle) == ["text/plain", "text/markdown", "text/html"]
    assert "<svg" not in bundle["text/html"]
    assert "<table>" in bundle["text/html"]
