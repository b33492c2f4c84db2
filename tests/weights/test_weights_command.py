"""`archc weights`, and `--weights` of the commands that run networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import TEXT, small
from typer.testing import CliRunner, Result

from archc.cli import app
from archc.runtime.weights import listing
from archc.runtime.weights.listing import shelves
from archc.runtime.weights.owners import OWNERS

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder with no cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


def test_listing(run: Run) -> None:
    """A row for each of the owner's weights, and whether they go by name."""
    done = run("weights", "vit_b_16")
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("torchvision:")]

    assert done.exit_code == 0
    assert rows[0][:5] == ["torchvision:IMAGENET1K_V1", "–", "81.07", "95.32", "3×224×224"]
    assert rows[1][1] == "https://github.com/facebookresearch/SWAG/blob/main/LICENSE"
    assert "the keys are those of vit_b_16" in done.stdout
    assert "has none for `vit_b_16`" in done.stdout
    assert done.stdout.endswith('archc.load("vit_b_16", weights="torchvision:IMAGENET1K_V1")\n')


def test_as_json(run: Run) -> None:
    told = json.loads(run("weights", "vit_b_16", "--format", "json").stdout)
    first = told["weights"][0]

    assert told["network"] == "vit_b_16"
    assert told["owners"].keys() == {"torchvision", "timm"}
    assert (first["owner"], first["name"], first["by_name"]) == (
        "torchvision", "torchvision:IMAGENET1K_V1", True
    )  # fmt: skip
    assert (first["mean"], first["resize"], first["cached"]) == ([0.485, 0.456, 0.406], 256, False)


def test_a_spec_of_that_name(run: Run) -> None:
    """A user's network that is called as torchvision's has other keys, which is said."""
    Path("net.yaml").write_text(TEXT.replace("name: small", "name: alexnet"), encoding="utf-8")

    assert (
        "the keys are others, `adapt=True` or `archc adopt` fits them"
        in run("weights", "net.yaml").stdout
    )


def test_nobody_has_any(run: Run) -> None:
    done = run("weights", "resnet20")

    assert done.exit_code == 0
    assert [line.partition(" has ")[2] for line in done.stdout.splitlines()] == [
        "none for `resnet20`", "none for `resnet20`"
    ]  # fmt: skip


def test_without_timm(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """What is not installed is said, and what is there is listed."""

    def missing(_: str) -> Any:
        raise ModuleNotFoundError("timm is not installed: pip install timm", name="timm")

    monkeypatch.setitem(
        listing.OWNERS, "timm", type("None", (), {"offers": staticmethod(missing)})  # type: ignore[index]
    )  # fmt: skip
    assert [shelf.version for shelf in shelves("alexnet", [])][1] == ""
    assert "timm is not installed" in run("weights", "alexnet").stdout
    assert OWNERS is listing.OWNERS


# --weights


def test_verify_with_weights(run: Run) -> None:
    """What is compared is computed with the weights of the file."""
    Path("net.yaml").write_text(TEXT, encoding="utf-8")
    Path("peer.py").write_text(PEER, encoding="utf-8")
    torch.save(small().state_dict(), "w.pth")
    words = ("verify", "net.yaml", "--against", "peer.py:Net", "--weights")

    assert run(*words, "w.pth").exit_code == 0
    torch.save({**small().state_dict(), "x": torch.ones(1)}, "x.pth")
    wrong = run(*words, "x.pth")
    assert (wrong.exit_code, "unexpected (1): `x`" in wrong.output) == (2, True)
    alone = run("verify", "net.yaml", "--weights", "w.pth")
    assert (alone.exit_code, "--weights goes with --against" in alone.output) == (2, True)


PEER = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(self.bn1(self.conv1(x)).relu().mean((2, 3)))
"""


@pytest.mark.parametrize("command", ["trace", "probe"])
def test_other_commands(command: str, run: Run) -> None:
    """A file that is none of theirs is told in a line; names of owners are taken too."""
    Path("net.yaml").write_text(TEXT, encoding="utf-8")
    Path("evil.pth").write_bytes(b"\x80\x02cos\nsystem\n(S'touch mark'\ntR.")
    for weights in ("evil.pth", "torchvision:NONE", "timm:none"):
        done = run(command, "net.yaml", "--weights", weights)
        assert (done.exit_code, done.output.startswith("archc: ")) == (2, True), done.output
    assert not Path("mark").exists()
