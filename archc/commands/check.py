"""`archc check`: whether a spec is right in every variant, and its published figures hold."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from archc import api
from archc.backends.table import claims, text
from archc.commands.common import (
    WRONG,
    AllowOpt,
    OutputsOpt,
    SetOpt,
    SpecArg,
    VariantOpt,
    attempt,
    deliver,
    names_of,
    option_of,
    settings_of,
    spec_of,
)
from archc.commands.terminal import complain, screen
from archc.diagnostics import Source, errors
from archc.passes.claims import held

ClaimsOpt = Annotated[
    bool,
    typer.Option(
        "--claims",
        help="List the published figures and what became of each; one that does not hold is an error.",
    ),
]


def check(
    spec: SpecArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    outputs: OutputsOpt = None,
    allow_ops: AllowOpt = False,
    listed: ClaimsOpt = False,
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Check a spec: every variant, or the one named."""
    option_of(("text", "json"), form, "format")
    what, settings, places = spec_of(spec), settings_of(sets), names_of(outputs)
    found = attempt(
        lambda: api.check(what, variant, outputs=places, allow_ops=allow_ops, **settings)
    )
    if listed:
        found = held(found)
        deliver(_claims(what, variant, form, allow_ops=allow_ops), None)
    elif form == "json":
        deliver(json.dumps([d.as_dict() for d in found], indent=2, ensure_ascii=False), None)
    if listed or form == "text":
        complain(found)
    if wrong := errors(found):
        if form == "text":
            complain_count(len(wrong))
        raise typer.Exit(WRONG)


def _claims(spec: str | Source, variant: str | None, form: str, *, allow_ops: bool) -> str:
    verdicts = attempt(lambda: api.judge_claims(spec, variant, allow_ops=allow_ops))
    if form == "json":
        return json.dumps([v.as_dict() for v in verdicts], indent=2, ensure_ascii=False)
    width, color = screen(printed=True)
    return text(claims("Published figures", verdicts), width, color=color)


def complain_count(count: int) -> None:
    """Close a report with the number of errors."""
    typer.echo(f"\n{count} error{'s' * (count != 1)}", err=True)
