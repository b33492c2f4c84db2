"""Settings that mean nothing: no step of any network that is meant reads them."""

from __future__ import annotations

from collections.abc import Sequence

from archc.diagnostics import Diagnostic
from archc.graph import Network


def idle(networks: Sequence[Network]) -> list[Diagnostic]:
    """Return a diagnostic for every setting that none of the networks of one spec reads."""
    first = networks[0]
    names = [n for n in first.idle if all(n in other.idle for other in networks)]
    who = f"`{first.name}`" if len(networks) == 1 else "the variants"
    return [
        Diagnostic(
            "idle-setting",
            f"`{name}` is set, but nothing in {who} reads it",
            first.idle[name],
            help="leave it out, or choose a variant that has a use for it",
        )
        for name in names
    ]
