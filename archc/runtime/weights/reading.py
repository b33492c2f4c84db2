"""Reading checkpoints: tensors, and nothing that a file could have run.

A file is known by its first bytes, not by its suffix. Safetensors hold tensors alone; of what
`torch.save` writes only tensors are unpickled. Both are mapped into memory, not read: a tensor
costs nothing until it is copied.
"""

from __future__ import annotations

import json
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from archc.escaping import one_line
from archc.language.reading import note
from archc.weights.faults import WeightsError

HEAD = 512
SAFE = ".safetensors"
ZIP = b"PK\x03\x04"
LARGEST_INDEX = 100_000_000
"""Bytes of what an archive has beside its tensors."""

STRANGERS = {
    b"\x89HDF": "it is HDF5, as Keras writes it",
    b"\x93NUMPY": "it is an array of NumPy",
    b"GGUF": "it is GGUF",
    b"\x1f\x8b": "it is packed by gzip: unpack it first",
    b"BZh": "it is packed by bzip2: unpack it first",
    b"\xfd7zXZ": "it is packed by xz: unpack it first",
    b"version https://git-lfs": "it is a pointer of Git LFS: `git lfs pull` fetches the file",
    b"<": "it is a page of HTML or XML: the download went to a page, not to the file",
    b"archc:": "it is a spec: it comes first, and its weights are another file",
    b"# ": "it is text",
}
"""How files begin that are no checkpoints."""


@dataclass(frozen=True)
class Checkpoint:
    """What is in a file: tensors, in dictionaries or alone; and the texts that safetensors keep."""

    name: str
    content: Any
    metadata: Mapping[str, str] = field(default_factory=dict)


def read(path: Path, name: str | None = None) -> Checkpoint:
    """Read a file of safetensors or of `torch.save`; raises WeightsError."""
    shown = one_line(name or str(path))
    if path.is_dir():
        raise WeightsError(f"{shown} is a folder, and weights are a file")
    if not path.is_file():
        raise WeightsError(f"there is no file {shown}")
    note(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        size = path.stat().st_size
    except OSError as error:
        raise WeightsError(f"{shown}: {error.strerror}") from None
    if is_safetensors(head):
        return _safetensors(path, shown, size)
    for start, said in STRANGERS.items():
        if head.lstrip().startswith(start):
            raise WeightsError(f"{shown} holds no weights: {said}")
    if not size:
        raise WeightsError(f"{shown} is empty")
    return Checkpoint(shown, _pickled(path, shown, packed=head.startswith(ZIP)))


def is_safetensors(head: bytes) -> bool:
    """Whether a file begins as safetensors do: the length of a header, and its first brace."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**40


def metadata_of(path: Path) -> Mapping[str, str] | None:
    """Return the texts that a file of safetensors keeps; None where it is no such file.

    Raises WeightsError where it is damaged.
    """
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return None
    return read(path).metadata if is_safetensors(head) else None


def _safetensors(path: Path, shown: str, size: int) -> Checkpoint:
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError:
        message = f"{shown} needs safetensors: pip install safetensors"
        raise WeightsError(message) from None
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
            return Checkpoint(shown, tensors, file.metadata() or {})
    except (SafetensorError, ValueError, TypeError, AttributeError, RuntimeError, OSError) as error:
        said = one_line(str(error))[:200]
        if "allocate memory" in said:
            raise WeightsError(f"{shown} asks for more memory than there is") from error
        message = f"{shown} is damaged or cut short, it has {size:,} bytes: {said}"
        raise WeightsError(message) from error
    except MemoryError:
        raise WeightsError(f"{shown} is too large for the memory there is") from None


def _pickled(path: Path, shown: str, *, packed: bool) -> Any:
    """Return what `torch.save` wrote, if it is tensors, numbers, texts, and lists of these."""
    if packed:
        _expect_archive(path, shown)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on old pickles, and on archives of TorchScript
            if packed and path.suffix.lower() != SAFE:
                return torch.load(str(path), map_location="cpu", weights_only=True, mmap=True)
            with path.open("rb") as file:  # PyTorch reads a path with that suffix as safetensors
                return torch.load(file, map_location="cpu", weights_only=True)
    except MemoryError:
        raise WeightsError(f"{shown} is too large for the memory there is") from None
    except Exception as error:
        said = str(error)
        unsafe = ("Unsupported global", "GLOBAL", "Unsupported class")
        if isinstance(error, pickle.UnpicklingError) and any(words in said for words in unsafe):
            raise WeightsError(f"{shown} {_more_than_tensors(said)}") from error
        if "allocate memory" in said:
            raise WeightsError(f"{shown} asks for more memory than there is") from error
        message = f"{shown} is damaged, cut short, or no file that torch.save writes"
        raise WeightsError(message) from error


def _more_than_tensors(said: str) -> str:
    named = re.search(r"GLOBAL ([\w.]{1,80})", said)
    what = f"`{named[1]}`" if named else "code"
    return (
        f"holds more than tensors, {what}, and nothing in a file is run: "
        "save its weights alone, torch.save(model.state_dict(), ...)"
    )


def _expect_archive(path: Path, shown: str) -> None:
    """Hold an archive to what `torch.save` writes: tensors as they are, unpacked, all there."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise WeightsError(
            f"{shown} is damaged or cut short: it is an archive without end"
        ) from None
    if any("/code/" in entry.filename for entry in entries):
        raise WeightsError(f"{shown} {_more_than_tensors('GLOBAL TorchScript')}")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise WeightsError(f"{shown} is a packed archive, and torch.save packs nothing")
    index = [e.file_size for e in entries if e.filename.endswith(".pkl")]
    if not index:
        raise WeightsError(f"{shown} is an archive, and none that torch.save writes")
    if sum(index) > LARGEST_INDEX:
        raise WeightsError(
            f"{shown} has {sum(index):,} bytes beside its tensors, which is too much"
        )


def texts_of(metadata: Mapping[str, str], name: str) -> Any:
    """Return what a file keeps under a name, parsed as JSON; None where there is nothing."""
    try:
        return json.loads(metadata[name]) if name in metadata else None
    except (ValueError, RecursionError):
        return None
