"""Weights of timm: on the Hugging Face hub, or at an address, as its own table says."""

from __future__ import annotations

import importlib
import math
import re
from pathlib import Path
from typing import Any

from archc.diagnostics import nearest
from archc.runtime.torchvision import import_torchvision
from archc.runtime.weights.owners.files import downloading, of_url, unless_there, verified
from archc.weights.faults import WeightsError
from archc.weights.offers import Offer

FILES = ("model.safetensors", "pytorch_model.bin")
"""What a repository of timm's may have its weights in, what is safe first."""


class Timm:
    """timm's part of what owners do."""

    @staticmethod
    def offers(network: str) -> list[Offer]:
        """Return what timm has for a network of the same name; nothing where timm is missing."""
        try:
            timm = _timm()
        except ModuleNotFoundError:
            return []
        if not timm.is_model(network):
            return []
        names = [n for n in timm.list_pretrained(f"{network}.*") if n.partition(".")[0] == network]
        return [_offer(name, _entry(name)) for name in names]

    @staticmethod
    def fetch(network: str, name: str) -> tuple[Offer, Path]:
        """Return a file: of `NETWORK.TAG`, of `NETWORK`, its first tag, or a `TAG` of the network."""
        if f"{network}.{name}" in _timm().list_pretrained(f"{network}.*"):
            name = f"{network}.{name}"
        entry = _entry(name)
        whole = f"{entry.architecture or name.partition('.')[0]}.{entry.tag}" if entry.tag else name
        offer = _offer(whole, entry)
        if entry.custom_load:
            raise WeightsError(f"`timm:{whole}` is no state_dict: timm converts it as it loads")
        if entry.hf_hub_id:
            return offer, of_hub(entry.hf_hub_id, offer.name, entry.hf_hub_filename)
        if not isinstance(entry.url, str):
            raise WeightsError(f"timm has no weights for `{whole}`")
        url = entry.url
        download = lambda: importlib.import_module("torch").hub.load_state_dict_from_url(  # noqa: E731
            url, progress=False, check_hash=True, weights_only=True
        )
        return offer, unless_there(of_url(url), offer.name, download)


def _timm() -> Any:
    try:
        import_torchvision()  # timm imports it, and it may need help to be imported
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        if error.name not in ("timm", "torchvision"):
            raise
        message = f"{error.name} is not installed: pip install {error.name}"
        raise ModuleNotFoundError(message, name=error.name) from None


def _entry(name: str) -> Any:
    timm = _timm()
    network = name.partition(".")[0]
    if not timm.is_model(network):
        hint = nearest(network, timm.list_models()) or "`archc weights NETWORK` lists what there is"
        raise WeightsError(f"timm has no network `{network}`; {hint}")
    try:
        entry = timm.models.get_pretrained_cfg(name)
    except RuntimeError:
        entry = None
    if entry is None or not entry.has_weights:
        known = timm.list_pretrained(f"{network}.*")
        hint = nearest(name, known) or (
            f"it has {', '.join(known[:6])}" if known else "it has none"
        )
        raise WeightsError(f"timm has no weights `{name}`; {hint}")
    return entry


def _offer(name: str, entry: Any) -> Offer:
    side = entry.input_size[-1]
    return Offer(
        f"timm:{name}",
        entry.license or "",
        None,
        None,
        tuple(entry.input_size),
        math.floor(side / entry.crop_pct) if entry.crop_pct else None,
        entry.interpolation,
        tuple(entry.mean),
        tuple(entry.std),
        entry.num_classes or None,
        {},
        f"https://huggingface.co/{entry.hf_hub_id}" if entry.hf_hub_id else str(entry.url or ""),
        _cached(entry) is not None,
    )


def _cached(entry: Any) -> Path | None:
    """Return the file of an entry where it is in a cache."""
    if entry.hf_hub_id:
        return in_hub_cache(entry.hf_hub_id, entry.hf_hub_filename)
    path = of_url(entry.url) if isinstance(entry.url, str) else None
    return path if path is not None and path.is_file() else None


# The cache of the hub


def in_hub_cache(repository: str, file: str | None = None) -> Path | None:
    """Return a file of the hub's cache, safetensors first; None where there is none."""
    try:
        hub = importlib.import_module("huggingface_hub")
    except ModuleNotFoundError:
        return None
    name, _, revision = repository.partition("@")
    for wanted in (file,) if file else FILES:
        found = hub.try_to_load_from_cache(name, wanted, revision=revision or None)
        if isinstance(found, str):
            return Path(found)
    return None


def of_hub(repository: str, name: str, file: str | None = None) -> Path:
    """Return a file of weights of a repository of the hub, from the cache or by its own client."""
    found = in_hub_cache(repository, file)
    if found is None:
        try:
            hub = importlib.import_module("huggingface_hub")
        except ModuleNotFoundError:
            message = f"`{name}` is on the Hugging Face hub: pip install huggingface_hub"
            raise WeightsError(message) from None
        with downloading(name, "its cache by `hf download`"):
            found = _downloaded(hub, repository, (file,) if file else FILES)
    digest = found.resolve().name  # the hub's cache calls a large file by its SHA-256
    return verified(found, digest if re.fullmatch("[0-9a-f]{64}", digest) else None)


def _downloaded(hub: Any, repository: str, files: tuple[str, ...]) -> Path:
    """Download the first of some files that the repository has."""
    name, _, revision = repository.partition("@")
    errors = importlib.import_module("huggingface_hub.errors")
    for wanted in files[:-1]:
        try:
            return Path(hub.hf_hub_download(name, wanted, revision=revision or None))
        except errors.LocalEntryNotFoundError:  # no network, of which another file has no more
            raise
        except errors.EntryNotFoundError:
            continue
    return Path(hub.hf_hub_download(name, files[-1], revision=revision or None))
