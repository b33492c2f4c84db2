"""Networks of attention: equal to torchvision's, and good for all that modules are good for."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from sweeps import sweep
from torch import nn

import archc
from archc.diagnostics import Source
from archc.runtime.torchvision import import_torchvision
from archc.runtime.verify import verify

SPECS = Path(__file__).resolve().parents[2] / "specs"

# Few blocks of each kind, on small images: what compiling costs grows with their number.
NETS: dict[str, dict[str, Any]] = {
    "vit_b_16": {"depth": 2, "hidden": 48, "heads": 3, "image_size": 64},
    "swin_t": {
        "depths": [2, 1, 2, 1], "heads": [1, 2, 4, 8], "dim": 16, "window": 3, "image_size": 64,
    },
    "swin_v2_t": {
        "depths": [1, 2, 1, 2], "heads": [2, 2, 2, 2], "dim": 16, "window": 4, "image_size": 64,
    },
    "maxvit_t": {
        "stem_width": 16, "dims": [32, 64], "depths": [1, 2], "size": 2, "image_size": 64,
    },
}  # fmt: skip


def small(name: str) -> nn.Module:
    return archc.load(name, **NETS[name])


@pytest.fixture(params=sweep(NETS, ["vit_b_16"]))
def model(request: pytest.FixtureRequest) -> nn.Module:
    return small(request.param).eval()


X = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_compile(model: nn.Module) -> None:
    """One graph without a break."""
    compiled = torch.compile(model, fullgraph=True, backend="eager")

    torch.testing.assert_close(compiled(X), model(X))


def test_compile_gradients(model: nn.Module) -> None:
    model.eval()  # dropping paths draws
    gradients = []
    for run in (model, torch.compile(model, fullgraph=True, backend="aot_eager")):
        model.zero_grad()
        run(X).square().sum().backward()
        gradients.append([p.grad for p in model.parameters()])

    torch.testing.assert_close(*gradients)


@torch.no_grad()
def test_export(model: nn.Module) -> None:
    """The batch stays free."""
    batch = torch.export.Dim("n", min=2)
    program = torch.export.export(model, (X,), dynamic_shapes=({0: batch},))
    other = torch.randn(3, 3, 64, 64)

    torch.testing.assert_close(program.module()(other), model(other))


@torch.no_grad()
def test_symbolic_trace(model: nn.Module) -> None:
    torch.testing.assert_close(torch.fx.symbolic_trace(model)(X), model(X))


@torch.no_grad()
def test_copies(model: nn.Module) -> None:
    assert torch.equal(copy.deepcopy(model)(X), model(X))


def test_autocast(model: nn.Module) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = model.train()(X)
    y.float().sum().backward()

    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_every_parameter_learns(model: nn.Module) -> None:
    (model.train()(X) * torch.arange(1000)).sum().backward()

    assert [name for name, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_meta(name: str) -> None:
    """Built on the meta device, filled from a state_dict: buffers come with it."""
    model = small(name).eval()
    with torch.device("meta"):
        hollow = small(name).eval()
    hollow.to_empty(device="cpu").load_state_dict(model.state_dict())

    assert torch.equal(hollow(X), model(X))


@pytest.mark.parametrize("size", [(32, 96), (41, 64)])
@pytest.mark.parametrize("version", [1, 2])
def test_windows_fit_every_map(version: int, size: tuple[int, int]) -> None:
    """Maps smaller than a window, of one window in a direction, and of odd sizes."""
    models = import_torchvision().models.swin_transformer
    name = "swin_t" if version == 1 else "swin_v2_t"
    ours, given = small(name), NETS[name]
    kinds = {} if version == 1 else {
        "block": models.SwinTransformerBlockV2, "downsample_layer": models.PatchMergingV2,
    }  # fmt: skip
    theirs = models.SwinTransformer(
        [4, 4], 16, given["depths"], given["heads"], [given["window"]] * 2,
        stochastic_depth_prob=0.2, **kinds,
    )  # fmt: skip

    assert [r for r in verify(ours, theirs, [(3, *size)]).rows if r.error or r.refused] == []


def test_axes() -> None:
    """MaxViT with windows and grids of 2, which torchvision's builder does not let one have.

    Gradients are equal but for rounding: sums of some biases go through memory in another order.
    """
    theirs = import_torchvision().models.maxvit.MaxVit(
        (64, 64), stem_channels=16, partition_size=2, block_channels=[32, 64],
        block_layers=[1, 2], head_dim=32, stochastic_depth_prob=0.2,
    )  # fmt: skip
    rows = verify(small("maxvit_t"), theirs, [(3, 64, 64)]).rows

    assert [r for r in rows if r.error > 1e-6 * (r.what == "gradients") or r.refused] == []


def test_fused_attention_is_close() -> None:
    """PyTorch's kernel and the steps differ in rounding only."""
    text = (SPECS / "swin.yaml").read_text(encoding="utf-8")
    assert "fused: false" in text
    by_kernel = Source("swin.yaml", text.replace("fused: false", "fused: true"))
    by_steps = small("swin_t").eval()
    fused = archc.load(by_kernel, "swin_t", **NETS["swin_t"]).eval()
    fused.load_state_dict(by_steps.state_dict())

    torch.testing.assert_close(fused(X), by_steps(X), rtol=1e-5, atol=1e-5)
