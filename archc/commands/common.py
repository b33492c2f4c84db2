"""What commands share: arguments, compiling what the user named, printing, writing files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from archc import api
from archc.commands.completion import settings
from archc.commands.terminal import complain, emit, standard_input, tell
from archc.diagnostics import Diagnostic, Source, SpecError
from archc.language.given import ARGUMENTS
from archc.lower.opening import once
from archc.output.files import OutputError, expect_folder, write
from archc.shapes import channels_first

Result = TypeVar("Result")

GOOD, WRONG, USAGE, DEFECT = 0, 1, 2, 3
INTERRUPTED, UNREAD = 130, 141

SpecArg = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="A spec file, `-` for standard input, or a network of the zoo.",
        show_default=False,
    ),
]
VariantOpt = Annotated[
    str | None, typer.Option("--variant", "-v", help="A variant of the spec.", show_default=False)
]
SetOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="NAME=VALUE",
        help="Set a param of the spec; may be repeated. `archc list SPEC` shows what they may be.",
        autocompletion=settings,
        show_default=False,
    ),
]
AllowOpt = Annotated[
    bool, typer.Option("--allow-ops", help="Run the Python files that the spec names under `ops`.")
]
OutputsOpt = Annotated[
    str | None,
    typer.Option(
        "--outputs",
        metavar="A,B,...",
        help="The stages or steps whose values the network gives, in place of its own outputs.",
        show_default=False,
    ),
]


class Sizes(tuple[int, ...]):
    """The sizes of an input, as one value of the command line."""

    __slots__ = ()


def sizes_of(text: str) -> Sizes:
    """Return the sizes that `--input` takes: `3,448,448`, or `3x448x448`."""
    parts = re.split(r"[,x×]", text)
    if not all(part.strip().isdecimal() for part in parts):
        usage(f"--input takes channels, height and width, as in 3,448,448; got `{text}`")
    return Sizes(map(int, parts))


InputOpt = Annotated[
    Sizes | None,
    typer.Option(
        "--input",
        metavar="C,H,W",
        help="The sizes of the input, in place of those of the spec.",
        parser=sizes_of,
        show_default=False,
    ),
]


def usable(output: Path | None) -> Path | None:
    """Return where a result goes, if it can be there."""
    try:
        return expect_folder(output)
    except OutputError as error:
        usage(str(error))


OutputOpt = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write to this file instead of standard output.",
        show_default=False,
        callback=usable,
    ),
]
ForceOpt = Annotated[bool, typer.Option("--force", help="Replace a file that archc did not write.")]


def spec_of(spec: str) -> str | Source:
    """Return what the API takes for a SPEC argument: standard input, a pipe become a Source."""
    return attempt(lambda: sourced(spec))


def sourced(spec: str) -> str | Source:
    """Read a SPEC argument that can be read but once; raises SpecError, OSError."""
    if spec == "-":
        return standard_input()
    found = once(spec)
    return found if isinstance(found, Source) else spec


def settings_of(pairs: list[str] | None, reserved: Collection[str] = ARGUMENTS) -> dict[str, str]:
    """Return `--set` pairs as a dictionary; a pair without `=`, or a reserved name, is a usage error."""
    settings: dict[str, str] = {}
    for pair in pairs or []:
        name, found, value = pair.partition("=")
        if not found or not name or not value:
            usage(f"--set takes NAME=VALUE, got `{pair}`")
        if name.strip() in reserved:
            usage(f"--set takes params, and no param can be called `{name.strip()}`")
        settings[name.strip()] = value.strip()
    return settings


def names_of(listed: str | None) -> list[str]:
    """Return the names in a list such as `layer2,layer3`."""
    return [name.strip() for name in (listed or "").split(",") if name.strip()]


def compiled(
    spec: str,
    variant: str | None,
    pairs: list[str] | None,
    *,
    sizes: tuple[int, ...] | None = None,
    outputs: str | None = None,
    allow_ops: bool = False,
) -> api.Architecture:
    """Compile what the user named; on faults print them and exit with 1."""
    what, settings, places = spec_of(spec), settings_of(pairs), names_of(outputs)
    expect_channels_first(sizes or ())
    return attempt(
        lambda: api.compile(
            what, variant, input=sizes, outputs=places, allow_ops=allow_ops, **settings
        )
    )


def attempt(work: Callable[[], Result]) -> Result:
    """Do what may find the spec wrong: print the faults and exit with 1, or with 2 without a file."""
    try:
        return work()
    except SpecError as error:
        fail(error.diagnostics)
    except BrokenPipeError:
        raise
    except OSError as error:
        usage(reason(error))


def reason(error: OSError) -> str:
    """Say what the system refused, and of which file."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


def fail(diagnostics: Iterable[Diagnostic]) -> NoReturn:
    """Print diagnostics to standard error and exit with 1."""
    complain(diagnostics)
    raise typer.Exit(WRONG)


def usage(message: str) -> NoReturn:
    """Print a usage error and exit with 2."""
    tell(f"archc: {message}")
    raise typer.Exit(USAGE)


def deliver(
    content: str | bytes, output: Path | None, form: str = "text", *, force: bool = False
) -> None:
    """Print a result, or write it to a file; `force` replaces one that archc did not write."""
    if isinstance(content, str):
        content = f"{content.rstrip()}\n"
    if output is None or str(output) == "-":
        emit(content, form)
        return
    try:
        write(output, content, form, force=force)
    except OutputError as error:
        usage(str(error))


def option_of(values: Iterable[str], chosen: str, what: str) -> str:
    """Hold an option to its known values; anything else is a usage error."""
    known = list(values)
    if chosen not in known:
        usage(f"there is no {what} `{chosen}`: choose from {', '.join(known)}")
    return chosen


def expect_channels_first(sizes: Sequence[int]) -> None:
    """Ask whether sizes on the command line are meant so, where channels seem to come last."""
    if meant := channels_first(sizes):
        given, better = (",".join(map(str, s)) for s in (sizes, meant))
        tell(f"archc: warning: `{given}` has {sizes[0]} channels; is `{better}` meant?")
