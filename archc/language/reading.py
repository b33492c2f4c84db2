"""Reading what a user names: once, up to a limit, as UTF-8; `recorded` says what was read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from archc.diagnostics import Source, Span, spec_error
from archc.limits import MAX_BYTES

MOST = 4 * MAX_BYTES
"""Bytes that a text of as many characters as a spec may have has at most."""

WIDE = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}

SPEC = re.compile(r"^(?:\ufeff)?[\"']?archc[\"']?\s*:", re.MULTILINE)
"""What every spec has and hardly another file."""

Identity = tuple[int, int]
_RECORD: ContextVar[set[Identity] | None] = ContextVar("_RECORD", default=None)


def read(path: Path, name: str | None = None, *, shipped: bool = False) -> Source:
    """Read a file; raises SpecError where it is no text in UTF-8 or too long, else OSError.

    A pipe or a device can be read once: what it gives has no path. `shipped` says that it is
    a file of archc itself.
    """
    with path.open("rb") as file:
        regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        source = read_stream(file, name or str(path), path if regular else None)
    return replace(source, shipped=True) if shipped else source


def read_stream(file: BinaryIO, name: str, path: Path | None = None) -> Source:
    """Read what is open, to its end or to the limit."""
    note(file)
    data = file.read(MOST + 1)
    if len(data) > MOST:
        start = data[:200].decode("utf-8", "replace")
        message = f"a spec has at most {MAX_BYTES} characters"
        raise spec_error("too-large", message, Span(1, 1, 1, 2, Source(name, start, path)))
    return decoded(data, name, path)


def decoded(data: bytes, name: str, path: Path | None = None) -> Source:
    """Return bytes as a source; raises SpecError where they are no UTF-8."""
    try:
        return Source(name, data.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        wide = next((known for mark, known in WIDE.items() if data.startswith(mark)), None)
        if wide is not None:
            source = Source(name, data.decode(wide, "replace"), path)
            message = f"this is text in {wide}, not in UTF-8"
            raise spec_error(
                "not-utf-8", message, Span(1, 1, 1, 2, source), "save the file in UTF-8"
            ) from None
        line = data.count(b"\n", 0, error.start) + 1
        column = len(data[: error.start].rpartition(b"\n")[2].decode("utf-8-sig", "replace")) + 1
        source = Source(name, data.decode("utf-8", "replace"), path)
        span = Span(line, column, line, column + 1, source)
        message = f"the byte 0x{data[error.start]:02x} is no UTF-8"
        raise spec_error("not-utf-8", message, span, "save the file in UTF-8") from None


def is_stream(path: Path) -> bool:
    """Whether a path is there and neither a file nor a folder: a pipe, a device."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


@contextmanager
def recorded() -> Iterator[set[Identity]]:
    """Keep which files are read, by device and inode: what a command may not write over."""
    identities: set[Identity] = set()
    token = _RECORD.set(identities)
    try:
        yield identities
    finally:
        _RECORD.reset(token)


def inputs() -> set[Identity]:
    """Return which files were read so far, where they are recorded."""
    return _RECORD.get() or set()


def note(file: BinaryIO | Path) -> None:
    """Record a file that is about to be read by whatever can; one that is not there is none."""
    known = _RECORD.get()
    if known is None:
        return
    try:
        found = file.stat() if isinstance(file, Path) else os.fstat(file.fileno())
    except (OSError, ValueError):
        return
    if stat.S_ISREG(found.st_mode):
        known.add((found.st_dev, found.st_ino))
