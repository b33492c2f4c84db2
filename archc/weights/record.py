"""What a file of weights keeps beside them: the spec and all that was given, as one text of JSON.

Whoever reads it trusts none of it: it is data of a spec, held to what every spec is held to, and
Python files with ops are run for those only who allow it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from archc.diagnostics import Source
from archc.escaping import json_text
from archc.graph import Network
from archc.language.given import ARGUMENTS
from archc.language.reading import note
from archc.language.spec import Document, Library
from archc.lower.linking import is_file, link
from archc.recipe import Recipe
from archc.version import VERSION
from archc.weights.faults import WeightsError

KEY = "archc"
"""Under which safetensors' metadata has it."""

FORM = 1
IN_FOLDER = "model.safetensors"
"""What a folder as of the Hugging Face hub has its weights in."""

PICKLED = (b"PK\x03\x04", b"\x80\x02")
LARGEST = 100_000_000
"""Bytes of a header of safetensors."""


def written(network: Network, recipe: Recipe, versions: Mapping[str, str], source: str = "") -> str:
    """Return what is kept of a network; `source` is what its weights were called before.

    Raises WeightsError where a setting is no data.
    """
    record = {
        "form": FORM,
        "versions": {"archc": VERSION, **versions},
        "name": network.name,
        "file": Path(recipe.source.name).name,
        "spec": recipe.source.text,
        "imports": dict(_imports(network.document, recipe.source.path)),
        "variant": recipe.variant,
        "settings": {key: _plain(key, value) for key, value in recipe.settings.items()},
        "input": list(recipe.input),
        "outputs": list(recipe.outputs),
        "block": recipe.block,
        "weights": source,
    }
    return json_text(record, indent=None)


def _imports(document: Document | Library, base: Path | None) -> Iterator[tuple[str, str]]:
    """Yield the texts of imported files that are not archc's own, by their paths from the spec's."""
    folder = base.parent if base is not None else Path()
    for imported in link(document).imports.values():
        source = imported.source if imported is not None else None
        if imported is None or source is None or source.path is None or source.shipped:
            continue
        yield Path(os.path.relpath(source.path.resolve(), folder.resolve())).as_posix(), source.text
        yield from _imports(imported, base)


def _plain(name: str, value: Any) -> Any:
    """Return a setting as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Sequence):
        return [_plain(name, item) for item in value]
    if hasattr(value, "__index__"):
        return int(value)
    raise WeightsError(f"the setting `{name}` is {type(value).__name__}, which no file can keep")


def read(text: str, where: Path, *, allow_ops: bool = False) -> Recipe:
    """Return the recipe that a file keeps; raises WeightsError where it is none.

    What the spec imports is in the file too; its ops are looked for beside it.
    """
    try:
        record = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or type(record.get("form")) is not int:
        raise WeightsError(f"{where}: what it keeps of a spec is damaged")
    if record["form"] != FORM:
        wanted = record.get("versions")
        version = wanted.get("archc") if isinstance(wanted, dict) else None
        by = f", by archc {version}" if isinstance(version, str) and len(version) < 40 else ""
        raise WeightsError(f"{where} was written in another form{by}: this is archc {VERSION}")
    if not _is_sound(record):
        raise WeightsError(f"{where}: what it keeps of a spec is damaged")
    return Recipe(
        source=Source(
            str(where),
            record["spec"],
            where,
            files={(where.parent / name).resolve(): t for name, t in record["imports"].items()},
        ),
        variant=record["variant"],
        settings=record["settings"],
        input=tuple(record["input"]),
        outputs=tuple(record["outputs"]),
        block=record["block"],
        weights=where,
        allow_ops=allow_ops,
    )


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _is_sound(record: Mapping[str, Any]) -> bool:
    """Whether all has the kind that it should."""
    texts = [record.get(name) for name in ("spec", "variant", "name", "block")]
    sizes, outputs, settings = (record.get(name) for name in ("input", "outputs", "settings"))
    imports = record.get("imports")
    return (
        all(isinstance(text, str) for text in texts)
        and isinstance(sizes, list)
        and all(type(size) is int for size in sizes)
        and isinstance(outputs, list)
        and all(isinstance(name, str) for name in outputs)
        and isinstance(imports, dict)
        and all(isinstance(t, str) and "\0" not in name for name, t in imports.items())
        and isinstance(settings, dict)
        and settings.keys().isdisjoint(ARGUMENTS)
        and all(map(_is_data, settings.values()))
    )


def _is_data(value: Any) -> bool:
    """Whether a value is one that a param of a spec may have."""
    if isinstance(value, list):
        return all(map(_is_data, value))
    return value is None or (isinstance(value, (bool, int, float, str)))


# The file


def file_of(spec: object) -> Path | None:
    """Return the file of weights that a name means, of a folder too; None where it is none."""
    path = Path(spec) if isinstance(spec, (str, Path)) and spec else None
    if path is None or "\n" in str(path):  # the text of a spec
        return None
    if is_file(path / IN_FOLDER):
        path /= IN_FOLDER
    return path if _head(path) else None


def recipe_in(path: Path, *, allow_ops: bool = False) -> Recipe:
    """Return what a file of weights keeps of its network; raises WeightsError where it is nothing."""
    kept = _metadata(path).get(KEY)
    if isinstance(kept, str):
        return read(kept, path, allow_ops=allow_ops)
    message = (
        f"{path} holds weights, and no spec to load them into: "
        f'archc.load("NETWORK", weights="{path}")'
    )
    raise WeightsError(message)


def has_recipe(path: object) -> bool:
    """Whether a file of weights keeps its network; raises WeightsError where it is damaged."""
    file = file_of(path)
    return file is not None and isinstance(_metadata(file).get(KEY), str)


def _head(path: Path) -> bytes:
    """Return how a file begins that is a checkpoint, which no spec does."""
    if not is_file(path):
        return b""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return b""
    safe = head[8:9] == b"{" and b"\0" in head[:8]
    return head if safe or head.startswith(PICKLED) else b""


def _metadata(path: Path) -> Mapping[str, Any]:
    """Return the texts in the header of safetensors; none where the file is another."""
    head = _head(path)
    length = int.from_bytes(head[:8], "little")
    if head.startswith(PICKLED) or length > LARGEST:
        return {}
    note(path)
    try:
        with path.open("rb") as file:
            file.seek(8)
            header = json.loads(file.read(length))
    except (OSError, ValueError, RecursionError):
        raise WeightsError(f"{path} is damaged or cut short") from None
    found = header.get("__metadata__") if isinstance(header, dict) else None
    return found if isinstance(found, dict) else {}
