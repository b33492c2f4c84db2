"""Tables: sums that agree, the paper's own table, every format, every width."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import astuple
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

import archc
from archc import api
from archc.backends.table import FORMATS, family, render, table, text
from archc.cli import app
from archc.graph import Network

GOLDENS = Path(__file__).parent.parent / "goldens" / "tables"
SUFFIX = {
    "text": "txt",
    "markdown": "md",
    "html": "html",
    "latex": "tex",
    "csv": "csv",
    "json": "json",
}
Golden = Callable[[Path, str], None]


def run(*arguments: str, code: int = 0, **env: str) -> str:
    result = CliRunner().invoke(app, ["table", *arguments], env=env)

    assert result.exit_code == code, result.output
    return result.output


def networks(*names: str) -> list[Network]:
    return [archc.compile(name).network for name in names]


NETWORKS = (
    "resnet18_a",
    "resnext50_32x4d",
    "resnet110",
    "resnet18_d2l",
    "densenet121",
    "mobilenet_v2",
    "vit_b_16",
    "retinanet_resnet50_fpn",
)


@pytest.mark.parametrize("by", ["stage", "run", "block", "layer"])
@pytest.mark.parametrize("name", NETWORKS)
def test_sums_agree(name: str, by: str) -> None:
    """Rows add up to the totals, and the totals are the network's, however it is cut."""
    network = archc.compile(name)
    data = json.loads(network.table("json", by, ["name", "params", "macs", "buffers"]))
    (total,) = data["totals"]

    assert (total["params"], total["macs"]) == astuple(network.training)
    for column in ("params", "macs", "buffers"):
        assert sum(row[column] for row in data["rows"]) == total[column]


def test_a_reused_module_adds_its_parameters_once() -> None:
    """By layer too, where the second use stands row by row."""
    spec = """\
archc: 1
name: net
input: [8, 4, 4]
blocks:
  unit:
    conv: conv(8, 3)
    relu: relu
body:
  unit: unit
  again: reuse(unit)(unit)
"""
    network = archc.compile(archc.diagnostics.Source("net.yaml", spec))
    for by in ("stage", "block", "layer"):
        (total,) = json.loads(network.table("json", by))["totals"]

        assert (total["params"], total["macs"]) == (584, 18_432)


@pytest.mark.parametrize("form", FORMATS)
def test_family(form: str, golden: Golden, zoo: Path) -> None:
    """Table 1 of the paper: `archc table specs/resnet.yaml`."""
    made = run(str(zoo / "resnet.yaml"), "--format", form)

    golden(GOLDENS / f"resnet_family.{SUFFIX[form]}", made)


@pytest.mark.parametrize("form", FORMATS)
def test_network(form: str, golden: Golden) -> None:
    """`archc table resnet50`, with the paper's way of counting beside."""
    made = run("resnet50", "--convention", "he2015", "--format", form)

    golden(GOLDENS / f"resnet50.{SUFFIX[form]}", made)


def test_by_layer(golden: Golden) -> None:
    golden(GOLDENS / "resnet20_layers.csv", run("resnet20", "--by", "layer", "--format", "csv"))


EVERY = (
    "name,block,kernel,input,output,stride,receptive_field,params,params%,macs,macs%,"
    "memory_training,memory_inference"
)


@pytest.mark.parametrize("form", FORMATS)
def test_every_column(form: str, golden: Golden) -> None:
    """Branches and auxiliary heads, opened one level: Inception's blocks."""
    made = run("googlenet", "--depth", "2", "--columns", EVERY, "--format", form)

    golden(GOLDENS / f"googlenet_columns.{SUFFIX[form]}", made)


@pytest.mark.parametrize("depth", [1, 2, 3, 9])
def test_depth(depth: int) -> None:
    """However deep blocks are opened, the sums are the same; 1 is by block, 9 is by layer."""
    network = archc.compile("googlenet")
    columns = ["name", "params", "macs", "memory_training"]
    made = json.loads(network.table("json", columns=columns, depth=depth))
    (total,) = made["totals"]

    assert (total["params"], total["macs"]) == astuple(network.training)
    for by, same in (("block", 1), ("layer", 9)):
        other = json.loads(network.table("json", by, columns))
        assert other["totals"] == made["totals"]
        assert (other["rows"] == made["rows"]) == (depth == same)


def test_sort() -> None:
    rows = json.loads(archc.compile("resnet50").table("json", sort="macs"))["rows"]
    macs = [row["macs"] for row in rows]

    assert macs == sorted(macs, reverse=True)
    assert macs != [
        row["macs"] for row in json.loads(archc.compile("resnet50").table("json"))["rows"]
    ]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX to run")
@pytest.mark.parametrize(
    "arguments",
    [
        ("resnet",),
        ("resnet50",),
        ("googlenet", "--depth", "2", "--columns", EVERY),
        ("densenet",),
        ("efficientnet",),
        ("regnet", "--by", "paper"),
        ("pyramidnet", "--variants", "pyramidnet110_a48"),
        ("vovnet", "--variants", "vovnet39a,ese_vovnet19b_slim"),
    ],
)
def test_latex_compiles(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """As it is, in a document that loads booktabs and nothing else."""
    body = run(*arguments, "--format", "latex")
    head = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n\\tiny\n"
    document = f"{head}{body}\n\\end{{document}}\n"
    (tmp_path / "table.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "table.pdf").read_bytes().startswith(b"%PDF")


def test_other_columns(golden: Golden) -> None:
    """Groups, deep stems and plain networks are read from the lowered modules."""
    made = run("resnet", "--variants", "resnext50_32x4d,resnet50_d,plain34")

    golden(GOLDENS / "resnet_others.txt", made)


def test_the_last_row_is_what_the_paper_prints() -> None:
    """Digit for digit."""
    rows = csv.DictReader(StringIO(run("resnet", "--format", "csv")))
    flops = next(list(row.values()) for row in rows if row["layer"] == "FLOPs")

    printed = [f"{figure}×10^9" for figure in ("1.8", "3.6", "3.8", "7.6", "11.3")]
    assert flops == ["FLOPs", "he2015", *printed]


@pytest.mark.parametrize(
    ("block", "weights"), [("basic(256)", 1_179_648), ("bottleneck(64)", 69_632)]
)
def test_a_block_alone(block: str, weights: int) -> None:
    """The arithmetic of the literature: two 3×3 on 256 channels, and the bottleneck."""
    made = run("resnet", "--block", block, "--input", "256,56,56", "--format", "json")
    data = json.loads(made)

    assert data["totals"][0]["weights"] == weights
    assert data["rows"][0]["name"] == "conv1"


def test_a_block_of_a_variant() -> None:
    """The params are the variant's: the grouped bottleneck of ResNeXt, C = 32 and d = 4."""
    block = api.compile_block("resnext50_32x4d", "bottleneck(64)", [256, 56, 56])
    (total,) = json.loads(block.table("json", columns=["name", "weights"]))["totals"]

    assert total["weights"] == 256 * 128 + 9 * 4 * 128 + 128 * 256


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("what", ["resnet50", "resnet"])
def test_narrow_terminals(what: str, width: int) -> None:
    """A table that is too wide is split by columns, and nothing of it is cut off."""
    lines = run(what, COLUMNS=str(width)).splitlines()

    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    whole = re.findall(r"[\d,]{5,}", run(what))
    assert sorted(re.findall(r"[\d,]{5,}", "\n".join(lines))) == sorted(whole)


def test_eighty_columns_hold_a_network() -> None:
    assert run("resnet152", COLUMNS="80") == run("resnet152")


def test_colour_only_where_wanted() -> None:
    made = table(archc.compile("resnet18").network)

    assert "\x1b[" not in text(made)
    assert "\x1b[1m" in text(made, 100, color=True)


def test_latex_balances(zoo: Path) -> None:
    """Where there is no TeX: braces, environments, columns and an alphabet that TeX reads."""
    made = run(str(zoo / "resnet.yaml"), "--format", "latex")
    body = "\n".join(line for line in made.splitlines() if not line.startswith("%"))
    opened = re.findall(r"\\begin\{(\w+)\}", body)

    assert body.isascii()
    assert body.count("{") - body.count(r"\{") == body.count("}") - body.count(r"\}")
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+)\}", body))
    assert body.count("$") % 2 == 0
    assert body.count(r"\left[") == body.count(r"\right]") == 20
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert {row.count(" & ") for row in rows} == {6}


def test_rows_of_networks_that_differ_in_stages() -> None:
    """A stage that a network lacks is an empty cell, and the order is kept."""
    made = family(networks("resnet20", "resnet18"))

    assert [row[0] for row in made.rows] == [
        "conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "layer1", "layer2", "layer3", "head",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("resnet50", "--columns", "name,parms"),
        ("resnet50", "--by", "stages"),
        ("resnet50", "--format", "docx"),
        ("resnet50", "--convention", "depth"),
        ("resnet", "--convention", "he2016"),
        ("resnet", "--by", "layer"),
        ("resnet", "--depth", "2"),
        ("resnet", "--sort", "macs"),
        ("resnet50", "--sort", "mac"),
        ("mobilenet_v2", "--columns", "expanded"),
        ("densenet", "--by", "variant", "--columns", "dephts"),
        ("densenet", "--by", "variant", "--depth", "2"),
        ("densenet", "--by", "paper", "--sort", "params"),
        ("resnet", "--block", "basic(64)"),
        ("resnet", "--block", "basic(64)", "--input", "64,56"),
        ("no_such_network",),
    ],
)
def test_usage(arguments: tuple[str, ...]) -> None:
    """What is mistyped is a usage error, and the right names are near."""
    assert run(*arguments, code=2).startswith("archc: ")


def test_a_wrong_block_is_a_diagnostic() -> None:
    made = run("resnet", "--block", "bottlenek(64)", "--input", "256,56,56", code=1)

    assert "error[unknown-name]" in made
    assert "did you mean `bottleneck`?" in made


def test_written_to_a_file(tmp_path: Path) -> None:
    """The file is as wide as the table, whatever the terminal."""
    run("resnet50", "-o", str(tmp_path / "table.txt"))

    *lines, mark = (tmp_path / "table.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    assert "".join(lines).rstrip() == text(table(archc.compile("resnet50").network)).rstrip()
    assert mark == "Written by archc\n"


def test_unknown_format() -> None:
    with pytest.raises(ValueError, match="did you mean `markdown`"):
        render(table(archc.compile("resnet18").network), "markdwn")
