"""Faults planted in an emitted file are found, and the step that has them is named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
import torch
from sweeps import ONE_OF_EACH, sweep

import archc
from archc.diagnostics import Source
from archc.graph import Network
from archc.lower.resizing import another_size, resized
from archc.runtime.report import Report
from archc.runtime.validate import validate, validate_behaviour
from archc.shapes import Shape

torch.set_num_threads(1)  # maps are tiny, and tests share cores

SPEC = """\
archc: 1
name: net
input: [3, 16, 16]
body:
  stem: conv(8, 3, stride=2, bias=false)
  bn1: bn(momentum=0.2)
  relu1: relu
  left: conv(8, 1)(relu1)
  right: conv(8, 1)(relu1)
  difference: left - right
  block:
    from: difference
    do:
      conv2: conv(8, 3)
      bn2: bn
      relu2: relu
      drop: dropout(0.3)
  shortcut: block + difference
  joined: concat(shortcut, relu1)
  gate:
    from: joined
    do:
      squeeze: adaptive_avg_pool(1)
      weights: conv(16, 1)
      softmax: softmax
  gated: joined * gate
  aux: linear(3)(global_avg_pool(gated))
  pool: global_avg_pool(gated)
  fc: linear(5)
outputs: {main: fc, aux: {value: aux, when: training}}
"""

CUT = 'nn.BatchNorm2d(8),\n                    "relu2": nn.ReLU(inplace=True)'
AUX = "        if self.training:\n            x = gated"

FAULTS = {
    "a dropped relu": ('"relu2": nn.ReLU(inplace=True)', '"relu2": nn.Identity()', "block.relu2"),
    "another activation": ("nn.ReLU(inplace=True)", "nn.LeakyReLU(1e-3)", "block.relu2"),
    "operands swapped": (
        "self.left(relu1) - self.right(relu1)",
        "self.right(relu1) - self.left(relu1)",
        "difference",
    ),
    "branches swapped": ("self.left(relu1) -", "self.right(relu1) -", "left"),
    "a stride": (
        "3, stride=2, padding=1, bias=False",
        "3, stride=1, padding=1, bias=False",
        "stem",
    ),
    "a padding": ("nn.Conv2d(8, 8, 3, padding=1)", "nn.Conv2d(8, 8, 3, padding=0)", "block.conv2"),
    "a padding mode": ("8, 8, 3, padding=1", '8, 8, 3, padding=1, padding_mode="reflect"', "conv2"),
    "a momentum": (", momentum=0.2", "", "bn1"),
    "an eps": ("nn.BatchNorm2d(8)", "nn.BatchNorm2d(8, eps=1e-6)", "block.bn2"),
    "a rate of dropout": ("nn.Dropout(0.3)", "nn.Dropout(0.2)", "block.drop"),
    "no dropout": ("nn.Dropout(0.3)", "nn.Identity()", "block.drop"),
    "dropout in eval mode": (
        "gated = joined",
        "joined = F.dropout(joined, 0.1)\n        gated = joined",
        "gate.squeeze",
    ),
    "the dimension of softmax": ("nn.Softmax(dim=1)", "nn.Softmax(dim=0)", "gate.softmax"),
    "the order of a concat": (
        "[self.block(difference) + difference, relu1]",
        "[relu1, self.block(difference) + difference]",
        "joined",
    ),
    "no shortcut": ("self.block(difference) + difference,", "self.block(difference),", "shortcut"),
    "another shortcut": ("(difference) + difference,", "(difference) + relu1,", "shortcut"),
    "an activation twice": (
        '"relu2": nn.ReLU(inplace=True)',
        '"relu2": nn.Sequential(nn.ReLU(), nn.ReLU())',
        "shortcut",
    ),
    "no gate": ("joined * self.gate(joined)", "joined", "gate.weights"),
    "a frozen size": (
        "gated.mean((2, 3))\n        fc",
        "F.avg_pool2d(gated, 8).flatten(1)\n        fc",
        "pool",
    ),
    "a gradient cut": ("self.gate(joined)", "self.gate(joined.detach())", "block.bn2"),
    "a gradient of a shortcut cut": ("+ difference,", "+ difference.detach(),", "right"),
    "statistics that stay": (CUT, CUT.replace("(8)", "(8, momentum=0.0)"), "block.bn2"),
    "statistics of the batch in eval": (
        "self.bn1(self.stem(x))",
        "F.batch_norm(self.stem(x), None, None, self.bn1.weight, self.bn1.bias, True)",
        "bn1",
    ),
    "a branch of training in eval": (AUX, AUX.replace("self.training", "True"), ""),
    "outputs swapped": ('{"main": fc, "aux": aux}', '{"main": aux, "aux": fc}', ""),
    "an output lost": ('{"main": fc, "aux": aux}', '{"main": fc}', ""),
    "work for nothing": ("return fc", "self.fc(x)\n        return fc", ""),
    "a norm used twice": ("self.stem(x))", "self.bn1(self.stem(x)))", "relu1"),
    "weights of others": ("self.right(relu1)\n", "self.left(relu1)\n", "right"),
    "a name that is not there": ("self.fc(x)", "self.fd(x)", "fc"),
}


@dataclass
class Changed:
    """An architecture whose emitted file somebody has changed."""

    whole: archc.Architecture
    text: str

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def network(self) -> Network:
        return self.whole.network

    @property
    def params(self) -> int:
        return self.whole.params

    @property
    def macs(self) -> int:
        return self.whole.macs

    @property
    def input(self) -> Shape:
        return self.whole.input

    @property
    def output(self) -> Shape:
        return self.whole.output

    def state_dict_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.whole.state_dict_shapes()

    def source(self) -> str:
        return self.text


def whole() -> archc.Architecture:
    return archc.compile(Source("net.yaml", SPEC))


def where(report: Report) -> str:
    """Return what a report says of the first difference."""
    return " ".join(row.note for row in report.rows if row.what == "first difference")


def test_nothing_differs_in_what_is_emitted() -> None:
    report = validate(whole())

    assert report.ok
    assert report.tolerance == 0
    assert {row.at for row in report.rows} == {"", "2×3×16×16", "2×3×7×9"}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted(fault: str) -> None:
    """Each fault is found, most at the step that has it; its line of the spec is named."""
    arch = whole()
    text, planted, step = arch.source(), *FAULTS[fault][1:]
    old = FAULTS[fault][0]
    assert old in text

    report = validate_behaviour(Changed(arch, text.replace(old, planted, 1)))

    assert report.wrong
    if step:
        assert re.search(rf"`[\w.]*{re.escape(step)}` \(\w+\), net\.yaml:\d+:\d+", where(report))


def test_seed() -> None:
    """One seed gives the same figures, another one others."""
    arch = whole()
    changed = Changed(arch, arch.source().replace("+ difference,", "+ 0.5 * difference,"))
    first, again, other = (validate_behaviour(changed, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return fc", "return fc +", "line 57 of the file: `return fc +`: invalid syntax"),
        ("import torch\n", "import torches\n", "line 9 of the file: `import torches`"),
        ("self.aux = nn.Linear(16, 3)", "self.aux = nn.Linear(16)", "missing 1 required"),
        ("def forward", "def backward", "NotImplementedError"),
    ],
)
def test_a_file_that_fails(old: str, new: str, said: str) -> None:
    """What can't be loaded or run is a difference at its line, and no exception."""
    arch = whole()
    report = validate(Changed(arch, arch.source().replace(old, new)))

    assert report.wrong
    assert any(said in row.note for row in report.wrong)


def test_sizes() -> None:
    """A second size is odd where the spec takes that; weights that depend on a size bind it."""
    assert [n.input.sizes for n in another_size(whole().network)] == [(3, 7, 9)]
    vit = archc.compile("vit_b_16").network
    assert another_size(vit) == ()
    assert resized(vit, (3, 224, 224)) is vit
    with pytest.raises(ValueError, match="does not take 3×32×32"):
        validate_behaviour(archc.compile("vit_b_16"), [(3, 32, 32)])


MISCOMPILED = Path(__file__).parent / "miscompiled"


@pytest.mark.parametrize(
    ("name", "said", "step"),
    [
        ("frozen_height", "line 21 of the file", "`map` (rearrange)"),
        ("alternative_nesting", "'Identity' object has no attribute 'down'", "norm1.norm` (bn)"),
    ],
)
def test_miscompiled(name: str, said: str, step: str) -> None:
    """What the emitter gets wrong is told, with the line of the file and the step of the spec."""
    report = validate(archc.compile(MISCOMPILED / f"{name}.yaml"))

    assert any(said in row.note for row in report.wrong)
    assert step in where(report)


def test_a_size_that_is_frozen_without_a_word() -> None:
    """Of a map of 8×8 the file makes one of 16×4; only another size tells."""
    arch = archc.compile(MISCOMPILED / "frozen_height.yaml")

    assert validate(arch, [(3, 64, 64)]).ok
    report = validate(arch, [(3, 32, 32)])
    assert "`map` (rearrange), " in where(report)


QUICK = ["resnet20", "mobilenet_v3_small", "swin_t", "googlenet"]
SMALL = (32, 33, 48, 64, 65, 96, 128, 129, 192, 224)


@pytest.mark.parametrize("name", sweep(archc.names(), QUICK))
def test_zoo(name: str) -> None:
    """Every network of the zoo is what its spec says, at the smallest sizes that it takes."""
    arch = archc.compile(name)
    report = validate_behaviour(arch, small(arch, 2 if name in ONE_OF_EACH else 1), batch=2)

    assert [(row.what, row.at, row.result) for row in report.wrong] == []
    assert not report.refused


def small(arch: archc.Architecture, count: int) -> list[tuple[int, ...]]:
    """Return the smallest shapes of samples that a network takes, or its own."""
    own = arch.input
    squares = (own.with_spatial((s,) * len(own.spatial)).sizes for s in SMALL if s < max(own.sizes))
    fitting = (sample for sample in squares if resized(arch.network, sample) is not None)
    return list(islice(fitting, count)) or [own.sizes]
