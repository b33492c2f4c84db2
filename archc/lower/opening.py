"""From what a user names, a path, a source or a network of the zoo, to its document."""

from __future__ import annotations

from pathlib import Path

from archc import zoo
from archc.diagnostics import Source, SpecError, nearest
from archc.language.document import Faulty, document, imported
from archc.language.given import expect_spec
from archc.language.reading import is_stream, read
from archc.language.spec import Document, Library
from archc.lower.linking import pick


def opened(spec: str | Path | Source, variant: str | None) -> tuple[Document, str]:
    """Return the document that is meant, and the variant; raises SpecError, OSError."""
    expect_spec(spec, variant)
    spec = sourced(spec)
    if isinstance(spec, Source):
        parsed = document(spec)
        return parsed, pick(parsed, variant)
    path = Path(spec)
    if path.is_file() or is_stream(path):
        parsed = document(read(path))
        return parsed, pick(parsed, variant)
    found, named = zoo.locate(str(spec))
    if found is None:
        raise _missing(path)
    parsed = document(read(found, found.name))
    return parsed, pick(parsed, named if variant is None and parsed.variants else variant)


def sourced(spec: str | Path | Source) -> str | Path | Source:
    """Return the text of a spec as a source: what has several lines is no path."""
    text = isinstance(spec, str) and ("\n" in spec or "\r" in spec) and not is_file(spec)
    return Source("<spec>", str(spec)) if text else spec


def once(spec: str | Path | Source) -> str | Path | Source:
    """Return a spec that can be opened again: what a pipe gives is read, a path stays one."""
    expect_spec(spec)
    spec = sourced(spec)
    if isinstance(spec, Source) or not is_stream(Path(spec)):
        return spec
    return read(Path(spec))


def library_of(spec: str | Path | Source) -> Library | None:
    """Return the file as a library of blocks; None where it is a network, or neither.

    Raises Faulty where the library is wrong.
    """
    try:
        read_file = imported(spec if isinstance(spec, Source) else read(Path(spec)))
    except Faulty as error:
        if error.rest is not None and isinstance(error.rest.model, Library):
            raise
        return None
    except (SpecError, OSError):
        return None
    return read_file if isinstance(read_file, Library) else None


def is_file(name: str) -> bool:
    """Whether a name, which may have line breaks in it, is that of a file."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL
        return False


def _missing(path: Path) -> OSError:
    if path.is_dir():
        return IsADirectoryError(f"{path} is a folder, and a spec is a file")
    hint = nearest(str(path), [*zoo.names(), *(f.stem for f in zoo.files())])
    message = f"there is no file and no network of the zoo called `{path}`"
    return FileNotFoundError(message + (f"; {hint}" if hint else ""))
