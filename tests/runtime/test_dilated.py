"""`output_stride` makes no other network: what dilates computes what strides, at more places."""

from __future__ import annotations

import pytest
import torch
from holding import hold
from sweeps import sweep

import archc
from archc.api import open_spec
from archc.runtime.peers import parse, peer
from archc.runtime.perturb import perturb

VARIANTS = [str(name) for name in open_spec("resnet", None)[0].variants]
QUICK = ["resnet18", "resnet18_a", "plain18", "resnet50_paper", "resnet50_d"]
NEAR = 1e-5
"""How far rounding may take the two apart, relative to the largest number."""


@torch.no_grad()
def hold_dilated(name: str, stride: int, x: torch.Tensor) -> None:
    """Hold a network to itself with another stride, its weights moved: new norms may hide all."""
    strided = archc.load(name, outputs=["layer4"])
    perturb(strided, x, seed=1)
    dilated = archc.load(name, outputs=["layer4"], output_stride=stride)
    dilated.load_state_dict(strided.state_dict())
    expected, y = strided.eval()(x), dilated.eval()(x)
    step = 32 // stride

    assert y.shape[2] > expected.shape[2]
    assert y[..., ::step, ::step].shape == expected.shape
    assert float((y[..., ::step, ::step] - expected).abs().max() / expected.abs().max()) <= NEAR


@pytest.mark.parametrize("name", sweep(VARIANTS, QUICK))
def test_every_second_place(name: str) -> None:
    """With the same weights, the map at every 2nd or 4th place is that of the network that strides."""
    for stride in (16, 8):
        hold_dilated(name, stride, torch.randn(2, 3, 64, 96))


def test_odd_sizes() -> None:
    """Zeros stand outside of both maps, so sizes that don't halve make no difference."""
    hold_dilated("resnet18", 8, torch.randn(1, 3, 75, 49))


TIMM = [
    "resnet18(output_stride=8)",
    "resnet18(output_stride=16)",
    "resnet34(output_stride=8)",
    "resnet50(output_stride=8)",
    "resnet50(output_stride=16)",
    "resnet50d(output_stride=16)",
    "resnext50_32x4d(output_stride=8)",
    "wide_resnet50_2(output_stride=8)",
]


@pytest.mark.parametrize("text", sweep(TIMM, [TIMM[0], TIMM[5]]))
def test_timm(text: str) -> None:
    """As timm dilates, but for the pool of a shortcut where values stand two apart.

    There, in resnet50d at 8, timm pools neighbours, which are none of the network that strides.
    """
    theirs, name, settings = parse(f"timm:{text}")
    ours = archc.load({"resnet50d": "resnet50_d"}.get(name, name), **settings)
    hold(ours, peer(f"{theirs}:{text}"), [(3, 64, 64), (3, 75, 49)])
