"""Files of caches: held to the hashes in their names, and got by their owners where they lack."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlparse

import torch

from archc.weights.faults import WeightsError

PREFIX = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
"""The beginning of a file's SHA-256, which its owner put into its name."""


def of_url(url: str) -> Path:
    """Return where PyTorch keeps what it downloaded from an address."""
    return Path(torch.hub.get_dir(), "checkpoints", Path(urlparse(url).path).name)


def verified(path: Path, expected: str | None = None) -> Path:
    """Return a file whose SHA-256 begins as its name says, or as `expected`.

    Raises WeightsError where it does not.
    """
    found = PREFIX.search(path.name)
    prefix = expected or (found[1] if found else "")
    if not prefix:
        return path
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}") from None
    if digest.startswith(prefix):
        return path
    message = (
        f"{path} is not the file that its owner has: its SHA-256 begins with "
        f"{digest[: len(prefix)]}, and should with {prefix}; delete it, and it is got anew"
    )
    raise WeightsError(message)


@contextlib.contextmanager
def downloading(name: str, path: str) -> Iterator[None]:
    """Let an owner's API download; what it prints goes beside, what it raises is told."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except WeightsError:
        raise
    except Exception as error:
        said = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        message = f"`{name}` can't be downloaded: {said}; a copy may be put into {path}"
        raise WeightsError(message) from error


def unless_there(path: Path, name: str, download: Callable[[], object]) -> Path:
    """Return a file of a cache, verified; its owner downloads it where it is not there."""
    if not path.is_file():
        with downloading(name, str(path)):
            download()
    if not path.is_file():
        raise WeightsError(f"`{name}` was downloaded, but not to {path}")
    return verified(path)
