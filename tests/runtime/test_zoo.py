"""The families of torchvision, ResNet's left out: the same keys, shapes, numbers and new weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from holding import hold, hold_keys, hold_new_weights
from sweeps import sweep

import archc
from archc.passes.conventions import CONVENTIONS
from archc.runtime.peers import peer
from archc.runtime.report import Report
from archc.runtime.torchvision import import_torchvision

Sizes = tuple[int, int]
Ledger = Callable[[str, Report], None]

FAMILIES = {
    "alexnet": ["alexnet"],
    "convnext": ["convnext_tiny", "convnext_small", "convnext_base", "convnext_large"],
    "densenet": ["densenet121", "densenet161", "densenet169", "densenet201"],
    "efficientnet": [
        *(f"efficientnet_b{k}" for k in range(8)),
        *(f"efficientnet_v2_{k}" for k in "sml"),
    ],
    "googlenet": ["googlenet"],
    "inception": ["inception_v3"],
    "maxvit": ["maxvit_t"],
    "mnasnet": ["mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"],
    "mobilenetv2": ["mobilenet_v2"],
    "mobilenetv3": ["mobilenet_v3_large", "mobilenet_v3_small"],
    "regnet": [
        *(
            f"regnet_y_{k}"
            for k in ["400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf"]
        ),
        *(f"regnet_x_{k}" for k in ["400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf"]),
    ],
    "shufflenetv2": [f"shufflenet_v2_x{k}" for k in ["0_5", "1_0", "1_5", "2_0"]],
    "swin_transformer": [f"swin_{v}{k}" for v in ("", "v2_") for k in "tsb"],
    "squeezenet": ["squeezenet1_0", "squeezenet1_1"],
    "vision_transformer": ["vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14"],
    "vgg": [f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")],
}
"""By the module of torchvision that has them."""

NAMES = [name for names in FAMILIES.values() for name in names]

QUICK = [
    "squeezenet1_1",
    "densenet121",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mnasnet0_5",
    "efficientnet_b0",
    "regnet_y_400mf",
    "regnet_x_400mf",
    "googlenet",
    "shufflenet_v2_x0_5",
    "convnext_tiny",
    "swin_t",
]
"""Those that are compared to the last bit in the default run; alexnet and vgg by their features."""

SMALLEST = ["mobilenet_v3_small", "mnasnet0_5", "efficientnet_b0", "regnet_x_400mf", "swin_t"]
"""Those of them whose new weights are looked at."""

SMALL: list[Sizes] = [(64, 64), (71, 49)]
OTHER: dict[str, list[Sizes]] = {
    "alexnet": [(63, 63), (71, 80)],
    "convnext": [(32, 32), (71, 49)],
    "inception": [(299, 299), (315, 307)],  # below 299 the auxiliary head has no map to pool
    "vgg": [(32, 32), (45, 33)],
}
FIXED: dict[str, dict[str, list[dict[str, Any]]]] = {
    "vision_transformer": {
        "vit_h_14": [{"image_size": 14}, {"image_size": 28}],
        "": [{"image_size": 32}, {"image_size": 96}],
    },
    "maxvit": {"": [{}]},  # windows of 7 that are halved four times: 224 is the smallest
}
"""Families whose networks are for one size of image, with settings that torchvision's have too."""
ROUNDED = {"maxvit_t": 1e-4}
"""Gradients that are equal up to rounding: those of biases on MaxViT's shortcuts are sums over a
map, whose order follows from how the gradient lies in memory."""

ENORMOUS = ["regnet_y_128gf", "vit_h_14"]  # 10 GB with gradients and peer: one at a time


def torchvision(name: str) -> Any:
    return peer(f"torchvision:{name}")


def family(name: str) -> str:
    return next(family for family, names in FAMILIES.items() if name in names)


def sizes(name: str) -> list[tuple[int, ...]]:
    return [(3, *size) for size in OTHER.get(family(name), SMALL)]


@contextmanager
def meta(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Build on the meta device; RegNet reckons its widths with tensors, which need numbers."""
    params: Any = import_torchvision().models.regnet.BlockParams
    reckon = params.from_init_params

    def on_cpu(*args: Any, **kwargs: Any) -> Any:
        with torch.device("cpu"):
            return reckon(*args, **kwargs)

    monkeypatch.setattr(params, "from_init_params", on_cpu)
    with torch.device("meta"):
        yield


def test_every_network_of_torchvision() -> None:
    """The list above is all that torchvision has, ResNets left out."""
    models = import_torchvision().models
    found: dict[str, set[str]] = {}
    for name in models.list_models(module=models):
        home = models.get_model_builder(name).__module__.rpartition(".")[2]
        found.setdefault(home, set()).add(name)

    assert {k: v for k, v in found.items() if k != "resnet"} == {
        k: set(v) for k, v in FAMILIES.items()
    }


def test_every_comparison_is_recorded() -> None:
    """The 80 networks that docs/zoo.md tabulates, each equal to the last bit."""
    models = import_torchvision().models
    kept = Path(__file__).resolve().parent.parent / "goldens" / "torchvision"
    records = {path: json.loads(path.read_text(encoding="utf-8")) for path in kept.glob("*.json")}
    names = {path: path.name.split(".")[0] for path in records}
    unequal = {
        (names[path], what)
        for path, record in records.items()
        for what, result in record.items()
        if what != "sizes" and result.partition(":")[0] != "equal"
    }

    assert {*names.values()} == {*models.list_models(module=models)}
    assert unequal == {(name, "gradients") for name in ROUNDED}


@pytest.mark.parametrize("name", NAMES)
def test_counts(name: str) -> None:
    """Parameters and multiply-adds are those that torchvision says of its weights."""
    models = import_torchvision().models
    network = archc.compile(name).network
    macs = round(CONVENTIONS["inference_macs"].count(network) / 1e9, 3)
    params = {CONVENTIONS[c].count(network) for c in ("params", "inference_params")}
    said = [(w.meta["num_params"], w.meta["_ops"]) for w in models.get_model_weights(name)]

    assert any(p in params and macs == ops for p, ops in said), (macs, params, said)


@pytest.mark.parametrize("name", sweep(NAMES, QUICK))
def test_keys_and_shapes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state_dict is torchvision's, by archc's prediction and by the emitted file."""
    with meta(monkeypatch):
        hold_keys(name, lambda: torchvision(name))


@pytest.mark.parametrize("name", QUICK)
def test_small_maps(name: str, ledger: Ledger) -> None:
    ledger(name, hold(archc.load(name), torchvision(name), sizes(name)))


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "vgg11_bn"])
def test_features(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the classifier, whose hundred million weights take the heavy run."""
    with meta(monkeypatch):
        ours, theirs = archc.load(name), torchvision(name)
    for network in (ours, theirs):
        network.features.to_empty(device="cpu")
        for module in network.features:
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()

    hold(ours.features, theirs.features, sizes(name))


def marked(name: str, *more: Any, id: str | None = None, heavy: bool = True) -> Any:
    """Return a case; those that need much memory are kept from running side by side."""
    marks = [pytest.mark.heavy] * heavy
    marks += [pytest.mark.xdist_group("enormous")] * (name in ENORMOUS)
    return pytest.param(name, *more, marks=marks, id=id)


def settings(name: str) -> list[dict[str, Any]]:
    """Return the settings that a network for one size of image is compared with."""
    given = FIXED[family(name)]
    return given.get(name, given.get("", []))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        marked(n, g, id=f"{n}-{k}", heavy=(n, k) != ("vit_b_16", 0))
        for n in NAMES
        if family(n) in FIXED
        for k, g in enumerate(settings(n))
    ],
)
def test_one_size(name: str, given: dict[str, Any], ledger: Ledger) -> None:
    """Networks that must know the size of the image when they are built."""
    size = given.get("image_size", 224)
    said = ", ".join(f"{k}={v}" for k, v in given.items())

    theirs = torchvision(f"{name}({said})" if said else name)
    samples, near = [(3, size, size)], ROUNDED.get(name, 0.0)
    ledger(f"{name}.{size}", hold(archc.load(name, **given), theirs, samples, gradients=near))


@pytest.mark.heavy
@pytest.mark.parametrize(
    "name", [marked(n) for n in NAMES if n not in QUICK and family(n) not in FIXED]
)
def test_any_size(name: str, ledger: Ledger) -> None:
    ledger(name, hold(archc.load(name), torchvision(name), sizes(name)))


def test_auxiliary_heads() -> None:
    """They are a setting; inference neither runs them nor needs maps that they can take."""
    bare = archc.compile("inception_v3", aux_logits=False)
    assert bare.params == 23_834_568  # torchvision's Inception v3 without its head
    assert not any(key.startswith("AuxLogits") for key in bare.state_dict_shapes())
    theirs = torchvision("inception_v3").eval()
    ours = archc.load("inception_v3").eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 75, 91)

    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))


def test_transformed_input() -> None:
    """What torchvision's pretrained weights of GoogLeNet were given."""
    ours = archc.load("googlenet", transform_input=True, aux_logits=False)
    theirs = torchvision("googlenet(transform_input=True, aux_logits=False)")

    hold(ours, theirs, [(3, 64, 64)])


@pytest.mark.parametrize("name", sweep([*QUICK, "vit_b_16", "maxvit_t", "vgg11"], SMALLEST))
def test_new_weights(name: str) -> None:
    hold_new_weights(archc.load(name), torchvision(name))
