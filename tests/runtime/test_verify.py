"""`verify` finds what differs between two networks: each test mutates a small one."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.functional import pad, relu

from archc.runtime.perturb import perturb
from archc.runtime.report import Report, Row, difference
from archc.runtime.verify import verify

SAMPLES = [(3, 16, 16), (3, 13, 13)]


class Net(nn.Module):
    """A block of two convolutions, its shortcut, dropout, and a head that starts as zeros."""

    def __init__(
        self, strides: tuple[int, int] = (2, 1), drop: float = 0.5, scale: float = 1e-6
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=strides[0], padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, stride=strides[1], padding=1)
        self.bn2 = nn.BatchNorm2d(8)
        self.shortcut = nn.Conv2d(3, 8, 1, stride=2)
        self.scale = nn.Parameter(torch.full((8, 1, 1), scale))
        self.register_buffer("mask", torch.ones(8, dtype=torch.long))
        self.drop = nn.Dropout(drop)
        self.fc = nn.Linear(8, 5)
        nn.init.zeros_(self.fc.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y)) * self.scale * self.mask[:, None, None]
        y = relu(y + self.shortcut(x)).mean((2, 3))
        return self.fc(self.drop(y))


def mutate(change: Callable[[Net], object]) -> Net:
    net = Net()
    change(net)
    return net


def rows(other: nn.Module, **options: float) -> dict[str, Row]:
    """Return the rows that differ, by what they compare."""
    report = verify(Net(), other, SAMPLES, **options)
    return {row.what: row for row in report.wrong}


RUN = {"eval output", "train output", "running statistics", "gradients"}


def test_equal() -> None:
    report = verify(Net(), Net(), SAMPLES)

    assert report.ok
    assert [(row.what, row.at, row.count, row.result) for row in report.rows] == [
        ("keys", "", 19, "equal"),
        ("shapes", "", 19, "equal"),
        ("buffers", "", 1, "equal"),
        *[
            row
            for at in ("2×3×16×16", "2×3×13×13")
            for row in (
                ("eval output", at, 1, "equal"),
                ("train output", at, 1, "equal"),
                ("running statistics", at, 6, "equal"),
                ("gradients", at, 13, "equal"),
            )
        ],
    ]


@pytest.mark.parametrize("norm", ["bn1", "bn2"])
def test_eps(norm: str) -> None:
    """Also that of a norm whose branch is scaled by 1e-6 in a new network."""
    found = rows(mutate(lambda net: setattr(getattr(net, norm), "eps", 2e-5)))

    assert {"eval output", "train output", "gradients"} <= set(found)


def test_stride_placement() -> None:
    """Equal keys and shapes, another network: what ResNet "v1.5" is to the paper's."""
    assert set(rows(Net(strides=(1, 2)))) == RUN


def test_momentum() -> None:
    """What training leaves behind differs, nothing else."""
    assert set(rows(mutate(lambda net: setattr(net.bn2, "momentum", 0.2)))) == {
        "running statistics"
    }


def test_momentum_of_a_cumulative_average() -> None:
    """A momentum of None and of 1 agree on a first batch, but not on a later one."""
    first, second = (mutate(lambda net: setattr(net.bn1, "momentum", None)) for _ in "ab")
    second.bn1.momentum = 0.5
    report = verify(first, second, SAMPLES)

    assert {(row.what, row.at) for row in report.wrong} == {("running statistics", "2×3×13×13")}


def test_missing_key() -> None:
    found = rows(mutate(lambda net: net.shortcut.register_parameter("bias", None)))

    assert set(found) == {"keys"}
    assert found["keys"].result == "differs: only ours has shortcut.bias"


def test_order_is_told_and_no_difference() -> None:
    other = Net()
    other.conv1 = other._modules.pop("conv1")
    report = verify(Net(), other, SAMPLES[:1])

    assert report.ok
    assert report.rows[0].result == "equal: in another order"


def test_shape() -> None:
    found = rows(mutate(lambda net: setattr(net, "fc", nn.Linear(8, 6))))

    assert found["shapes"].result == (
        "differs: fc.weight is 5×8 float32 and 6×8 float32, fc.bias is 5 float32 and 6 float32"
    )


def test_parameter_that_is_a_buffer() -> None:
    def freeze(net: Net) -> None:
        del net.scale
        net.register_buffer("scale", torch.ones(8, 1, 1))

    assert rows(mutate(freeze))["shapes"].note == "scale is 8×1×1 float32 and 8×1×1 float32 buffer"


def test_constant_buffer() -> None:
    """It is not copied over before it is compared."""
    found = rows(mutate(lambda net: net.mask.mul_(2)))

    assert found["buffers"].where == "mask"


def test_dropout() -> None:
    """Both draw from one seed; another rate shows in train mode only."""
    assert set(rows(Net(drop=0.25))) == {"train output", "gradients"}


def test_gradient_alone() -> None:
    class Stopped(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.detach())

    found = rows(Stopped())

    assert set(found) == {"gradients"}
    assert found["gradients"].result == "differs in the input: only one of the two has it"


def test_odd_size_alone() -> None:
    """A padding that a size of even numbers never needs."""

    class Ceiled(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2)))

    report = verify(Net(), Ceiled(), SAMPLES)

    assert {row.at for row in report.wrong} == {"2×3×13×13"}


def test_one_refuses() -> None:
    class Strict(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch._assert(x.shape[-1] == 16, "16 it must be")
            return super().forward(x)

    report = verify(Net(), Strict(), SAMPLES)

    assert {row.result for row in report.wrong} == {"differs: only theirs refuses: 16 it must be"}
    both = verify(Strict(), Strict(), SAMPLES)
    assert both.ok
    assert both.rows[-1].result == "both refuse: 16 it must be"
    nothing = verify(Strict(), Strict(), SAMPLES[1:])
    assert (nothing.wrong, nothing.refused, nothing.ok) == ((), True, False)


def test_outputs_by_position() -> None:
    """One network gives a tuple, the other names what it gives; one gives less."""

    class Tuple(Net):
        def forward(self, x: torch.Tensor) -> object:
            y = super().forward(x)
            return y, [y * 2, None]

    class Named(Net):
        def forward(self, x: torch.Tensor) -> object:
            y = super().forward(x)
            return {"logits": y, "more": (y * 2,)}

    class Less(Net):
        def forward(self, x: torch.Tensor) -> object:
            return {"logits": super().forward(x)}

    assert verify(Tuple(), Named(), SAMPLES).ok
    assert verify(Net(), Less(), SAMPLES[:1]).ok  # one output, in a dictionary or by itself
    less = verify(Tuple(), Less(), SAMPLES[:1]).wrong
    assert less[0].result.startswith("differs in output")
    assert "only one of the two has it" in less[0].result


def test_infinite_proves_nothing() -> None:
    class Broken(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) / 0

    wrong = verify(Broken(), Broken(), SAMPLES[:1]).wrong

    assert wrong[0].result == "differs in output: not finite, which proves nothing"


def test_tolerance() -> None:
    """A rounding more or less is told in numbers, and can be allowed."""

    class Rounded(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * (1 + 2**-20)

    errors = [row.error for row in verify(Net(), Rounded(), SAMPLES).rows]

    assert 1e-7 < max(errors) < 1e-4
    assert not rows(Rounded(), tolerance=1e-4)


def test_generator_is_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    nets = Net(), Net()
    torch.manual_seed(3)
    verify(*nets, SAMPLES)

    assert torch.equal(torch.rand(1), expected)


def test_perturbed_numbers() -> None:
    """No tensor stays constant, tiny scales become large, momenta are put back."""
    net = Net()
    perturb(net, torch.randn(2, 3, 16, 16), seed=0)

    assert all(t.unique().numel() > 1 for t in net.parameters())
    assert float(net.scale.detach().abs().min()) > 0.1
    assert net.bn1.momentum == 0.1
    assert not torch.equal(net.bn1.running_var, torch.ones(8))


def test_deep_networks_stay_finite() -> None:
    """In eval mode too, where plain statistics let hundreds of blocks overflow."""

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.bn = nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return relu(x + self.bn(self.conv(x)))

    first, second = (nn.Sequential(*(Residual() for _ in range(400))) for _ in "ab")

    assert verify(first, second, [(3, 8, 8)]).ok


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (torch.ones(2), torch.ones(2), 0.0),
        (torch.tensor([1.0, 2.5]), torch.tensor([1.0, 2.0]), 0.25),
        (torch.tensor([1, 3]), torch.tensor([1, 2]), 0.5),
        (torch.tensor([True, True]), torch.tensor([True, False]), 1.0),
        (torch.ones(2), torch.ones(1), math.inf),
        (torch.ones(2), torch.ones(2, dtype=torch.double), math.inf),
        (torch.ones(2), torch.zeros(2), math.inf),
        (torch.ones(0), torch.ones(0), 0.0),
        (torch.full((1,), torch.nan), torch.full((1,), torch.nan), math.inf),
        (None, torch.zeros(1), math.inf),
        (None, None, 0.0),
    ],
)
def test_difference(a: torch.Tensor | None, b: torch.Tensor | None, expected: float) -> None:
    assert difference(a, b) == expected


def test_verdict_needs_a_run() -> None:
    assert Report((Row("keys", "", 1),)).ok
    assert not Report((Row("keys", "", 1), Row("output", "1×1", 0, refused=True))).ok
