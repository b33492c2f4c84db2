"""A spec's text to models: what may stand where, said at the key or value that is wrong."""

from __future__ import annotations

import pytest

from archc.diagnostics import Source, SpecError
from archc.language.document import document
from archc.language.spec import Block, Body, Chain, Document, Modified, Row

HEAD = "archc: 1\nname: net\ninput: [3, 8, 8]\n"


def read(text: str) -> Document:
    return document(Source("s.yaml", HEAD + text))


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        read(text)
    return [(d.code, str(d.span).removeprefix("s.yaml:")) for d in caught.value.diagnostics]


def test_kinds_of_steps() -> None:
    """An expression, a list, a mapping, and a mapping with `do`."""
    steps = read(
        "body:\n  a: relu\n  b: [relu, bn]\n  c: {d: relu}\n  e: {do: relu, if: true}\n"
    ).steps

    assert [type(s).__name__ for s in steps.values()] == ["Expr", "Chain", "Body", "Modified"]
    assert [k.identifier for k in steps] == ["a", "b", "c", "e"]


def test_a_row_keeps_the_places_of_its_arguments() -> None:
    """A row of `stages:` takes any argument, and knows where each stands."""
    [row] = read("stages:\n  s: {block: unit, width: 8, depth: 2}\n").steps.values()

    assert isinstance(row, Row)
    assert {k: str(k.span) for k in row.arguments} == {"width": "s.yaml:5:20"}


@pytest.mark.parametrize(
    ("block", "body"),
    [
        ("conv(8, 3)", "Expr"),
        ("[relu]", "Chain"),
        ("{a: relu}", "Body"),
        ("{do: relu, repeat: i < 2}", "Modified"),
    ],
)
def test_blocks(block: str, body: str) -> None:
    """A block is any step; its words are no steps of it."""
    parsed = read(
        f"blocks:\n  unit(w, s=1): {block!r}\nbody: {{a: relu}}\n".replace(
            "'", '"' if body == "Expr" else ""
        )
    )
    [(signature, found)] = parsed.blocks.items()

    assert isinstance(found, Block)
    assert type(found.body).__name__ == body
    assert (signature.name, signature.names) == ("unit", ["w", "s"])
    assert isinstance(found.body, (Chain, Body, Modified)) or body == "Expr"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("bad-value", "1:1")]),
        ("body: {a: relu}\nhead: {b: relu}\n", [("bad-value", "1:1")]),
        ("body: {}\n", [("bad-value", "4:1")]),
        ("body: {a: []}\n", [("bad-value", "4:8")]),
        ("body: {a-: relu}\nbodi: 1\n", [("unknown-key", "5:1")]),
        ("body: {'a b': relu}\n", [("bad-key", "4:8")]),
        ("body: {a[0: relu}\n", [("yaml-syntax", "4:9")]),
        ("body: {'{i': relu}\n", [("bad-key", "4:8")]),
        ("body: {a: {repeat: i < 2}}\n", [("missing-key", "4:8")]),
        ("body: {a: {do: relu, fro: x}}\n", [("unknown-key", "4:22")]),
        ("body: {a: {do: relu, repeat: 3}}\n", [("bad-loop", "4:30")]),
        ("body: {a: {do: relu, repeat: i < 2, for: j < 2}}\n", [("bad-value", "4:8")]),
        ("body: {a: {do: {do: relu, wen: x}}}\n", [("unknown-key", "4:27")]),
        ("blocks: {'u(1)': relu}\nbody: {a: relu}\n", [("bad-signature", "4:10")]),
        ("blocks: {'u(a, a)': relu}\nbody: {a: relu}\n", [("bad-signature", "4:10")]),
        ("params: {a: {b: 1}}\nbody: {a: relu}\n", [("bad-value", "4:10")]),
        ("params: 3\nbody: {a: relu}\n", [("bad-value", "4:9")]),
        ("default: [a]\nbody: {a: relu}\n", [("bad-value", "4:1")]),
        ("outputs: {a: {value: x, when: now}}\nbody: {a: relu}\n", [("bad-value", "4:31")]),
        (
            "variants: {a: {b: '1 +'}, c: {d: '2 +'}}\nbody: {a: relu}\n",
            [("bad-expression", "4:20"), ("bad-expression", "4:35")],
        ),
    ],
)
def test_faults(text: str, expected: list[tuple[str, str]]) -> None:
    """Every fault has the code of its kind, at its place."""
    assert faults(text) == expected


def test_missing_keys_are_one_fault() -> None:
    """They have one place, and are said at once."""
    with pytest.raises(SpecError) as caught:
        document(Source("s.yaml", "body: {a: relu}\n"))

    assert [d.message for d in caught.value.diagnostics] == [
        "`archc` and `name` and `input` are missing"
    ]


@pytest.mark.parametrize("text", ["body:\n- conv(3\n", "body:\n  a: ['3x', '4x']\n"])
def test_a_list_of_faults_is_not_empty(text: str) -> None:
    """A list that has nothing sound in it has faults enough."""
    with pytest.raises(SpecError) as caught:
        read(text)

    assert not [d for d in caught.value.diagnostics if "empty" in d.message]


@pytest.mark.parametrize(
    "sizes", ["3x224x224", "3×224×224", "(3, 224, 224)", "3, 224, 224", "3 224 224"]
)
def test_sizes_that_are_no_list(sizes: str) -> None:
    """What a tired person writes for the input is told as one fault, with the list."""
    with pytest.raises(SpecError) as caught:
        document(Source("s.yaml", f"archc: 1\nname: net\ninput: {sizes}\nbody: {{a: relu}}\n"))

    [fault] = caught.value.diagnostics
    assert (fault.code, fault.help) == ("bad-input", "write `[3, 224, 224]`")
