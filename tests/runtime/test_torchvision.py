"""The ResNets are torchvision's, and D2L's is the book's, to the last bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from holding import hold_new_weights, hold_ordered
from torch import nn
from torch.nn.functional import relu

import archc
from archc.runtime.peers import peer
from archc.runtime.report import Report
from archc.runtime.torchvision import import_torchvision
from archc.runtime.verify import verify

REPOSITORY = Path(__file__).resolve().parents[2]

RESNETS = [
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]
SMALL = [(3, 64, 64), (3, 75, 49)]
NATIVE = [(3, 224, 224), (3, 97, 97)]


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnext50_32x4d"])
def test_small_maps(name: str) -> None:
    hold_ordered(archc.load(name), peer(f"torchvision:{name}"), SMALL)


@pytest.mark.heavy
@pytest.mark.parametrize("name", RESNETS)
def test_native_size(name: str, ledger: Callable[[str, Report], None]) -> None:
    ledger(name, hold_ordered(archc.load(name), peer(f"torchvision:{name}"), NATIVE))


def test_every_resnet_of_torchvision() -> None:
    """The list above is all that torchvision has."""
    models = import_torchvision().models
    home = models.resnet.__name__
    names = [n for n in models.list_models() if models.get_model_builder(n).__module__ == home]

    assert sorted(RESNETS) == sorted(names)


def test_settings() -> None:
    """The paper's stride is a network of its own, with equal keys; the classes are a setting."""
    ours = archc.load("resnet50", num_classes=10)
    hold_ordered(ours, peer("torchvision:resnet50(num_classes=10)"), SMALL[:1])
    report = verify(archc.load("resnet50_paper"), peer("torchvision:resnet50"), SMALL[:1])

    assert {row.what for row in report.wrong} == {
        "eval output",
        "train output",
        "running statistics",
        "gradients",
    }


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_new_weights(name: str) -> None:
    hold_new_weights(archc.load(name), peer(f"torchvision:{name}"))


class Residual(nn.Module):
    """Dive into Deep Learning 8.6: every convolution has its bias, the shortcut no norm."""

    def __init__(self, inputs: int, width: int, strides: int | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, kernel_size=3, padding=1, stride=strides or 1)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(inputs, width, kernel_size=1, stride=strides) if strides else None
        self.bn1 = nn.BatchNorm2d(width)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.conv3:
            x = self.conv3(x)
        y += x
        return relu(y)


BOOK = ((2, 64), (2, 128), (2, 256), (2, 512))


class BookResNet(nn.Module):
    """The book's ResNet-18, with the channels that it leaves to be found out."""

    def __init__(self, arch: Sequence[Sequence[int]] = BOOK, classes: int = 10) -> None:
        super().__init__()
        inputs = arch[0][1]
        self.net = nn.Sequential(
            nn.Sequential(
                nn.Conv2d(1, inputs, kernel_size=7, stride=2, padding=3),
                nn.BatchNorm2d(inputs),
                nn.ReLU(),
                nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            )
        )
        for i, (count, width) in enumerate(arch):
            first = Residual(inputs, width, strides=2 if i else None)
            rest = (Residual(width, width) for _ in range(count - 1))
            self.net.add_module(f"b{i + 2}", nn.Sequential(first, *rest))
            inputs = width
        last = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(inputs, classes))
        self.net.add_module("last", last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def test_dive_into_deep_learning() -> None:
    report = verify(archc.load("resnet18_d2l"), BookResNet(), [(1, 96, 96), (1, 41, 57)])

    assert report.ok
    assert report.rows[0].result == "equal: in another order"  # the book defines norms last


IMPORT = """
import torch
{before}
from archc.runtime.torchvision import import_torchvision
torchvision = import_torchvision()
assert import_torchvision() is torchvision
print(torchvision.models.resnet18().fc.out_features, hasattr(torch.ops.torchvision, "qnms"))
"""


@pytest.mark.parametrize(
    "before", ["", "torch.library.define('torchvision::roi', '(Tensor x) -> Tensor')"]
)
def test_import(before: str) -> None:
    """With what this machine has, alone and beside another user of torchvision's operators."""
    command = [sys.executable, "-W", "error", "-c", IMPORT.format(before=before)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)

    assert (done.stdout, done.stderr) == ("1000 True\n", "")


def test_plain_import_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torchvision imports as it is, nothing is declared; other failures are not hidden."""
    import_torchvision()
    defined: list[str] = []
    monkeypatch.setattr(torch.library, "define", lambda name, _: defined.append(name))
    import_torchvision()

    assert defined == []

    def fail(name: str) -> None:
        raise RuntimeError(name)

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(RuntimeError, match=r"^torchvision$"):
        import_torchvision()
