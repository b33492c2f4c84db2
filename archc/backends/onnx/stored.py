"""Where the tensors of a file of safetensors lie, read without PyTorch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from archc.escaping import one_line
from archc.language.reading import note
from archc.weights.faults import WeightsError
from archc.weights.faults import key as spelled

KINDS: Mapping[str, Any] = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U8": np.uint8,
    "BOOL": np.bool_,
}  # fmt: skip
"""The kinds of numbers that a network's tensors may have, by their names in the file."""

LONGEST = 2**40
"""Bytes that no header has: what begins so is another kind of file."""

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Place:
    """A tensor in a file: the kind of its numbers, and the bytes where it begins and ends."""

    kind: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Stored:
    """A file of safetensors and where each of its tensors lies."""

    path: Path
    places: Mapping[str, Place]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the tensors by their keys."""
        return {key: place.shape for key, place in self.places.items()}

    def array(self, key: str) -> Array:
        """Read a tensor."""
        place = self.places[key]
        if place.kind not in KINDS:
            message = f"{self.path}: {spelled(key)} has numbers of {place.kind}, which no layer has"
            raise WeightsError(message)
        with self.path.open("rb") as file:
            file.seek(place.start)
            data = file.read(place.end - place.start)
        return np.frombuffer(data, KINDS[place.kind]).reshape(place.shape)


def stored(path: Path) -> Stored | None:
    """Read where tensors lie; None for a file of another kind.

    Raises WeightsError where it is damaged, OSError where it can't be read.
    """
    note(path)
    with path.open("rb") as file:
        head = file.read(9)
        if head[8:] != b"{" or (length := int.from_bytes(head[:8], "little")) >= LONGEST:
            return None
        file.seek(8)
        try:
            with safe_open(path, "numpy"):  # it looks whether all bytes are some tensor's
                pass
            entries: dict[str, Any] = json.loads(file.read(length))
        except (SafetensorError, ValueError) as error:
            said = one_line(f"{path} is damaged or cut short: {error}"[:300])
            raise WeightsError(said) from None
    entries.pop("__metadata__", None)
    return Stored(path, {key: _place(entry, 8 + length) for key, entry in entries.items()})


def _place(entry: Mapping[str, Any], begin: int) -> Place:
    start, end = entry["data_offsets"]
    return Place(entry["dtype"], tuple(entry["shape"]), begin + start, begin + end)
