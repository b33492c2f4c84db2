"""Weights of one network for another: each edit of a spec with its fates, and the outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from typer.testing import CliRunner, Result

import archc
from archc.api import Architecture, adopted, compile  # noqa: A004
from archc.cli import app
from archc.diagnostics import Source
from archc.runtime.adopt import resampling
from archc.runtime.peers import peer
from archc.runtime.perturb import perturb
from archc.runtime.torchvision import import_torchvision
from archc.weights.fates import Adoption
from archc.weights.faults import WeightsError

TEXT = """
archc: 1
name: net
input: [3, 16, 16]
params: {num_classes: 10, width: 8, blocks: 2, norm: true, gate: false, projected: true}
blocks:
  unit(width, stride=1):
    conv1: conv(width, 3, stride=stride, bias=not norm)
    bn1: {if: norm, do: bn}
    relu1: relu
    conv2: conv(width, 3, bias=not norm)
    bn2: {if: norm, do: bn}
    se: {if: gate, do: squeeze_excitation(4)}
    down:
      if: stride > 1
      do: "project(width, stride)(x)"
      else: x
    out: relu(se + down)
  project(width, stride):
    if: projected
    do:
      conv: conv(width, 1, stride=stride, bias=not norm)
      bn: {if: norm, do: bn}
    else:
      pool: subsample(stride)
      pad: pad_channels(width)
stem:
  conv1: conv(width, 3, bias=not norm)
  bn1: {if: norm, do: bn}
  relu: relu
stages:
  layer1: {block: unit, width: width, depth: blocks}
  layer2: {block: unit, width: 2 * width, depth: 2, stride: 2}
head:
  pool: global_avg_pool
  fc: linear(num_classes)
"""
VIT = {"image_size": 32, "patch_size": 8, "hidden": 24, "heads": 3, "depth": 2, "num_classes": 5}
SWIN = {"image_size": 64, "dim": 12, "depths": [2, 2, 2, 2], "heads": [2, 2, 4, 4], "window": 4}


def net(text: str = TEXT, **settings: Any) -> Architecture:
    return compile(Source("net.yaml", text), **settings)


def sample(arch: Architecture) -> torch.Tensor:
    return torch.randn(2, *arch.input.sizes, generator=torch.Generator().manual_seed(5))


def trained(arch: Architecture) -> nn.Module:
    """Return a network with numbers that no layer can hide behind, always the same."""
    torch.manual_seed(7)
    model = archc.load(arch)
    perturb(model, sample(arch), 3)
    return model.eval()


def edited(
    old: Architecture, new: Architecture, **options: Any
) -> tuple[nn.Module, nn.Module, Adoption]:
    before = trained(old)
    after, adoption = adopted(new, before.state_dict(), old, **options)
    return before, after.eval(), adoption


@torch.no_grad()
def error(a: nn.Module, b: nn.Module, x: torch.Tensor) -> float:
    """Return how far apart the outputs are, computed here and not by the tool."""
    y, z = a(x), b(x)
    return float((y - z).abs().max() / y.abs().max())


def keys(adoption: Adoption, kind: str) -> list[str]:
    return [fate.new or fate.old[0] for fate in adoption.fates if fate.kind == kind]


SAME = {
    "renamed": ({}, {}, {"kept": 8, "renamed": 54}, 0),
    "wider": ({}, {"width": 12}, {"kept": 11, "grown": 51}, 2e-6),
    "deeper": ({}, {"blocks": 4}, {"kept": 62, "new": 24}, 0),
    "gate": ({}, {"gate": True}, {"kept": 54, "grown": 8, "new": 16}, 0),
    "folded": ({}, {"norm": False}, {"kept": 2, "folded": 20, "dropped": 10}, 2e-6),
    "shortcut": ({"projected": False}, {"projected": True}, {"kept": 56, "new": 6}, 0),
    "unfolded": ({"norm": False}, {"norm": True}, {"kept": 12, "folded": 10, "new": 40}, 2e-6),
    "a larger kernel": (
        {},
        {"text": TEXT.replace("conv1: conv(width, 3, stride", "conv1: conv(width, 5, stride")},
        {"kept": 58, "grown": 4},
        0,
    ),
    "all": ({}, {"width": 12, "blocks": 3, "gate": True}, {}, 4e-6),
    "fewer": ({"blocks": 1}, {"blocks": 2}, {"kept": 50, "new": 12}, 0),
}


QUICK = ("deeper",)


@pytest.mark.parametrize(
    "edit",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.heavy) for name in SAME],
)
def test_what_stays(edit: str) -> None:
    """The new network computes what the old one did."""
    old, new, counts, slack = SAME[edit]
    before, after = net(**old), net(**{**old, **new})
    if edit == "renamed":
        after = net(TEXT.replace("layer1:", "low:").replace("layer2:", "high:"))
    a, b, adoption = edited(before, after)

    assert adoption.counts == counts or not counts
    assert adoption.judgement.ok
    assert adoption.judgement.verdict.startswith("equal on perturbed inputs: ")
    assert error(a, b, sample(before)) <= slack


@pytest.mark.heavy
def test_damaged_numbers() -> None:
    """What is not finite goes where it belongs, and the judge takes other numbers."""
    state = trained(net()).state_dict()
    state["fc.bias"][3] = torch.nan
    model, adoption = adopted(net(), state, net())

    assert adoption.judgement.error == 0
    assert model.state_dict()["fc.bias"].isnan().tolist() == [k == 3 for k in range(10)]


@pytest.mark.heavy
def test_other_outputs() -> None:
    _, _, adoption = edited(net(), net(outputs=["layer1", "layer2"]))

    assert adoption.counts == {"kept": 60, "dropped": 2}
    assert adoption.judgement.ok


@pytest.mark.heavy
def test_another_network() -> None:
    """Little fits, nothing breaks, and nothing is called equal."""
    _, _, adoption = edited(net(), compile("vit_b_16", **{**VIT, "image_size": 16}))

    assert "equal on" not in adoption.judgement.verdict


@pytest.mark.heavy
def test_a_block_less() -> None:
    """What went is dropped, the rest has its place; outputs can't stay, and why is said."""
    _, _, adoption = edited(net(blocks=3), net(blocks=2))

    assert adoption.counts == {"kept": 62, "dropped": 12}
    assert {key.rpartition(".")[0].rpartition(".")[0] for key in keys(adoption, "dropped")} == {
        "layer1.2"
    }
    assert adoption.judgement.verdict.startswith("can't be equal, 10 tensors were dropped")


@pytest.mark.heavy
def test_classes() -> None:
    """A new head is as it was drawn, all before it as it was; or rows of the old one make it."""
    old, new = net(), net(num_classes=3)
    before, after, adoption = edited(old, new)

    assert (keys(adoption, "new"), keys(adoption, "dropped")) == (["fc.weight", "fc.bias"],) * 2
    assert adoption.judgement.verdict.startswith("equal up to the new head: ")
    bare = [nn.Sequential(*list(model.children())[:-1]) for model in (before, after)]
    assert all(
        torch.equal(p, q) for p, q in zip(*(m.state_dict().values() for m in bare), strict=True)
    )

    before, after, adoption = edited(old, new, rows=[9, 0, 4])
    with torch.no_grad():
        rest = before(sample(old))[:, [9, 0, 4]]
        assert torch.allclose(rest, after(sample(new)), rtol=1e-5, atol=1e-6)
    for rows in ([0, 1], [0, 1, 10], []):
        with pytest.raises(WeightsError, match="rows"):
            edited(old, new, rows=rows)


@pytest.mark.heavy
@pytest.mark.parametrize("channels", [1, 6])
def test_input_channels(channels: int) -> None:
    """Equal channels give what they gave."""
    old = net()
    before, after, adoption = edited(old, net(input=(channels, 16, 16)))
    gray = sample(old)[:, :1]

    assert adoption.counts == {"kept": 61, "grown": 1}
    assert adoption.judgement.ok
    with torch.no_grad():
        pair = [m(gray.expand(-1, c, -1, -1)) for m, c in ((before, 3), (after, channels))]
    assert torch.allclose(*pair, rtol=1e-4, atol=1e-5)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "old", "new", "counts", "verdict"),
    [
        ("vit_b_16", VIT, {"depth": 3}, {"kept": 32, "new": 12}, "equal on perturbed inputs: 0"),
        ("vit_b_16", VIT, {"hidden": 48}, {"kept": 1, "grown": 31}, "differs first at "),
        ("resnet20", {}, {"input": (3, 48, 48)}, {"kept": 116}, "equal on perturbed inputs: 0"),
        ("resnet20", {}, {"n": 4}, {"kept": 116, "new": 36}, "equal on perturbed inputs: 0"),
    ],
)
def test_zoo(
    name: str, old: dict[str, Any], new: dict[str, Any], counts: dict[str, int], verdict: str
) -> None:
    _, _, adoption = edited(compile(name, **old), compile(name, **{**old, **new}))

    assert adoption.counts == counts
    assert adoption.judgement.verdict.startswith(verdict)
    assert adoption.judgement.ok is not verdict.startswith("differs")


EDITS: dict[str, tuple[Any, Any, Any]] = {
    "other classes": (net, {}, {"num_classes": 3}),
    "one input channel": (net, {}, {"input": (1, 16, 16)}),
    "a larger image, ViT": ("vit_b_16", VIT, {"image_size": 48}),
    "wider, 8 to 12": (net, {}, {"width": 12}),
    "deeper, 2 to 4 blocks": (net, {}, {"blocks": 4}),
    "a stage inserted": (net, {}, {"text": TEXT.replace("  layer2:", "  extra: {block: unit, width: width, depth: 1}\n  layer2:")}),
    "squeeze and excitation": (net, {}, {"gate": True}),
    "stages renamed": (net, {}, {"text": TEXT.replace("layer1:", "low:").replace("layer2:", "high:")}),
    "shortcut A to B": (net, {"projected": False}, {"projected": True}),
    "batch norms folded": (net, {}, {"norm": False}),
    "patches of 8 to 4, ViT": ("vit_b_16", VIT, {"patch_size": 4}),
    "windows of 4 to 2, Swin": ("swin_t", SWIN, {"window": 2}),
}  # fmt: skip


@pytest.mark.heavy
def test_table_of_edits(golden: Callable[[Path, str], None]) -> None:
    """The page has what became of the tensors, and what the outputs say."""
    lines = ["| edit | tensors | outputs |", "|---|---|---|"]
    for name, (make, old, new) in EDITS.items():
        build = make if callable(make) else partial(compile, make)
        _, _, adoption = edited(build(**old), build(**{**old, **new}))
        assert adoption.judgement.ok
        counts = ", ".join(f"{n} {kind}" for kind, n in adoption.counts.items())
        verdict = re.sub(r"\d\.\de-0[67]", "rounding", adoption.judgement.verdict)
        lines.append(f"| {name} | {counts} | {verdict} |")
    page = Path(__file__).parents[2] / "docs" / "adopt.md"
    head, _, rest = page.read_text(encoding="utf-8").partition(lines[0])
    golden(page, head + "\n".join(lines) + rest[rest.index("\n\n") :])


def test_swapped() -> None:
    """Two convolutions of one shape are told apart by where they stand, not by their names."""
    text = """
    archc: 1
    name: two
    input: [3, 9, 9]
    body:
      first: conv(3, 3)
      relu: relu
      second: conv(3, 3)
    """
    other = text.replace("first", "_").replace("second", "first").replace("_", "second")
    a = net(text)
    before, after, adoption = edited(a, net(other))

    assert adoption.judgement.error == 0
    assert [(f.new, f.old) for f in adoption.fates if f.new.endswith("weight")] == [
        ("second.weight", ("first.weight",)),
        ("first.weight", ("second.weight",)),
    ]
    assert error(before, after, sample(a)) == 0


@pytest.mark.heavy
def test_what_differs_is_named() -> None:
    """All tensors fit, and the outputs are others: that is no success."""
    old = net()
    for text, cause in (
        (TEXT.replace("do: bn}\n    relu1", "do: bn(eps=1e-3)}\n    relu1"), "another eps"),
        (TEXT.replace("relu1: relu", "relu1: gelu"), "through gelu, and not through relu"),
        (TEXT.replace("conv2: conv(width, 3, ", "conv2: conv(width, 3, dilation=2, "), "another "),
    ):
        _, _, adoption = edited(old, net(text))
        assert adoption.counts == {"kept": 62}
        assert not adoption.judgement.ok
        assert adoption.judgement.verdict.startswith("differs first at layer1.0.")
        assert cause in adoption.judgement.verdict


SEPARATE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, heads=2):
        super().__init__()
        self.heads = heads
        self.embed = nn.Linear(48, 12)
        self.key, self.value, self.query = (nn.Linear(12, 12) for _ in range(3))
        self.out = nn.Parameter(torch.randn(12, 12))
        self.head = nn.Linear(12, 5)
        self.tied = self.head

    def forward(self, x):
        b, c, h, w = x.shape
        x = x.reshape(b, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 1, 3, 5).reshape(b, -1, 48)
        x = self.embed(x)
        q, k, v = (
            f(x).view(b, -1, self.heads, 6).transpose(1, 2)
            for f in (self.query, self.key, self.value)
        )
        y = torch.softmax(q @ k.transpose(-2, -1) / 6**0.5, -1) @ v
        x = x + y.transpose(1, 2).reshape(b, -1, 12) @ self.out
        return {"logits": self.head(x.mean(1))}
"""
PACKED = """
archc: 1
name: packed
input: [3, 8, 8]
body:
  patches: conv(12, 4, stride=4, padding=0)
  _tokens: rearrange("b c h w -> b (h w) c")
  qkv: linear(36)(_tokens)
  _parts: split(3)
  attended: attention(2)(_parts)
  proj: linear(12, bias=false)
  sum: _tokens + proj
  pool: reduce("b n c -> b c", by="mean")
  head: linear(5)
"""


def test_a_class_of_ones_own(tmp_path: Path) -> None:
    """Three layers become one, a matrix its transpose, and a linear layer a convolution."""
    (tmp_path / "net.py").write_text(SEPARATE)
    name = f"{tmp_path}/net.py:Net"
    old = peer(name)
    arch = net(PACKED)
    perturb(old, sample(arch), 1)
    model, adoption = adopted(arch, old.state_dict(), name)

    assert adoption.judgement.ok
    assert adoption.counts == {"renamed": 2, "kept": 2, "reshaped": 1, "joined": 2, "dropped": 2}
    with torch.no_grad():
        theirs, ours = old.eval()(sample(arch))["logits"], model.eval()(sample(arch))
    assert torch.allclose(theirs, ours, atol=1e-5)


PAIRS = [
    ("torchvision:regnet_y_400mf", "timm:regnety_004", 0.0),
    ("torchvision:mnasnet0_5", "timm:mnasnet_050", 0.0),
    ("torchvision:vit_b_32", "timm:vit_base_patch32_224", 5e-6),
]


def test_versions() -> None:
    """A network of torchvision takes its own tensors though no version is kept beside them."""
    name = "torchvision:mnasnet0_5"
    old = peer(name)
    plain = dict(old.state_dict())
    model, adoption = adopted(compile("mnasnet0_5", input=(3, 32, 32)), plain, name)

    assert adoption.judgement.error == 0
    assert torch.equal(model.state_dict()["layers.0.weight"], plain["layers.0.weight"])


@pytest.mark.heavy
@pytest.mark.parametrize(("ours", "theirs", "slack"), PAIRS, ids=[p[1] for p in PAIRS])
def test_dialects(ours: str, theirs: str, slack: float) -> None:
    """From timm's names to torchvision's, which are archc's, without a table of either."""
    old = peer(theirs).eval()
    perturb(old, torch.randn(1, 3, 224, 224), 1)
    arch = compile(ours.partition(":")[2])
    model, adoption = adopted(arch, old.state_dict(), theirs)

    assert adoption.judgement.ok
    assert set(adoption.counts) <= {"kept", "renamed", "reshaped", "split", "joined"}
    assert error(old.eval(), model.eval(), torch.randn(1, 3, 224, 224)) <= slack


def test_positions_are_resampled_as_timm_does() -> None:
    import_torchvision()  # timm imports it
    layers = pytest.importorskip("timm.layers")
    x = torch.randn(1, 1 + 7 * 7, 12)
    theirs = layers.resample_abs_pos_embed(x, [10, 10], num_prefix_tokens=1)
    ours = resampling.positions(x, 101)
    assert ours is not None
    assert torch.allclose(ours, theirs[0], atol=1e-6)

    kernel = torch.randn(5, 3, 8, 8)
    theirs = layers.resample_patch_embed(kernel, [12, 12])
    assert torch.allclose(resampling.patches(kernel, (12, 12)), theirs, atol=1e-4)

    table = torch.randn(13 * 13, 4)
    theirs = layers.resize_rel_pos_bias_table_simple(table, [5, 5], (81, 4))
    ours = resampling.relative_positions(table, 81)
    assert ours is not None
    assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_input_channels_are_as_timm_has_them(channels: int) -> None:
    import_torchvision()
    manipulate = pytest.importorskip("timm.models")
    weight = torch.randn(4, 3, 3, 3)
    theirs = manipulate.adapt_input_conv(channels, weight)

    assert torch.allclose(resampling.input_channels(weight, channels), theirs, atol=1e-6)


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["adopt", *arguments], catch_exceptions=False)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "net.yaml").write_text(TEXT)
    (tmp_path / "new.yaml").write_text(TEXT.replace("layer1:", "low:").replace("10", "4"))
    model = trained(net())
    torch.save(
        {"model": {f"module.{k}": v for k, v in model.state_dict().items()}}, tmp_path / "w.pth"
    )
    return tmp_path


def test_command(files: Path) -> None:
    new, old, out = (str(files / name) for name in ("new.yaml", "net.yaml", "out.safetensors"))
    result = command(new, str(files / "w.pth"), "--from", old, "-o", out)

    assert result.exit_code == 0
    assert "net to net: 36 kept, 24 renamed, 2 new, 2 dropped" in result.stdout
    assert result.stdout.rstrip().splitlines()[-1].startswith("equal up to the new head: ")
    assert archc.load(out).archc.name == "net"
    assert set(load_file(out)) == set(net((files / "new.yaml").read_text()).state_dict_shapes())
    result = command(new, str(files / "w.pth"), "--from", old, "--format", "json")
    told = json.loads(result.stdout)
    assert told["counts"] == {"kept": 36, "renamed": 24, "new": 2, "dropped": 2}
    assert len(told["tensors"]) == 64

    again = command(new, out)  # the file says what it is of
    assert again.exit_code == 0
    assert "62 kept" in again.stdout


def test_command_of_wrong_things(files: Path) -> None:
    spec, weights = str(files / "net.yaml"), str(files / "w.pth")
    (files / "net.py").write_text(
        "import torch\nclass Net(torch.nn.Module):\n    def __init__(self): raise ValueError('no')\n"
    )
    for arguments, said in (
        ([spec, weights, "--from", "torchvision:resnet18"], "not those of torchvision:resnet18"),
        ([spec, weights, "--from", "timm:none_such"], "none_such"),
        ([spec, weights, "--from", f"{files}/net.py:Net"], "ValueError: no"),
        ([spec, weights, "--from", f"{files}/net.py:Other"], "Other"),
        ([spec, weights, "--from", f"{files}/none.py:Net"], "there is no file"),
        ([spec, str(files / "none.pth")], "there is no file"),
        ([str(files / "new.yaml"), weights], "say of which network"),
        ([spec, weights, "-o", str(files / "out.pth")], "safetensors"),
        ([spec, weights, "-o", "-"], "-o"),
        ([spec, weights, "--rows", "a"], "--rows takes numbers"),
        ([spec, weights, "--rows", "1"], "equal ones"),
    ):
        result = command(*arguments)
        assert result.exit_code in {1, 2}, arguments
        assert said in result.stderr
        assert "Traceback" not in result.stderr
    assert not list(files.glob("out*"))


@pytest.mark.heavy
def test_load_adapts(files: Path) -> None:
    model = archc.load(
        files / "new.yaml", weights=files / "w.pth", adapt=True, origin=files / "net.yaml"
    )
    assert torch.equal(
        model.low[0].conv1.weight,
        torch.load(files / "w.pth")["model"]["module.layer1.0.conv1.weight"],
    )
    with pytest.raises(WeightsError, match="differs first"):
        archc.load(
            Source("a.yaml", TEXT.replace("relu1: relu", "relu1: gelu")),
            weights=files / "w.pth", adapt=True, origin=files / "net.yaml",
        )  # fmt: skip
