"""All that the owners of weights have for a network, and whether it goes by the network's own keys."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from dataclasses import dataclass

import torch

from archc.runtime.peers import UnknownPeer, peer
from archc.runtime.weights.owners import OWNERS
from archc.weights.offers import Offer


@dataclass(frozen=True)
class Shelf:
    """What one owner has; `version` is empty where it is not installed."""

    owner: str
    version: str
    offers: tuple[Offer, ...] = ()
    by_name: bool | None = None
    """Whether its keys are those of the network; None where that is not known."""


def shelves(network: str, keys: Collection[str]) -> list[Shelf]:
    """Return what each owner has for a network that has some keys."""
    return [_shelf(owner, network, keys) for owner in OWNERS]


def _shelf(owner: str, network: str, keys: Collection[str]) -> Shelf:
    try:
        offers = tuple(OWNERS[owner].offers(network))
        version = str(importlib.import_module(owner).__version__)
    except ModuleNotFoundError as error:
        if error.name not in OWNERS:
            raise
        return Shelf(owner, "")
    theirs = _keys(owner, network) if offers else None
    by_name = None if theirs is None else theirs == set(keys)
    return Shelf(owner, version.partition("+")[0], offers, by_name)


def _keys(owner: str, network: str) -> set[str] | None:
    try:
        with torch.device("meta"):
            return {*peer(f"{owner}:{network}").state_dict()}
    except UnknownPeer:  # of one that computes as it is made, which takes numbers
        return None
