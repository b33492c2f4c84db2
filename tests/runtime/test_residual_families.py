"""ResNeXt, DenseNet, PyramidNet, FractalNet and SENet against other implementations.

timm has the SENets. For the others stands here what their authors' code does, written anew in
plain PyTorch; where that counts by loops and running sums, so does this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from holding import hold, hold_keys
from sweeps import sweep
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, relu

import archc
from archc.runtime.peers import peer
from archc.runtime.torchvision import import_torchvision


def conv3x3(inputs: int, width: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)


def conv1x1(inputs: int, width: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, width, 1, bias=False)


# ResNeXt for CIFAR: torchvision's bottlenecks in the network of Sec. 5.3


class ResNeXt29(nn.Module):
    def __init__(self, cardinality: int, n: int = 3, base: int = 64) -> None:
        super().__init__()
        bottleneck = import_torchvision().models.resnet.Bottleneck
        self.conv1, self.bn1 = conv3x3(3, 64), nn.BatchNorm2d(64)
        channels = 64
        for stage, width in enumerate((64, 128, 256)):
            blocks = []
            for i in range(n):
                stride = 2 if stage > 0 and i == 0 else 1
                shortcut = None
                if i == 0:
                    project = nn.Conv2d(channels, 4 * width, 1, stride, bias=False)
                    shortcut = nn.Sequential(project, nn.BatchNorm2d(4 * width))
                blocks.append(bottleneck(channels, width, stride, shortcut, cardinality, base))
                channels = 4 * width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


@pytest.mark.parametrize(("name", "cardinality"), [("8x64d", 8), ("16x64d", 16)])
def test_resnext_keys(name: str, cardinality: int) -> None:
    hold_keys(f"resnext29_{name}", lambda: ResNeXt29(cardinality))


def test_resnext() -> None:
    hold(archc.load("resnext29_8x64d", n=2), ResNeXt29(8, n=2))


@pytest.mark.parametrize(
    ("name", "depths", "groups", "width"),
    [
        ("resnext50_2x40d", [3, 4, 6, 3], 2, 40),
        ("resnext50_4x24d", [3, 4, 6, 3], 4, 24),
        ("resnext50_8x14d", [3, 4, 6, 3], 8, 14),
        ("resnext101_32x4d", [3, 4, 23, 3], 32, 4),
    ],
)
def test_resnext_of_table_2(name: str, depths: list[int], groups: int, width: int) -> None:
    resnet = import_torchvision().models.resnet
    arguments = {"groups": groups, "width_per_group": width}
    hold_keys(name, lambda: resnet.ResNet(resnet.Bottleneck, depths, **arguments))


# DenseNet


class DenseLayer(nn.Module):
    def __init__(self, channels: int, k: int, rate: float, *, bottleneck: bool) -> None:
        super().__init__()
        self.rate = rate
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = conv1x1(channels, 4 * k) if bottleneck else conv3x3(channels, k)
        if bottleneck:
            self.norm2, self.conv2 = nn.BatchNorm2d(4 * k), conv3x3(4 * k, k)

    def drop(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, self.rate, self.training)

    def forward(self, x: Tensor) -> Tensor:
        y = self.drop(self.conv1(relu(self.norm1(x))))
        if hasattr(self, "conv2"):
            y = self.drop(self.conv2(relu(self.norm2(y))))
        return torch.cat((x, y), 1)


class Transition(nn.Module):
    def __init__(self, channels: int, kept: int, rate: float) -> None:
        super().__init__()
        self.norm, self.conv, self.rate = nn.BatchNorm2d(channels), conv1x1(channels, kept), rate

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.dropout(self.conv(relu(self.norm(x))), self.rate, self.training)
        return avg_pool2d(x, 2)


class DenseNet(nn.Module):
    """The channels are counted along, as in the authors' Lua."""

    def __init__(
        self, depth: int, k: int, rate: float = 0, *, bottleneck: bool = False, theta: float = 0
    ) -> None:
        super().__init__()
        theta = theta or (0.5 if bottleneck else 1)
        layers = (depth - 4) // 3 // (2 if bottleneck else 1)
        channels = 2 * k if bottleneck else 16
        self.features = nn.Sequential()
        self.features.add_module("conv0", conv3x3(3, channels))
        for block in range(1, 4):
            dense = nn.Sequential()
            for i in range(layers):
                layer = DenseLayer(channels, k, rate, bottleneck=bottleneck)
                dense.add_module(f"denselayer{i + 1}", layer)
                channels += k
            self.features.add_module(f"denseblock{block}", dense)
            if block < 3:
                kept = math.floor(channels * theta)
                self.features.add_module(f"transition{block}", Transition(channels, kept, rate))
                channels = kept
        self.features.add_module("norm3", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(relu(self.features(x)).mean((2, 3)))


DENSENETS = {
    "densenet40_k12": (40, 12, False),
    "densenet100_k12": (100, 12, False),
    "densenet100_k24": (100, 24, False),
    "densenet_bc_100_k12": (100, 12, True),
    "densenet_bc_250_k24": (250, 24, True),
    "densenet_bc_190_k40": (190, 40, True),
    "densenet_bc_40_k36": (40, 36, True),
    "densenet_bc_40_k48": (40, 48, True),
    "densenet_bc_40_k60": (40, 60, True),
}


@pytest.mark.parametrize("name", DENSENETS)
def test_densenet_keys(name: str) -> None:
    depth, k, bottleneck = DENSENETS[name]
    hold_keys(name, lambda: DenseNet(depth, k, bottleneck=bottleneck))


def test_densenet264_keys() -> None:
    """Its blocks are torchvision's, the network is not."""
    densenet = import_torchvision().models.DenseNet
    hold_keys("densenet264", lambda: densenet(32, (6, 12, 64, 48), 64))


@pytest.mark.parametrize("rate", [0.0, 0.2])
@pytest.mark.parametrize("bottleneck", [False, True])
def test_densenet(bottleneck: bool, rate: float) -> None:
    ours = archc.load("densenet40_k12", L=22, k=5, bottleneck=bottleneck, drop_rate=rate)
    hold(ours, DenseNet(22, 5, rate, bottleneck=bottleneck))


# PyramidNet


class PyramidUnit(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int, *, bottleneck: bool) -> None:
        super().__init__()
        self.stride, self.width = stride, 4 * width if bottleneck else width
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv1x1(inputs, width) if bottleneck else conv3x3(inputs, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride if bottleneck else 1)
        self.bn3 = nn.BatchNorm2d(width)
        if bottleneck:
            self.conv3, self.bn4 = conv1x1(width, self.width), nn.BatchNorm2d(self.width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn3(self.conv2(relu(self.bn2(self.conv1(self.bn1(x))))))
        if hasattr(self, "conv3"):
            y = self.bn4(self.conv3(relu(y)))
        if self.stride == 2:
            x = avg_pool2d(x, 2, ceil_mode=True)
        zeros = x.new_zeros(len(x), self.width - x.shape[1], *x.shape[2:])
        return y + torch.cat((x, zeros), 1)


class PyramidNet(nn.Module):
    """The channels are a running sum, or product, that is rounded for each unit."""

    def __init__(
        self,
        depths: tuple[int, ...],
        alpha: float,
        *,
        bottleneck: bool = False,
        multiplicative: bool = False,
        imagenet: bool = False,
        rate: float = 0,
        start: int = 0,
    ) -> None:
        super().__init__()
        self.rate, self.imagenet = rate, imagenet
        channels = start or (64 if imagenet else 16)
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False) if imagenet else conv3x3(3, channels)
        self.bn1 = nn.BatchNorm2d(channels)
        width = float(channels)
        for stage, depth in enumerate(depths):
            units = []
            for i in range(depth):
                grown = width * alpha ** (1 / sum(depths))
                width = grown if multiplicative else width + alpha / sum(depths)
                stride = 2 if stage > 0 and i == 0 else 1
                unit = PyramidUnit(channels, round(width), stride, bottleneck=bottleneck)
                units.append(unit)
                channels = unit.width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*units))
        self.stages = [f"layer{stage + 1}" for stage in range(len(depths))]
        self.bn_final = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, 1000 if imagenet else 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x))
        if self.imagenet:
            x = max_pool2d(relu(x), 3, 2, 1)
        for stage in self.stages:
            x = getattr(self, stage)(x)
        x = relu(self.bn_final(x)).mean((2, 3))
        return self.fc(nn.functional.dropout(x, self.rate, self.training))


B: dict[str, Any] = {"bottleneck": True}
PYRAMIDNETS: dict[str, Callable[[], nn.Module]] = {
    "pyramidnet110_a48": lambda: PyramidNet((18, 18, 18), 48),
    "pyramidnet110_a84": lambda: PyramidNet((18, 18, 18), 84),
    "pyramidnet110_a270": lambda: PyramidNet((18, 18, 18), 270),
    "pyramidnet110_m4_75": lambda: PyramidNet((18, 18, 18), 4.75, multiplicative=True),
    "pyramidnet110_m8": lambda: PyramidNet((18, 18, 18), 8, multiplicative=True),
    "pyramidnet110_m27": lambda: PyramidNet((18, 18, 18), 27, multiplicative=True),
    "pyramidnet164_a48": lambda: PyramidNet((18, 18, 18), 48, **B),
    "pyramidnet164_a84": lambda: PyramidNet((18, 18, 18), 84, **B),
    "pyramidnet164_a270": lambda: PyramidNet((18, 18, 18), 270, **B),
    "pyramidnet200_a240": lambda: PyramidNet((22, 22, 22), 240, **B),
    "pyramidnet236_a220": lambda: PyramidNet((26, 26, 26), 220, **B),
    "pyramidnet272_a200": lambda: PyramidNet((30, 30, 30), 200, **B),
    "pyramidnet200_a300": lambda: PyramidNet((3, 24, 36, 3), 300, imagenet=True, **B),
    "pyramidnet200_a450": lambda: PyramidNet((3, 24, 36, 3), 450, imagenet=True, **B),
}


@pytest.mark.parametrize("name", sweep(PYRAMIDNETS, list(PYRAMIDNETS)[:3]))
def test_pyramidnet_keys(name: str) -> None:
    """Running sums of floats and one division for each unit give the same widths."""
    hold_keys(name, PYRAMIDNETS[name])


@pytest.mark.parametrize("multiplicative", [False, True])
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_pyramidnet(block: str, multiplicative: bool) -> None:
    alpha = 3 if multiplicative else 20
    ours = archc.load(
        "pyramidnet110_a48",
        block=block,
        depths=[2, 3, 2],
        alpha=alpha,
        multiplicative=multiplicative,
    )
    bottleneck = block == "bottleneck"
    theirs = PyramidNet((2, 3, 2), alpha, bottleneck=bottleneck, multiplicative=multiplicative)
    hold(ours, theirs)


def test_pyramidnet_of_imagenet() -> None:
    ours = archc.load("pyramidnet200_a450", depths=[1, 2, 2, 1], alpha=20)
    theirs = PyramidNet((1, 2, 2, 1), 20, imagenet=True, rate=0.5, **B)
    hold(ours, theirs, [(3, 64, 64), (3, 75, 49)])


# FractalNet


class FractalUnit(nn.Module):
    def __init__(self, inputs: int, width: int, rate: float) -> None:
        super().__init__()
        self.conv, self.bn, self.rate = conv3x3(inputs, width), nn.BatchNorm2d(width), rate

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.dropout(self.conv(x), self.rate, self.training)
        return relu(self.bn(x))


def places(columns: int) -> Iterator[tuple[int, int, str]]:
    """Yield column and number of each unit, and its place in the recursion."""
    for column in range(columns):
        for i in range(2**column):
            halves = [("first", "second")[i >> k & 1] for k in reversed(range(column))]
            yield column, i, ".".join([*(f"deep.{half}" for half in halves), "short"])


class FractalNet(nn.Module):
    """Row by row, as the authors' generator writes it: no recursion but in the names."""

    def __init__(
        self, columns: int, widths: list[int], drop: float = 0.0, rates: Any = (0, 0, 0, 0, 0)
    ) -> None:
        super().__init__()
        self.columns, self.drop, self.blocks = columns, drop, len(widths)
        inputs = 3
        for b, width in enumerate(widths):
            for _, i, place in places(columns):
                unit = FractalUnit(width if i else inputs, width, rates[b])
                self.put(f"block{b + 1}.fractal.{place}", unit)
            inputs = width
        self.fc = nn.Linear(inputs, 10)

    def put(self, path: str, unit: nn.Module) -> None:
        *modules, last = path.split(".")
        at: nn.Module = self
        for name in modules:
            if not hasattr(at, name):
                at.add_module(name, nn.Module())
            at = getattr(at, name)
        at.add_module(last, unit)

    def join(self, xs: list[Tensor]) -> Tensor:
        """Local drop-path: each input is dropped by chance, but one survives."""
        if self.training and self.drop and len(xs) > 1:
            dead = [bool(d) for d in torch.rand(len(xs)) < self.drop]
            if all(dead):
                dead[int(torch.randint(len(xs), ()))] = False
            xs = [x for x, d in zip(xs, dead, strict=True) if not d]
        return sum(xs[1:], xs[0]) / len(xs)

    def forward(self, x: Tensor) -> Tensor:
        for b in range(self.blocks):
            units = {
                (column, i): self.get_submodule(f"block{b + 1}.fractal.{place}")
                for column, i, place in places(self.columns)
            }
            tops = [x] * self.columns
            for row in range(1, 2 ** (self.columns - 1) + 1):
                due = []
                for column in range(self.columns):
                    every = 2 ** (self.columns - 1 - column)
                    if row % every == 0:
                        tops[column] = units[column, row // every - 1](tops[column])
                        due.append(column)
                if len(due) == self.columns:
                    tops = [max_pool2d(top, 2) for top in tops]
                joined = self.join([tops[column] for column in due])
                for column in due:
                    tops[column] = joined
            x = tops[0]
        return self.fc(x.flatten(1))


FRACTAL = [(3, 32, 32), (3, 57, 49)]
NARROW = [6, 8, 10, 12, 12]


@pytest.mark.parametrize("columns", [3, 4])
def test_fractalnet_keys(columns: int) -> None:
    """One unit at every place of the recursion, at the full widths."""
    name = {3: "fractalnet20", 4: "fractalnet40"}[columns]
    hold_keys(name, lambda: FractalNet(columns, [64, 128, 256, 512, 512]))


@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("drop", [0.0, 0.15, 0.9])
def test_fractalnet(columns: int, drop: float) -> None:
    """Inference and local drop-path; dropout would draw in another order, row by row.

    In that order too the gradients of the columns are added up.
    """
    ours = archc.load(
        "fractalnet20",
        columns=columns,
        widths=NARROW,
        local_drop=drop,
        dropout_rates=[0.0] * 5,
    )
    hold(ours, FractalNet(columns, NARROW, drop), FRACTAL, gradients=1e-5)


def test_dropout_of_fractalnet() -> None:
    rates = [0.0, 0.1, 0.2, 0.3, 0.4]
    ours = archc.load("fractalnet20", columns=1, widths=NARROW)
    hold(ours, FractalNet(1, NARROW, rates=rates), FRACTAL)


# Squeeze and excitation: timm's legacy_ networks are the authors' Caffe models


SENETS = [
    "se_resnet50",
    "se_resnet101",
    "se_resnet152",
    "se_resnext50_32x4d",
    "se_resnext101_32x4d",
    "senet154",
]


def senet(name: str) -> nn.Module:
    rate = 0.2 if name == "senet154" else 0.0
    return peer(f"timm:legacy_{name.replace('se_', 'se')}(drop_rate={rate})")


@pytest.mark.parametrize("name", SENETS)
def test_senet_keys(name: str) -> None:
    hold_keys(name, lambda: senet(name))


@pytest.mark.parametrize(
    "name",
    [
        "se_resnet50",
        "se_resnext50_32x4d",
        *(pytest.param(n, marks=pytest.mark.heavy) for n in SENETS if "50" not in n),
    ],
)
def test_senet(name: str) -> None:
    hold(archc.load(name), senet(name), [(3, 64, 64), (3, 75, 97)])


# New weights


def spread(weight: Tensor) -> float:
    """Return the standard deviation that He's rule gives a convolution, by its fan-out."""
    return math.sqrt(2 / (len(weight) * weight[0, 0].numel()))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("resnext29_8x64d", {"n": 1}),
        ("densenet40_k12", {"L": 10, "k": 32}),
        ("pyramidnet110_a48", {"depths": [2, 2, 2]}),
        ("se_resnet50", {"depths": [1, 1, 1, 1]}),
    ],
)
def test_new_weights(name: str, settings: dict[str, Any]) -> None:
    """Convolutions are normal by fan-out as in fb.resnet.torch, on which their authors built."""
    for key, value in archc.load(name, **settings).state_dict().items():
        if value.dim() == 4:
            off = 5 / value.numel() ** 0.5
            assert abs(float(value.std()) / spread(value) - 1) < off, key
            assert abs(float(value.mean()) / spread(value)) < off, key


def test_new_weights_of_fractalnet() -> None:
    """Xavier's: uniform in an interval that the sum of both fans gives."""
    for key, value in archc.load("fractalnet10_narrow").state_dict().items():
        if value.dim() > 1:
            fans = (value.shape[0] + value.shape[1]) * value[0, 0].numel()
            bound = math.sqrt(6 / fans)
            assert 0.9 * bound < float(value.abs().max()) <= bound, key
            assert abs(float(value.std()) / (bound / math.sqrt(3)) - 1) < 0.2, key
