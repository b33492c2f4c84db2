"""What conventions count, against numbers that others counted."""

from __future__ import annotations

import pytest

import archc
from archc.passes import CONVENTIONS
from archc.passes.conventions import known

# fvcore's FlopCountAnalysis(...).total() on networks with the stride in the first 1×1. It also
# counts the elements that the last average pool takes.
FVCORE = {
    "resnet18": 1_819_065_856,
    "resnet34": 3_671_262_720,
    "resnet50_paper": 3_879_247_872,
    "resnet101_paper": 7_601_704_960,
    "resnet152_paper": 11_326_570_496,
}


def count(convention: str, network: str) -> object:
    return CONVENTIONS[convention].count(archc.compile(network).network)


@pytest.mark.parametrize("name", FVCORE)
def test_he2015_is_what_fvcore_counts(name: str) -> None:
    pooled = 49 * (512 if name in ("resnet18", "resnet34") else 2048)

    assert count("he2015", name) == FVCORE[name] - pooled


@pytest.mark.parametrize(
    ("convention", "network", "expected"),
    [
        ("params", "resnet50", 25_557_032),
        ("params_without_bn", "resnet50", 25_503_912),
        ("params_without_bn", "resnext50_32x4d", 24_960_680),
        ("weights", "resnet50", 25_502_912),
        ("buffers", "resnet18", 9_620),
        ("macs", "resnet50", 4_089_184_256),
        ("macs_conv", "resnet50", 4_087_136_256),
        ("flops", "resnet50", 8_178_368_512),
        ("params", "googlenet", 13_004_888),
        ("inference_params", "googlenet", 6_624_904),  # as torchvision counts it
        ("inference_params", "resnet50", 25_557_032),
        ("inference_macs", "resnet50", 4_089_184_256),
        ("depth", "resnet152", 152),
        ("conv_depth", "resnet152", 151),
        ("conv_depth", "fractalnet40", 40),
        ("projections", "plain34", 0),
        ("sizes", "resnet20", [32, 16, 8]),
        ("layers", "resnet34", [1, 6, 8, 12, 6]),
        ("blocks", "resnext101_32x8d", [3, 4, 23, 3]),
        ("blocks", "densenet121", [6, 12, 24, 16]),  # of dense blocks, transitions left out
        ("widths", "resnet50", [256, 512, 1024, 2048]),
    ],
)
def test_count(convention: str, network: str, expected: object) -> None:
    assert count(convention, network) == expected


def test_each_says_what_it_counts() -> None:
    """A convention without a text is a number without a meaning."""
    assert [name for name, convention in CONVENTIONS.items() if not convention.text] == []


def test_each_quantity_has_its_plain_convention() -> None:
    """A claim that names no convention means the one that is called like its quantity."""
    assert {c.quantity for c in CONVENTIONS.values()} <= set(CONVENTIONS)
    assert next(iter(known("params"))) == "params"


REUSED = """\
archc: 1
name: net
input: [8, 4, 4]
body:
  conv: conv(8, 3)
  again: reuse(conv)(conv)
"""


def test_a_reused_module_counts_once_in_parameters_and_twice_in_operations() -> None:
    network = archc.compile(archc.diagnostics.Source("net.yaml", REUSED)).network

    assert CONVENTIONS["params"].count(network) == 584
    assert CONVENTIONS["macs"].count(network) == 2 * 16 * 576


def test_training_and_inference_apart() -> None:
    """What only outputs for training need is counted in training alone; torchvision's figures."""
    arch, plain = archc.compile("googlenet"), archc.compile("googlenet", aux_logits=False)

    assert (arch.params, round(arch.macs / 1e9, 3)) == (6_624_904, 1.498)
    assert arch.training.params == 13_004_888
    assert (plain.params, plain.macs) == (arch.params, arch.macs)
    assert plain.training == plain.inference == arch.inference
    assert "in training 13,004,888 params" in repr(arch)
    assert "training" not in repr(plain)
    assert "in inference, without what only outputs for training need: 6,624,904" in arch.table()


def test_a_module_that_training_uses_first() -> None:
    """Its tensors are needed in inference too, once."""
    text = """\
archc: 1
name: shared
input: [4, 8, 8]
body:
  stem: conv(4, 3)
  head: conv(2, 1)(stem)
  next: conv(4, 3)(stem)
  out: reuse(head)(next)
outputs:
  out: out
  aux: {value: head, when: training}
"""
    arch = archc.compile(archc.diagnostics.Source("shared.yaml", text))

    assert arch.params == arch.training.params == 2 * (4 * 4 * 9 + 4) + 10
    assert arch.training.macs - arch.macs == 8 * 8 * 8
