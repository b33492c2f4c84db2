"""What weights are called: a file, `torchvision:NAME`, `timm:NAME`, or tensors that are there already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archc.escaping import one_line
from archc.graph import Network
from archc.runtime.weights.owners import OWNERS
from archc.runtime.weights.owners.timm import FILES
from archc.runtime.weights.owners.torchvision import renamed
from archc.runtime.weights.reading import Checkpoint, read
from archc.weights.faults import WeightsError
from archc.weights.offers import Offer

ENUM = re.compile(r"[A-Z]\w*_Weights\.\w+")
BARE = re.compile(r"DEFAULT|IMAGENET1K_\w+")
SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".tar", ".safetensors")
ADDRESS = re.compile(r"https?://|hf-hub:|hf:|[a-z]+:/")


@dataclass(frozen=True)
class Weights:
    """A checkpoint, the part of it that is meant (all of it where empty), and what is said of it."""

    checkpoint: Checkpoint
    part: str = ""
    offer: Offer | None = None

    @property
    def name(self) -> str:
        """How weights are called."""
        return self.offer.name if self.offer else self.checkpoint.name

    def settings(self, network: Network, own: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the owner sets of a network with these weights, where the user does not."""
        known = {str(param) for param in network.document.params}
        of_owner = self.offer.settings if self.offer else {}
        return {k: v for k, v in of_owner.items() if k in known and k not in own}


def opened(weights: Any, network: str) -> Weights:
    """Return the weights that are meant, for a network of a name; raises WeightsError.

    `weights` is a path, of a folder of the hub too, with `#PART` behind it where a checkpoint holds several state_dicts;
    `torchvision:NAME` or `timm:NAME`; a member of torchvision's tables; or a state_dict.
    """
    if isinstance(weights, Mapping):
        return Weights(Checkpoint("the state_dict", dict(weights)))
    text = _text(weights)
    owner, colon, name = text.partition(":")
    if colon and owner in OWNERS:
        offer, path = OWNERS[owner].fetch(network, name)
        checkpoint = read(path, f"{text} ({path})")
        return Weights(_of_today(checkpoint) if owner == "torchvision" else checkpoint, "", offer)
    if ADDRESS.match(text):
        message = f"`{one_line(text)}` is an address: download the file, and name that"
        raise WeightsError(message)
    path, part = _file(text)
    if path.is_dir():
        path = next((path / name for name in FILES if (path / name).is_file()), path)
    if not path.exists():
        raise WeightsError(f"there is no file {one_line(str(path))}{_meant(text)}")
    return Weights(read(path), part)


def _meant(text: str) -> str:
    """Say what a name that is no file may be meant for."""
    if BARE.fullmatch(text):
        return f"; write `torchvision:{text}`"
    if Path(text).suffix in SUFFIXES:
        return ""
    return "; `torchvision:NAME` and `timm:NAME` are weights of theirs, which `archc weights NETWORK` lists"


def _text(weights: Any) -> str:
    """Return weights as they would be written; raises TypeError for what can be none."""
    if isinstance(weights, str) and weights:
        return f"torchvision:{weights}" if ENUM.fullmatch(weights) else weights
    if isinstance(weights, Path):
        return str(weights)
    if ENUM.fullmatch(str(weights)) and hasattr(weights, "url"):
        return f"torchvision:{weights}"
    message = (
        "`weights` takes a file, `torchvision:NAME` (`torchvision:DEFAULT`), `timm:NAME`, "
        "or a state_dict (`model.state_dict()`)"
    )
    raise TypeError(message)


def _file(text: str) -> tuple[Path, str]:
    """Split what stands behind `#` off a path, unless a file is called so."""
    path, sign, part = text.rpartition("#")
    if not sign or Path(text).exists():
        return Path(text), ""
    return Path(path), part


def _of_today(checkpoint: Checkpoint) -> Checkpoint:
    content = checkpoint.content
    if not isinstance(content, Mapping):
        return checkpoint
    keys = {k: renamed(k) if isinstance(k, str) else k for k in content}
    return replace(checkpoint, content={keys[k]: v for k, v in content.items()})
