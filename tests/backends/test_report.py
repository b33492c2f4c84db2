"""The report as a page: its data against the network, its text against injection, its size."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import archc
from archc import api
from archc.backends.report import NoTemplates, complaint
from archc.backends.report import page as page_module
from archc.backends.report.outline import Stack, outline
from archc.backends.report.tables import compared, tables
from archc.cli import app
from archc.commands.draw import Wish
from archc.commands.report import Rewriting
from archc.diagnostics import SpecError

NETWORKS = ("resnet50", "inception_v3", "resnet1202")
EVIL = '<img src=x onerror="alert(1)"></script><script>alert(2)</script>'
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Reads a page strictly: what is opened is closed; keeps elements and the text in each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)


def embedded(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])["records"]


@pytest.fixture(scope="module")
def pages() -> Callable[[str], tuple[api.Architecture, str]]:
    """Return networks and their reports, each made once."""
    made: dict[str, tuple[api.Architecture, str]] = {}

    def page(name: str) -> tuple[api.Architecture, str]:
        if name not in made:
            arch = archc.compile(name)
            made[name] = arch, arch.report()
        return made[name]

    return page


Pages = Callable[[str], tuple[api.Architecture, str]]


@pytest.mark.parametrize("name", NETWORKS)
def test_page_is_whole_small_and_alone(name: str, pages: Pages) -> None:
    _, page = pages(name)
    reader = Reader(page)

    assert len(page.encode()) < 1_500_000
    loaded = {a.get("src") or a.get("href") for _, a in reader.elements} - {None}
    assert {link for link in loaded if not link.startswith(("#", "data:"))} == set()
    assert not re.search(r"url\(|@import", page)
    ids = [a["id"] for _, a in reader.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in loaded if link.startswith("#")} <= set(ids)
    assert not any("style" in a or any(n.startswith("on") for n in a) for _, a in reader.elements)


@pytest.mark.parametrize("name", NETWORKS)
def test_page_is_the_same_each_time(name: str, pages: Pages) -> None:
    assert archc.compile(name).report() == pages(name)[1]


@pytest.mark.parametrize("name", [*NETWORKS, "googlenet", "vit_b_16", "unet", "densenet121"])
def test_records_say_what_the_network_has(name: str, pages: Pages) -> None:
    """A record's shape, counts, field, stride and line are those that graph and table have."""
    arch, page = pages(name)
    by_layer = json.loads(
        arch.table("json", by="layer", columns=["name", "stride", "receptive_field"])
    )
    layers = {row["name"]: row for row in by_layer["rows"]}
    graph = arch.graph.nodes
    seen = 0
    for record in embedded(page).values():
        data = graph.get(record["path"])
        if data is None or record["path"] not in layers or "total" in record:
            continue
        seen += 1
        row = layers[record["path"]]
        assert record["output"].split(", ")[0] == str(data["shape"])
        assert record["macs"] == data["macs"]
        assert record["params"] >= data["params"]
        assert record["at"][1] == data["span"].line
        assert (record["field"], record["stride"]) == (
            row["receptive_field"],
            row["stride"],
        )
    assert seen > 5


@pytest.mark.parametrize("name", [*NETWORKS, "googlenet", "unet", "fpn_resnet50"])
def test_stages_add_up_and_keys_meet(name: str, pages: Pages) -> None:
    """What is drawn has a record and each record is drawn; the outermost boxes hold every node."""
    arch, page = pages(name)
    records = embedded(page)
    keys = re.findall(r'data-k="(k\d+)"', page)

    assert sorted(keys) == sorted(records)
    stack = outline(arch.network)
    nodes = [node for item in stack.items for node in item.nodes]
    assert list(map(id, nodes)) == list(map(id, arch.network.root.nodes))


def edges(stack: Stack) -> Iterator[tuple[int, int]]:
    yield from ((k, k + 1) for k, link in enumerate(stack.links) if link)
    yield from ((arc.tail, arc.head) for arc in stack.arcs)


@pytest.mark.parametrize("name", [*NETWORKS, "googlenet", "unet", "fpn_resnet50", "vit_b_16"])
def test_every_value_between_boxes_is_drawn(name: str) -> None:
    network = archc.compile(name).network
    stack = outline(network)
    where = {id(n): k for k, item in enumerate(stack.items) for n in item.nodes}
    expected = {
        (where[id(value.node)], where[id(node)])
        for node in network.root.nodes
        for value in node.inputs
        if value.node is not None and where[id(value.node)] != where[id(node)]
    }

    assert expected <= set(edges(stack))
    lanes = [(arc.lane, place) for arc in stack.arcs for place in range(arc.tail, arc.head)]
    assert len(lanes) == len(set(lanes))


def test_what_is_for_training_only_says_so(pages: Pages) -> None:
    _, page = pages("googlenet")
    said = re.findall(r'<span class="name">([^<]*)</span>(?=[^\n]*?<span class="only">)', page)

    assert said == ["aux", "aux", "aux2", "aux1"]
    assert page.count(' training"') == 2


def test_deep_network_is_folded(pages: Pages) -> None:
    arch, page = pages("resnet1202")

    assert len(embedded(page)) < 100
    left_out = [t["by"] for t in tables(arch.network) if t["left_out"]]
    assert left_out == ["block", "layer"]
    assert "archc table resnet1202 --by layer" in page


HOSTILE = f"""\
# {EVIL} ]]> <!-- {{{{ 7 * 7 }}}} {{% raw %}}
archc: 1
name: hostile
paper: {{title: '{EVIL}', arxiv: '{EVIL}'}}
input: [3, 8, 8]
blocks:
  add(width):
    conv: conv(width, 3)
    out: relu(conv + x)
body:
  a: add(3)
  b: rearrange("b c h w -> b (h w) c")
  c: linear(8)
claims:
  hostile: {{where: '{EVIL}', params: 7, unreproducible: '{EVIL}'}}
"""


def test_text_of_a_spec_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "<b onmouseover=alert(3)>&amp;\"'.yaml"
    path.write_text(HOSTILE, encoding="utf-8")
    page = archc.compile(path).report()
    reader = Reader(page)
    tags = [tag for tag, _ in reader.elements]

    assert EVIL in reader.texts["h3"][0]  # the paper's title above the claims
    assert EVIL in "".join(reader.texts["td"])
    assert path.name in "".join(reader.texts["summary"])
    assert tags.count("script") == 2
    assert not {"img", "b"} & set(tags)
    assert not any(name.startswith("on") for _, attrs in reader.elements for name in attrs)
    assert "7 * 7" in "".join(reader.texts["span"])


def test_text_of_a_fault_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(f'archc: 1\nname: n\ninput: [3, 8, 8]\nbody: {{a: "{EVIL[:18]}"}}\n')
    with pytest.raises(SpecError) as caught:
        archc.compile(path)
    page = complaint(EVIL, caught.value.diagnostics)

    assert {tag for tag, _ in Reader(page).elements}.isdisjoint({"img"})
    assert 'http-equiv="refresh"' in page


def test_several_networks_stand_side_by_side() -> None:
    first, *others = (archc.compile(n) for n in ("resnet50", "resnet34", "vgg16"))
    page = first.report(*others)
    rows = compared([first.network, *(o.network for o in others)])["rows"]

    assert [[cell["lines"][0] for cell in row[:5:4]] for row in rows] == [
        [arch.name, f"{arch.params:,}"] for arch in (first, *others)
    ]
    assert page.count('class="network"') == 3
    assert "resnet: Deep Residual Learning" in page  # the family's table
    files = re.findall(r'data-source="(\d)".*?<summary>(.*?)</summary>', page, re.DOTALL)
    assert files[0] == ("0", "resnet.yaml")
    assert "vgg.yaml" in dict(files).values()


def test_settings_leave_claims_out() -> None:
    assert 'data-at="' in archc.compile("resnet50").report()
    page = archc.compile("resnet50", num_classes=10).report()

    assert "no published figure is about it" in page
    assert 'data-at="' not in page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme(theme: str) -> None:
    arch = archc.compile("resnet20")

    assert f'<html lang="en" data-theme="{theme}">' in arch.report(theme=theme)
    assert 'data-theme="' not in arch.report().partition("<head>")[0]
    with pytest.raises(ValueError, match="there is no theme `blue`"):
        arch.report(theme="blue")


# The command


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["report", *words])


def test_command_writes_what_the_api_returns(tmp_path: Path) -> None:
    output = tmp_path / "resnet20.html"
    done = run("resnet20", "-o", str(output))

    assert (done.exit_code, done.output) == (0, "")
    page = archc.compile("resnet20").report().strip()
    assert output.read_text(encoding="utf-8") == f"{page}\n<!-- Written by archc -->\n"


def test_command_takes_variants_and_settings(tmp_path: Path, zoo: Path) -> None:
    output = tmp_path / "two.html"
    spec = str(zoo / "resnet_cifar.yaml")
    done = run(spec, "--variants", "resnet20,resnet32", "--set", "num_classes=7", "-o", str(output))

    assert done.exit_code == 0, done.output
    assert "num_classes = 7" in output.read_text(encoding="utf-8")


def test_command_writes_nothing_for_a_wrong_spec(tmp_path: Path) -> None:
    output = tmp_path / "x.html"
    wrong = Path(__file__).parent.parent / "bad" / "channel-mismatch.yaml"
    done = run(str(wrong), "-o", str(output))

    assert done.exit_code == 1
    assert "error[channel-mismatch]" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["resnet20", "--theme", "blue"], "there is no theme `blue`"),
        (["resnet20", "vgg16", "--variants", "a"], "--variants is for one file"),
        (["resnet20", "--watch"], "--watch writes a file"),
        (["no-such-net", "-o", "x.html"], "no-such-net"),
    ],
)
def test_usage(words: list[str], said: str) -> None:
    done = run(*words)

    assert done.exit_code == 2
    assert said in done.stderr


def test_watching_writes_the_page_or_what_is_wrong(tmp_path: Path) -> None:
    spec, output = tmp_path / "n.yaml", tmp_path / "n.html"
    right = "archc: 1\nname: n\ninput: [3, 8, 8]\nbody:\n  a: conv(4, 3)\n"
    spec.write_text(right, encoding="utf-8")
    wish = Wish([str(spec)], None, [], [], {}, "stage", "")
    writer = Rewriting(wish, "auto", output, force=False)

    assert set(writer.work()) == {spec}
    assert 'data-k="' in output.read_text(encoding="utf-8")
    spec.write_text(right.replace("conv(4", "conv(width"), encoding="utf-8")
    assert set(writer.work()) == {spec}
    page = output.read_text(encoding="utf-8")
    assert "error[unknown-name]" in page
    assert 'http-equiv="refresh"' in page
    spec.write_text(right, encoding="utf-8")
    writer.work()
    assert "error[unknown-name]" not in output.read_text(encoding="utf-8")


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise NoTemplates("jinja2")

    monkeypatch.setattr(page_module, "_environment", missing)
    done = run("resnet20", "-o", "x.html")

    assert done.exit_code == 2
    assert "pip install 'archc[report]'" in done.stderr
