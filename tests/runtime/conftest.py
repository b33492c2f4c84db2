"""What the tests of the runtime share: small architectures, compiled once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import archc
from archc import Architecture
from archc.runtime.report import Report, Row

LEDGER = Path(__file__).resolve().parent.parent / "goldens" / "torchvision"
"""What each comparison with a network of torchvision found; docs/zoo.md shows it."""

NEAR = 1e-4
"""The error, relative to the largest number, that another order of summing can make."""


@pytest.fixture(autouse=True)
def _torch() -> Iterator[None]:
    """Draw from one seed; leave the number of threads as it was."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(min(threads, 2))
    yield
    torch.set_num_threads(threads)


def spelled(row: Row) -> str:
    """Spell a result; how large rounding is differs from machine to machine."""
    return f"within {NEAR:g}" if 0 < row.error <= NEAR else row.result


@pytest.fixture
def ledger(golden: Callable[[Path, str], None]) -> Callable[[str, Report], None]:
    """Hold what was compared with a network of torchvision to what the documents say of it."""

    def keep(name: str, report: Report) -> None:
        found: dict[str, Row] = {}
        for row in report.rows:
            worst = found.get(row.what, row)
            found[row.what] = row if row.error > worst.error else worst
        sizes = dict.fromkeys(row.at for row in report.rows if row.at and not row.refused)
        said = {"sizes": list(sizes), **{what: spelled(row) for what, row in found.items()}}
        golden(LEDGER / f"{name}.json", json.dumps(said, indent=1, ensure_ascii=False) + "\n")

    return keep


@pytest.fixture(scope="session")
def resnet20() -> Architecture:
    return archc.compile("resnet20")
