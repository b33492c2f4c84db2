"""Mermaid text: its grammar, and that it has what the picture has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sweeps import pictures

import archc
from archc import escaping
from archc.backends.drawing.scene import boxes, frames
from archc.diagnostics import Source

TEXT = r'"(?:[^"`<>\\]|<br/>)+"'
NODE = re.compile(
    rf" +b\d+(?:\({TEXT}\)|\(\[{TEXT}\]\)|\(\({TEXT}\)\)|\[\\{TEXT}/\]|\[/{TEXT}\\\]|>{TEXT}\])"
)
LINES = {
    "head": re.compile(r"flowchart TB|  acc(?:Title|Descr): [^;#]+"),
    "node": NODE,
    "open": re.compile(rf" +subgraph f\d+\[{TEXT}\]"),
    "end": re.compile(r" +end"),
    "edge": re.compile(rf"  (b\d+) (?:-->|---|-\.->|--o)(?:\|{TEXT}\|)? (b\d+)"),
    "paint": re.compile(r"  classDef \w+ (?:[\w-]+:[#\w ]+,?)+|  class b\d+(?:,b\d+)* \w+"),
}
LEVELS = ("family", "stage", "block", "op")


def parsed(text: str) -> list[tuple[str, re.Match[str]]]:
    """Read Mermaid line by line; a line of no known form is an error."""
    found = []
    for line in text.splitlines():
        match = next(((k, m) for k, p in LINES.items() if (m := p.fullmatch(line))), None)
        assert match is not None, f"no Mermaid: {line}"
        found.append(match)
    return found


@pytest.mark.parametrize(("path", "level"), pictures(LEVELS))
def test_text_is_well_formed(path: Path, level: str) -> None:
    """Each line has a known form, frames are closed, and edges join boxes that there are."""
    arch = archc.compile(path)
    scene = arch.picture(level).scene
    lines = parsed(arch.mermaid(level))
    kinds = [kind for kind, _ in lines]
    known = {
        m[0].split("(")[0].split("[")[0].split(">")[0].strip() for k, m in lines if k == "node"
    }
    ends = {end for k, m in lines if k == "edge" for end in m.groups()}
    loops = sum(box.shortcut != "flow" for box in boxes(scene.items))

    assert kinds.count("open") == kinds.count("end") == sum(1 for _ in frames(scene.items))
    assert kinds.count("node") == len(known) == sum(1 for _ in boxes(scene.items))
    assert kinds.count("edge") == len(scene.arrows) + loops
    assert ends <= known


def test_markup_in_names_is_text() -> None:
    """What a spec calls its steps and patterns never becomes markup."""
    assert (
        escaping.mermaid('a < b "c" #1 `d` \\e') == "a #lt; b #quot;c#quot; #35;1 #96;d#96; #92;e"
    )


def test_a_step_may_be_called_end() -> None:
    """`end` closes a frame in Mermaid; ids are never names of a spec."""
    text = "archc: 1\nname: x\ninput: [3, 8, 8]\nbody:\n  end: conv(4, 3)\n  subgraph: conv(4, 3)\n"
    lines = parsed(archc.compile(Source("x.yaml", text)).mermaid("op"))

    assert [kind for kind, _ in lines].count("end") == 0


def test_themes_and_shortcuts() -> None:
    arch = archc.compile("resnet20")

    assert " -.-> " in arch.mermaid("block")
    assert arch.mermaid("stage", "dark") != arch.mermaid("stage")
    with pytest.raises(ValueError, match="no theme `pink`"):
        arch.mermaid("stage", "pink")
