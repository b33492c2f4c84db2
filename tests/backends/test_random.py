"""Random specs, emitted and held to their graphs."""

from __future__ import annotations

import random_lists
import random_specs
from hypothesis import HealthCheck, Phase, assume, given, settings

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
@given(random_lists.specs())
def test_lists_of_any_length(text: str) -> None:
    """So are blocks that take or give different numbers of values in their uses."""
    hold(text)


def hold(text: str) -> None:
    from oracle import assert_runs, compiled

    assume(not errors(archc.check(Source("spec.yaml", text))))
    for arch in compiled(text):
        assert_runs(arch)
