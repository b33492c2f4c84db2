"""The JSON Schema takes what archc takes, and refuses what an editor can know to be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from archc import zoo
from archc.diagnostics import Source
from archc.language.reading import read
from archc.language.schema import schema
from archc.language.source import Items, Mapping, parse

VALIDATOR = Draft202012Validator(schema())
SMALL = "archc: 1\nname: tiny\ninput: [3, 8, 8]\n"


def plain(tree: Any) -> Any:
    """Return a tree as plain data, as an editor sees it: `archc: 1` is a number there."""
    if isinstance(tree, Mapping):
        return {str(k): plain(v) for k, v in tree.items()}
    if isinstance(tree, Items):
        return [plain(v) for v in tree]
    return int(tree) if tree.isdigit() else str(tree)


def test_schema_is_valid() -> None:
    """The schema itself is JSON Schema."""
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", zoo.files(), ids=lambda p: p.stem)
def test_zoo_is_valid(path: Path) -> None:
    """Every spec of the zoo fits the schema."""
    assert list(VALIDATOR.iter_errors(plain(parse(read(path))))) == []


@pytest.mark.parametrize(
    "text",
    [
        "archc: 1\nname: tiny\nbody: {a: relu}\n",
        SMALL + "bodi: {a: relu}\n",
        SMALL + "body: {a: {do: relu, wen: x}}\n",
        SMALL + "body: {a: relu}\nclaims: {tiny: {parameters: 1M}}\n",
        SMALL + "body: {a: relu}\npaper: {arxiv: x}\n",
        SMALL.replace("archc: 1", "archc: 2") + "body: {a: relu}\n",
    ],
)
def test_wrong_specs_are_refused(text: str) -> None:
    """A missing key, an unknown key and another version are errors in the editor already."""
    assert not VALIDATOR.is_valid(plain(parse(Source("tiny.yaml", text))))
