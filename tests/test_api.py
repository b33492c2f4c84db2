"""The public API: what it promises on one page, and that it needs no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

import archc
from archc.diagnostics import Source

PUBLIC = {
    "Architecture",
    "Diagnostic",
    "OnnxError",
    "Source",
    "SpecError",
    "WeightsError",
    "__version__",
    "check",
    "compile",
    "from_pretrained",
    "create_model",
    "load",
    "names",
    "push_to_hub",
    "save",
    "save_pretrained",
}
WRONG = 'archc: 1\nname: tiny\ninput: [3, 8, 8]\nbody: {a: "conv(4, 3, grops=2)"}\n'


def test_public_names() -> None:
    """Users may rely on these names; adding one is a decision."""
    assert set(archc.__all__) == PUBLIC


def test_architecture() -> None:
    """An Architecture answers with plain numbers and shapes."""
    arch = archc.compile("resnet50")

    assert arch.name == "resnet50"
    assert (arch.params, arch.macs, arch.depth) == (25_557_032, 4_089_184_256, 50)
    assert (arch.input.sizes, arch.output.sizes) == ((3, 224, 224), (1000,))
    assert [s.name for s in arch.stages] == ["stem", "layer1", "layer2", "layer3", "layer4", "head"]
    assert arch.state_dict_shapes()["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)


def test_settings() -> None:
    """Settings are params of the spec; a string is an expression of it."""
    assert archc.compile("resnet50", num_classes=10).output.sizes == (10,)
    assert archc.compile("resnet50", block="basic", depths=[2, 2, 2, 2]).depth == 18
    with pytest.raises(archc.SpecError, match="num_clases"):
        archc.compile("resnet50", num_clases=10)


def test_graph() -> None:
    """The graph is networkx, walks from input to output, and every node says where it is from."""
    graph = archc.compile("resnet50").graph

    assert isinstance(graph, nx.DiGraph)
    assert nx.is_directed_acyclic_graph(graph)
    assert set(nx.descendants(graph, "input")) | {"input"} == set(graph)
    node = graph.nodes["layer1.0.conv2"]
    assert (node["op"], node["module"], str(node["shape"])) == (
        "conv",
        "layer1.0.conv2",
        "64×56×56",
    )
    assert (node["params"], node["macs"]) == (36_864, 115_605_504)
    assert node["span"].source.line(node["span"].line).strip().startswith("conv2:")
    assert sum(n["params"] for _, n in graph.nodes.data()) == 25_557_032
    assert list(graph.predecessors("layer1.0.conv2")) == ["layer1.0.relu1"]


def test_blocks_are_shared() -> None:
    """The work follows the number of distinct blocks: 1202 layers are as many as 20."""
    modules = [len(archc.compile(name).network.modules) for name in ("resnet20", "resnet1202")]

    assert modules[0] == modules[1]


def test_check_returns_diagnostics() -> None:
    """Check returns what compile raises."""
    found = archc.check(Source("tiny.yaml", WRONG))

    assert [d.code for d in found] == ["unknown-argument"]
    with pytest.raises(archc.SpecError) as raised:
        archc.compile(Source("tiny.yaml", WRONG))
    assert list(raised.value.diagnostics) == found


def test_missing_spec() -> None:
    """A name that is neither file nor network lists the nearest."""
    with pytest.raises(FileNotFoundError, match="resnet50"):
        archc.compile("resnet5O")


def test_zoo_index_agrees_with_documents() -> None:
    """The quick look at the keys of a file finds what parsing it finds; names are unique."""
    from archc import zoo
    from archc.api import open_spec

    parsed = [str(v) for path in zoo.files() for v in open_spec(path, None)[0].variants]

    assert archc.names() == parsed
    assert len(set(parsed)) == len(parsed)


def test_check_needs_no_torch(zoo: Path) -> None:
    """Checking, tabulating and emitting work where importing torch fails."""
    script = (
        "import sys; sys.modules.update(torch=None, torchvision=None); import archc\n"
        f"assert archc.check({str(zoo / 'resnet.yaml')!r}) == []\n"
        "arch = archc.compile('resnet50'); arch.source(); arch.table(format='markdown'); arch.graph\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_version() -> None:
    """The version stands in one place in the code, and packaging says the same."""
    import tomllib

    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())

    assert archc.__version__ == project["project"]["version"]


def test_no_param_has_the_name_of_an_argument() -> None:
    """Settings are keyword arguments beside those of the functions."""
    import inspect

    from archc.language.given import ARGUMENTS

    taken = [{*inspect.signature(f).parameters} for f in (archc.compile, archc.load, archc.check)]
    assert set.union(*taken) == {*ARGUMENTS, "settings"}


SPEC = "archc: 1\nname: tiny\ninput: [3, 8, 8]\nparams: {width: 4}\nbody: {a: 'conv(width, 3)'}\n"


def test_the_text_of_a_spec() -> None:
    """A spec may be given as its text, faults of which are told at their lines."""
    assert archc.compile(SPEC, width=5).params == 140
    assert archc.compile(SPEC.replace("\n", "\r\n")).params == 112
    assert archc.check(SPEC) == []
    (fault,) = archc.check(SPEC.replace("conv", "cnov"))
    assert (fault.code, str(fault.span)) == ("unknown-name", "<spec>:5:12")
    assert archc.check("archc: 1\nblocks:\n  unit(dim): ['conv(dim, 3)']\n") == []


def test_names_with_counts() -> None:
    found = archc.names("resnet1*")

    assert found == [n for n in archc.names() if n.startswith("resnet1")]
    assert {"resnet18", "resnet101", "resnet110"} <= {*found}
    first = found[found.index("resnet18")]
    assert (first.params, first.macs) == (11_689_512, 1_814_073_344)
    assert tuple(first.input) == (3, 224, 224)
    assert archc.names("no*such") == []


def test_choices_are_those_that_there_are() -> None:
    from typing import get_args

    from archc.backends import choices, table
    from archc.backends.drawing.build import Level
    from archc.backends.drawing.style import THEMES
    from archc.backends.report.page import THEMES as PAGES

    assert get_args(choices.TableFormat) == tuple(table.FORMATS)
    assert get_args(choices.PictureLevel) == ("family", *get_args(Level))
    assert get_args(choices.PictureTheme) == tuple(THEMES)
    assert set(get_args(choices.PageTheme)) == set(PAGES)
