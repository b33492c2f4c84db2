"""What all tests share: expected outputs that one flag rewrites, and the place of the zoo."""

from __future__ import annotations

import signal
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path

import pytest

collect_ignore_glob = ["bad/*"]  # files of users, some of them wrong
REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Let Ctrl-C end what tests start, also where a shell runs them in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="rewrite expected outputs with the actual ones",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Hold a text to a file, byte for byte; with --update-goldens rewrite the file instead."""
    update = request.config.getoption("--update-goldens")

    def hold(path: Path, actual: str) -> None:
        __tracebackhide__ = True
        data = actual.encode()
        expected = path.read_bytes() if path.exists() else None
        if data == expected:
            return
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            return
        name = path.resolve().relative_to(REPOSITORY) if REPOSITORY in path.parents else path
        if expected is None:
            pytest.fail(f"{name} does not exist; `make goldens` writes it", pytrace=False)
        diff = unified_diff(
            expected.decode().splitlines(), actual.splitlines(), str(name), "actual", lineterm=""
        )
        lines = "\n".join(diff) or "only the ends of lines differ"
        pytest.fail(f"{lines}\n\n`make goldens` rewrites it; read the diff", pytrace=False)

    return hold


@pytest.fixture(scope="session")
def zoo() -> Path:
    """Return the folder of the zoo's specs."""
    return REPOSITORY / "specs"


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a terminal says of itself, to parallel workers too, out of goldens."""
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR"):
        monkeypatch.delenv(name, raising=False)
