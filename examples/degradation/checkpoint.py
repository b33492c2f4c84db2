"""Files that are there whole or not at all, whenever the process is killed."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import torch


def save(path: Path, state: Any) -> None:
    """Write what torch can save."""
    _whole(path, lambda file: torch.save(state, file))


def save_json(path: Path, value: Any) -> None:
    """Write plain data."""
    text = json.dumps(value, indent=1) + "\n"
    _whole(path, lambda file: file.write(text.encode()))


def load(path: Path) -> Any:
    """Read what `save` wrote, or None where nothing is; nothing in the file is run."""
    if not path.exists():
        return None
    return torch.load(path, map_location="cpu", weights_only=True)


def _whole(path: Path, write: Any) -> None:
    """Write beside the file and onto the disk, then put it in the file's place at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{secrets.token_hex(8)}"
    try:
        with beside.open("xb") as file:  # with the modes of the user's umask
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
