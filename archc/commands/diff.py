"""`archc diff`: what differs between two networks, or two versions of a spec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from archc import api, zoo
from archc.backends.difference import FORMATS, markdown, text
from archc.commands.common import (
    WRONG,
    AllowOpt,
    ForceOpt,
    OutputOpt,
    SetOpt,
    VariantOpt,
    attempt,
    deliver,
    names_of,
    option_of,
    settings_of,
    spec_of,
    usage,
)
from archc.commands.terminal import screen
from archc.diagnostics import Source
from archc.passes.difference import Difference, difference

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
    options = {**settings_of(sets), "allow_ops": allow_ops}
    found = attempt(lambda: compared(specs, variant, variants, options))
    deliver(written(found, form, theme, output, full=full), output, form, force=force)
    if any(found):
        raise typer.Exit(WRONG)


def compared(
    specs: Sequence[str], variant: str | None, variants: str | None, options: dict[str, Any]
) -> list[Difference]:
    """Compare what the user named; of two files with several variants, each that both have.

    Raises SpecError, or OSError where there is no such file or network.
    """
    ops = {"allow_ops": options["allow_ops"]}
    if len(specs) > 2 or specs.count("-") > 1:
        usage("diff compares two specs; standard input can be one of them")
    names = names_of(variants)
    if names:
        if len(specs) > 1 or len(names) != 2 or variant is not None:
            usage("--variants A,B takes two variants of one spec, and goes with no --variant")
        spec = spec_of(specs[0])
        return [between((spec, names[0], ops), (spec, names[1], options))]
    if len(specs) == 1 and options == ops:
        usage("diff compares two: give a second spec, --variants A,B or --set NAME=VALUE")
    a, b = [spec_of(spec) for spec in (*specs, *specs)[:2]]
    if len(specs) == 2 and variant is None and all(map(_has_all, (a, b))):
        return of_all(a, b, options)
    return [between((a, variant, ops), (b, variant, options))]


Asked = tuple[str | Source, str | None, dict[str, Any]]


def between(first: Asked, second: Asked) -> Difference:
    """Compare two networks; raises SpecError where one is wrong."""
    a, b = (
        api.compile(spec, variant, **options).network for spec, variant, options in (first, second)
    )
    return difference(a, b)


def of_all(a: str | Source, b: str | Source, options: dict[str, Any]) -> list[Difference]:
    """Compare each variant that two files have: the default first, or one that differs.

    Raises SpecError where one is wrong.
    """
    ops = {"allow_ops": options["allow_ops"]}
    (old, chosen), (new, _) = (api.open_spec(spec, None, **ops) for spec in (a, b))
    common = [str(v) for v in old.variants if v in new.variants]
    if len(common) < 2 or old.name != new.name:
        return [between((a, None, ops), (b, None, options))]
    common.sort(key=lambda v: v != chosen)
    found = [between((a, v, ops), (b, v, options)) for v in common]
    return sorted(found, key=lambda d: not d.network_differs)


def _has_all(spec: str | Source) -> bool:
    """Whether a SPEC means all that its file has: a path, or the name of a file of the zoo."""
    return isinstance(spec, Source) or Path(spec).is_file() or not zoo.find(spec)


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
