"""A network that gives maps of features, and what it says of them, as timm's do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import overload


@dataclass
class FeatureInfo:
    """What is said of each map: `num_chs`, `reduction`, `module`; those that are given, by index.

    Without an index methods answer for the maps that are given, with one for that map.
    """

    info: list[dict[str, str | int]]
    out_indices: tuple[int, ...] = field(default=())

    @overload
    def get(self, key: str, idx: int) -> str | int: ...
    @overload
    def get(self, key: str, idx: Sequence[int] | None = None) -> list[str | int]: ...
    def get(self, key: str, idx: int | Sequence[int] | None = None) -> str | int | list[str | int]:
        """Return what is said under a key."""
        if isinstance(idx, int):
            return self.info[idx][key]
        return [self.info[i][key] for i in (self.out_indices if idx is None else idx)]

    def channels(self, idx: int | Sequence[int] | None = None) -> str | int | list[str | int]:
        """Return numbers of channels."""
        return self.get("num_chs", idx)

    def reduction(self, idx: int | Sequence[int] | None = None) -> str | int | list[str | int]:
        """Return how many pixels lie between two neighbours in a map."""
        return self.get("reduction", idx)

    def module_name(self, idx: int | Sequence[int] | None = None) -> str | int | list[str | int]:
        """Return the paths of the modules that make the maps."""
        return self.get("module", idx)

    def get_dicts(
        self, keys: Sequence[str] | None = None, idx: Sequence[int] | None = None
    ) -> list[dict[str, str | int]]:
        """Return all that is said, or what is said under some keys."""
        chosen = [self.info[i] for i in (self.out_indices if idx is None else idx)]
        return [{k: d[k] for k in (keys or d)} for d in chosen]

    def __getitem__(self, index: int) -> dict[str, str | int]:
        return self.info[index]

    def __len__(self) -> int:
        return len(self.info)


def indices(wanted: int | Sequence[int] | None, count: int) -> tuple[int, ...]:
    """Return which of several maps are meant: all, the last so many, or those of a list.

    Raises ValueError where there is none such.
    """
    if wanted is None:
        return tuple(range(count))
    listed = tuple(range(-wanted, 0)) if isinstance(wanted, int) else tuple(wanted)
    wrong = [k for k in listed if not -count <= k < count]
    if wrong or not listed:
        message = f"`out_indices` is {wanted}: the network has {count} maps, 0 to {count - 1}"
        raise ValueError(message)
    return tuple(k % count for k in listed)
