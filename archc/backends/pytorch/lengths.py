"""How long emitted files are, family by family: for tables that show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archc.backends.pytorch.file import source
from archc.graph import Network


@dataclass(frozen=True)
class Length:
    """The lines of the emitted files of a family: its shortest and its longest variant."""

    family: str
    shortest: str
    least: int
    longest: str
    most: int


def lengths(networks: Iterable[Network], *, version: str) -> list[Length]:
    """Return the lengths of the families that some networks are variants of, in their order."""
    found: dict[str, dict[str, int]] = {}
    for network in networks:
        lines = source(network, version=version).splitlines()
        found.setdefault(str(network.document.name), {})[network.name] = len(lines)
    return [length(family, counts) for family, counts in found.items()]


def length(family: str, counts: dict[str, int]) -> Length:
    """Return the extremes of a family's counts by variant."""
    shortest, longest = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    return Length(family, shortest, counts[shortest], longest, counts[longest])
