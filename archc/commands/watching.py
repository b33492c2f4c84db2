"""Doing something again whenever files change: what `--watch` is.

Files are looked at a few times a second. That needs no library, sees files on any kind of
volume, and sees the file that an editor puts in the place of the old one; a spec is a handful
of files, so that it costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

PAUSE = 0.2
"""Seconds between two looks."""

GRAIN = 10_000_000
"""Nanoseconds by which the time of a file may lag behind the clock."""

Stamp = tuple[int, int, int] | None


def watch(work: Callable[[], Iterable[Path]]) -> None:
    """Do some work, and again when a file changes that it returns; until the user interrupts.

    A file that changes while the work is done, which has perhaps read it before, is a change too.
    """
    seen: dict[Path, Stamp] = {}
    try:
        while True:
            before, start = stamps(seen), time.time_ns() - GRAIN
            files = sorted(set(work()))
            seen = {path: before.get(path) or _old(_stamp(path), start) for path in files}
            wait(files, seen)
    except KeyboardInterrupt:
        return


def wait(files: Iterable[Path], before: dict[Path, Stamp]) -> None:
    """Return when a file is another than before, and all of them have come to rest."""
    while (now := stamps(files)) == before:
        time.sleep(PAUSE)
    while now != before or None in now.values():
        before = now
        time.sleep(PAUSE / 2)
        now = stamps(files)


def stamps(files: Iterable[Path]) -> dict[Path, Stamp]:
    """Return what changes when a file is written or replaced; None for one that is not there."""
    return {path: _stamp(path) for path in files}


def _old(stamp: Stamp, start: int) -> Stamp:
    """Return the stamp of a file that was not known before the work, None where it changed since."""
    return None if stamp is None or stamp[0] > start else stamp


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
