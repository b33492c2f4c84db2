"""`archc schema`: the JSON Schema of a spec, for editors."""

from __future__ import annotations

import json

from archc.commands.common import ForceOpt, OutputOpt, deliver


def schema(output: OutputOpt = None, force: ForceOpt = False) -> None:
    """Print the JSON Schema of a spec, for completion and checks in an editor."""
    from archc.language.schema import schema as made

    deliver(json.dumps(made(), indent=2, ensure_ascii=False), output, "json", force=force)
