"""Damaged specs give diagnostics: never another exception, and never an endless wait."""

from __future__ import annotations

import time

import fuzz
import pytest
from fuzzing.texts import FEATURES, SOUND, damaged
from hypothesis import given, settings
from hypothesis import strategies as st

import archc
from archc.diagnostics import Diagnostic, Source, render

SECONDS = 10.0


def checked(text: str) -> list[Diagnostic]:
    """Check a text; every diagnostic must render, and none may take long."""
    start = time.process_time()
    found = archc.check(Source("damaged.yaml", text))
    for diagnostic in found:
        assert render(diagnostic)
        assert diagnostic.as_dict()
    assert time.process_time() - start < SECONDS
    return found


def test_sound() -> None:
    """What is damaged below is sound before, as all specs of the zoo are."""
    assert [str(d) for d in checked(FEATURES)] == []


@pytest.mark.parametrize("name", SOUND)
def test_damage(name: str) -> None:
    """Whatever is wrong with a spec, `check` returns a list of diagnostics."""
    for k in range(2):
        checked(damaged(SOUND[name], f"{name} {k}"))


@pytest.mark.heavy
@pytest.mark.parametrize("name", SOUND)
def test_more_damage(name: str) -> None:
    for k in range(2, 60):
        checked(damaged(SOUND[name], f"{name} {k}"))


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_text(text: str) -> None:
    """Nor does text that is no spec raise anything."""
    assert checked(text)


@pytest.mark.parametrize(("kind", "count"), [("names", 50), ("settings", 50), ("weights", 10)])
def test_fuzz(kind: str, count: int) -> None:
    """The first cases of every kind; `python tests/fuzz.py` takes as many as one likes."""
    failed = [v for v in map(fuzz.judge, fuzz.cases(kind, count)) if v.failed]
    assert [(v.case.label, v.kind, v.shown) for v in failed] == []


@pytest.mark.heavy
@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_more_fuzz(kind: str) -> None:
    failed = [v for v in map(fuzz.judge, fuzz.cases(kind, 100, start=50)) if v.failed]
    assert [(v.case.label, v.kind, v.shown) for v in failed] == []


def test_same_cases() -> None:
    """A case is the same wherever it runs: names of cases tell what is in them."""
    for kind in fuzz.KINDS:
        once, again = fuzz.cases(kind, 20), fuzz.cases(kind, 20)
        assert [(c.label, c.text) for c in once] == [(c.label, c.text) for c in again]
