"""Weights of torchvision, by its own table of them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from archc.diagnostics import nearest
from archc.runtime.torchvision import import_torchvision
from archc.runtime.weights.owners.files import of_url, unless_there
from archc.weights.faults import WeightsError
from archc.weights.offers import Offer

FOR_WEIGHTS = {"transform_input": True}
"""What torchvision sets in its own builders, of the networks that have it, with any weights."""


class Torchvision:
    """torchvision's part of what owners do."""

    @staticmethod
    def offers(network: str) -> list[Offer]:
        """Return what torchvision has for a network of its classifiers."""
        return [_offer(network, entry) for entry in _entries(network)]

    @staticmethod
    def fetch(network: str, name: str) -> tuple[Offer, Path]:
        """Return a file: of `MEMBER` of the network's weights, `NETWORK.MEMBER`, `Enum.MEMBER`."""
        network, entry = _entry(network, name)
        offer = _offer(network, entry)
        get = lambda: entry.get_state_dict(progress=False, check_hash=True, weights_only=True)  # noqa: E731
        return offer, unless_there(of_url(entry.url), offer.name, get)


def _models() -> Any:
    try:
        return import_torchvision().models
    except ModuleNotFoundError as error:
        if error.name != "torchvision":
            raise
        message = "torchvision is not installed: pip install torchvision"
        raise ModuleNotFoundError(message, name="torchvision") from None


def _entries(network: str) -> list[Any]:
    try:
        return list(_models().get_model_weights(network))
    except ValueError:
        return []


def _entry(network: str, name: str) -> tuple[str, Any]:
    """Return a network of torchvision, and the entry of its weights."""
    before, dot, member = name.rpartition(".")
    if dot:
        network = _network_of(before)
    listed = _entries(network)
    if not listed:
        known = _models().list_models(module=_models())
        hint = nearest(network, known) or "`archc weights NETWORK` lists what there is"
        example = f"torchvision:resnet50.{member}"
        message = (
            f"torchvision has no weights for `{network}`; of another network, `{example}`; {hint}"
        )
        raise WeightsError(message)
    if member == "DEFAULT":
        return network, type(listed[0]).DEFAULT
    for entry in listed:
        if entry.name == member:
            return network, entry
    known = [e.name for e in listed]
    hint = nearest(member, known) or f"it has {', '.join(known)}"
    raise WeightsError(f"torchvision has no weights `{member}` for {network}; {hint}")


def _network_of(name: str) -> str:
    """Return a network that is named, or whose table of weights is."""
    models = _models()
    if not name.endswith("_Weights"):
        return name
    for network in models.list_models(module=models):
        if models.get_model_weights(network).__name__ == name:
            return str(network)
    return name


def _offer(network: str, entry: Any) -> Offer:
    """Return what torchvision says of an entry."""
    transform, meta = entry.transforms(), entry.meta
    metrics = meta.get("_metrics", {}).get("ImageNet-1K", {})
    mean, std = (tuple(getattr(transform, k, ())) for k in ("mean", "std"))
    crop = getattr(transform, "crop_size", ())
    resize = getattr(transform, "resize_size", None) or [None]
    return Offer(
        f"torchvision:{entry.name}",
        meta.get("license", ""),
        metrics.get("acc@1"),
        metrics.get("acc@5"),
        (len(mean), *crop * (2 // len(crop))) if crop else (),
        resize[0],
        getattr(getattr(transform, "interpolation", None), "value", ""),
        mean,
        std,
        len(meta.get("categories") or ()) or None,
        _settings(network),
        entry.url,
        of_url(entry.url).is_file(),
    )


def _settings(network: str) -> dict[str, Any]:
    """Return what torchvision sets of a network that gets weights, where the network has it."""
    builder = inspect.unwrap(_models().get_model_builder(network))
    there = builder.__globals__.values()
    classes = [c for c in there if isinstance(c, type) and c.__module__ == builder.__module__]
    arguments = {p for c in classes for p in inspect.signature(c).parameters}
    return {name: value for name, value in FOR_WEIGHTS.items() if name in arguments}


def renamed(key: str) -> str:
    """Return the key of today: DenseNets were saved with `norm.1` for `norm1`, by an older class."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)", r"\1", key)
