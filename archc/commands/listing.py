"""`archc list`: the networks of the zoo."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from archc import zoo
from archc.commands.common import deliver, option_of


def list_networks(
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """List the networks that come with archc."""
    option_of(("text", "json"), form, "format")
    index = zoo.index()
    if form == "json":
        deliver(json.dumps({name: path.name for name, path in index.items()}, indent=2), None)
        return
    width = max(map(len, index), default=0)
    deliver("\n".join(f"{name:<{width}}  {path.name}" for name, path in index.items()), None)
