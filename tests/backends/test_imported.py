"""Files that import others: what is emitted is the graph, and each file keeps its own rules."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import archc
from archc.diagnostics import Source

PART = """
archc: 1
name: part
input: [3, 8, 8]
params: {width: 4, act: relu, double: false}
variants: {narrow: {}, wide: {width: 6, act: silu}}
let: {hidden: 2 * width if double else width}
defaults: {conv: {bias: false}}
init: {conv: {weight: 0.25}, bn: {weight: zeros}}
blocks:
  unit(channels):
    conv: conv(channels, 3)
    bn: {do: bn, init: {weight: 0.5}}
    out: act
stages:
  layer1: {block: unit, depth: 2, channels: width}
  layer2: {block: unit, channels: hidden}
head:
  pool: global_avg_pool
  fc: linear(5)
"""
BLOCKS = """
archc: 1
defaults: {conv: {bias: false}}
let: {kernel: 3}
blocks:
  scaled(channels, factor=2):
    conv: conv(channels, kernel)
    out: factor * conv
"""
USES = {
    "a network and its features": """
import:
  part: {network: part.yaml, outputs: [layer1, layer2]}
init: {conv: {weight: 2, bias: 3}, bn: {weight: 4}}
body:
  part: part(width=3, double=true)
  low: conv(4, 1)(part.layer1)
  bn: bn(part.layer2)
  high: conv(4, 1)
  out: low + high
""",
    "the whole of it, twice and with other arguments": """
import: {part: part.yaml, wide: {network: part.yaml, variant: wide}}
body:
  one: part(x)
  two: part(x)
  three: part(width=5)(x)
  four: wide(double=true)(x)
  out: one + two + three + four
""",
    "a part whose modules have no name of their own": """
import: {part: {network: part.yaml, outputs: [layer2]}}
init: {conv: {weight: 2, bias: 3}}
blocks:
  wrapped:
    _part: part
    out: conv(4, 1)
body:
  _part: part
  conv: conv(6, 3)
  wrapped: wrapped
""",
    "blocks of a library and of a network's file": """
import: {blocks: blocks.yaml, part: part.yaml}
body:
  a: blocks.scaled(8)
  b: blocks.scaled(8, factor=3)(a)
  c: {repeat: i < 4, do: "part.unit(6 + i)"}
  d: conv(4, 1)
""",
    "an op of this file for one of that": """
import: {part: {network: part.yaml, outputs: [layer2]}}
defaults: {leaky_relu: {negative_slope: 0.5}}
blocks:
  gate: {out: x * sigmoid(x)}
body:
  a: part(act=leaky_relu)
  b: part(act=gate)
""",
    "a module that is used again": """
import: {part: {network: part.yaml, outputs: [layer1, layer2]}}
body:
  stem: conv(3, 3)
  one: part(x)
  two: reuse(one)(stem)
  out: one.layer2 - two.layer1
""",
    "a file that imports a file": """
import: {middle: {network: middle.yaml, outputs: [deep]}}
body:
  middle: middle
  conv: conv(4, 1)
""",
}
MIDDLE = """
archc: 1
name: middle
input: [3, 8, 8]
import: {part: {network: part.yaml, outputs: [layer1]}, blocks: blocks.yaml}
init: {conv: {weight: 7}}
body:
  deep: part
  more: blocks.scaled(4)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files to import."""
    for name, text in {"part": PART, "blocks": BLOCKS, "middle": MIDDLE}.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def spec(folder: Path, body: str) -> Path:
    path = folder / "net.yaml"
    path.write_text(f"archc: 1\nname: net\ninput: [3, 8, 8]\n{body}", encoding="utf-8")
    return path


@pytest.mark.parametrize("use", USES)
def test_runs(folder: Path, use: str) -> None:
    """Keys, values and gradients of the emitted file are those of the graph."""
    from oracle import assert_runs

    path = spec(folder, USES[use])

    assert [str(d) for d in archc.check(path)] == []
    assert_runs(archc.compile(path))


def test_each_file_has_its_own_rules(folder: Path) -> None:
    """Initialisers and default arguments reach the modules of their own file, and no others."""
    state = archc.load(spec(folder, USES["a network and its features"])).state_dict()

    assert {k for k in state if k.endswith("bias") and "conv" in k} == set()
    assert {k: v.unique().tolist() for k, v in state.items() if k.endswith("weight")} == {
        "part.layer1.0.conv.weight": [0.25],
        "part.layer1.0.bn.weight": [0.5],
        "part.layer1.1.conv.weight": [0.25],
        "part.layer1.1.bn.weight": [0.5],
        "part.layer2.0.conv.weight": [0.25],
        "part.layer2.0.bn.weight": [0.5],
        "low.weight": [2],
        "bn.weight": [4],
        "high.weight": [2],
    }
    assert state["low.bias"].tolist() == [3] * 4


def test_rules_of_a_part_without_a_name(folder: Path) -> None:
    """What is written inside another class keeps the rules of its file."""
    state = archc.load(
        spec(folder, USES["a part whose modules have no name of their own"])
    ).state_dict()
    constant = {k: v.unique().tolist() for k, v in state.items() if k.endswith("weight")}

    assert constant["layer1.0.conv.weight"] == [0.25]
    assert constant["wrapped.layer2.0.conv.weight"] == [0.25]
    assert (constant["conv.weight"], constant["wrapped.out.weight"]) == ([2], [2])


def test_rules_reach_the_blocks_of_a_library(folder: Path) -> None:
    """A library has no rules: its blocks are parts of the network that uses them."""
    state = archc.load(spec(folder, "import: {m: middle.yaml}\nbody:\n  m: m\n")).state_dict()

    assert state["m.deep.layer1.0.conv.weight"].unique().tolist() == [0.25]
    assert state["m.more.conv.weight"].unique().tolist() == [7]


def test_one_class_for_all_uses(folder: Path) -> None:
    """Two uses with other arguments are two objects of one class where it can say so."""
    source = archc.compile(
        spec(folder, "import: {part: part.yaml}\nbody:\n  a: part(x)\n  b: part(x)\n  c: a + b\n")
    ).source()

    assert source.count("class Part") == 1
    assert source.count("Part(3)") == 2


def test_relative_to_the_importing_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is meant from the file that imports; from standard input, from the current folder."""
    inner = folder / "inner"
    inner.mkdir()
    text = (
        "archc: 1\nname: net\ninput: [3, 8, 8]\nimport: {part: ../part.yaml}\nbody: {part: part}\n"
    )
    (inner / "net.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir("/")

    assert archc.compile(inner / "net.yaml").output.sizes == (5,)
    assert archc.compile(Source("net", text, inner / "net.yaml")).output.sizes == (5,)
    with pytest.raises(archc.SpecError, match="unknown-import"):
        archc.compile(Source("net", text))
    monkeypatch.chdir(inner)
    assert archc.compile(Source("net", text)).output.sizes == (5,)


def test_nothing_is_executed(folder: Path) -> None:
    """A Python file is no spec, whatever it is called."""
    (folder / "evil.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    found = archc.check(spec(folder, "import: {evil: evil.py}\nbody: {a: evil}\n"))

    assert [d.code for d in found] == ["bad-import"]
    assert "SystemExit" not in str(found[0])


def test_names(folder: Path) -> None:
    """The zoo's names are known everywhere; files that lie beside go first."""
    use = "import: {resnet18: resnet18}\nbody: {a: resnet18}\n"
    assert archc.compile(spec(folder, use)).params == archc.compile("resnet18").params
    (folder / "resnet18").write_text(PART, encoding="utf-8")
    assert archc.compile(spec(folder, use)).output.sizes == (5,)


def test_training_outputs_of_an_imported_network(folder: Path) -> None:
    """An imported network gives what it gives in inference; the rest is not built."""
    use = "import: {g: googlenet}\nbody: {g: g}\n"
    path = folder / "net.yaml"
    path.write_text(f"archc: 1\nname: net\ninput: [3, 64, 64]\n{use}", encoding="utf-8")
    arch = archc.compile(path)

    assert arch.output.sizes == (1000,)
    assert not [k for k in arch.state_dict_shapes() if "aux" in k]
    chosen = path.read_text(encoding="utf-8").replace(
        "googlenet", "{network: googlenet, outputs: [logits, aux1]}"
    )
    with_aux = archc.compile(
        Source("net", chosen.replace("{g: g}", "{g: g, out: g.logits + g.aux1}"))
    )
    assert [k for k in with_aux.state_dict_shapes() if "aux1" in k]


@pytest.mark.parametrize("tool", ["fx", "export", "compile"])
def test_tools(folder: Path, tool: str) -> None:
    """PyTorch's tools take networks with several outputs and imported parts."""
    body = USES["a network and its features"] + "outputs: {low: low, out: out}\n"
    model = archc.load(spec(folder, body)).eval()
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        expected = model(x)
        if tool == "fx":
            other = torch.fx.symbolic_trace(model)
        elif tool == "export":
            sizes = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
            other = torch.export.export(model, (x,), dynamic_shapes=(sizes,)).module()
        else:
            other = torch.compile(model, fullgraph=True, backend="eager")
        for y in (x, torch.randn(3, 3, 10, 12)):
            expected, actual = model(y), other(y)
            assert list(actual) == ["low", "out"]
            assert all(torch.equal(actual[k], expected[k]) for k in expected)


def test_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`archc build -` finds what the text imports in the current folder."""
    from typer.testing import CliRunner

    from archc.cli import app

    monkeypatch.chdir(folder)
    text = spec(folder, "import: {part: part.yaml}\nbody: {part: part}\n").read_text()
    result = CliRunner().invoke(app, ["build", "-"], input=text)

    assert result.exit_code == 0
    assert "class Part(nn.Module)" in result.stdout
