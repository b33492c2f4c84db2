"""`archc paths`: how many paths lead through a network, and how long they are."""

from __future__ import annotations

from typing import Annotated

import typer

from archc.backends.signals.paths import FORMATS
from archc.commands.common import (
    AllowOpt,
    ForceOpt,
    InputOpt,
    OutputOpt,
    SetOpt,
    SpecArg,
    VariantOpt,
    compiled,
    deliver,
    usage,
)
from archc.commands.signals import PICTURES, attempted, format_of, no_such_place
from archc.passes.paths import LENGTHS, UnknownPlace


def paths(
    spec: SpecArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    allow_ops: AllowOpt = False,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="BLOCK", help="Delete a block, stage or op; may be repeated."),
    ] = None,
    through_gates: Annotated[
        bool, typer.Option("--gates", help="Count the ways through gates as well.")
    ] = False,
    form: Annotated[
        str | None, typer.Option("--format", help="text, markdown, csv, json, svg, png or pdf")
    ] = None,
    output: OutputOpt = None,
    force: ForceOpt = False,
) -> None:
    """Count the paths from input to output by their length, as Veit et al. 2016 do.

    The length is counted in residual branches and in weighted layers. A block that is deleted
    keeps its shortcut. Nothing is run: PyTorch is not needed.
    """
    form = format_of(form, output, (*FORMATS, *PICTURES))
    architecture = compiled(spec, variant, sets, sizes=sizes, allow_ops=allow_ops)
    try:
        found = [
            architecture.paths(length, without or (), through_gates=through_gates)
            for length in LENGTHS
        ]
    except UnknownPlace as error:
        usage(no_such_place(architecture, str(error), error.known))
    if form in FORMATS:
        deliver(FORMATS[form](found), output, form, force=force)
        return
    from archc.backends.plots.paths import plot

    deliver(attempted(lambda: plot(found, form)), output, form, force=force)
