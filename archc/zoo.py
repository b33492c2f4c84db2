"""The networks that come with archc: which spec file has which name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path


def folder() -> Path:
    """Return the folder of the specs: inside the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    return next(
        (p for p in (package / "specs", package.parent / "specs") if p.is_dir()), package / "specs"
    )


def files() -> list[Path]:
    """Return every spec file of the zoo."""
    return sorted(folder().glob("*.yaml"))


@cache
def index() -> dict[str, Path]:
    """Return the file of every network by name.

    Only the keys under `variants:` are looked at, line by line, so that finding one network
    does not cost the parsing of all; a test holds this against the parsed documents.
    """
    networks: dict[str, Path] = {}
    for path in files():
        text = path.read_text(encoding="utf-8")
        section = re.search(r"^variants:\s*\n((?:(?: +.*|#.*)?\n)*)", text + "\n", re.MULTILINE)
        inline = re.search(r"^variants: *\{([^\n]*)\}", text, re.MULTILINE)
        listed = section[1] if section else ""
        indent = re.match(r" *", next((line for line in listed.splitlines() if line.strip()), ""))
        width = len(indent[0]) if indent else 0
        names = (
            re.findall(rf"^ {{{width}}}([A-Za-z_]\w*):", listed, re.MULTILINE)
            if listed.strip()
            else []
        )
        names += re.findall(r"([A-Za-z_]\w*): *\{", inline[1]) if inline else []
        for name in names or [path.stem]:
            networks.setdefault(name, path)
    return networks


def names() -> list[str]:
    """Return the name of every network, file by file."""
    return list(index())


def locate(name: str) -> tuple[Path | None, str | None]:
    """Return the spec file that a name means, a network's or a file's, and the network's name."""
    if found := find(name):
        return found, name
    return next((path for path in files() if path.stem == name), None), None


def find(name: str) -> Path | None:
    """Return the spec file that has a network of this name; None where none has."""
    return index().get(name)
