"""The faults of a file are told together: one hides no other, and nothing follows from it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import archc
from archc.diagnostics import Diagnostic, Source, errors
from archc.language.reading import read

NO_TREE = (
    "not-utf-8",
    "yaml-syntax",
    "tab",
    "too-large",
    "not-a-mapping",
    "hidden-character",
    "second-document",
    "too-deep",
)
FILES = sorted((Path(__file__).resolve().parent / "bad").glob("*.yaml"))
BAD = [path for path in FILES if not path.name.startswith(NO_TREE)]

# Judged of a whole network, or of the file as one: what is wrong beside it may be the cause.
AS_A_WHOLE = {
    "bad-value", "unknown-column", "unknown-row", "unused-block", "unused-import",
    "unused-let", "unused-param", "unknown-setting",
}  # fmt: skip


OF_A_NETWORK = {
    "bad-initialiser", "duplicate-module", "duplicate-state-dict-key", "language-version",
    "no-output", "unknown-tensor",
}  # fmt: skip
"""Beside a second `archc:` nothing is said of the version, nor of a network as a whole."""


def faults(source: Source, text: str) -> list[Diagnostic]:
    allowed = "\n# allowed: ops\n" in text
    return errors(archc.check(Source(source.name, text, source.path), allow_ops=allowed))


def places(found: list[Diagnostic]) -> Counter[tuple[object, ...]]:
    return Counter((d.code, *d.span.key) for d in found)


def beside(path: Path, line: str, code: str) -> tuple[Counter[tuple[object, ...]], ...]:
    """Return what is lost and what is new where a line with a fault of its own is added."""
    source = read(path, path.name)
    alone = places(faults(source, source.text))
    both = places(faults(source, source.text.rstrip("\n") + f"\n{line}\n"))
    last = max((key for key in both if key[0] == code), key=lambda key: key[2])
    both[last] -= 1
    return alone - both, +both - alone


@pytest.mark.heavy
@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("line", "code"), [("zzz_zzz: {}", "unknown-key"), ("archc: 1", "duplicate-key")]
)
def test_one_more_fault(path: Path, line: str, code: str) -> None:
    """Every bad spec has the same faults beside one that its models or YAML find."""
    lost, new = beside(path, line, code)

    unsaid = AS_A_WHOLE | (OF_A_NETWORK if code == "duplicate-key" else set())
    assert {key[0] for key in lost} <= unsaid
    assert not new or path.name.startswith("missing-key")


FOUR = """\
archc: 1
name: net
input: [3, 32, 32]
params: {{n: {param}}}
blocks:
  unit(width):
    a: {block}
body:
  b: {step}
  c: relu(b)
  d: {size}
  e: unit(4)(b)
  f: conv(n, 1)(x)
outputs: [c, d, e, f]
"""
RIGHT = {"param": "8", "block": "conv(width, 3)", "step": "conv(8, 3)", "size": "max_pool(2)(x)"}
WRONG = {
    "param": ("2 +", "bad-expression"),
    "block": ("conv(width, 3", "unbalanced-bracket"),
    "step": ("cnov(8, 3)", "unknown-name"),
    "size": ("max_pool(99)(x)", "kernel-too-large"),
}


@pytest.mark.parametrize("number", range(1, 16))
def test_every_subset(number: int) -> None:
    """Of four places any may be wrong: each of those is told, once."""
    chosen = [name for k, name in enumerate(WRONG) if number >> k & 1]
    text = FOUR.format(**RIGHT | {name: WRONG[name][0] for name in chosen})
    found = archc.check(Source("net.yaml", text))

    assert sorted(d.code for d in found) == sorted(WRONG[name][1] for name in chosen)
