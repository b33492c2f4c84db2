"""Architectures whose files have more than plain ones: what `archc.load` runs."""

from __future__ import annotations

from dataclasses import dataclass

from archc.api.architecture import Architecture
from archc.graph import Network
from archc.recipe import Recipe


@dataclass(frozen=True)
class Surfaced:
    """An architecture whose file has the methods of timm's networks."""

    architecture: Architecture

    @property
    def name(self) -> str:
        """The name of the variant."""
        return self.architecture.name

    @property
    def network(self) -> Network:
        """The lowered network."""
        return self.architecture.network

    @property
    def recipe(self) -> Recipe:
        """What it was compiled from."""
        return self.architecture.recipe

    def source(self) -> str:
        """Return the file."""
        return self.architecture.source("timm")


class FeatureMaps(Surfaced):
    """An architecture whose file gives a list of the values that are chosen as its outputs."""

    def source(self) -> str:
        """Return the file."""
        from archc.backends.surface import listed

        return listed(self.architecture.source())
