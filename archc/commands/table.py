"""`archc table`: the layers, parameters and multiply-adds of a network or a family."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from archc import api, zoo
from archc.backends.table import (
    BY,
    FORMATS,
    READERS,
    Table,
    UnknownName,
    family,
    render,
    table,
    text,
)
from archc.commands.common import (
    AllowOpt,
    OutputOpt,
    OutputsOpt,
    SetOpt,
    SpecArg,
    VariantOpt,
    attempt,
    deliver,
    names_of,
    option_of,
    screen,
    settings_of,
    spec_of,
    usage,
)
from archc.diagnostics import Source

FormatOpt = Annotated[str, typer.Option("--format", "-f", help=", ".join(FORMATS))]


def show(
    spec: SpecArg,
    variant: VariantOpt = None,
    variants: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="A column for each of these variants.")
    ] = None,
    by: Annotated[str, typer.Option(help="A row for each stage, block or layer.")] = "stage",
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,...", help=f"Of {', '.join(READERS)}, conventions.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=1, help="Open blocks in blocks so deep, in place of --by.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Sort rows, the largest first.")
    ] = None,
    convention: Annotated[
        str | None, typer.Option(metavar="NAME", help="A way of counting to show as well.")
    ] = None,
    block: Annotated[
        str | None, typer.Option(metavar="BLOCK", help="A block alone: 'bottleneck(64)'.")
    ] = None,
    shape: Annotated[
        str | None, typer.Option("--input", metavar="C,H,W", help="The input of --block.")
    ] = None,
    sets: SetOpt = None,
    outputs: OutputsOpt = None,
    allow_ops: AllowOpt = False,
    form: FormatOpt = "text",
    output: OutputOpt = None,
) -> None:
    """Tabulate a network, or a family as its paper does: a column for each variant.

    A file with several variants is a family, unless --variant names one of them.
    """
    option_of(FORMATS, form, "format")
    option_of(BY, by, "table by")
    what = spec_of(spec)
    settings: dict[str, Any] = {**settings_of(sets), "allow_ops": allow_ops}
    try:
        if block is not None:
            alone = attempt(
                lambda: api.compile_block(what, block, _sizes(shape), variant, **settings)
            )
            chosen = names_of(columns) or ["name", "block", "output", "weights", "params", "macs"]
            made = table(alone.network, "layer", chosen, convention)
        elif variants is not None or (variant is None and _is_family(what)):
            if by != "stage" or any(o is not None for o in (columns, depth, sort, outputs)):
                options = "--by, --columns, --depth, --sort and --outputs"
                usage(f"{options} are for one network: name it, or give --variant")
            members = attempt(lambda: api.compile_family(what, names_of(variants), **settings))
            made = family([member.network for member in members], convention)
        else:
            places = names_of(outputs)
            one = attempt(lambda: api.compile(what, variant, outputs=places, **settings))
            made = table(one.network, by, names_of(columns), convention, depth, sort)
        deliver(_written(made, form, output), output)
    except UnknownName as error:
        usage(str(error))


def _is_family(spec: str | Source) -> bool:
    """Whether a SPEC means all that its file has: a path, or the name of a file of the zoo."""
    if isinstance(spec, str) and not Path(spec).is_file() and zoo.find(spec):
        return False
    return len(attempt(lambda: api.open_spec(spec, None))[0].variants) > 1


def _written(made: Table, form: str, output: Path | None) -> str:
    if form != "text":
        return render(made, form)
    width, color = screen(output)
    return text(made, width, color=color)


def _sizes(shape: str | None) -> list[int]:
    sizes = names_of(shape)
    if len(sizes) not in (1, 3) or not all(size.isdecimal() for size in sizes):
        usage(f"--block takes an input, as in --input 256,56,56; got {shape or 'none'}")
    return [int(size) for size in sizes]
