"""What archc predicts of every network of the zoo is what PyTorch builds."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from sweeps import MARKS, ONE_OF_EACH, sweep

import archc
from archc import zoo
from archc.passes.costs import Counts
from archc.runtime.static import verify_static
from archc.shapes import Shape

QUICK = {n for n in ONE_OF_EACH if (path := zoo.find(n)) and path.stem in MARKS}
QUICK |= {
    "dla46_c",
    "ghostnet_100",
    "hrnet_w18_small",
    "maxvit_t",
    "mobilenet_v3_small",
    "highway19",
}


@pytest.mark.parametrize("name", sweep(archc.names(), QUICK))
def test_predictions(name: str) -> None:
    report = verify_static(archc.compile(name))

    assert [(row.what, row.result) for row in report.wrong] == []
    assert report.rows[0].note == ""  # nor is the order of the keys another


NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return [self.fc(self.conv(x).mean((2, 3))), x]
"""


OUTPUT = Shape.of("c", 5)


@dataclass
class Claims:
    """An architecture that says what it likes."""

    params: int = 3 * 9 * 8 + 8 + 8 * 5 + 5
    macs: int = 3 * 9 * 8 * 4 * 4 + 8 * 5
    output: Shape = OUTPUT
    bias: tuple[int, ...] = (8,)
    more: dict[str, tuple[int, ...]] = field(default_factory=dict)

    name = "net"
    input = Shape.of("c h w", 3, 4, 4)

    @property
    def training(self) -> Counts:
        return Counts(self.params, self.macs)

    def source(self) -> str:
        return NET

    def state_dict_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = {"conv.weight": (8, 3, 3, 3), "conv.bias": self.bias}
        return {**shapes, "fc.weight": (5, 8), "fc.bias": (5,), **self.more}


def test_true_claims() -> None:
    assert verify_static(Claims()).ok


@pytest.mark.parametrize(
    ("claims", "result"),
    [
        (Claims(params=270), "differs: 270 predicted, 269 built"),
        (Claims(macs=3500), "differs: 3,500 predicted, 3,496 built"),
        (Claims(output=Shape.of("c h w", 5, 1, 1)), "differs: 2×5×1×1 predicted, 2×5 built"),
        (Claims(bias=(1,)), "differs: conv.bias: (1,) predicted, (8,) built"),
        (Claims(more={"bn.bias": (8,)}), "differs: bn.bias: (8,) predicted, none built"),
    ],
)
def test_false_claims(claims: Claims, result: str) -> None:
    assert [row.result for row in verify_static(claims).wrong] == [result]
