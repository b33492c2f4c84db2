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
    paper,
    render,
    table,
    text,
)
from archc.backends.table import variants as rows_of
from archc.commands.common import (
    AllowOpt,
    ForceOpt,
    InputOpt,
    OutputOpt,
    OutputsOpt,
    SetOpt,
    SpecArg,
    VariantOpt,
    attempt,
    deliver,
    expect_channels_first,
    names_of,
    option_of,
    settings_of,
    spec_of,
    usage,
)
from archc.commands.terminal import screen
from archc.diagnostics import Source
from archc.graph import Network
from archc.weights.record import file_of

OWN = "--by, --columns, --depth, --sort and --outputs"
OF_A_BLOCK = ["name", "block", "output", "weights", "params", "macs"]
FormatOpt = Annotated[str, typer.Option("--format", "-f", help=", ".join(FORMATS))]


def show(
    spec: SpecArg,
    variant: VariantOpt = None,
    variants: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="A column for each of these variants.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help=f"A row for each {', '.join(BY)} or variant, or as the paper."),
    ] = None,
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
    sets: SetOpt = None,
    sizes: InputOpt = None,
    outputs: OutputsOpt = None,
    allow_ops: AllowOpt = False,
    form: FormatOpt = "text",
    output: OutputOpt = None,
    force: ForceOpt = False,
) -> None:
    """Tabulate a network, or a family as its paper does: a column or a row for each variant.

    A file is a family where it has several variants or says what its paper's table is like,
    unless --variant names one of them.
    """
    option_of(FORMATS, form, "format")
    option_of((*BY, "variant", "paper"), by or "stage", "table by")
    what = spec_of(spec)
    settings: dict[str, Any] = {**settings_of(sets), "allow_ops": allow_ops}
    options = {**settings, "input": sizes}
    own = by not in (None, "paper") or any(o is not None for o in (columns, depth, sort, outputs))
    named = [variant] if variant else names_of(variants)
    try:
        expect_channels_first(sizes or ())
        if block is not None:
            chosen = names_of(columns) or OF_A_BLOCK
            alone = attempt(
                lambda: api.compile_block(what, block, _of_block(sizes), variant, **settings)
            )
            made = table(alone.network, "layer", chosen, convention)
        elif by == "variant":
            if depth is not None or outputs is not None:
                usage("--depth and --outputs are for one network")
            networks = _family(what, named, options)
            made = attempt(lambda: rows_of(networks, names_of(columns), convention, sort))
        elif (
            by == "paper"
            or variants is not None
            or (not named and _is_family(what, own=own, allow=allow_ops))
        ):
            if own:
                usage(f"{OWN} are for one network: name it, or give --variant")
            shown = _shown(what, named, options)
            made = attempt(lambda: paper(shown, convention))
        else:
            places = names_of(outputs)
            one = attempt(lambda: api.compile(what, variant, outputs=places, **options))
            made = table(one.network, by or "stage", names_of(columns), convention, depth, sort)
        deliver(_written(made, form, output), output, form, force=force)
    except UnknownName as error:
        usage(str(error))


def _is_family(spec: str | Source, *, own: bool, allow: bool) -> bool:
    """Whether a SPEC means all that its file has: a path, or the name of a file of the zoo.

    Of one network that is the table of its paper, where the spec says what that is like and
    no option has an `own` wish.
    """
    if isinstance(spec, str) and not Path(spec).is_file() and zoo.find(spec):
        return False
    if file_of(spec) is not None:
        return False
    document, _ = attempt(lambda: api.open_spec(spec, None, allow_ops=allow))
    said = document.paper is not None and document.paper.by is not None
    return len(document.variants) > 1 or (said and not own)


def _shown(spec: str | Source, named: list[str], settings: dict[str, Any]) -> list[Network]:
    """Return the networks of a table: those named, or those that the paper's table is about."""
    document, chosen = attempt(lambda: api.open_spec(spec, None, allow_ops=settings["allow_ops"]))
    if len(named) < 2 and document.paper and document.paper.of_one:
        return [attempt(lambda: api.compile(spec, *(named or [chosen]), **settings)).network]
    return _family(spec, named, settings)


def _family(spec: str | Source, named: list[str], settings: dict[str, Any]) -> list[Network]:
    members = attempt(lambda: api.compile_family(spec, named, **settings))
    return [member.network for member in members]


def _written(made: Table, form: str, output: Path | None) -> str:
    if form != "text":
        return render(made, form)
    width, color = screen(printed=output is None)
    return text(made, width, color=color)


def _of_block(sizes: tuple[int, ...] | None) -> tuple[int, ...]:
    if sizes is None or len(sizes) not in (1, 3):
        given = "none" if sizes is None else ",".join(map(str, sizes))
        usage(f"--block takes an input, as in --input 256,56,56; got {given}")
    return sizes
