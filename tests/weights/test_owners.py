"""Weights of torchvision and timm: found in their caches, held to their hashes, and listed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from fakes import SMALL, moved, of_hub, of_torchvision, same
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

import archc
from archc.runtime.peers import peer
from archc.runtime.torchvision import import_torchvision
from archc.runtime.weights.owners import OWNERS
from archc.runtime.weights.owners.torchvision import renamed
from archc.runtime.weights.reading import Checkpoint
from archc.runtime.weights.sources import Weights, opened
from archc.weights.faults import WeightsError

NETWORK = "squeezenet1_1"
MEMBER = "IMAGENET1K_V1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep caches in a folder of the test, torchvision's table as it was, and no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    models = import_torchvision().models
    entries = [e for n in (NETWORK, "resnet18", "densenet121") for e in models.get_model_weights(n)]
    before = [(entry.value, entry.url) for entry in entries]

    def refuse(url: str, *_: Any, **__: Any) -> None:
        raise OSError(f"no network for {url}")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    yield tmp_path
    for value, url in before:
        value.url = url


def test_cache_of_torchvision(home: Path) -> None:
    """A file that is there is taken, and is what its owner has: by member, network, table, entry."""
    theirs = moved(peer(f"torchvision:{NETWORK}"), 3, 65, 65)
    of_torchvision(home / "torch", NETWORK, MEMBER, theirs.state_dict())
    entry = import_torchvision().models.get_weight(f"SqueezeNet1_1_Weights.{MEMBER}")

    assert same(archc.load(NETWORK, weights=f"torchvision:{MEMBER}"), theirs, 3, 65, 65)
    for weights in (
        "torchvision:DEFAULT",
        f"torchvision:{NETWORK}.{MEMBER}",
        f"torchvision:SqueezeNet1_1_Weights.{MEMBER}",
        f"SqueezeNet1_1_Weights.{MEMBER}",
        entry,
    ):
        assert opened(weights, NETWORK).offer.name == f"torchvision:{MEMBER}"
    (offer,) = OWNERS["torchvision"].offers(NETWORK)
    assert offer.cached


def test_another_file_in_the_cache(home: Path) -> None:
    """A file that is not what its name says is not loaded, and stays."""
    theirs = peer(f"torchvision:{NETWORK}")
    path = of_torchvision(home / "torch", NETWORK, MEMBER, theirs.state_dict())
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(
        WeightsError, match=r"is not the file that its owner has: its SHA-256 begins"
    ):
        archc.load(NETWORK, weights=f"torchvision:{MEMBER}")
    assert path.is_file()


def test_download_of_torchvision(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The library's own API downloads what is not there, once; nothing is printed as a result."""
    theirs = peer(f"torchvision:{NETWORK}")
    path = of_torchvision(home / "torch", NETWORK, MEMBER, theirs.state_dict())
    away = path.rename(home / path.name)
    asked = []

    def download(url: str, to: str, hash_prefix: str, **_: Any) -> None:
        asked.append((url, hash_prefix))
        shutil.copy(away, to)

    with pytest.raises(WeightsError, match=rf"no network for .*; a copy may be put into {path}"):
        archc.load(NETWORK, weights=f"torchvision:{MEMBER}")
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    for _ in range(2):
        found = opened(f"torchvision:{MEMBER}", NETWORK).checkpoint.content
    assert all(torch.equal(found[k], v) for k, v in theirs.state_dict().items())
    assert asked == [(f"https://example.com/models/{path.name}", path.stem[-8:])]
    assert capsys.readouterr().out == ""


def test_weights_of_another_classifier(home: Path) -> None:
    """The network of the weights is said, and a new head is offered."""
    state = peer(f"torchvision:{NETWORK}").state_dict()
    of_torchvision(home / "torch", NETWORK, MEMBER, state)

    with pytest.raises(WeightsError, match="`num_classes=1000` makes the network of these weights"):
        archc.load(NETWORK, num_classes=10, weights=f"torchvision:{MEMBER}")


def test_cache_of_the_hub(home: Path) -> None:
    """A repository of timm's in the hub's cache: by name, by tag, by its first tag; verified."""
    theirs = peer("timm:resnet18").state_dict()
    path = of_hub(home / "hub", "timm/resnet18.a1_in1k", theirs)

    ours = archc.load("resnet18", weights="timm:resnet18.a1_in1k").state_dict()
    assert all(torch.equal(ours[k], v) for k, v in theirs.items())
    for weights in ("timm:a1_in1k", "timm:resnet18"):
        assert opened(weights, "resnet18").name == "timm:resnet18.a1_in1k"
    assert [o.name for o in OWNERS["timm"].offers("resnet18") if o.cached] == [
        "timm:resnet18.a1_in1k"
    ]
    blob = path.resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="is not the file that its owner has"):
        archc.load("resnet18", weights="timm:resnet18.a1_in1k")


def test_download_of_the_hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Safetensors are asked for first; without a network nothing else is."""
    theirs = peer("timm:resnet18")
    torch.save(theirs.state_dict(), home / "pytorch_model.bin")
    asked: list[str] = []
    there = False

    def download(repository: str, name: str, **_: Any) -> str:
        asked.append(f"{repository}/{name}")
        if not there:
            raise LocalEntryNotFoundError("no network")
        if name == "model.safetensors":
            raise EntryNotFoundError("none such")
        return str(home / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(
        WeightsError, match=r"`timm:resnet18\.a1_in1k` can't be downloaded: no network"
    ):
        archc.load("resnet18", weights="timm:resnet18")
    assert asked == ["timm/resnet18.a1_in1k/model.safetensors"]
    there = True
    found = opened("timm:resnet18", "resnet18").checkpoint.content
    assert all(torch.equal(found[k], v) for k, v in theirs.state_dict().items())
    assert asked[2:] == ["timm/resnet18.a1_in1k/pytorch_model.bin"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("network", "weights", "message"),
    [
        ("resnet50", "torchvision:IMAGENET1K_V3", "for resnet50; did you mean `IMAGENET1K_V"),
        ("resnet20", "torchvision:IMAGENET1K_V1", "`torchvision:resnet50.IMAGENET1K_V1`"),
        ("resnet18", "torchvision:resnet180.DEFAULT", "did you mean `resnet18`"),
        ("resnet18", "torchvision:", "no weights `` for resnet18"),
        ("resnet18", "timm:resnet18.a9_in1k", "did you mean `resnet18.a"),
        ("resnet18", "timm:resnot18", "did you mean `resnet18"),
        ("resnet18", "timm:resnet18.", "timm has no weights `resnet18.`"),
        ("resnet18", "timm:vit_large_patch16_224.augreg_in21k_ft_in1k#x", "timm has no weights"),
    ],
)
def test_slips(network: str, weights: str, message: str) -> None:
    with pytest.raises(WeightsError) as caught:
        archc.load(network, weights=weights)

    assert message in str(caught.value)


def test_what_owners_say() -> None:
    """Licence, accuracy, input and preprocessing are those that torchvision and timm state."""
    first, second = OWNERS["torchvision"].offers("resnet50")
    swag = OWNERS["torchvision"].offers("vit_b_16")[1]
    timm = {o.name: o for o in OWNERS["timm"].offers("resnet50")}["timm:resnet50.a1_in1k"]

    assert (first.name, first.top1, first.top5, first.licence) == (
        "torchvision:IMAGENET1K_V1", 76.13, 92.862, ""
    )  # fmt: skip
    assert second.preprocessing == (
        "resize 232 bilinear, crop 224×224, less 0.485 0.456 0.406, by 0.229 0.224 0.225"
    )
    assert (swag.input, swag.licence) == (
        (3, 384, 384), "https://github.com/facebookresearch/SWAG/blob/main/LICENSE"
    )  # fmt: skip
    assert (timm.licence, timm.input, timm.classes) == ("apache-2.0", (3, 224, 224), 1000)
    assert OWNERS["torchvision"].offers("resnet20") == OWNERS["timm"].offers("resnet20") == []


def test_every_entry_of_torchvision() -> None:
    """What torchvision says of all its classifiers has a place."""
    models = import_torchvision().models
    offers = [o for n in models.list_models(models) for o in OWNERS["torchvision"].offers(n)]

    assert len(offers) == 115
    assert all(o.top1 and o.top5 and len(o.input) == 3 and o.resize for o in offers)
    given = {
        n for n in models.list_models(models) for o in OWNERS["torchvision"].offers(n) if o.settings
    }
    assert given == {"googlenet", "inception_v3"}


def test_settings_of_the_owner() -> None:
    """GoogLeNet with torchvision's weights transforms its input, as torchvision lets it, unless told."""
    (offer,) = OWNERS["torchvision"].offers("googlenet")
    weights = Weights(Checkpoint("w", {}), offer=offer)
    network = archc.compile("googlenet").network

    assert weights.settings(network, {}) == {"transform_input": True}
    assert weights.settings(network, {"transform_input": False}) == {}
    assert weights.settings(archc.compile(SMALL).network, {}) == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("features.denseblock1.denselayer1.norm.1.weight", "features.denseblock1.denselayer1.norm1.weight"),
        ("features.denseblock4.denselayer16.conv.2.weight", "features.denseblock4.denselayer16.conv2.weight"),
        ("features.norm5.weight", "features.norm5.weight"),
        ("layer1.0.conv.1.weight", "layer1.0.conv.1.weight"),
    ],
)  # fmt: skip
def test_old_keys_of_densenet(old: str, new: str) -> None:
    assert renamed(old) == new
