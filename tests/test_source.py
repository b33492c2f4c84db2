"""The text: every scalar is text with its place, and what makes YAML surprising is an error."""

from __future__ import annotations

import pytest

from archc.diagnostics import Source, SpecError
from archc.language.source import MAX_BYTES, Items, Mapping, Text, parse


def codes(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(Source("s.yaml", text))
    return [d.code for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    "scalar", ["no", "on", "1e-3", "010", "1:30", "0o17", "null", "~", "2026-01-01"]
)
def test_scalars_are_text(scalar: str) -> None:
    """None of YAML 1.1's traps: the field's own parser gives a scalar its meaning."""
    tree = parse(Source("s.yaml", f"key: {scalar}\n"))

    assert (tree["key"], type(tree["key"])) == (scalar, Text)


def test_spans() -> None:
    """Keys and values know where they stand, quotes counted."""
    tree = parse(Source("s.yaml", 'a: {b: [x, "yz"]}\n'))
    inner = tree["a"]["b"]

    assert isinstance(tree["a"], Mapping)
    assert isinstance(inner, Items)
    assert str(tree["a"].key("b").span) == "s.yaml:1:5"
    assert str(inner[1].part(1, 2)) == "s.yaml:1:14"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: 1\na: 2\n", "duplicate-key"),
        ("a: {b: 1, b: 2}\n", "duplicate-key"),
        ("a: &b 1\n", "anchor"),
        ("a: !!int 1\n", "tag"),
        ("a: !own 1\n", "tag"),
        ("a: {do: f(a, b)}\n", "unbalanced-bracket"),
        ("a: 1\n--- \nb: 2\n", "second-document"),
        ("a:\n\tb: 1\n", "tab"),
        ("a: [1, 2\n", "yaml-syntax"),
        ("", "not-a-mapping"),
        ("- 1\n", "not-a-mapping"),
        ("a: 1\x00\n", "hidden-character"),
        ("#" * (MAX_BYTES + 1), "too-large"),
    ],
)
def test_faults(text: str, code: str) -> None:
    """Each is found, and once."""
    assert codes(text) == [code]


def test_every_fault_is_reported() -> None:
    """Not the first one only."""
    assert codes("a: &b 1\nc: !!int 2\nc: 3\n") == ["anchor", "tag", "duplicate-key"]


def test_a_tab_in_a_comment() -> None:
    """Comments may look as they like."""
    assert parse(Source("s.yaml", "a: 1 #\tone\n")) == {"a": "1"}
