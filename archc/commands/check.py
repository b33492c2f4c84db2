"""`archc check`: is the spec right, in every variant?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from archc import api
from archc.commands.common import WRONG, SetOpt, SpecArg, VariantOpt, complain, deliver, option_of, settings_of, spec_of, usage
from archc.diagnostics import errors


def check(
    spec: SpecArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Check a spec: every variant, or the one named."""
    option_of(("text", "json"), form, "format")
    try:
        found = api.check(spec_of(spec), variant, **settings_of(sets))
    except OSError as error:
        usage(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    if form == "json":
        deliver(json.dumps([d.as_dict() for d in found], indent=2, ensure_ascii=False), None)
    else:
        complain(found)
    if wrong := errors(found):
        if form == "text":
            complain_count(len(wrong))
        raise typer.Exit(WRONG)


def complain_count(count: int) -> None:
    """Close a report with the number of errors."""
    typer.echo(f"\n{count} error{'s' * (count != 1)}", err=True)
