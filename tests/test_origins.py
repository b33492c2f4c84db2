"""Faults stand at the line that a user can change, once each, with the variants that have them."""

from __future__ import annotations

import pytest

import archc
from archc.diagnostics import MAX_ALIKE, Diagnostic, Source, errors, render

BLOCKS = """archc: 1
name: net
input: [8, 32, 32]
params: {k: 3, widths: [16, 32]}
blocks:
  unit(width, stride=1, groups=1):
    conv1: conv(width, k, stride=stride, groups=groups)
    bn1: bn
"""


def check(text: str, **settings: object) -> list[Diagnostic]:
    """Return the errors of a spec, without those that something is not used."""
    found = errors(archc.check(Source("net.yaml", text), **settings))
    return [d for d in found if d.code not in ("unused-block", "unused-param", "dead-value")]


def caret(diagnostic: Diagnostic) -> str:
    """Return the text that a diagnostic underlines."""
    span = diagnostic.span
    return span.source.line(span.line)[span.column - 1 : span.end_column - 1]


PLACES = {
    "row": ("stages:\n  a: {block: unit, width: 16, stride: 0}", "0"),
    "first": ("stages:\n  a: {block: unit, width: 16, first: {stride: -1}}", "-1"),
    "call": ("body:\n  a: unit(16, stride=0)", "stride=0"),
    "by place": ("body:\n  a: unit(16, 0)", "0"),
    "nested": (
        "  outer(s):\n    u: unit(16, stride=s)\nbody:\n  a: outer(0)",
        "0",
    ),
    "default": ("  other(s=0):\n    u: unit(16, stride=s)\nbody:\n  a: other", "s=0"),
    "let": ("let: {s: 0}\nbody:\n  a: unit(16, stride=s)", "0"),
    "let of a block": (
        "  other:\n    let: {s: 0}\n    u: unit(16, stride=s)\nbody:\n  a: other",
        "0",
    ),
    "choice": ("body:\n  a: unit(16, stride=0 if k == 3 else 1)", "0"),
    "entry of a list": ("let: {ws: [16, 0]}\nbody:\n  a: unit(ws[1])", "0"),
    "loop": ('body:\n  a: {repeat: "w in [16, 0]", do: unit(w)}', "0"),
    "loop with numbers": (
        'let: {ws: [16, 0]}\nbody:\n  a: {repeat: "i, w in enumerate(ws)", do: unit(w)}',
        "0",
    ),
    "loop of pairs": (
        'body:\n  a: {repeat: "w, s in [[16, 1], [16, 0]]", do: "unit(w, stride=s)"}',
        "0",
    ),
    "loop of two lists": (
        'body:\n  a: {repeat: "w, s in zip([16, 16], [1, 0])", do: "unit(w, stride=s)"}',
        "0",
    ),
    "reckoned": ("body:\n  a: unit(16, stride=k - 3)", "stride=k - 3"),
    "defaults": ("defaults: {conv: {dilation: 0}}\nbody:\n  a: unit(16)", "0"),
    "op as a value": ('let: {kind: "conv(16, 3, stride=0)"}\nbody:\n  a: kind', "stride=0"),
    "library": ("body:\n  a: conv_norm_act(16, stride=0)", "stride=0"),
    "library in a block": (
        "  other(s):\n    u: conv_norm_act(16, stride=s)\nbody:\n  a: other(0)",
        "0",
    ),
    "groups": ("stages:\n  a: {block: unit, width: 16, groups: 3}", "3"),
}


@pytest.mark.parametrize("place", PLACES)
def test_where_a_value_is_written(place: str) -> None:
    """The caret is at the text that gave the value, however many names led on from it."""
    text, wanted = PLACES[place]
    (found,) = check(BLOCKS + text + "\n")

    assert caret(found) == wanted
    assert found.span.source.name == "net.yaml"


def test_setting() -> None:
    """A setting from outside is shown as it was given."""
    (found,) = check(BLOCKS + "body:\n  a: unit(16)\n", k="4 / 2")

    assert (found.code, str(found.span), caret(found)) == ("float-argument", "--set:1:3", "4 / 2")


def test_argument_of_an_import() -> None:
    """An argument for an imported network is changed where it is given."""
    text = (
        "archc: 1\nname: net\ninput: [3, 64, 64]\nimport: {resnet: resnet50}\n"
        "body:\n  a: resnet(groups=0)\n"
    )
    (found,) = check(text)

    assert (found.span.source.name, found.span.line) == ("net.yaml", 6)


def test_what_is_reckoned_in_the_library() -> None:
    """Where only the library's line is left, the fault stands at its use."""
    text = "archc: 1\nname: net\ninput: [6, 8, 8]\nbody:\n  a: squeeze_excitation(6 - 6)\n"
    (found,) = check(text)

    assert found.span.source.name == "net.yaml"
    assert found.span.line == 5


def test_fault_inside_the_library() -> None:
    """A value that a block of the library can't take: the use, and the library's line as a note."""
    text = 'archc: 1\nname: net\ninput: [8, 8, 8]\nbody:\n  t: rearrange("b c h w -> b (h w) c")\n  a: squeeze_excitation(4)\n'
    (found,) = check(text)

    assert caret(found) == "squeeze_excitation(4)"
    assert "prelude.yaml" in {note.span.source.name for note in found.notes}
    assert "in `squeeze_excitation`" in {note.text for note in found.notes}


CONSEQUENCES = {
    "concat": "c: concat(s, t)\n  d: conv(32, 3)(s)\n  out: c + d",
    "sum": "c: s + t\n  d: conv(32, 3)(c)\n  e: conv(32, 3)(t)\n  out: d + e",
    "block": "c: s + t\n  u: unit(16)\n  v: conv(16, 3)(s)\n  out: u + v",
    "reuse": "c: s + t\n  u: conv(16, 3)(s)\n  v: reuse(u)(c)\n  out: u + v",
    "size": "c: s + t\n  u: conv(c.channels - 15, 3)\n  v: conv(16, 3)(t)\n  out: u + v",
}


@pytest.mark.parametrize("kind", CONSEQUENCES)
def test_a_cause_is_said_once(kind: str) -> None:
    """What does not fit the value of a faulty sum is no news."""
    steps = f"body:\n  s: conv(16, 3)\n  t: conv(16, 3, stride=2)(s)\n  {CONSEQUENCES[kind]}\n"
    found = check(BLOCKS + steps)

    assert [d.span.line for d in found] == [BLOCKS.count("\n") + 4]


def test_another_cause_is_said_beside() -> None:
    """A fault further down that has nothing to do with the first is found in the same run."""
    steps = "body:\n  s: conv(16, 3)\n  t: conv(16, 3, stride=2)(s)\n  c: s + t\n  d: conv(8, 0)\n"

    assert [d.code for d in check(BLOCKS + steps)] == ["size-mismatch", "bad-argument"]


FAMILY = """archc: 1
name: fam
input: [3, 32, 32]
params: {{w: 16, g: 1}}
variants: {{{variants}}}
body:
  c1: conv(w, 3)
  c2: conv(32, 3, groups=1 * g)
"""


def test_variants_are_named() -> None:
    """One fault of several variants is one diagnostic; other numbers are another."""
    variants = "a: {}, b: {g: 3}, c: {g: 3}, d: {g: 5}"
    found = check(FAMILY.format(variants=variants))

    assert [d.variants for d in found] == [("b", "c"), ("d",)]
    assert "= in variants b and c" in render(found[0])
    assert "= in variant d" in render(found[1])
    assert found[0].as_dict()["variants"] == ["b", "c"]


def test_one_variant_is_not_named() -> None:
    """Who asks for one variant, or has none, knows which is meant."""
    variants = "a: {}, b: {g: 3}"
    text = FAMILY.format(variants=variants)

    assert [d.variants for d in archc.check(Source("net.yaml", text), "b")] == [()]


def test_many_variants() -> None:
    """Many faults at one place are counted after the first; all variants are in the data."""
    groups = [g for g in range(3, 40) if 16 % g]
    variants = ", ".join(f"v{g}: {{g: {g}}}" for g in groups)
    found = check(FAMILY.format(variants=variants))

    assert len(found) == MAX_ALIKE
    assert "with other numbers in v8" not in render(found[-1])
    assert "more too" in render(found[-1])


def test_many_variants_of_one_fault() -> None:
    """Twenty names are too many to read; the data has all."""
    variants = ", ".join(f"v{k}: {{g: 3}}" for k in range(20))
    (found,) = check(FAMILY.format(variants=variants))

    assert "= in variants v0, v1, v2, v3, v4, v5 and 14 more" in render(found)
    assert len(found.variants) == 20
