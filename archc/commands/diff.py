"""`archc diff`: what differs between two networks, or two versions of a spec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from archc.backends.difference import FORMATS, markdown, text
from archc.commands.common import (
    WRONG,
    AllowOpt,
    ForceOpt,
    InputOpt,
    OutputOpt,
    SetOpt,
    VariantOpt,
    attempt,
    deliver,
    option_of,
    settings_of,
    usage,
)
from archc.commands.comparing import compared
from archc.commands.terminal import screen
from archc.passes.difference import Difference

PICTURES = ("svg", "png", "pdf", "dot")
SUFFIXES = {"md": "markdown", "json": "json", "gv": "dot", **{name: name for name in PICTURES}}


def diff(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="A [B]",
            help="Two specs: files, networks of the zoo, `-` for standard input. "
            "Or one, with --variants or --set. With --git, what git gives.",
            show_default=False,
        ),
    ],
    variant: VariantOpt = None,
    variants: Annotated[
        str | None, typer.Option("--variants", metavar="A,B", help="Two variants of one file.")
    ] = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    allow_ops: AllowOpt = False,
    full: Annotated[bool, typer.Option("--full", help="Shorten nothing.")] = False,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="text, markdown, json, svg, png, pdf or dot; else by the suffix of --output",
        ),
    ] = None,
    theme: Annotated[str, typer.Option("--theme", help="light, dark or print")] = "light",
    output: OutputOpt = None,
    force: ForceOpt = False,
    git: Annotated[
        bool, typer.Option("--git", help="Be a diff driver of git; see the docs on diff.")
    ] = False,
    unified: Annotated[
        bool, typer.Option("--unified", help="With --git: the lines that differ as well.")
    ] = False,
) -> None:
    """Compare two networks: text, blocks, stages, shapes, counts and state_dict keys.

    --set is of the second one. Exits with 0 where nothing differs, and with 1 where something
    does. PyTorch is not needed.
    """
    if git:
        from archc.commands.diff_git import drive

        drive(specs, allow_ops=allow_ops, unified=unified, full=full)
        return
    suffix = output.suffix[1:].lower() if output else ""
    form = option_of((*FORMATS, *PICTURES), form or SUFFIXES.get(suffix, "text"), "format")
    option_of(("light", "dark", "print"), theme, "theme")
    options = {"input": sizes, "allow_ops": allow_ops}
    settings = settings_of(sets)
    found = attempt(lambda: compared(specs, variant, variants, settings, options))
    deliver(written(found, form, theme, output, full=full), output, form, force=force)
    if any(found):
        raise typer.Exit(WRONG)


def written(
    found: Sequence[Difference], form: str, theme: str, output: Path | None, *, full: bool
) -> str | bytes:
    """Write differences in a format; where nothing can draw, say what to install."""
    if form in PICTURES:
        from archc.backends.difference.picture import picture
        from archc.backends.render import NoRendererError

        try:
            return picture(found[0]).drawn(form, theme)
        except NoRendererError as error:
            usage(str(error))
    if form == "text":
        width, color = screen(printed=output is None)
        return text(found, width, color=color, full=full)
    return markdown(found, full=full) if form == "markdown" else FORMATS[form](found)
