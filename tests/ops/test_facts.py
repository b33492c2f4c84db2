"""What pictures, tables and counts know of an op stands on its class, and is inherited."""

from __future__ import annotations

import pytest
from op_cases import CASES, MAP, op

import archc
from archc.backends.drawing.labels import label
from archc.backends.tables.parts import line
from archc.ops import OPS, Conv, Facts, Op
from archc.ops.norm import BatchNorm, InstanceNorm
from archc.ops.papers import TABLE
from archc.passes.conventions import CONVENTIONS
from archc.passes.residual import gates


class Whitening(Op):
    """A norm that archc does not have."""

    name = "whitening"
    facts = Facts(kind="norm", abbreviation="W", normalizes="batch")
    torch_module = "nn.Identity"


class Valve(Op):
    """A gate that archc does not have."""

    name = "valve"
    facts = Facts(gate="opens")
    torch_module = "nn.Identity"


class Ghost(Conv):
    """A convolution of another name."""

    name = "ghost_conv"


TEXT = """\
archc: 1
name: tiny
input: [8, 6, 6]
body:
  a: ghost_conv(8, 3)
  n: whitening(a)
  v: valve(a)
  m: n * v
  f: ghost_conv(16, 1, stride=2)
"""


def test_a_new_op_is_known_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own class and a line of the table are all that pictures, tables and counts need."""
    for new in (Whitening, Valve, Ghost):
        monkeypatch.setitem(OPS, new.name, new)
    arch = archc.compile(archc.Source("tiny.yaml", TEXT))
    root = arch.network.root
    nodes = {node.path or node.name: node for node in root.nodes}
    drawn = {p: label(n, n.op) for p, n in nodes.items() if n.op}

    assert (drawn["n"].kind, drawn["n"].text) == ("norm", "W")
    assert (drawn["a"].kind, drawn["a"].text) == ("conv", "3×3 ghost conv, 8")
    assert "W" in arch.dot()
    assert line(nodes["f"]) == "1×1 ghost conv, 16, stride 2"
    assert gates(root, next(n for n in root.nodes if n.name == "mul")) == (1,)
    assert CONVENTIONS["macs_conv"].count(arch.network) == arch.macs


def test_an_abbreviation_is_not_inherited() -> None:
    """It stands for a name, which is another; the rest of the facts is inherited."""

    class Renamed(BatchNorm):
        name = "renamed"

    assert BatchNorm().drawn(MAP) == "BN"
    assert Renamed().drawn(MAP) == "renamed"
    assert Renamed.facts.normalizes == "batch"
    assert InstanceNorm.facts.normalizes == "sample"


@pytest.mark.parametrize(
    ("name", "arguments", "drawn", "tabled"),
    [
        ("conv", {"out": 4, "kernel": 3}, "3×3 conv, 4", "3×3, 4"),
        (
            "conv",
            {"out": 6, "kernel": [1, 7], "stride": [2, 1], "groups": 2},
            "1×7 conv, 6, 2 groups, /2×1",
            "1×7, 6, C=2, stride 2×1",
        ),
        (
            "conv",
            {"out": 6, "kernel": 3, "stride": 2, "dilation": 2, "groups": 6},
            "3×3 depthwise, 6, dilation 2, /2",
            "3×3 dw, 6, dilation 2, stride 2",
        ),
        ("conv", {"out": 12, "kernel": 3, "groups": 6}, "3×3 depthwise, 12", "3×3, 12, C=6"),
        (
            "conv_transpose",
            {"out": 4, "kernel": 2, "stride": 2},
            "2×2 up-conv, 4",
            "2×2 transposed conv, 4, stride 2",
        ),
        ("linear", {"out": 9}, "linear, 9", "9-d fc"),
        ("max_pool", {"kernel": 3, "stride": 2}, "3×3 max pool, /2", "3×3 max pool, stride 2"),
        ("avg_pool", {"kernel": 2}, "2×2 avg pool, /2", "2×2 average pool, stride 2"),
        ("adaptive_avg_pool", {"size": 7}, "avg pool to 7×7", "average pool"),
        ("adaptive_max_pool", {"size": 1}, "max pool", ""),
        ("global_avg_pool", {}, "global avg pool", "average pool"),
        ("multihead_attention", {"heads": 3}, "attention, 3 heads", "3-head attention"),
        ("attention", {"heads": 1}, "attention, 1 head", ""),
        ("window_partition", {"size": 7, "shift": 3}, "windows, 7×7, shift 3", ""),
        ("group_norm", {"groups": 2}, "GN, 2 groups", ""),
        ("scale", {"factor": 0.5}, "× 0.5", ""),
        ("shift", {"offset": -1.0}, "− 1", ""),
        ("subsample", {"stride": 2}, "subsample, /2", ""),
        ("upsample", {"scale": 2}, "nearest upsample, ×2", ""),
        ("relu", {}, "relu", ""),
        ("gelu", {}, "GELU", ""),
    ],
)
def test_how_papers_write_ops(
    name: str, arguments: dict[str, object], drawn: str, tabled: str
) -> None:
    """A picture writes every op, a paper's table layers alone."""
    one = op(name, **arguments)

    assert (one.drawn(MAP), one.tabled(TABLE, MAP)) == (drawn, tabled)


def test_every_op_can_be_written() -> None:
    """Whatever its arguments and inputs are, and with right facts."""
    for one, xs in CASES:
        assert one.drawn(*xs).strip()
        assert isinstance(one.tabled(TABLE, *xs), str)
    assert {n: list(o.facts.misfits()) for n, o in OPS.items() if [*o.facts.misfits()]} == {}
