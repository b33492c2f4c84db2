"""Random specs, emitted and held to their graphs."""

from __future__ import annotations

import pytest
import random_lists
import random_specs
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import archc
from archc.diagnostics import Source, errors

HELD = settings(
    max_examples=20,
    phases=[Phase.generate],  # a spec that fails is short enough to read as it is
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@HELD
@given(random_specs.specs())
def test_a_spec_that_checks_clean_runs(text: str) -> None:
    """What `check` finds nothing wrong with is emitted, loads, and computes what the graph says."""
    hold(text)


@HELD
@given(random_specs.specs(named=True))
def test_names_of_python_and_torch(text: str) -> None:
    """Whatever steps, params, blocks and loop variables are called, or it is refused."""
    hold(text)


@pytest.mark.heavy
@settings(HELD, max_examples=130)
@given(st.one_of(random_specs.specs(), random_specs.specs(named=True), random_lists.specs()))
def test_more_of_all(text: str) -> None:
    """Most of them are right, and have two variants: some 250 networks, each at two sizes."""
    hold(text, sizes=True)


@HELD
@given(random_lists.specs())
def test_lists_of_any_length(text: str) -> None:
    """So are blocks that take or give different numbers of values in their uses."""
    hold(text)


def hold(text: str, *, sizes: bool = False) -> None:
    from oracle import assert_runs, compiled

    assume(not errors(archc.check(Source("spec.yaml", text))))
    for arch in compiled(text):
        assert_runs(arch, sizes=sizes)
