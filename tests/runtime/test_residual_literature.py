"""Networks of the residual literature against classes written from their papers' equations.

torchvision and timm have few of them. So each paper's unit stands here once more in plain
PyTorch, as its equations and figures have it, in a network that shares no code with archc.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from holding import hold, hold_keys
from sweeps import sweep
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, pad, relu

import archc
from archc.runtime.torchvision import import_torchvision


def conv(cin: int, cout: int, kernel: int, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2, bias=bias)


def option_a(x: Tensor, channels: int, stride: int) -> Tensor:
    """Every stride-th value, and zeros for the channels that x has not."""
    x = x[:, :, ::stride, ::stride]
    return torch.cat([x, x.new_zeros(len(x), channels - x.shape[1], *x.shape[2:])], 1)


class CifarNet(nn.Module):
    """A convolution, three stages of n units, pooling and a linear layer.

    A unit is made of its channels before and after, its stride, and its number from 1 on.
    """

    def __init__(self, unit: Callable[..., nn.Module], n: int, expansion: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, 16, 3), nn.BatchNorm2d(16)
        channels = 16
        for k in range(3):
            units = []
            for i in range(n):
                stride = 2 if k > 0 and i == 0 else 1
                units.append(unit(channels, 16 * 2**k, stride, k * n + i + 1))
                channels = expansion * 16 * 2**k
            setattr(self, f"layer{k + 1}", nn.Sequential(*units))
        self.fc = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.finish(x).mean((2, 3)))

    def finish(self, x: Tensor) -> Tensor:
        return x


# Identity Mappings, Table 1


class Table1(nn.Module):
    """Eq. 1 with f = ReLU, and what Table 1 has on the shortcut and on F."""

    def __init__(self, case: str, lam: float, cin: int, width: int, stride: int) -> None:
        super().__init__()
        self.case, self.lam, self.stride, self.width = case, lam, stride, width
        self.f = nn.Sequential(
            conv(cin, width, 3, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            conv(width, width, 3),
            nn.BatchNorm2d(width),
        )
        if "gating" in case:
            self.g = nn.ModuleDict({"conv": conv(cin, width, 1, stride, bias=True)})
        if case == "conv":
            self.shortcut = nn.Sequential(conv(cin, width, 1, stride), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        f = self.f(x)
        if self.case == "conv":
            return relu(f + self.shortcut(x))
        g = torch.sigmoid(self.g["conv"](x)) if "gating" in self.case else None
        h = option_a(x, self.width, self.stride)
        if self.case == "scaling":
            return relu(f + self.lam * h)
        if self.case == "half of both":
            return relu(self.lam * f + self.lam * h)
        if self.case == "exclusive gating":
            return relu(g * f + (1 - g) * h)
        if self.case == "shortcut-only gating":
            return relu(f + (1 - g) * h)
        return relu(f + nn.functional.dropout(h, 0.5, self.training))


TABLE1 = {
    "scaling_0_1": ("scaling", 0.0),
    "scaling_half_1": ("scaling", 0.5),
    "scaling_half_half": ("half of both", 0.5),
    "exclusive_gating_0": ("exclusive gating", 0),
    "exclusive_gating_minus6": ("exclusive gating", -6),
    "exclusive_gating_minus7": ("exclusive gating", -7),
    "shortcut_only_gating_0": ("shortcut-only gating", 0),
    "shortcut_only_gating_minus6": ("shortcut-only gating", -6),
    "conv_shortcut": ("conv", 0),
    "dropout_shortcut": ("dropout", 0),
}


def table1(name: str, n: int) -> nn.Module:
    case, number = TABLE1[name]
    return CifarNet(lambda cin, width, stride, _: Table1(case, number, cin, width, stride), n)


@pytest.mark.parametrize("name", TABLE1)
def test_shortcuts(name: str) -> None:
    hold(archc.load(f"resnet110_{name}", n=2), table1(name, 2))
    hold_keys(f"resnet110_{name}", lambda: table1(name, 18))


@pytest.mark.parametrize("name", [name for name in TABLE1 if "gating" in name])
def test_gates_begin_with_their_bias(name: str) -> None:
    """Table 1 names it: at -6 the shortcut begins all but open."""
    state = archc.load(f"resnet110_{name}", n=2).state_dict()
    biases = [value for key, value in state.items() if key.endswith("g.conv.bias")]

    assert len(biases) == 6
    assert {float(number) for bias in biases for number in bias} == {TABLE1[name][1]}


def test_all_are_in_table_1() -> None:
    """Its rows, and no others; the original stands with the placements."""
    names = [name for name in archc.names() if name.startswith("resnet110_")]
    in_table = {
        name for name in names if archc.compile(name).network.document.name == "resnet_shortcuts"
    }

    assert in_table == {f"resnet110_{name}" for name in TABLE1}


# Identity Mappings, Table 2 and Fig. 4


def weighted(bottleneck: bool, cin: int, width: int, stride: int) -> nn.Sequential:
    """Weight layers with BN and ReLU between them, as all placements have them."""
    if not bottleneck:
        return nn.Sequential(
            conv(cin, width, 3, stride), nn.BatchNorm2d(width), nn.ReLU(), conv(width, width, 3)
        )
    return nn.Sequential(
        conv(cin, width, 1, stride), nn.BatchNorm2d(width), nn.ReLU(),
        conv(width, width, 3), nn.BatchNorm2d(width), nn.ReLU(), conv(width, 4 * width, 1),
    )  # fmt: skip


class Placed(nn.Module):
    """A unit of Fig. 4, (a) to (e)."""

    def __init__(
        self, case: str, bottleneck: bool, cin: int, width: int, stride: int, number: int
    ) -> None:
        super().__init__()
        out = 4 * width if bottleneck else width
        self.case, self.stride, self.out = case, stride, out
        self.first, self.begins = number == 1, cin != out
        self.residual = weighted(bottleneck, cin, width, stride)
        if case != "full_preactivation":
            self.bn = nn.BatchNorm2d(out)
        elif not self.first:
            self.bn = nn.BatchNorm2d(cin)
        if bottleneck and self.begins:
            projection = conv(cin, out, 1, stride)
            bare = case in ("bn_after_addition", "full_preactivation")
            self.skip = projection if bare else nn.Sequential(projection, nn.BatchNorm2d(out))

    def shortcut(self, x: Tensor) -> Tensor:
        if not self.begins:
            return x
        return self.skip(x) if hasattr(self, "skip") else option_a(x, self.out, self.stride)

    def forward(self, x: Tensor) -> Tensor:
        if self.case == "original":
            return relu(self.bn(self.residual(x)) + self.shortcut(x))
        if self.case == "bn_after_addition":
            return relu(self.bn(self.residual(x) + self.shortcut(x)))
        if self.case == "relu_before_addition":
            return relu(self.bn(self.residual(x))) + self.shortcut(x)
        if self.case == "relu_preactivation":
            y = x if self.first else relu(x)
            return self.bn(self.residual(y)) + self.shortcut(y if self.begins else x)
        y = x if self.first else relu(self.bn(x))
        return self.residual(y) + self.shortcut(y if self.begins else x)


class PlacedNet(CifarNet):
    """Pre-activation needs a last activation after the last addition."""

    def __init__(self, case: str, n: int, *, bottleneck: bool) -> None:
        expansion = 4 if bottleneck else 1
        super().__init__(lambda *shape: Placed(case, bottleneck, *shape), n, expansion)
        self.case = case
        if case == "full_preactivation":
            self.bn = nn.BatchNorm2d(64 * expansion)

    def finish(self, x: Tensor) -> Tensor:
        if self.case == "full_preactivation":
            return relu(self.bn(x))
        return relu(x) if self.case == "relu_preactivation" else x


PLACED = {
    **{
        f"resnet{depth}_{case}": (case, depth)
        for depth in (110, 164)
        for case in (
            "original",
            "bn_after_addition",
            "relu_before_addition",
            "relu_preactivation",
        )
    },
    "preresnet110": ("full_preactivation", 110),
    "preresnet164": ("full_preactivation", 164),
    "preresnet1001": ("full_preactivation", 1001),
    "resnet1001_original": ("original", 1001),
}


@pytest.mark.parametrize("name", [name for name in PLACED if "1001" not in name])
def test_placements(name: str) -> None:
    case, depth = PLACED[name]

    hold(archc.load(name, n=2), PlacedNet(case, 2, bottleneck=depth != 110))


@pytest.mark.parametrize("name", sweep(PLACED, [n for n in PLACED if "110" in n]))
def test_placements_at_full_depth(name: str) -> None:
    case, depth = PLACED[name]
    bottleneck = depth != 110
    n = (depth - 2) // (9 if bottleneck else 6)

    hold_keys(name, lambda: PlacedNet(case, n, bottleneck=bottleneck))
    assert archc.compile(name).depth == depth


@pytest.mark.parametrize(
    ("name", "settings", "params"),
    [
        ("preresnet110", {"n": 3}, 272_282),
        ("preresnet110", {"n": 9}, 855_578),
        ("preresnet110", {}, 1_730_522),
        ("preresnet110", {"n": 200}, 19_423_834),
        ("resnet110_original", {"n": 3}, 272_474),
        ("resnet110_original", {"n": 9}, 855_770),
        ("resnet110_original", {}, 1_730_714),
        ("resnet110_original", {"n": 200}, 19_424_026),
    ],
)
def test_option_b(name: str, settings: dict[str, Any], params: int) -> None:
    """Counts of osmr/imgclsmob, another implementation, with projections where a stage begins."""
    shortcut = "projection" if "original" in name else "bare_projection"

    assert archc.compile(name, shortcut=shortcut, **settings).params == params


class TimmUnit(nn.Module):
    """A unit that timm made and runs; its parts bear our names."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.run, self.bn = (block,), block.norm1
        parts = {"0": "conv1", "1": "norm2", "3": "conv2", "4": "norm3", "6": "conv3"}
        self.residual = nn.ModuleDict({k: getattr(block, part) for k, part in parts.items()})
        if block.downsample is not None:
            self.skip = block.downsample.conv

    def forward(self, x: Tensor) -> Tensor:
        return self.run[0](x)


def test_preresnet200_has_timm_units() -> None:
    """In stages 2 to 4; timm's stage 1 activates after the pool, fb.resnet.torch's before."""
    import_torchvision()
    layers: Any = pytest.importorskip("timm.layers")
    resnetv2: Any = pytest.importorskip("timm.models.resnetv2")
    net = resnetv2.ResNetV2(
        (1, 2, 1, 2), conv_layer=layers.create_conv2d, norm_layer=layers.BatchNormAct2d
    )
    theirs = [nn.Sequential(*(TimmUnit(b) for b in stage.blocks)) for stage in net.stages[1:]]
    ours: Any = archc.load("preresnet200", depths=[1, 2, 1, 2])

    samples = [(256, 16, 16), (256, 13, 9)]
    hold(nn.Sequential(ours.layer2, ours.layer3, ours.layer4), nn.Sequential(*theirs), samples)


def test_preresnet200_begins_as_fb_resnet_torch() -> None:
    """BN and ReLU stand before the pool, and the first unit has none of its own."""
    ours: Any = archc.load("preresnet200", depths=[1, 1, 1, 1]).eval()
    x = torch.randn(1, 3, 64, 64)
    entered = max_pool2d(relu(ours.bn1(ours.conv1(x))), 3, 2, 1)
    first = ours.layer1[0]
    seen: list[Tensor] = []
    first.register_forward_hook(lambda _, given, gave: seen.extend([*given, gave]))
    ours(x)

    assert torch.equal(seen[0], entered)
    assert torch.equal(seen[1], first.residual(entered) + first.skip(entered))
    assert [key for key in first.state_dict() if key.startswith("bn")] == []


# Stochastic depth


class Stochastic(nn.Module):
    """Eq. 2 while training, Eq. 5 when tested; one draw of b_l for the whole batch."""

    def __init__(
        self, layers: int, survival: float, cin: int, width: int, stride: int, number: int
    ) -> None:
        super().__init__()
        self.p = 1 - number / layers * (1 - survival)  # Eq. 4
        self.width, self.stride = width, stride
        self.conv1, self.bn1 = conv(cin, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        f = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        b = float(torch.empty(()).bernoulli_(self.p)) if self.training else self.p
        h = avg_pool2d(x, self.stride, ceil_mode=True) if self.stride > 1 else x
        return relu(b * f + pad(h, (0, 0, 0, 0, 0, self.width - x.shape[1])))


@pytest.mark.parametrize("survival", [0.5, 0.1])
def test_stochastic_depth(survival: float) -> None:
    """At 0.1 most of the six blocks are dropped, whatever the seed."""
    theirs = CifarNet(lambda *shape: Stochastic(6, survival, *shape), 2)

    hold(archc.load("stochastic_depth110", n=2, survival=survival), theirs)


@pytest.mark.parametrize(
    ("name", "n"), [("110", 18), pytest.param("1202", 200, marks=pytest.mark.heavy)]
)
def test_survival_decays_linearly(name: str, n: int) -> None:
    """From almost 1 to p_L = 0.5, over all blocks of the network."""
    ours, theirs = hold_keys(
        f"stochastic_depth{name}",
        lambda: CifarNet(lambda *shape: Stochastic(3 * n, 0.5, *shape), n),
    )
    dropped = [m.p for m in ours.modules() if type(m).__name__ == "StochasticDepth"]
    expected = [1 - m.p for m in theirs.modules() if isinstance(m, Stochastic)]

    assert dropped == pytest.approx(expected, abs=1e-12)
    assert (len(dropped), dropped[-1]) == (3 * n, 0.5)


# Wide residual networks


class Wide(nn.Module):
    """B(M), the kernels M: BN-ReLU before each convolution, dropout before all but the first."""

    def __init__(self, kernels: list[int], rate: float, cin: int, width: int, stride: int) -> None:
        super().__init__()
        self.kernels, self.rate = kernels, rate
        for j, kernel in enumerate(kernels, 1):
            setattr(self, f"bn{j}", nn.BatchNorm2d(cin if j == 1 else width))
            first = j == 1
            made = conv(cin if first else width, width, kernel, stride if first else 1)
            setattr(self, f"conv{j}", made)
        if cin != width:
            self.shortcut = conv(cin, width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = entered = relu(self.bn1(x))
        for j in range(1, len(self.kernels) + 1):
            if j > 1:
                y = relu(getattr(self, f"bn{j}")(y))
                y = nn.functional.dropout(y, self.rate, self.training)
            y = getattr(self, f"conv{j}")(y)
        return y + (self.shortcut(entered) if hasattr(self, "shortcut") else x)


class WideNet(nn.Module):
    """Table 1."""

    def __init__(self, n: int, k: int, kernels: list[int], rate: float) -> None:
        super().__init__()
        self.conv1, channels = conv(3, 16, 3), 16
        for group, width in enumerate((16 * k, 32 * k, 64 * k), 1):
            blocks = []
            for i in range(n):
                stride = 2 if group > 1 and i == 0 else 1
                blocks.append(Wide(kernels, rate, channels, width, stride))
                channels = width
            setattr(self, f"group{group}", nn.Sequential(*blocks))
        self.bn, self.fc = nn.BatchNorm2d(channels), nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.group3(self.group2(self.group1(self.conv1(x))))
        return self.fc(relu(self.bn(x)).mean((2, 3)))


WIDE: dict[str, tuple[int, int, list[int], float]] = {
    **{
        f"wrn{d}_{k}": ((d - 4) // 6, k, [3, 3], 0.0)
        for d, k in [
            *((40, k) for k in (1, 2, 4, 8)), (28, 10), (28, 12), (22, 8), (22, 10), (16, 8), (16, 10),
        ]
    },
    "wrn16_4_dropout": (2, 4, [3, 3], 0.3),
    "wrn16_8_dropout": (2, 8, [3, 3], 0.3),
    "wrn28_10_dropout": (4, 10, [3, 3], 0.3),
    "wrn40_2_b131": (6, 2, [1, 3, 1], 0.0),
    "wrn40_2_b31": (6, 2, [3, 1], 0.0),
    "wrn40_2_b13": (6, 2, [1, 3], 0.0),
    "wrn40_2_b311": (6, 2, [3, 1, 1], 0.0),
    "wrn28_2_b33": (4, 2, [3, 3], 0.0),
    "wrn22_2_b313": (3, 2, [3, 1, 3], 0.0),
    "wrn40_2_l1": (12, 2, [3], 0.0),
    "wrn40_2_l2": (6, 2, [3, 3], 0.0),
    "wrn40_2_l3": (4, 2, [3, 3, 3], 0.0),
    "wrn40_2_l4": (3, 2, [3, 3, 3, 3], 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", WIDE)
def test_wide_keys(name: str) -> None:
    hold_keys(name, lambda: WideNet(*WIDE[name]))


@pytest.mark.parametrize("name", [n for n in WIDE if "_b" in n or "_l" in n or "dropout" in n])
def test_wide(name: str) -> None:
    """Every type of block, two of them in a group, no wider than needed."""
    _, _, kernels, rate = WIDE[name]

    hold(archc.load(name, n=2, k=2), WideNet(2, 2, kernels, rate))


def test_not_wide() -> None:
    """With k = 1 the first group has no shortcut with weights."""
    hold(archc.load("wrn40_1", n=2), WideNet(2, 1, [3, 3], 0.0))


def test_deepening_factor() -> None:
    """Table 3 compares networks of as many parameters."""
    assert len({archc.compile(f"wrn40_2_l{k}").params for k in (1, 2, 3, 4)}) == 1


# Highway networks


class HighwayUnit(nn.Module):
    """Eq. 3 of "Highway Networks": y = H(x) T(x) + x (1 - T(x))."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.h, self.t = (conv(channels, channels, kernel, bias=True) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        h, t = relu(self.h(x)), torch.sigmoid(self.t(x))
        return h * t + x * (1 - t)


class HighwayNet(nn.Module):
    """The authors' networks for CIFAR-10, and, where `mnist` holds, for MNIST."""

    def __init__(self, widths: list[int], kernels: list[list[int]], *, mnist: bool = False) -> None:
        super().__init__()
        self.mnist = mnist
        self.rates = (0.3, 0.4, 0.5) if mnist else (0.2, 0.2, 0.2)
        self.conv1 = nn.Conv2d(1 if mnist else 3, widths[0], *((5,) if mnist else (3, 1, 1)))
        for k, width in enumerate(widths):
            units = (HighwayUnit(width, kernel) for kernel in kernels[k])
            setattr(self, f"layer{k + 1}", nn.Sequential(*units))
        if not mnist:
            self.widen2 = nn.ModuleList([conv(*widths[:2], 3, bias=True)])
            self.widen3 = nn.ModuleList([conv(*widths[1:], 3, bias=True)])
            self.pool3 = nn.ModuleList([nn.Conv2d(widths[2], 100, 1)])
        self.fc = nn.Linear(9 * widths[2] if mnist else 100, 10)

    def forward(self, x: Tensor) -> Tensor:
        drop = nn.functional.dropout
        x = relu(self.conv1(drop(x, 0.2, self.training)))
        for k in range(3):
            if k > 0 and not self.mnist:
                x = relu((self.widen2, self.widen3)[k - 1][0](x))
            x = getattr(self, f"layer{k + 1}")(x)
            if self.mnist:
                x = max_pool2d(x, 3 if k < 2 else 2, 2, ceil_mode=True)
            elif k < 2:
                x = max_pool2d(x, 2)
            else:
                x = relu(self.pool3[0](x)).mean((2, 3), keepdim=True)
            x = drop(x, self.rates[k], self.training)
        return self.fc(x.flatten(1))


def test_highway() -> None:
    """Also with kernels of 3 and 1 in turn."""
    cifar = [32, 80, 128]
    hold_keys("highway19", lambda: HighwayNet(cifar, [[3] * 4, [3] * 5, [3] * 5]))
    hold(archc.load("highway19", depths=[1, 2, 1]), HighwayNet(cifar, [[3], [3, 3], [3]]))
    turns = [[3, 1, 3], [3], [3, 1]]
    hold(archc.load("highway32", depths=[3, 1, 2]), HighwayNet(cifar, turns))


@pytest.mark.parametrize("width", [16, 32])
def test_highway_of_mnist(width: int) -> None:
    theirs = HighwayNet([width] * 3, [[3] * 2, [3] * 3, [3] * 3], mnist=True)

    hold(archc.load(f"highway10_{width}"), theirs, [(1, 28, 28), (1, 27, 27)])


# FitNets, the students that highway networks are held against


class FitNet(nn.Module):
    """Maxout (arXiv:1302.4389) in every layer: 17 convolutions of two pieces, a layer of five."""

    WIDTHS = (3, 2, 6, 6)

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        for k, (depth, width) in enumerate(zip(self.WIDTHS, (32, 48, 80, 128), strict=True), 1):
            units = nn.ModuleList()
            for _ in range(depth):
                units.append(nn.ModuleDict({"conv": conv(channels, 2 * width, 3, bias=True)}))
                channels = width
            setattr(self, f"layer{k}", units)
        self.fc1, self.fc2 = nn.Linear(128, 2500), nn.Linear(500, 10)

    def forward(self, x: Tensor) -> Tensor:
        for k in (1, 2, 3, 4):
            for unit in getattr(self, f"layer{k}"):
                z = unit["conv"](x)
                x = torch.maximum(z[:, 0::2], z[:, 1::2])
            x = max_pool2d(x, 2) if k in (2, 3) else x
        z = self.fc1(x.amax((2, 3)))
        return self.fc2(torch.stack([z[:, k::5] for k in range(5)]).amax(0))


def test_fitnet() -> None:
    hold(archc.load("fitnet19"), FitNet(), [(3, 32, 32), (3, 21, 27)])


# New weights


def spreads(model: nn.Module, expected: Callable[[nn.Conv2d], float]) -> list[float]:
    """Return how the weights of large convolutions vary, against what they should."""
    large = (m for m in model.modules() if isinstance(m, nn.Conv2d) and m.weight.numel() > 4000)
    return [float(m.weight.detach().std()) / expected(m) for m in large]


def fan_out(m: nn.Conv2d) -> float:
    return math.sqrt(2 / (m.out_channels * m.kernel_size[0] ** 2))


def fan_in(m: nn.Conv2d) -> float:
    return math.sqrt(2 / (m.in_channels * m.kernel_size[0] ** 2))


def caffe_xavier(m: nn.Conv2d) -> float:
    return math.sqrt(1 / (m.in_channels * m.kernel_size[0] ** 2))


@pytest.mark.parametrize(
    ("name", "expected", "settings"),
    [
        ("preresnet164", fan_out, {"n": 2}),
        ("resnet110_exclusive_gating_minus6", fan_out, {"n": 2}),
        ("stochastic_depth110", fan_in, {"n": 2}),
        ("wrn28_10", fan_in, {"n": 1, "k": 4}),
        ("highway19", caffe_xavier, {}),
    ],
)
def test_new_weights(
    name: str, expected: Callable[[nn.Conv2d], float], settings: dict[str, Any]
) -> None:
    """As the authors' code draws them: norms with 1 and 0, and a last bias of 0 but for one."""
    model: Any = archc.load(name, **settings)
    found = spreads(model, expected)

    assert found
    assert all(abs(spread - 1) < 0.06 for spread in found), found
    assert bool(model.fc.bias.any()) == (name == "stochastic_depth110")  # Torch's own
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            assert bool((m.weight == 1).all())
            assert not bool(m.bias.any())


def test_highway_layers_carry_at_first() -> None:
    """The gates' biases are negative, -2 for CIFAR-10 and -1 for MNIST; weights are uniform."""
    for name, bias in (("highway19", -2), ("highway10_16", -1)):
        model = archc.load(name)
        units = [m for m in model.modules() if type(m).__name__ == "Highway"]
        assert units
        assert all(bool((u.t.bias == bias).all()) for u in units)
        assert not any(bool(u.h.bias.any()) for u in units)
        largest = [
            float(m.weight.detach().abs().max()) / math.sqrt(3) / caffe_xavier(m)
            for u in units
            for m in (u.h, u.t)
        ]
        assert all(0.95 < x <= 1 + 1e-6 for x in largest)
