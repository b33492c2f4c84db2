"""One small spec for each construct of the language, emitted and held to its graph."""

from __future__ import annotations

from pathlib import Path

import pytest

SPECS = sorted((Path(__file__).parent / "specs").glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_runs(path: Path) -> None:
    """Keys, values and gradients of the emitted file are those of the graph."""
    from oracle import assert_runs, compiled

    for arch in compiled(path.read_text(encoding="utf-8")):
        assert_runs(arch)
