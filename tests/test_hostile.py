"""No text leaves its place: whatever a spec says, every output is one for a harmless text.

What is compared is structure: the tree of the emitted file, tags of markup, commands of LaTeX,
cells of CSV, nodes of DOT. Each is read by another parser than the writer that is tested.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pygraphviz
import pytest
from hostile import NAMES, TEXTS, drawn, named, spec
from typer.testing import CliRunner

import archc
from archc.api import Architecture, compile_family
from archc.backends import findings
from archc.backends.difference import FORMATS as DIFFERENCES
from archc.backends.drawing.scene import Arrow, Box, Frame, Scene
from archc.backends.drawing.style import THEMES
from archc.backends.findings import Finding
from archc.backends.notice import notice
from archc.backends.picture import Picture, picture
from archc.backends.signals import write
from archc.backends.signals.write import report
from archc.backends.table import FORMATS, claims, paper, table
from archc.backends.tables.model import Bracket, Column, Table
from archc.cli import app
from archc.diagnostics import Diagnostic, Note, Source, Span, errors
from archc.diagnostics import render as rendered
from archc.escaping import docstring, python_source, python_string
from archc.passes.claims import verdicts
from archc.passes.difference import difference

HIDDEN = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]")
CODES = [text for text in TEXTS if "executed" in text]
QUICK = range(0, len(TEXTS), 7)


def outputs(source: Source, **settings: str) -> Iterator[tuple[str, str]]:
    """Yield what archc writes of a spec, and in which format."""
    small, large = compile_family(source, ["small", "large"], **settings)
    yield "python", small.source()
    tables = (
        table(small.network, "layer"),
        paper([small.network]),
        claims("t", verdicts(small.network)),
    )
    for each in tables:
        yield from ((form, write(each)) for form, write in FORMATS.items())
    yield from pictures(small, large)
    yield "html page", small.report(large)
    found = difference(small.network, large.network)
    yield from ((form, write([found])) for form, write in DIFFERENCES.items())


def pictures(small: Architecture, large: Architecture) -> Iterator[tuple[str, str]]:
    """Yield every picture in every form that is text."""
    made: list[Picture] = [picture([small.network], level) for level in ("stage", "op")]
    made.append(picture([small.network, large.network], "family"))
    for each in made:
        yield from ((form, str(each.drawn(form))) for form in ("dot", "svg", "mermaid"))


class Page(HTMLParser):
    """What a browser takes for tags, and their attributes that a text could bring in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        live = sorted(name for name, _ in attrs if name.startswith("on") or name == "href")
        self.tags.append((tag, *live))


def python(text: str) -> Any:
    """Return the tree of a file without what its strings say."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def html(text: str) -> Any:
    """Return the tags of a page; data for its script must stay within its element."""
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL):
        json.loads(data)
    return sorted({tag for tag in Page(text).tags if tag[0] not in ("span", "br", "text")})


def xml(text: str) -> Any:
    """Return the kinds of elements; the parser is strict."""
    return sorted({e.tag for e in ET.fromstring(text).iter()})  # noqa: S314 it is archc's own


def dot(text: str) -> Any:
    """Return how many nodes and edges Graphviz reads."""
    graph = pygraphviz.AGraph(string=text)
    assert not any("URL" in n.attr or "href" in n.attr for n in graph.nodes() if n.attr["URL"])
    return len(graph.nodes()), len(graph.edges())


def mermaid(text: str) -> Any:
    """Return the statements without what stands in quotes, and in the lines that take any text."""
    lines = text.splitlines()
    kept = [line for line in lines if not re.match(r" *acc(Title|Descr):", line)]
    assert all(";" not in line for line in lines if line not in kept)
    assert not re.search("[;&]", re.sub(r"#\w+;", "", "\n".join(kept)))
    return re.sub('"[^"\n]*"', '""', "\n".join(kept))


def markdown(text: str) -> Any:
    """Return what is not text: columns of each line, tags, fences, headings, links."""
    fenced = re.sub(r"(?ms)^(`{3,})\w*\n.*?\n\1$", "FENCE", text)
    plain = re.sub(r"\\[\\`*_|~\]>#=+-]", "", fenced)
    assert not re.search(r"\]\(|\]\[|`|^\[.*\]:", plain, re.MULTILINE), text
    assert set(re.findall(r"<[^>]*>?", plain)) <= {"<br>"}, text
    return [line.count("|") for line in plain.splitlines()], plain.count("FENCE")


def latex(text: str) -> Any:
    """Return the commands of each line, those that only spell a character left out."""
    spelled = r"\\(?:text(?:backslash|asciitilde|asciicircum)\{\}|ldots(?:\{\}| )|textrm|times |[&%$#_{} ])"
    comments = [line for line in text.splitlines() if line.startswith("%")]
    lines = [re.sub(spelled, "", line) for line in text.splitlines() if not line.startswith("%")]
    own = [line.replace(r"\\[2pt]", "") for line in lines]
    assert not any(re.search(r"[%#^~]|\\\\ *[\[*]|^\s*[\[*]", line) for line in own), text
    assert all(line.count("{") == line.count("}") for line in lines), text
    commands = [
        re.findall(r"\\(?:[A-Za-z]+|.)|&", re.sub(r"\$\\(times|to|lambda)\$", "", line))
        for line in lines
    ]
    return commands, len(comments)


def comma_separated(text: str) -> Any:
    """Return the number of cells of each line; none is a formula, with any separator."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    cells = [cell for row in rows for cell in row]
    live = [c for c in cells if FORMULA.match(c) and not re.fullmatch(r"[-+]?[\d.,e+-]+", c)]
    assert live == [], text
    return [len(row) for row in rows]


def as_json(text: str) -> Any:
    """Return the shape of the data."""

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: shape(v) for k, v in value.items()}
        return [shape(v) for v in value] if isinstance(value, list) else type(value).__name__

    return json.dumps(shape(json.loads(text)))


def github(text: str) -> Any:
    """Return the commands of a workflow's log, with the properties of each."""
    lines = text.splitlines()
    found = [re.fullmatch(r"::(\w+) ([^:]*)::[^\r\n]*", line) for line in lines]
    assert all(found), text
    return [(m[1], [p.partition("=")[0] for p in m[2].split(",")]) for m in found if m]


def terminal(text: str) -> Any:
    """Return nothing but that a terminal gets text: other lines may be cut elsewhere."""


READERS: dict[str, Callable[[str], Any]] = {
    "python": python, "html": html, "html page": html, "svg": xml, "dot": dot, "mermaid": mermaid,
    "markdown": markdown, "latex": latex, "csv": comma_separated, "json": as_json, "text": terminal,
    "xml": xml, "github": github,
}  # fmt: skip


@cache
def harmless() -> list[tuple[str, Any]]:
    source = Source("harmless.yaml", spec("harmless"))
    return [(form, READERS[form](text)) for form, text in outputs(source)]


def judged(text: str, name: str = "hostile.yaml") -> list[Diagnostic]:
    """Hold every output of a spec to that of the harmless one; return what is wrong with it."""
    source = Source(name, spec(text))
    found = errors(archc.check(source))
    for diagnostic in found:
        assert not re.search(HIDDEN, rendered(diagnostic))
        assert rendered(diagnostic).count("\n") < 12
    if not found:
        for (form, content), (expected, structure) in zip(outputs(source), harmless(), strict=True):
            assert form == expected
            assert not re.search(HIDDEN, content), (form, content)
            assert READERS[form](content) == structure, (form, content)
    return found


def test_harmless() -> None:
    """The spec that the texts are put into is sound."""
    assert judged("harmless") == []


def parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield what the writers make of a text in each part of a table, a picture and a message."""
    columns = (Column("k", text), Column("n", "n", number=True))
    cell = (Bracket((text, "3×3, 64"), 2), text)
    made = Table(text, columns, ((text, 1), (cell, 2)), ((text, 3),), (text, text))
    yield from ((form, write(made)) for form, write in FORMATS.items())
    boxes = [
        Box("a", "block", text, [text], counts=text),
        Box("b", "conv", text),
        Box("p", "port", text),
    ]
    frame = Frame("f", "stage", text, [boxes[0]], counts=text)
    block = Frame("g", "block", text, [boxes[1]], times=2)
    arrows = [Arrow("r", boxes[0], boxes[1], text, text), Arrow("s", boxes[1], boxes[2])]
    scene = Scene(text, [frame, block, boxes[2]], arrows)
    yield from (
        (form, str(Picture(scene).drawn(form))) for form in ("dot", "svg", "mermaid", "markdown")
    )
    theme = THEMES["light"]
    yield from ((form, str(notice(text, form, theme))) for form in ("dot", "svg", "mermaid"))
    for form in ("text", "markdown"):
        yield form, report([text], [(text, [{text: text, "n": 1}, {text: text, "n": 2}])], form)
    span = Span(1, 1, 1, 4, Source(text, text))
    fault = Diagnostic("code", text, span, label=text, notes=(Note(span, text),), help=text)
    checked = [Finding(text, (fault,), 1, wrong=True), Finding(text, refused=text)]
    yield "json", findings.json(checked)
    yield "json", findings.sarif(checked)
    yield "xml", findings.junit(checked)
    yield "github", findings.github(checked)
    yield "csv", write.comma_separated([{"k": text, "n": 1}])
    yield "json", write.as_json({"k": text})
    yield "python", f"x = {python_string(text)}\n"
    yield "python", f'"""{docstring(text)} {docstring(text)}"""\n'
    tree = ast.parse(f"f({text!r}, a + {text!r}, b)", mode="eval").body
    yield "python", python_source(tree)


@cache
def plain_parts() -> list[tuple[str, Any]]:
    return [(form, READERS[form](text)) for form, text in parts("harmless")]


def cases(quick: range) -> list[Any]:
    return [
        pytest.param(text, id=f"{k}", marks=[pytest.mark.heavy] * (k not in quick))
        for k, text in enumerate(TEXTS)
    ]


@pytest.mark.parametrize("text", cases(QUICK))
def test_any_text(text: str) -> None:
    """A text is refused for what can't be seen in it, and for nothing else; or it stays in its place."""
    expected = {"hidden-character"} if re.search(HIDDEN, text) or "\ufffe" in text else set()
    blank = {"bad-value"} if not text.strip() else set()
    blank |= {"yaml-syntax"} if re.search("[\ud800-\udfff]", text) else set()  # of the parser

    assert {d.code for d in judged(text)} <= expected | blank, rendered(judged(text)[0])


@pytest.mark.parametrize("text", cases(QUICK))
def test_every_part(text: str) -> None:
    """The writers themselves let no text out of its part, even one that no spec can have."""
    for (form, content), (expected, structure) in zip(parts(text), plain_parts(), strict=True):
        assert form == expected
        assert not re.search(HIDDEN, content), (form, content)
        assert READERS[form](content) == structure, (form, content)


@pytest.mark.heavy
def test_texts_in_texts() -> None:
    """Nor do texts made of several."""
    for seed in range(60):
        judged(drawn(f"texts {seed}"))
    for seed in range(200):
        text = drawn(f"parts {seed}")
        for (form, content), (_, structure) in zip(parts(text), plain_parts(), strict=True):
            assert READERS[form](content) == structure, (text, form, content)


@pytest.mark.parametrize("place", NAMES)
@pytest.mark.parametrize(
    "texts", [TEXTS[::12], pytest.param(TEXTS, marks=pytest.mark.heavy)], ids=["some", "all"]
)
def test_names(place: str, texts: list[str]) -> None:
    """Where a name or an expression belongs, a text is refused in words that show, or it is one."""
    accepted = []
    for text in ("same_name", "forward", "None", "none", "_0", *texts):
        source = Source(f"{text}.yaml", named(place, text))
        found = errors(archc.check(source))
        assert not any(re.search(HIDDEN, rendered(d)) for d in found), text
        if not found:
            accepted.append(text)
            tree = ast.parse(archc.compile(source).source())
            kinds = {type(node).__name__ for node in tree.body}
            assert kinds <= {"Expr", "Import", "ImportFrom", "ClassDef"}, text
    if place in ("step", "filled", "network", "variant", "param", "let", "input", "output"):
        assert all(re.fullmatch(r"[\w.-]+", text) for text in accepted)


def test_settings() -> None:
    """Settings and names of files are texts too."""
    for text in TEXTS[::12]:
        source = Source(f"/folder/{text}.yaml", spec("harmless"))
        if re.search(HIDDEN, repr(text)):
            with pytest.raises(archc.SpecError, match="hidden-character"):
                archc.compile(source, "small", word=f"'{text}'")
            continue
        arch = archc.compile(source, "small", word=repr(text), note=repr(text))
        assert python(arch.source()) == harmless()[0][1]
        for form, content in outputs(source):
            assert not re.search(HIDDEN, content), form
            READERS[form](content)


def test_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is built runs none of its texts: the sentinel is never there."""
    monkeypatch.chdir(tmp_path)
    for text in CODES:
        archc.load(Source("net.yaml", spec(text)))
    assert not (tmp_path / "executed").exists()


@pytest.mark.heavy
@pytest.mark.parametrize(
    "command", ["verify", "trace --format json", "probe --seeds 1 --format json"]
)
def test_no_command_runs_any(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, *options = command.split()
    for text in CODES:
        (tmp_path / "net.yaml").write_text(spec(text), encoding="utf-8")
        done = CliRunner().invoke(app, [name, "net.yaml", *options])
        assert done.exit_code == 0, done.output
    assert not (tmp_path / "executed").exists()
