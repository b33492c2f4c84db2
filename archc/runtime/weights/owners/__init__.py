"""Weights of torchvision and timm: what they have, and their files, from caches or by their own APIs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from archc.runtime.weights.owners import timm, torchvision
from archc.weights.offers import Offer


class Owner(Protocol):
    """A library that has weights for networks."""

    @staticmethod
    def offers(network: str) -> list[Offer]:
        """Return what there is for a network; nothing where the library does not have it."""

    @staticmethod
    def fetch(network: str, name: str) -> tuple[Offer, Path]:
        """Return a file of weights, verified, and what is said of it; raises WeightsError."""


OWNERS: Mapping[str, Owner] = {"torchvision": torchvision.Torchvision, "timm": timm.Timm}
