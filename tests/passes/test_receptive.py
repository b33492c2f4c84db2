"""Receptive fields and strides: published ones, and what gradients reach."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import archc
from archc.diagnostics import Source
from archc.passes.receptive import ReceptiveFields

# Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks, Distill 2019
PUBLISHED = {
    ("alexnet", "features.12"): (195, 32),
    ("vgg16", "features.30"): (212, 32),
    ("resnet50_paper", "layer4.2"): (483, 32),
    ("resnet101_paper", "layer4.2"): (1027, 32),
    ("resnet152_paper", "layer4.2"): (1507, 32),
    ("inception_v3", "Mixed_7c"): (1311, 32),
    ("mobilenet_v2", "features.18"): (491, 32),
}


@pytest.mark.parametrize(("network", "path"), PUBLISHED)
def test_published(network: str, path: str) -> None:
    table = archc.compile(network).table("json", "block", ["name", "receptive_field", "stride"])
    rows = {row["name"]: row for row in json.loads(table)["rows"]}

    found = (rows[path]["receptive_field"], rows[path]["stride"])
    assert found == PUBLISHED[network, path]


BRANCHES = """\
archc: 1
name: branches
input: [1, 64, 80]
blocks:
  atrous(rate):
    conv: conv(2, 3, dilation=rate)
    bn: bn
    relu: relu
  pyramid:
    a: conv(2, 1)(x)
    b: atrous(3)(x)
    c: atrous(2)(x)
    d: conv(2, [1, 7], padding=[0, 3])(c)
    out: concat(a, b, d)
body:
  stem: conv(4, 5, stride=2)
  pyramid: pyramid
  pool: max_pool(3, stride=[2, 1], padding=1)(pyramid)
  deep: conv(4, 3)
  up: upsample(2)(deep)
  side: conv(4, 3, stride=[1, 2])(pyramid)
  wide: conv_transpose(4, 4, stride=[1, 4], padding=[0, 0])(side)
  out: conv(1, 3)(up)
outputs: {out: out, wide: wide}
"""


@pytest.mark.parametrize("output", [0, 1])
def test_gradients_reach_just_the_field(output: int) -> None:
    """All weights positive, the gradient of a place in the middle fills its field."""
    architecture = archc.compile(Source("branches.yaml", BRANCHES))
    network = architecture.network
    down, across = ReceptiveFields().of(network.root.values[output], network.root)
    model = archc.load(Source("branches.yaml", BRANCHES)).eval()
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.1)
    widest = (0, 0)
    for dy in range(3):
        for dx in range(3):
            x = torch.rand(1, *architecture.input.sizes, requires_grad=True)
            with torch.random.fork_rng():
                given = list(soft(model, x))[output]
            h, w = given.shape[2] // 2 + dy, given.shape[3] // 2 + dx
            given[0, :, h, w].sum().backward()
            assert x.grad is not None
            reached = x.grad[0, 0].nonzero()
            spans = [int(reached[:, k].max() - reached[:, k].min()) + 1 for k in (0, 1)]
            widest = (max(widest[0], spans[0]), max(widest[1], spans[1]))

    assert widest == (down.size, across.size)


def soft(model: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Run a model with means for maxima, which pass a gradient to one element only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.functional, "max_pool2d", nn.functional.avg_pool2d)
        given = model(x)
    return list(given.values() if isinstance(given, dict) else given)
