"""What the tests of the runtime share: small architectures, compiled once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import archc
from archc import Architecture


@pytest.fixture(autouse=True)
def _torch() -> Iterator[None]:
    """Draw from one seed; leave the number of threads as it was."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(min(threads, 2))
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def resnet20() -> Architecture:
    return archc.compile("resnet20")
