"""The tables of papers: what `archc table FILE` prints, held to the cells as they are printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import archc
from archc.backends.table import paper
from archc.backends.tables.columns import READERS
from archc.backends.tables.glossary import Glossary
from archc.cli import app
from archc.diagnostics import Source

REPOSITORY = Path(__file__).parent.parent.parent
GOLDENS = REPOSITORY / "tests" / "goldens" / "tables"
Golden = Callable[[Path, str], None]
Bracketed = tuple[list[str], int]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["table", *arguments])

    assert result.exit_code == 0, result.output
    return result.output


def rows(*arguments: str) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(run(*arguments, "--format", "json"))["rows"]
    return made


def parts(cell: Any) -> list[str | Bracketed]:
    """Read a cell of a family's table: layers as text, brackets as their lines and count."""
    return [part if isinstance(part, str) else (part["lines"], part["count"]) for part in cell]


PAPERS = (
    "densenet",
    "densenet_cifar",
    "efficientnet",
    "mobilenet_v2",
    "mobilenet_v3",
    "regnet",
    "senet",
    "vit",
)


@pytest.mark.parametrize("name", PAPERS)
def test_the_form_of_a_paper(name: str, golden: Golden, zoo: Path) -> None:
    """From the file alone, without an option."""
    golden(GOLDENS / f"{name}.txt", run(str(zoo / f"{name}.yaml")))


def test_resnext(golden: Golden) -> None:
    """Table 1 of arXiv 1611.05431."""
    golden(GOLDENS / "resnext.txt", run("resnet", "--variants", "resnet50,resnext50_32x4d"))


def test_backbones_and_branches(golden: Golden, zoo: Path) -> None:
    """An imported network is opened into its stages; sizes stand line by line where they differ."""
    made = "\n".join(run(str(zoo / f"{name}.yaml")) for name in ("fpn", "unet", "pyramidnet"))

    golden(GOLDENS / "opened.txt", made)


@pytest.mark.parametrize("name", ["densenet121", "inception_v4", "fcn_resnet50", "mobilenet_v2"])
def test_stages(name: str, golden: Golden) -> None:
    """A long body is cut where the size changes, and so is an imported network."""
    golden(GOLDENS / f"{name}_stages.txt", run(name))


def test_densenet_as_printed(zoo: Path) -> None:
    """Table 1 of arXiv 1608.06993: sizes, layers, and how many of them; k = 32."""
    depths = {
        "densenet121": (6, 12, 24, 16),
        "densenet169": (6, 12, 32, 32),
        "densenet201": (6, 12, 48, 32),
        "densenet264": (6, 12, 64, 48),
    }
    made = {row["layer"]: row for row in rows(str(zoo / "densenet.yaml"))}

    assert list(made) == [
        "Convolution", "Pooling",
        "Dense Block (1)", "Transition Layer (1)", "Dense Block (2)", "Transition Layer (2)",
        "Dense Block (3)", "Transition Layer (3)", "Dense Block (4)", "Classification Layer",
    ]  # fmt: skip
    sizes = ["112×112", "56×56", "56×56", ["56×56", "28×28"], "28×28", ["28×28", "14×14"], "14×14"]
    sizes += [["14×14", "7×7"], "7×7", "1×1"]
    assert [row["output"] for row in made.values()] == sizes
    for variant, counts in depths.items():
        cells = {name: parts(row[variant]) for name, row in made.items()}
        assert cells["Convolution"] == ["7×7, 64, stride 2"]
        assert cells["Pooling"] == ["3×3 max pool, stride 2"]
        blocks = [cells[f"Dense Block ({k})"] for k in (1, 2, 3, 4)]
        assert blocks == [[(["1×1, 128", "3×3, 32"], count)] for count in counts]
        for k in (1, 2, 3):
            conv, pool = cells[f"Transition Layer ({k})"]
            assert (conv[:4], pool) == ("1×1,", "2×2 average pool, stride 2")
        assert cells["Classification Layer"] == ["average pool", "1000-d fc"]


def test_resnext_as_printed() -> None:
    """Table 1 of arXiv 1611.05431: ResNet-50 beside ResNeXt-50 (32×4d)."""
    made = rows("resnet", "--variants", "resnet50,resnext50_32x4d")

    assert [row["output"] for row in made] == ["112×112", "56×56", "28×28", "14×14", "7×7", "1×1"]
    blocks = [(row["resnet50"][-1], row["resnext50_32x4d"][-1]) for row in made[1:5]]
    for (plain, grouped), width, count in zip(
        blocks, (64, 128, 256, 512), (3, 4, 6, 3), strict=True
    ):
        out = f"1×1, {4 * width}"
        lines = [f"1×1, {2 * width}", f"3×3, {2 * width}, C=32", out]
        assert plain == {"lines": [f"1×1, {width}", f"3×3, {width}", out], "count": count}
        assert grouped == {"lines": lines, "count": count}


def test_mobilenet_v2_as_printed(zoo: Path) -> None:
    """Table 2 of arXiv 1801.04381: input, operator, t, c, n, s; `-` where the paper has it."""
    table2 = [
        "224²×3 conv2d - 32 1 2",
        "112²×32 bottleneck 1 16 1 1",
        "112²×16 bottleneck 6 24 2 2",
        "56²×24 bottleneck 6 32 3 2",
        "28²×32 bottleneck 6 64 4 2",
        "14²×64 bottleneck 6 96 3 1",
        "14²×96 bottleneck 6 160 3 2",
        "7²×160 bottleneck 6 320 1 1",
        "7²×320 conv2d - 1280 1 1",
    ]
    words = {"3×3 conv": "conv2d", "1×1 conv": "conv2d"}
    made = [
        [
            f"{height}²×{channels}", words.get(row["operator"], row["operator"]),
            *(str(row[key] or "-") for key in ("expand", "channels", "n", "stride")),
        ]
        for row in rows(str(zoo / "mobilenet_v2.yaml"))[:9]
        for channels, height, _ in [row["input"]]
    ]  # fmt: skip

    assert [" ".join(row) for row in made] == table2


def test_mobilenet_v3_as_printed(zoo: Path) -> None:
    """Table 1 of arXiv 1905.02244: input, operator, exp size, #out, SE, NL, s."""
    table1 = """\
        112²×16 bneck, 3x3 16 16 false relu 1
        112²×16 bneck, 3x3 64 24 false relu 2
        56²×24 bneck, 3x3 72 24 false relu 1
        56²×24 bneck, 5x5 72 40 true relu 2
        28²×40 bneck, 5x5 120 40 true relu 1
        28²×40 bneck, 5x5 120 40 true relu 1
        28²×40 bneck, 3x3 240 80 false hardswish 2
        14²×80 bneck, 3x3 200 80 false hardswish 1
        14²×80 bneck, 3x3 184 80 false hardswish 1
        14²×80 bneck, 3x3 184 80 false hardswish 1
        14²×80 bneck, 3x3 480 112 true hardswish 1
        14²×112 bneck, 3x3 672 112 true hardswish 1
        14²×112 bneck, 5x5 672 160 true hardswish 2
        7²×160 bneck, 5x5 960 160 true hardswish 1
        7²×160 bneck, 5x5 960 160 true hardswish 1"""
    keys = ("operator", "hidden", "channels", "se", "act", "step")
    made = [
        " ".join([f"{height}²×{channels}", *(str(row[key]) for key in keys)])
        for row in rows(str(zoo / "mobilenet_v3.yaml"))
        if row["operator"].startswith("bneck")
        for channels, height, _ in [row["input"]]
    ]

    assert made == [line.strip() for line in table1.splitlines()]


def test_efficientnet_as_printed(zoo: Path) -> None:
    """Table 1 of arXiv 1905.11946: stage, operator, resolution, channels, layers."""
    table1 = [
        (1, "3×3 conv", "224×224", 32, 1),
        (2, "MBConv1, k3x3", "112×112", 16, 1),
        (3, "MBConv6, k3x3", "112×112", 24, 2),
        (4, "MBConv6, k5x5", "56×56", 40, 2),
        (5, "MBConv6, k3x3", "28×28", 80, 3),
        (6, "MBConv6, k5x5", "14×14", 112, 3),
        (7, "MBConv6, k5x5", "14×14", 192, 4),
        (8, "MBConv6, k3x3", "7×7", 320, 1),
        (9, "1×1 conv, average pool, 1000-d fc", "7×7", 1280, 1),
    ]

    assert [tuple(row.values()) for row in rows(str(zoo / "efficientnet.yaml"))] == table1


def test_efficientnet_v2_as_printed() -> None:
    """Table 4 of arXiv 2104.00298: operator, stride, channels, layers."""
    table4 = [
        ("3×3 conv", 2, 24, 1),
        ("Fused-MBConv1, k3x3", 1, 24, 2),
        ("Fused-MBConv4, k3x3", 2, 48, 4),
        ("Fused-MBConv4, k3x3", 2, 64, 4),
        ("MBConv4, k3x3", 2, 128, 6),
        ("MBConv6, k3x3", 1, 160, 9),
        ("MBConv6, k3x3", 2, 256, 15),
        ("1×1 conv, average pool, 1000-d fc", 1, 1280, 1),
    ]
    made = rows("efficientnet_v2_s", "--columns", "operator,step,channels,n")

    assert [tuple(row.values()) for row in made] == table4


def test_regnet_as_printed(zoo: Path) -> None:
    """Sec. 5 of arXiv 2003.13678: d_i, w_i, g and the params of the width function."""
    made = {row["variant"]: list(row.values())[1:7] for row in rows(str(zoo / "regnet.yaml"))}

    assert made["regnet_x_3_2gf"] == ["[2, 6, 15, 2]", "[96, 192, 432, 1008]", 48, 26.31, 88, 2.25]
    assert made["regnet_y_3_2gf"] == ["[2, 5, 13, 1]", "[72, 216, 576, 1512]", 24, 42.63, 80, 2.66]


def test_vit_as_printed(zoo: Path) -> None:
    """Table 1 of arXiv 2010.11929: layers, hidden size, MLP size, heads; params in millions."""
    made = {row["variant"]: list(row.values())[1:] for row in rows(str(zoo / "vit.yaml"))}

    assert made["vit_b_16"] == [12, 768, 3072, 12, 86_567_656]
    assert made["vit_l_16"][:-1] == [24, 1024, 4096, 16]
    assert made["vit_h_14"] == [32, 1280, 5120, 16, 632_045_800]


def test_senet_as_printed(zoo: Path) -> None:
    """Table 1 of arXiv 1709.01507: the two layers of a gate are one line, `fc, [16, 256]`."""
    made = rows(str(zoo / "senet.yaml"))[1:5]
    gates = [row["se_resnet50"][-1]["lines"][-1] for row in made]

    assert gates == ["fc, [16, 256]", "fc, [32, 512]", "fc, [64, 1024]", "fc, [128, 2048]"]


def test_options_take_the_place_of_the_papers_form(zoo: Path) -> None:
    """Of one network, so that its file needs no `--variant`."""
    made = rows(str(zoo / "mobilenet_v2.yaml"), "--by", "layer", "--columns", "name,params")

    assert made[0] == {"name": "features.0.0", "params": 864}


def test_named_variants_are_columns(zoo: Path) -> None:
    """A table by stage is of one network: of several it has a column for each."""
    made = rows(str(zoo / "efficientnet.yaml"), "--variants", "efficientnet_b0,efficientnet_b1")

    assert list(made[0]) == ["layer", "output", "efficientnet_b0", "efficientnet_b1"]
    assert made[0]["output"] == ["112×112", "120×120"]


def test_by_variant() -> None:
    """Params of the spec, and every convention; sorted as other tables are."""
    options = ("--sort", "params", "--columns", "variant,growth_rate,blocks,params")
    made = rows("densenet", "--by", "variant", "--variants", "densenet121,densenet161", *options)

    assert [row["variant"] for row in made] == ["densenet161", "densenet121"]
    assert made[0] == {
        "variant": "densenet161", "growth_rate": 48, "blocks": "[6, 12, 36, 24]",
        "params": 28_681_000,
    }  # fmt: skip


def test_many_widths_are_a_range() -> None:
    """Blocks that differ in width alone, four or more of them, are said once."""
    (row,) = (
        row
        for row in rows("pyramidnet", "--variants", "pyramidnet110_a48")
        if row["layer"] == "layer1"
    )

    assert parts(row["pyramidnet110_a48"]) == [(["3×3, 17…32", "3×3, 17…32"], 18)]


def test_a_step_that_the_paper_names_is_a_row() -> None:
    """Without its name the pool goes into the row of the stage whose size it gives."""
    spec = """\
archc: 1
name: net
paper: {title: A network, rows: {ROWS}}
input: [3, 32, 32]
stem:
  conv: conv(8, 3)
  pool: max_pool(2)
stages:
  one: {block: conv, depth: 2, out: 8, kernel: 3}
"""
    named = archc.compile(Source("net.yaml", spec.replace("ROWS", "pool: Pooling")))
    plain = archc.compile(Source("net.yaml", spec.replace("{ROWS}", "{one: Stage 1}")))

    assert [row[0] for row in paper([named.network]).rows] == ["conv", "Pooling", "one"]
    assert [row[0] for row in paper([plain.network]).rows] == ["conv", "Stage 1"]


def test_flops_by_a_convention_of_the_whole_network() -> None:
    """That of the claims of Inception counts what inference needs."""
    made = json.loads(run("inception_v3", "--by", "paper", "--format", "json"))["totals"]

    assert [row["output"] for row in made] == ["inference_macs", "", ""]
    assert made[1]["inception_v3"] == 5_713_216_096


@pytest.mark.parametrize(
    ("name", "term", "called"),
    [
        ("layer{k}", "Stage {k}", "Stage 1"),
        ("layer{1}", "never", ""),
        ("{k}ayer{k}", "the same twice", ""),
        ("layer1", "{kernel} by {other}", "3 by {other}"),
        ("l.yer1", "no pattern of Python", ""),
    ],
)
def test_what_a_paper_calls_a_block(name: str, term: str, called: str) -> None:
    """`{k}` is a word of the name or an argument; nothing else of a name has a meaning."""
    spec = f"""\
archc: 1
name: net
paper: {{title: A network, rows: {{"{name}": "{term}"}}}}
input: [3, 32, 32]
body:
  conv: conv(8, 3)
"""
    network = archc.compile(Source("net.yaml", spec)).network

    assert Glossary(network.document).of("layer1", {"kernel": 3}) == called


def test_a_let_that_has_no_value_is_a_diagnostic(tmp_path: Path) -> None:
    """A column is the first to ask for it."""
    file = tmp_path / "net.yaml"
    file.write_text(
        "archc: 1\nname: net\ninput: [3, 32, 32]\nlet: {half: 1 // 0}\nbody:\n  conv: conv(8, 3)\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(
        app, ["table", str(file), "--by", "variant", "--columns", "variant,half"]
    )

    assert result.exit_code == 1
    assert "error[" in result.output


def test_every_column_is_documented() -> None:
    """By its name, in docs/tables.md."""
    page = (REPOSITORY / "docs" / "tables.md").read_text(encoding="utf-8")

    assert [name for name in READERS if f"`{name}`" not in page] == []
