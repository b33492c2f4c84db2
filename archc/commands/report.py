"""`archc report`: a page of HTML about a network, or about several side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from archc import api
from archc.commands.common import (
    AllowOpt,
    ForceOpt,
    InputOpt,
    OutputOpt,
    OutputsOpt,
    SetOpt,
    VariantOpt,
    attempt,
    deliver,
    expect_channels_first,
    names_of,
    option_of,
    settings_of,
    usage,
)
from archc.commands.draw import SpecsArg, VariantsOpt, Wish, attempt_files, is_kept, sources
from archc.commands.terminal import complain, tell
from archc.commands.watching import watch
from archc.diagnostics import SpecError

THEMES = ("auto", "light", "dark")


def write_report(
    specs: SpecsArg,
    variant: VariantOpt = None,
    variants: VariantsOpt = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    outputs: OutputsOpt = None,
    allow_ops: AllowOpt = False,
    theme: Annotated[
        str, typer.Option("--theme", help="light, dark, or auto: as the reader's system")
    ] = "auto",
    output: OutputOpt = None,
    force: ForceOpt = False,
    watching: Annotated[
        bool,
        typer.Option(
            "--watch", help="Write it again whenever the spec is saved; the page loads itself anew."
        ),
    ] = False,
) -> None:
    """Write a page of HTML: diagram, tables, charts, claims, source and spec, side by side.

    The page is one file that needs no network, and is read in any browser.
    """
    option_of(THEMES, theme, "theme")
    if variants is not None and (len(specs) > 1 or variant is not None):
        usage("--variants is for one file, and goes with no --variant")
    if specs.count("-") > 1:
        usage("standard input can be read once")
    if output is None and sys.stdout.isatty():
        usage("a terminal shows no page: give a file by -o")
    expect_channels_first(sizes or ())
    settings = {**settings_of(sets), "input": sizes, "allow_ops": allow_ops}
    wish = Wish(specs, variant, names_of(variants), names_of(outputs), settings, "stage", "")
    if not watching:
        deliver(page(attempt(wish.compiled), theme), output, "html", force=force)
        return
    if output is None or not all(map(is_kept, specs)):
        usage("--watch writes a file, given by -o, from specs that are files")
    watch(Rewriting(wish, theme, output, force).work)


def page(found: Sequence[api.Architecture], theme: str, *, watching: bool = False) -> str:
    """Return the page; where something is not installed that it needs, say what."""
    from archc.backends.render import NoRendererError
    from archc.backends.report import NoTemplates, report

    try:
        return report([arch.network for arch in found], theme, watching=watching)
    except (NoRendererError, NoTemplates) as error:
        usage(str(error))


@dataclass
class Rewriting:
    """Writes a page again and again, or what is wrong with its specs."""

    wish: Wish
    theme: str
    output: Path
    force: bool
    files: set[Path] = field(default_factory=set)

    def work(self) -> Iterable[Path]:
        """Write the page once; return the files that it comes from."""
        from archc.backends.report import complaint

        try:
            found = attempt_files(self.wish)
        except SpecError as error:
            self.files |= {d.span.source.path for d in error.diagnostics if d.span.source.path}
            complain(error.diagnostics)
            said = complaint(", ".join(self.wish.specs), error.diagnostics, self.theme)
            self.deliver(said)
            tell(f"archc: {self.output} says what is wrong")
        else:
            self.files = set().union(*map(sources, found))
            self.deliver(page(found, self.theme, watching=True))
            tell(f"archc: wrote {self.output}")
        return self.files | self.wish.files

    def deliver(self, text: str) -> None:
        """Write a page."""
        deliver(text, self.output, "html", force=self.force)
