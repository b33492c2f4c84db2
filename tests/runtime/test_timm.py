"""Convolutional networks of timm, chosen for variety: the same keys, shapes and numbers."""

from __future__ import annotations

from typing import Any

import pytest
from holding import hold, hold_keys, hold_new_weights
from timm_networks import FAMILIES

import archc
from archc import zoo
from archc.language.document import document
from archc.language.reading import read
from archc.runtime.peers import peer

Sizes = list[tuple[int, int]]

OURS = {"resnet50d": "resnet50_d"}
"""Those that another name was given before."""

SHARED = ("densenet", "resnet")
"""Specs that have other variants too, which timm has not."""

QUICK = [
    "dla46x_c",
    "dpn68b",
    "ese_vovnet19b_slim_dw",
    "ghostnetv2_100",
    "hrnet_w18_small",
    "inception_next_atto",
    "resnest14d",
    "rexnet_100",
    "skresnet18",
    "starnet_s050",
]
"""The smallest of each family, compared to the last bit in the default run."""

HEAVY = [
    "convmixer_768_32",
    "cspdarknet53",
    "cspresnet50",
    "cspresnext50",
    "darknet53",
    "densenet121",
    "dla34",
    "dla60x",
    "dla102",
    "dpn68",
    "dpn92",
    "ese_vovnet39b",
    "focalnet_tiny_lrf",
    "ghostnet_130",
    "hrnet_w18",
    "inception_next_tiny",
    "inception_v4",
    "legacy_xception",
    "nasnetalarge",
    "repvgg_a0",
    "res2net50_14w_8s",
    "res2net50_26w_4s",
    "res2net50d",
    "res2next50",
    "resnest50d_1s4x24d",
    "resnest50d_4s2x40d",
    "resnet50d",
    "resnetv2_18",
    "resnetv2_50",
    "resnetv2_50d",
    "rexnetr_130",
    "selecsls42",
    "selecsls60b",
    "selecsls84",
    "skresnet50d",
    "skresnext50_32x4d",
    "vovnet39a",
]

SMALL: Sizes = [(64, 64), (71, 49)]
OTHER: dict[str, Sizes] = {
    "convmixer": [(63, 63), (70, 51)],
    "dla": [(64, 64), (96, 32)],  # its sums need maps that halve exactly
    "hrnet": [(64, 64), (96, 32)],  # and these that double
    "inception_v4": [(75, 75), (91, 107)],
    "nasnet": [(75, 75), (96, 107)],
    "xception": [(71, 71), (95, 101)],
}


ROUNDED = {"focalnet": 1e-5}
"""Families whose gradients differ by rounding, here up to 2e-6: timm sums up a level's context
before it computes the next level, so that gradients meet in another order."""


def family(name: str) -> str:
    return next(family for family, names in FAMILIES.items() if name in names)


def samples(name: str) -> list[tuple[int, ...]]:
    return [(3, *size) for size in OTHER.get(family(name), SMALL)]


def timm(name: str) -> Any:
    return peer(f"timm:{name}")


def test_every_variant_is_held() -> None:
    """The lists above have every variant of the specs that were written after timm's networks."""
    for spec, names in FAMILIES.items():
        path = next(p for p in zoo.files() if p.stem == spec)
        variants = {str(name) for name in document(read(path)).variants}
        ours = {OURS.get(name, name) for name in names}
        assert ours <= variants if spec in SHARED else ours == variants, spec

    assert {*QUICK, *HEAVY} <= {name for names in FAMILIES.values() for name in names}
    assert {family(name) for name in QUICK + HEAVY} == {*FAMILIES}


def held(name: str) -> None:
    """Hold a network to timm's: equal to the last bit, both to be run at every size."""
    slack = ROUNDED.get(family(name), 0.0)
    hold(archc.load(OURS.get(name, name)), timm(name), samples(name), gradients=slack)


@pytest.mark.parametrize("name", QUICK)
def test_equal(name: str) -> None:
    held(name)


@pytest.mark.heavy
@pytest.mark.parametrize("name", HEAVY)
def test_equal_too(name: str) -> None:
    held(name)


@pytest.mark.heavy
@pytest.mark.parametrize("name", [name for names in FAMILIES.values() for name in names])
def test_keys_and_shapes(name: str) -> None:
    """The state_dict is timm's, by archc's prediction and by the emitted file."""
    hold_keys(OURS.get(name, name), lambda: timm(name))


@pytest.mark.parametrize(
    "name", ["rexnet_100", "starnet_s050", pytest.param("repvgg_a0", marks=pytest.mark.heavy)]
)
def test_new_weights(name: str) -> None:
    """New weights are timm's in distribution: fans of depthwise convs, a mean that is not 0."""
    hold_new_weights(archc.load(name), timm(name))
