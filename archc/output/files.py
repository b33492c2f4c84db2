"""Writing files: nothing else in archc does.

A file is there whole or as it was; it keeps its mode, its owner and the links that lead to it.
What is no file, a device or a pipe, is written into. A file that the command read is never
written, and one that archc did not write is replaced with `--force` only.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import stat
from contextlib import suppress
from pathlib import Path

from archc.language.reading import inputs
from archc.output.marks import is_ours, marked

MAX_LINKS = 40
BINARY = getattr(os, "O_BINARY", 0)  # of Windows
IN_PLACE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV})
"""Why a file beside another one can't be made, or take its place: a folder that is not ours,
a file that is mounted."""

BY_OPTIONS = "give another name by -o, or replace it by --force"


class OutputError(Exception):
    """A file that is not written, and why."""


def expect_folder(path: Path | None) -> Path | None:
    """Return an output if a file can be there, before any work is done for it."""
    if path is None or str(path) == "-":
        return path
    try:
        where = _followed(path)
        if isinstance(where, Path):
            _expect_place(where, path)
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror}") from None
    return path


def make_folder(path: Path) -> None:
    """Make a folder, in one that is there; raises OutputError."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"can't make the folder {path}: {error.strerror}") from None


def write(
    path: Path, content: str | bytes, form: str, *, force: bool = False, remedy: str = BY_OPTIONS
) -> None:
    """Write what is of a form to a file or into a device; raises OutputError.

    `remedy` says what to do about a file that archc did not write.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        _write(path, data, form, remedy, force=force)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror}") from None


def _write(path: Path, data: bytes, form: str, remedy: str, *, force: bool) -> None:
    where = _followed(path)
    if isinstance(where, int):
        _expect_no_input(os.fstat(where), path)
        _into(os.dup(where), data)
        return
    _expect_place(where, path)
    known = where.stat() if where.exists() else None
    if known is not None and not stat.S_ISREG(known.st_mode):
        _into_special(where, known.st_mode, data)
        return
    data = marked(data, form)
    if known is not None:
        _expect_no_input(known, path)
        if not os.access(where, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if known.st_size and not force and not is_ours(where, data, form):
            raise OutputError(f"{path} is there, and archc did not write it: {remedy}")
    try:
        _replace(where, data, known)
    except OSError as error:
        if known is None or error.errno not in IN_PLACE:
            raise
        _overwrite(where, data, known.st_size)


def _followed(path: Path) -> Path | int:
    """Return where the links of a path lead: to a place, or to a descriptor of this process."""
    for _ in range(MAX_LINKS):
        folder = os.path.realpath(path.parent)
        if folder in ("/dev/fd", f"/proc/{os.getpid()}/fd") and path.name.isdecimal():
            return int(path.name)
        if not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _expect_place(where: Path, shown: Path) -> None:
    if where.is_dir():
        raise OutputError(f"can't write {shown}: it is a folder")
    if not where.parent.is_dir():
        folder = where.parent
        raise OutputError(f"can't write {shown}: there is no folder {folder}; make it first")


def _expect_no_input(known: os.stat_result, shown: Path) -> None:
    if (known.st_dev, known.st_ino) in inputs():
        raise OutputError(f"can't write {shown}: the command reads it; give another name by -o")


def _into_special(where: Path, mode: int, data: bytes) -> None:
    """Write into a device, a pipe or a socket."""
    if stat.S_ISBLK(mode):
        raise OutputError(f"can't write {where}: it is a disk")
    if stat.S_ISSOCK(mode):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(where))
            connection.sendall(data)
        return
    _into(os.open(where, os.O_WRONLY | getattr(os, "O_NOCTTY", 0)), data)


def _into(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _replace(where: Path, data: bytes, known: os.stat_result | None) -> None:
    """Write a file beside, onto the disk, which then takes the name."""
    beside = where.parent / f".archc-{secrets.token_hex(8)}"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            if known is not None:
                made = os.fstat(descriptor)
                if (made.st_uid, made.st_gid) != (known.st_uid, known.st_gid):
                    os.fchown(descriptor, known.st_uid, known.st_gid)
                beside.chmod(stat.S_IMODE(known.st_mode))
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        beside.replace(where)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _overwrite(where: Path, data: bytes, size: int) -> None:
    """Write into a file that nothing can replace, once there is room for all of it."""
    descriptor = os.open(where, os.O_WRONLY | BINARY)
    with os.fdopen(descriptor, "wb") as file:
        try:
            if data and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, len(data))
        except OSError:
            os.ftruncate(descriptor, size)
            raise
        file.write(data)
        file.truncate()
