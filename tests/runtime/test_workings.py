"""What people do with a module works on the emitted ones: compile, export, trace, cast."""

from __future__ import annotations

import pytest
import torch
from sweeps import sweep
from torch import nn
from torch.utils.checkpoint import checkpoint_sequential

import archc

# Every kind of block, few of each: what compiling costs grows with their number.
NETS = {
    "resnet18": {"depths": [2, 1, 1, 1]},
    "resnet50": {"depths": [2, 1, 1, 1]},
    "resnet50_d": {"depths": [1, 1, 1, 1]},
    "resnet20": {"n": 1},
    "resnet18_d2l": {"arch": [[2, 64], [1, 128]]},
    "shortcut_half": {"n": 1},
}


@pytest.fixture(params=sweep(NETS, ["resnet50", "shortcut_half"]))
def model(request: pytest.FixtureRequest) -> nn.Module:
    return archc.load(request.param, **NETS[request.param]).eval()


@pytest.fixture
def x(model: nn.Module) -> torch.Tensor:
    """Return a small batch for the model."""
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    return torch.randn(2, first.in_channels, 64, 64)


@torch.no_grad()
def test_compile(model: nn.Module, x: torch.Tensor) -> None:
    """One graph without a break."""
    compiled = torch.compile(model, fullgraph=True, backend="eager")

    assert torch.equal(compiled(x), model(x))


def test_compile_gradients(model: nn.Module, x: torch.Tensor) -> None:
    """Training compiles too; activations in place overwrite nothing that a gradient needs."""
    model.train()
    gradients = []
    for run in (model, torch.compile(model, fullgraph=True, backend="aot_eager")):
        model.zero_grad()
        run(x).square().sum().backward()
        gradients.append([p.grad for p in model.parameters()])

    torch.testing.assert_close(*gradients)


# Halved by a pool with `ceil_mode` beside a convolution, which agree at every size; torch.export
# proves it for even ones only.
EVEN = {"resnet50_d"}


@torch.no_grad()
def test_export(model: nn.Module, x: torch.Tensor, request: pytest.FixtureRequest) -> None:
    """Batch, height and width stay free, while the last map is more than one number."""
    name = request.node.callspec.params["model"]
    n, h, w = torch.export.Dim("n", min=2), *(torch.export.Dim(d, min=33) for d in "hw")
    size = (75, 49)
    if name in EVEN:
        h, w = (32 * torch.export.Dim(f"{d}_last", min=2) for d in "hw")
        size = (96, 128)
    program = torch.export.export(model, (x,), dynamic_shapes=({0: n, 2: h, 3: w},))
    other = torch.randn(3, x.shape[1], *size)

    torch.testing.assert_close(program.module()(other), model(other))


@torch.no_grad()
def test_symbolic_trace(model: nn.Module, x: torch.Tensor) -> None:
    traced = torch.fx.symbolic_trace(model)

    assert torch.equal(traced(x), model(x))


@torch.no_grad()
def test_channels_last(model: nn.Module, x: torch.Tensor) -> None:
    expected = model(x)
    model.to(memory_format=torch.channels_last)
    actual = model(x.to(memory_format=torch.channels_last))

    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-3)


def test_autocast(model: nn.Module, x: torch.Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = model.train()(x)
    y.float().sum().backward()

    assert y.dtype == torch.bfloat16
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_every_parameter_learns(model: nn.Module, x: torch.Tensor) -> None:
    """None is left without a gradient, which would stop distributed training."""
    model.train()(x).sum().backward()

    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_checkpointing() -> None:
    """A stage is a Sequential, whose activations can be computed again instead of kept."""
    model = archc.load("resnet18")
    x = torch.randn(2, 64, 16, 16, requires_grad=True)
    stages = nn.Sequential(*model.layer1, *model.layer2).eval()
    expected = stages(x)

    assert torch.equal(checkpoint_sequential(stages, 2, x, use_reentrant=False), expected)


def test_forward_hooks() -> None:
    """A stage can be looked at by its name in the spec."""
    seen = {}
    model = archc.load("resnet50")
    for name in ("layer1", "layer4"):
        hook = lambda _, __, y, name=name: seen.update({name: tuple(y.shape)})  # noqa: E731
        getattr(model, name).register_forward_hook(hook)
    model(torch.randn(2, 3, 64, 64))

    assert seen == {"layer1": (2, 256, 16, 16), "layer4": (2, 2048, 2, 2)}
