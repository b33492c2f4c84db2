"""archc as a diff driver of git: `git config diff.archc.command 'archc diff --git'`.

Git gives a path, and of the old and the new version a file, a hash and a mode; a file that
is not there is the null device. It wants 0 as exit code, whatever differs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any

from archc import api
from archc.backends.difference import text
from archc.backends.difference.sections import shortened
from archc.commands.common import usage
from archc.commands.comparing import of_all
from archc.commands.terminal import screen
from archc.diagnostics import Diagnostic, Source, SpecError, errors
from archc.escaping import terminal
from archc.language.document import imported
from archc.language.reading import SPEC
from archc.language.spec import Document
from archc.passes.difference import text_changes


def drive(arguments: Sequence[str], *, allow_ops: bool, unified: bool, full: bool) -> None:
    """Print what git asks for."""
    if len(arguments) == 1:
        print(terminal(f"* Unmerged path {arguments[0]}"))
        return
    if len(arguments) < 7:
        usage("--git is for git: it gives a path, and file, hash and mode of two versions")
    path, old, _, old_mode, new, _, new_mode, *renamed = arguments
    name = renamed[0] if renamed else path
    texts = _read(old), _read(new)
    print(terminal("\n".join(_head(path, name, (old_mode, new_mode)))))
    if texts[0] is None or texts[1] is None:
        print(terminal(f"Binary files a/{path} and b/{name} differ"))
        return
    sources = Source(f"a/{path}", texts[0], Path(path)), Source(f"b/{name}", texts[1], Path(name))
    said = list(_said(*sources, allow_ops=allow_ops, full=full))
    lines = terminal("".join(_unified(*sources))) if unified or not said else ""
    if parts := [part for part in ("\n".join(said), lines.rstrip("\n")) if part]:
        print("\n\n".join(parts))


def _read(name: str) -> str | None:
    """Return the text of a version, None where it is no text."""
    if name == os.devnull:
        return ""
    try:
        return Path(name).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _head(path: str, name: str, modes: tuple[str, str]) -> Iterator[str]:
    """Yield what git itself writes above a difference."""
    old, new = modes
    yield f"diff --git a/{path} b/{name}"
    if "." in modes:
        yield f"new file mode {new}" if old == "." else f"deleted file mode {old}"
    elif old != new:
        yield from (f"old mode {old}", f"new mode {new}")
    if path != name:
        yield from (f"rename from {path}", f"rename to {name}")


def _lines(source: Source) -> list[str]:
    return source.text.replace("\r\n", "\n").splitlines(keepends=True)


def _unified(before: Source, after: Source) -> Iterator[str]:
    """Yield the lines that differ, as git does."""
    a, b = (s.name if s.text else os.devnull for s in (before, after))
    old, new = (_lines(s) for s in (before, after))
    for line in unified_diff(old, new, a, b):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _said(before: Source, after: Source, *, allow_ops: bool, full: bool) -> Iterator[str]:
    """Yield what there is to say of two versions of a spec; nothing of anything else."""
    there = [s for s in (before, after) if s.text]
    if not there or not all(SPEC.search(s.text) for s in there):
        return
    try:
        if len(there) == 1:
            yield from _summary(there[0], "+" if after.text else "-", allow_ops=allow_ops)
        else:
            yield from _compared(before, after, allow_ops=allow_ops, full=full)
            return
    except SpecError as error:
        known = {str(d): None for s in there for d in _faults(s, allow_ops=allow_ops)}
        yield "\n\n".join(known or map(str, error.diagnostics))
    yield from ("", "".join(_unified(before, after)).rstrip("\n"))


def _compared(before: Source, after: Source, *, allow_ops: bool, full: bool) -> Iterator[str]:
    """Compare two versions that are specs, or libraries of blocks."""
    if not all(isinstance(imported(s), Document) for s in (before, after)):
        yield from _library(before, after)
        return
    found = of_all(before, after, {}, {"allow_ops": allow_ops})
    if any(found):
        width, color = screen(printed=True)
        yield text(found, width, color=color or _paged(), full=full).rstrip("\n")


def _faults(source: Source, *, allow_ops: bool) -> list[Diagnostic]:
    """Return what is wrong with a version; published figures that do not hold are left out."""
    try:
        found = api.check(source, allow_ops=allow_ops)
    except SpecError as error:
        found = list(error.diagnostics)
    return [d for d in errors(found) if not d.code.startswith("claim")]


def _summary(source: Source, sign: str, *, allow_ops: bool) -> Iterator[str]:
    """Say what came or went."""
    parsed: Any = imported(source)
    if not isinstance(parsed, Document):
        yield f"{sign} a library of {len(parsed.blocks)} blocks"
        return
    for arch in api.compile_family(source, [str(v) for v in parsed.variants], allow_ops=allow_ops):
        tensors = len(arch.state_dict_shapes())
        counts = f"{arch.params:,} params, {arch.macs:,} MACs, {tensors:,} tensors"
        yield f"{sign} {arch.name}: {arch.input} to {arch.output}, {counts}"


def _library(before: Source, after: Source) -> Iterator[str]:
    """Compare two files of which one is a library of blocks, by their text."""
    marks = {"added": "+", "removed": "-"}
    for change in text_changes(before, after):
        texts = [shortened(t) for t in (change.before, change.after) if t is not None]
        yield f" {marks.get(change.kind, '~')} {change.path}: {' → '.join(texts)}"


def _paged() -> bool:
    """Whether git shows what is printed in its pager, where colours are welcome."""
    return os.environ.get("GIT_PAGER_IN_USE") == "true" and not os.environ.get("NO_COLOR")
