"""`archc schema`: the JSON Schema of a spec, for editors."""

from __future__ import annotations

from archc.commands.common import ForceOpt, OutputOpt, deliver
from archc.escaping import json_text


def schema(output: OutputOpt = None, force: ForceOpt = False) -> None:
    """Print the JSON Schema of a spec, for completion and checks in an editor."""
    from archc.language.schema import schema as made

    deliver(json_text(made()), output, "json", force=force)
