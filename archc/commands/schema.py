"""`archc schema`: the JSON Schema of a spec, for editors."""

from __future__ import annotations

import json

from archc.commands.common import OutputOpt, deliver


def schema(output: OutputOpt = None) -> None:
    """Print the JSON Schema of a spec, for completion and checks in an editor."""
    from archc.language.schema import schema as made

    deliver(json.dumps(made(), indent=2, ensure_ascii=False), output)
