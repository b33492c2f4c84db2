"""`archc draw`: the picture of a network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from archc import api
from archc.commands.common import (
    OutputOpt,
    SetOpt,
    SpecArg,
    VariantOpt,
    compiled,
    deliver,
    option_of,
    usage,
)

FORMATS = ("svg", "png", "pdf", "dot")
LEVELS = ("stage", "block", "op")
THEMES = ("light", "dark", "print")

LevelOpt = Annotated[str, typer.Option("--level", "-l", help="stage, block or op")]
ThemeOpt = Annotated[str, typer.Option("--theme", help="light, dark or print")]
FormatOpt = Annotated[
    str | None,
    typer.Option("--format", help="svg, png, pdf or dot; else by the suffix of --output, or svg"),
]


def draw(
    spec: SpecArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    level: LevelOpt = "stage",
    theme: ThemeOpt = "light",
    form: FormatOpt = None,
    output: OutputOpt = None,
) -> None:
    """Draw a network: its stages, its blocks, or every op."""
    option_of(LEVELS, level, "level")
    option_of(THEMES, theme, "theme")
    form = option_of(FORMATS, form or suffix(output), "format")
    if form in ("png", "pdf") and output is None and sys.stdout.isatty():
        usage(f"a terminal shows no {form}: give a file by -o")
    deliver(drawn(compiled(spec, variant, sets), level, theme, form), output)


def suffix(output: Path | None) -> str:
    """Return the format that a file's name asks for."""
    return (output.suffix[1:].lower() if output else "") or "svg"


def drawn(arch: api.Architecture, level: str, theme: str, form: str) -> str | bytes:
    """Return the picture; where nothing can draw it, say what to install."""
    from archc.backends.render import NoRendererError, render  # noqa: PLC0415

    if form == "dot":
        return arch.dot(level, theme)
    try:
        return arch.svg(level, theme) if form == "svg" else render(arch.dot(level, theme), form)
    except NoRendererError as error:
        usage(str(error))
