"""Depth as names count it."""

from __future__ import annotations

import re

import pytest

import archc
from archc.diagnostics import Source

NAMED = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "plain34", "resnet20"),
    *("resnet110", "preresnet164", "densenet121", "vgg16", "dla34", "se_resnet50", "se_resnet101"),
    *("se_resnet152", "senet154", "se_resnext50_32x4d", "skresnet18", "skresnet34", "skresnet50"),
    *("resnext101_32x8d", "highway19", "stochastic_depth110", "pyramidnet272_a200", "repvgg_a0"),
)
OTHERWISE = {"repvgg_a0": 23}
"""RepVGG's letters are no depths: 1 + 2 + 4 + 14 + 1 layers and the classifier."""


@pytest.mark.parametrize("name", NAMED)
def test_names(name: str) -> None:
    """A network with a depth in its name has it; layers that make a gate are none of it."""
    number = re.search(r"\d+", name)

    assert number is not None
    assert archc.compile(name).depth == OTHERWISE.get(name, int(number[0]))


GATE = """\
archc: 1
name: gate
input: [8, 6, 6]
blocks:
  gated:
    conv: conv(8, 3)
    pool: global_avg_pool(conv)
    fc1: linear(4)
    act: relu
    fc2: linear(8)
    gate: GATE
    map: rearrange("b c -> b c 1 1")
    out: conv * map
body:
  a: gated
  b: gated
  p: parameter(1, 8, 6, 6)
  out: b * p
"""


@pytest.mark.parametrize("gate", ["sigmoid", "hardsigmoid", "tanh", "relu", "identity"])
def test_gates(gate: str) -> None:
    """What is repeated over the map is a gate, whatever its activation; a parameter is none."""
    assert archc.compile(Source("gate.yaml", GATE.replace("GATE", gate))).depth == 2


def test_products() -> None:
    """A product of two maps has the longer way; one of gates alone too."""
    text = """\
archc: 1
name: product
input: [4, 6, 6]
body:
  a: conv(4, 3)
  b: conv(4, 3)(a)
  c: b * a
  d: sigmoid(conv(4, 3)(c))
  e: sigmoid(c)
  out: d * e
"""
    assert archc.compile(Source("product.yaml", text)).depth == 3
