"""Random specs, emitted and held to their graphs."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, assume, given, settings
from random_specs import specs

import archc
from archc.diagnostics import Source, errors


@settings(
    max_examples=20,
    phases=[Phase.generate],  # a spec that fails is short enough to read as it is
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(specs())
def test_a_spec_that_checks_clean_runs(text: str) -> None:
    """What `check` finds nothing wrong with is emitted, loads, and computes what the graph says."""
    from oracle import assert_runs, compiled

    assume(not errors(archc.check(Source("spec.yaml", text))))
    for arch in compiled(text):
        assert_runs(arch)
