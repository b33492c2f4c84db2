"""`archc draw`: the picture of a network, or of several side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from archc import api, zoo
from archc.backends.picture import LEVELS, Picture, picture, themed
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
    reason,
    settings_of,
    sourced,
    usage,
)
from archc.commands.terminal import complain, tell
from archc.commands.watching import watch
from archc.diagnostics import Source, SpecError, render
from archc.language.reading import is_stream

FORMATS = ("svg", "png", "pdf", "dot", "mermaid", "markdown")
SUFFIXES = {"mmd": "mermaid", "md": "markdown", "gv": "dot"}
THEMES = ("light", "dark", "print")

SpecsArg = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...",
        help="Spec files, `-` for standard input, or networks of the zoo.",
        show_default=False,
    ),
]
LevelOpt = Annotated[
    str | None,
    typer.Option(
        "--level", "-l", help="family, stage, block or op; else stage, or family of several"
    ),
]
AtOpt = Annotated[
    str | None,
    typer.Option("--at", metavar="PATH", help="Only this stage, block or op, such as layer3.0."),
]
VariantsOpt = Annotated[
    str | None,
    typer.Option(
        "--variants", metavar="A,B,...", help="Several variants of one file, side by side."
    ),
]
ThemeOpt = Annotated[str, typer.Option("--theme", help="light, dark or print")]
FormatOpt = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="svg, png, pdf, dot, mermaid, or markdown for fenced Mermaid; "
        "else by the suffix of --output, or svg",
    ),
]
WatchOpt = Annotated[
    bool, typer.Option("--watch", help="Draw again whenever the spec is saved, until Ctrl-C.")
]


def draw(
    specs: SpecsArg,
    variant: VariantOpt = None,
    variants: VariantsOpt = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    outputs: OutputsOpt = None,
    allow_ops: AllowOpt = False,
    level: LevelOpt = None,
    at: AtOpt = None,
    theme: ThemeOpt = "light",
    form: FormatOpt = None,
    output: OutputOpt = None,
    force: ForceOpt = False,
    watching: WatchOpt = False,
) -> None:
    """Draw a network: its stages, its blocks, or every op; or several side by side."""
    several = len(specs) > 1 or variants is not None
    level = option_of(LEVELS, level or ("family" if several else "stage"), "level")
    option_of(THEMES, theme, "theme")
    form = option_of(FORMATS, form or suffix(output), "format")
    if form in ("png", "pdf") and output is None and sys.stdout.isatty():
        usage(f"a terminal shows no {form}: give a file by -o")
    if variants is not None and (len(specs) > 1 or variant is not None):
        usage("--variants is for one file, and goes with no --variant")
    if specs.count("-") > 1:
        usage("standard input can be read once")
    expect_channels_first(sizes or ())
    settings = {**settings_of(sets), "input": sizes, "allow_ops": allow_ops}
    wish = Wish(specs, variant, names_of(variants), names_of(outputs), settings, level, at or "")
    if watching:
        if output is None or not all(map(is_kept, specs)):
            usage("--watch draws a file, given by -o, from specs that are files")
        watch(Redrawing(wish, form, theme, output, force).work)
        return
    deliver(drawn(wish, form, theme), output, form, force=force)


def is_kept(spec: str) -> bool:
    """Whether a SPEC can be read again: not what comes from a pipe."""
    return spec != "-" and not is_stream(Path(spec))


def suffix(output: Path | None) -> str:
    """Return the format that a file's name asks for."""
    found = (output.suffix[1:].lower() if output else "") or "svg"
    return SUFFIXES.get(found, found)


@dataclass(frozen=True)
class Wish:
    """What is to be drawn."""

    specs: Sequence[str]
    variant: str | None
    variants: Sequence[str]
    outputs: Sequence[str]
    settings: dict[str, Any]
    level: str
    at: str

    def compiled(self) -> list[api.Architecture]:
        """Compile it; raises SpecError."""
        found = [sourced(spec) for spec in self.specs]
        if self.variants:
            return api.compile_family(found[0], self.variants, **self.settings)
        return [
            api.compile(spec, self.variant, outputs=self.outputs, **self.settings) for spec in found
        ]

    def picture(self, found: Sequence[api.Architecture]) -> Picture:
        """Return the picture; raises ValueError or LookupError for what goes with nothing."""
        return picture([arch.network for arch in found], self.level, self.at)

    @property
    def files(self) -> set[Path]:
        """The spec files themselves."""
        located = (zoo.locate(s)[0] if not Path(s).is_file() else None for s in self.specs)
        return {path or Path(s) for s, path in zip(self.specs, located, strict=True)}


def drawn(wish: Wish, form: str, theme: str) -> str | bytes:
    """Return the picture; where nothing can draw it, say what to install."""
    from archc.backends.render import NoRendererError

    found = attempt(wish.compiled)
    try:
        return wish.picture(found).drawn(form, theme)
    except (NoRendererError, ValueError, LookupError) as error:
        usage(str(error))


@dataclass
class Redrawing:
    """Draws a file again and again; `last` is the last picture of a spec that was right."""

    wish: Wish
    form: str
    theme: str
    output: Path
    force: bool
    last: str | bytes | None = None
    files: set[Path] = field(default_factory=set)

    def work(self) -> Iterable[Path]:
        """Draw, or write into the picture what is wrong; return the files that it comes from."""
        try:
            found = attempt_files(self.wish)
            self.files = set().union(*map(sources, found))
            self.last = self.wish.picture(found).drawn(self.form, self.theme)
        except SpecError as error:
            self.files |= {d.span.source.path for d in error.diagnostics if d.span.source.path}
            complain(error.diagnostics)
            self.wrong("\n\n".join(render(d) for d in error.diagnostics))
        except (ValueError, LookupError) as error:
            tell(f"archc: {error}")
            self.wrong(str(error))
        else:
            deliver(self.last, self.output, self.form, force=self.force)
            tell(f"archc: drew {self.output}")
        return self.files | self.wish.files

    def wrong(self, text: str) -> None:
        """Write what is wrong where the picture was."""
        from archc.backends.notice import notice

        picture = notice(text, self.form, themed(self.theme), self.last)
        deliver(picture, self.output, self.form, force=self.force)
        tell(f"archc: {self.output} says what is wrong")


def attempt_files(wish: Wish) -> list[api.Architecture]:
    """Compile, where a file or a renderer that is missing ends the command, and a fault does not."""
    try:
        return wish.compiled()
    except OSError as error:
        usage(reason(error))


def sources(arch: api.Architecture) -> set[Path]:
    """Return the files that a network was read from: its spec, what that imports, its plug-ins."""
    read: set[Source] = {n.span.source for m in arch.network.modules for n in m.nodes}
    found = {source.path for source in read if source.path is not None}
    root = arch.network.root.inputs[0].span.source.path
    if root is not None:
        found |= {root, *(root.parent / str(entry) for entry in arch.network.document.ops)}
    return found
