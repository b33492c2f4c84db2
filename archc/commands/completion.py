"""What a shell offers after `--set`: the params of the spec, and what they may be."""

from __future__ import annotations

import typer

from archc import api
from archc.diagnostics import SpecError
from archc.lower.params import allowed, source


def settings(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return what may stand after `--set`, each with a word about it: `NAME=`, or `NAME=VALUE`."""
    if not ctx.args:  # what stands on the line is not bound to names yet
        return []
    try:
        parsed, _ = api.open_spec(ctx.args[0], None)
    except (OSError, SpecError):
        return []
    name, chosen, _ = incomplete.partition("=")
    offered: list[tuple[str, str]] = []
    for key, param in parsed.declared.items():
        if not chosen:
            word = allowed(param) or source(param.default)
            offered.append((f"{key}=", word))
        elif key == name:
            offered += [(f"{name}={source(v)}", "") for v in param.one_of or ()]
    return [(text, word) for text, word in offered if text.startswith(incomplete)]
