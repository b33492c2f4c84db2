"""Folders and repositories as of the Hugging Face hub, without a network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
import yaml
from fakes import TEXT, digest, of_hub, same, small
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError

import archc
from archc.diagnostics import Source
from archc.weights.faults import WeightsError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache of the hub's client, which has no network."""

    def refuse(*_: Any, **__: Any) -> None:
        raise LocalEntryNotFoundError("no network")

    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    return folder


def front_matter(card: str) -> dict[str, Any]:
    matter: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return matter


def test_a_folder(tmp_path: Path) -> None:
    """It has the weights, what others read in a config, and a card; and gives the network back."""
    model = small(num_classes=7)
    folder = tmp_path / "net"
    archc.save_pretrained(model, folder, licence="apache-2.0")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    card = (folder / "README.md").read_text(encoding="utf-8")

    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    assert same(archc.from_pretrained(folder), model, 3, 12, 12)
    assert same(archc.load(folder), model, 3, 12, 12)
    assert same(archc.from_pretrained(folder / "model.safetensors"), model, 3, 12, 12)
    assert (config["architecture"], config["num_classes"], config["input_size"]) == (
        "small",
        7,
        [3, 12, 12],
    )
    assert (config["archc"]["spec"], config["archc"]["settings"]) == (TEXT, {"num_classes": 7})
    assert front_matter(card) == {
        "library_name": "archc",
        "pipeline_tag": "image-classification",
        "tags": ["archc", "image-classification"],
        "license": "apache-2.0",
    }
    assert 'archc.from_pretrained("net")' in card
    assert "conv1: conv(8, 3)" in card
    archc.save_pretrained(model, folder)
    assert "license" not in (folder / "README.md").read_text(encoding="utf-8")


def test_as_the_hub_reads_it(tmp_path: Path) -> None:
    """The hub's own reader of model cards takes the card."""
    archc.save_pretrained(small(), tmp_path, licence="mit")
    read = huggingface_hub.ModelCard.load(tmp_path / "README.md")

    assert (read.data.library_name, read.data.license) == ("archc", "mit")


def test_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# mine\n")

    with pytest.raises(WeightsError, match=r"README.md is there, and archc did not write it"):
        archc.save_pretrained(small(), tmp_path)
    assert (tmp_path / "README.md").read_text() == "# mine\n"
    archc.save_pretrained(small(), tmp_path, force=True)
    with pytest.raises(WeightsError, match="can't make the folder"):
        archc.save_pretrained(small(), tmp_path / "a" / "b")


def test_texts_stay_in_their_place(tmp_path: Path) -> None:
    """Neither the spec nor the name of weights is markup of the card, or front matter."""
    text = TEXT + "# ```\n# <script>\n"
    model = archc.load(Source("x.yaml", text))
    object.__setattr__(model.archc, "weights", "<b>*x*</b>\n---\nlicense: x")
    archc.save_pretrained(model, tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")

    assert front_matter(card).get("license") is None
    assert "<b>" not in card
    assert "\nlicense: x" not in card
    assert card.count("````") == 2
    assert archc.from_pretrained(tmp_path).archc.spec == text


def test_a_repository_in_the_cache(cache: Path) -> None:
    """The cache is looked into first; a file is what its name there says."""
    model = small()
    path = of_hub(cache, "someone/net", {})
    blob = path.resolve()
    archc.save(model, blob, force=True)
    blob = blob.rename(blob.with_name(digest(blob)))
    path.unlink()
    path.symlink_to(blob)

    assert same(archc.from_pretrained("someone/net"), model, 3, 12, 12)
    assert archc.from_pretrained("someone/net").archc.name == "small"
    blob.write_bytes(blob.read_bytes() + b" ")
    with pytest.raises(WeightsError, match="is not the file that its owner has"):
        archc.from_pretrained("someone/net")


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("someone/none", "`someone/none` can't be downloaded: no network"),
        ("none", "is no repository of the hub: write `owner/name`"),
        ("../../none", "is no repository of the hub"),
        ("..", "the folder .. has no model.safetensors"),
        ("https://huggingface.co/a/b", "is no repository of the hub"),
        ("", "is no repository of the hub"),
    ],
)
def test_what_can_not_be_had(name: str, message: str) -> None:
    with pytest.raises(WeightsError) as caught:
        archc.from_pretrained(name)

    assert message in str(caught.value)


def test_a_repository_of_another_library(cache: Path) -> None:
    """Weights alone are told which call takes them."""
    of_hub(cache, "timm/net", {"x": torch.ones(2)})

    with pytest.raises(
        WeightsError, match=r'and no spec to load them into: archc.load\("NETWORK", weights='
    ):
        archc.from_pretrained("timm/net")


class Api:
    """The part of the hub's client that uploads."""

    files: dict[str, bytes]
    there: set[str]
    error: Exception | None = None

    def __init__(self, token: str | None = None) -> None:
        self.token = token

    def create_repo(self, name: str, **_: Any) -> Any:
        if Api.error:
            raise Api.error
        return type("Url", (), {"repo_id": name})

    def file_exists(self, _: str, name: str) -> bool:
        return name in Api.there

    def create_commit(self, name: str, operations: list[Any], commit_message: str) -> Any:
        assert commit_message
        Api.files = {o.path_in_repo: o.path_or_fileobj for o in operations}
        return type("Info", (), {"commit_url": f"https://huggingface.co/{name}/commit/1"})


def test_push(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is uploaded is what the folder has; a card that is there is left."""
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    model = small()
    archc.save_pretrained(model, tmp_path)
    for there in (set(), {"README.md"}):
        Api.there = there
        url = archc.push_to_hub(model, "someone/net")
        assert url == "https://huggingface.co/someone/net/commit/1"
        assert Api.files.keys() == {"config.json", "model.safetensors", "README.md"} - there
        assert Api.files["config.json"].strip() == (tmp_path / "config.json").read_bytes().strip()
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    (tmp_path / "model.safetensors").write_bytes(Api.files["model.safetensors"])
    assert same(archc.from_pretrained(tmp_path), model, 3, 12, 12)
    for name in ("net", "someone/net@main"):
        with pytest.raises(WeightsError, match="is no repository of the hub"):
            archc.push_to_hub(model, name)
    monkeypatch.setattr(Api, "error", OSError("401 Unauthorized\nlong"))
    with pytest.raises(WeightsError, match=r"someone/net was not uploaded: 401 Unauthorized$"):
        archc.push_to_hub(model, "someone/net")
