"""What tells a file that archc wrote: a comment at its end, or metadata of a picture or a model.

JSON and CSV can't hold one: such a file is archc's where its keys, or the names of its columns,
are those of what would be written in its place.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

WORDS = "Written by archc"
MARKUP = f"<!-- {WORDS} -->"
COMMENTS = {
    "svg": MARKUP,
    "html": MARKUP,
    "junit": MARKUP,
    "markdown": MARKUP,
    "dot": f"// {WORDS}",
    "mermaid": f"%% {WORDS}",
    "latex": f"% {WORDS}",
    "pdf": f"% {WORDS}",
    "text": WORDS,
    "github": WORDS,
}
IMAGE = b"\x89PNG\r\n\x1a\n"
HEAD = 33
"""Bytes of the signature of a PNG and its first chunk."""
SOFTWARE = b"tEXtSoftware\0archc"
PRODUCER = b"\x12\x05archc"
"""The second field of a model of ONNX, behind two bytes of the first: who produced it."""

KEPT = b'"archc":"'
"""What the header of safetensors begins with, near enough, where archc keeps a spec in it."""

KEYED = ("json", "sarif")
"""Forms of JSON."""

LOOKED_AT = 4096
LARGEST = 64_000_000


def marked(data: bytes, form: str) -> bytes:
    """Return what is to be written with its mark, where its form has room for one."""
    if form == "png" and data.startswith(IMAGE):
        chunk = len(SOFTWARE[4:]).to_bytes(4) + SOFTWARE + zlib.crc32(SOFTWARE).to_bytes(4)
        return data[:HEAD] + chunk + data[HEAD:]
    if form not in COMMENTS:
        return data
    return data.rstrip(b"\n") + f"\n{COMMENTS[form]}\n".encode()


def is_ours(path: Path, data: bytes, form: str) -> bool:
    """Whether archc wrote a file; `data` is what would take its place."""
    try:
        with path.open("rb") as file:
            head = file.read(LOOKED_AT)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOOKED_AT))
            tail = file.read()
            file.seek(0)
            whole = file.read() if form in KEYED and size < LARGEST else b""
    except OSError:
        return False
    if head.startswith(IMAGE):
        return SOFTWARE in head
    if form == "safetensors":
        return KEPT in head
    last = tail.rstrip().rpartition(b"\n")[2].decode("utf-8", "replace").strip()
    return (
        last in COMMENTS.values()
        or _says_so(head)
        or head[2:].startswith(PRODUCER)
        or (form in KEYED and _keys(whole) is not None and _keys(whole) == _keys(data))
        or (form == "csv" and _first(head) == _first(data))
    )


def _says_so(head: bytes) -> bool:
    """Whether the docstring that a file of Python begins with says who wrote it."""
    opening, _, rest = head.partition(b'"""')
    return not opening and f"\n{WORDS} ".encode() in rest.partition(b'"""')[0]


def _keys(data: bytes) -> list[str] | None:
    """Return the keys of JSON, of the first item where it is a list; None where it has none."""
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        return None
    value = value[0] if isinstance(value, list) and value else value
    return list(value) if isinstance(value, dict) and value else None


def _first(data: bytes) -> bytes:
    return data.partition(b"\n")[0].strip()
