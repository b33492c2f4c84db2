"""Names of peers, and `archc verify` as users call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn
from typer.testing import CliRunner

from archc.cli import app
from archc.runtime.peers import UnknownPeer, parse, peer


def test_parse_peer() -> None:
    assert parse("torchvision:resnet18") == ("torchvision", "resnet18", {})
    assert parse("a/b:c.py:Net(n=10, s=[1, 'x'])") == ("a/b:c.py", "Net", {"n": 10, "s": [1, "x"]})


@pytest.mark.parametrize(
    "text",
    ["resnet18", "keras:resnet18", "torchvision:", "timm:a(", "timm:a(b)", "timm:a(b=c)", "a.py"],
)
def test_no_peer(text: str) -> None:
    with pytest.raises(UnknownPeer, match=r"names no peer|plain values"):
        parse(text)


def test_peer_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from torch import nn\n\n\ndef net(n):\n    return nn.Linear(n, n)\n")

    assert str(peer(f"{file}:net(n=3)")) == str(nn.Linear(3, 3))
    for call, message in (
        ("net", "TypeError"),
        ("other", "no attribute 'other'"),
        ("net(n='x')", "TypeError"),
    ):
        with pytest.raises(UnknownPeer, match=message):
            peer(f"{file}:{call}")


SPEC = """\
archc: 1
name: tiny
input: [3, 16, 16]
body:
  conv1: conv(8, 3, stride=2, bias=false)
  bn1: bn
  relu: relu
  pool: global_avg_pool
  fc: linear(5)
"""

PEER = """\
from torch import nn
from torch.nn import functional as F


class Tiny(nn.Module):
    def __init__(self, stride=2):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(F.relu(self.bn1(self.conv1(x))).mean((2, 3)))
"""


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Return `archc verify` of a small spec against a file beside it."""
    (tmp_path / "tiny.yaml").write_text(SPEC)
    (tmp_path / "tiny.py").write_text(PEER)

    def run(call: str | None, *options: str) -> tuple[int, str, str]:
        against = [] if call is None else ["--against", f"{tmp_path / 'tiny.py'}:{call}"]
        arguments = ["verify", str(tmp_path / "tiny.yaml"), *against, *options]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return result.exit_code, result.stdout, result.stderr

    return run


def test_command(command: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = command("Tiny")

    assert (code, err) == (0, "")
    assert "2×3×16×16" in out
    assert "2×3×7×7" in out
    assert out.endswith("\n\nequal, to the last bit\n")


def test_command_finds_a_difference(command: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = command("Tiny(stride=1)", "--size", "8x9")

    assert code == 1
    assert out.endswith("\n\n4 of 6 comparisons differ\n")


def test_command_tells_a_program(command: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = command("Tiny(stride=1)", "--size=16", "--batch=3", "--format=json")
    report = json.loads(out)

    assert (code, report["ok"], report["batch"]) == (1, False, 3)
    assert [row["ok"] for row in report["rows"]] == [True] * 2 + [False] * 4
    assert report["rows"][2]["at"] == "3×3×16×16"


def test_command_without_a_peer(command: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = command(None)

    assert code == 0
    assert next(line for line in out.splitlines() if "MACs" in line).endswith(" equal: 13,864")
    assert "2×3×16×16" in out
    assert "2×3×7×9" in out
    assert out.endswith("\n\nequal, to the last bit\n")


def test_command_without_a_peer_takes_sizes(command: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = command(None, "--size", "9", "--seed", "3")

    assert code == 0
    assert {line.split()[2] for line in out.splitlines() if " output" in line} == {"2×3×9×9"}
    assert out == command(None, "--size", "9", "--seed", "3")[1]


@pytest.mark.parametrize(
    ("call", "options", "message"),
    [
        ("Tiny", ["--size", "0"], "--size takes N or HxW, got `0`"),
        ("Tiny", ["--format", "yaml"], "there is no format `yaml`"),
        ("Other", [], "no attribute 'Other'"),
        ("", [], "names no peer"),
    ],
)
def test_command_usage(
    command: Callable[..., tuple[int, str, str]], call: str, options: list[str], message: str
) -> None:
    code, out, err = command(call, *options)

    assert (code, out) == (2, "")
    assert message in err
