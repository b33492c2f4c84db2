"""What a choice leaves without a reader: told of once, and no part of the network."""

from __future__ import annotations

from pathlib import Path

import pytest

import archc
from archc.diagnostics import Source

SPECS = Path(__file__).parent / "dead"
CHOICE = """\
archc: 1
name: choice
input: [3, 32, 32]
params: {last: relu}
variants:
  whole: {}
  cut: {last: none}
  off: {last: none}
body:
  stem: conv(16, 3)
  first: conv(16, 3)(stem)
  branch: conv(16, 3)(first)
  tail: last(branch)
  out: sum(stem, tail)
"""


def test_named_once_with_its_variants() -> None:
    """The step whose reader went is named, not those that only it reads."""
    (found,) = archc.check(Source("choice.yaml", CHOICE))

    assert (found.code, found.severity, found.variants) == ("dead-work", "warning", ("cut", "off"))
    assert found.message == "nothing reads the value of `branch`, which is left out"
    assert found.span.line == 12


def test_not_counted_not_emitted() -> None:
    whole, cut = (archc.compile(Source("choice.yaml", CHOICE), v) for v in ("whole", "cut"))

    assert (whole.params, cut.params) == (448 + 2 * 2320, 448)
    assert list(cut.state_dict_shapes()) == ["stem.weight", "stem.bias"]
    assert "branch" not in cut.source()
    assert "branch" not in cut.dot("op")
    assert "branch" not in cut.table("text", by="layer")


@pytest.mark.parametrize("variant", ["first", "second"])
def test_cell(variant: str) -> None:
    """A cell of NAS-Bench-201: the second has no use for its second node, and no keys of it."""
    from oracle import assert_runs

    arch = archc.compile(SPECS / "nasbench_cell.yaml", variant)
    assert_runs(arch)

    owners = {key.rpartition(".")[0] for key in arch.state_dict_shapes() if "s1.0" in key}
    assert any("a21" in owner for owner in owners) is (variant == "first")
    assert "self.a21(" not in arch.source() or variant == "first"


def test_uses_of_one_block_that_differ() -> None:
    """What is dead in one use of a block lives in another."""
    from oracle import assert_runs

    path = SPECS / "uses.yaml"
    assert {d.code for d in archc.check(path)} == {"dead-work"}
    arch = archc.compile(path)
    assert_runs(arch)

    keys = arch.state_dict_shapes()
    assert "a.branch.weight" in keys
    assert "b.branch.weight" not in keys
    assert {"d.two.scale", "e.one.scale"} <= {*keys}
    assert "d.one.scale" not in keys


def test_what_is_nothing_itself_needs_no_word() -> None:
    """A shortcut that is `none` takes what is written in its brackets with it."""
    text = """\
archc: 1
name: plain
input: [4, 8, 8]
params: {shortcut: none}
body:
  conv: conv(4, 3)
  side: shortcut(relu(conv))
  out: sum(conv, side)
"""
    source = Source("plain.yaml", text)

    assert archc.check(source) == []
    assert "relu" not in archc.compile(source).source()


def test_an_error_comes_first() -> None:
    """What the text alone shows to be dead is an error, and said once."""
    text = """\
archc: 1
name: sizes
input: [3, 8, 8]
body:
  a: conv(4, 3)
  b: conv(a.channels, 3)(x)
"""
    assert [d.code for d in archc.check(Source("sizes.yaml", text))] == ["dead-value"]
