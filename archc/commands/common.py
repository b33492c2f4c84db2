"""What commands share: arguments, compiling what the user named, printing, writing files."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from archc import api
from archc.diagnostics import Diagnostic, Source, SpecError, render
from archc.language.given import ARGUMENTS

Result = TypeVar("Result")

GOOD, WRONG, USAGE, DEFECT = 0, 1, 2, 3

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
        help="Set a param of the spec; may be repeated.",
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
OutputOpt = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write to this file instead of standard output.", show_default=False
    ),
]


def spec_of(spec: str) -> str | Source:
    """Return what the API takes for a SPEC argument: standard input becomes a Source."""
    return Source("<stdin>", sys.stdin.read()) if spec == "-" else spec


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
    outputs: str | None = None,
    allow_ops: bool = False,
) -> api.Architecture:
    """Compile what the user named; on faults print them and exit with 1."""
    what, settings, places = spec_of(spec), settings_of(pairs), names_of(outputs)
    return attempt(
        lambda: api.compile(what, variant, outputs=places, allow_ops=allow_ops, **settings)
    )


def attempt(work: Callable[[], Result]) -> Result:
    """Do what may find the spec wrong: print the faults and exit with 1, or with 2 without a file."""
    try:
        return work()
    except SpecError as error:
        fail(error.diagnostics)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        usage(_reason(error))


def _reason(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def fail(diagnostics: Iterable[Diagnostic]) -> NoReturn:
    """Print diagnostics to standard error and exit with 1."""
    complain(diagnostics)
    raise typer.Exit(WRONG)


def complain(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics to standard error, coloured on a terminal."""
    rendered = [render(d) for d in diagnostics]
    if rendered:
        echo_coloured("\n\n".join(rendered))


def echo_coloured(text: str) -> None:
    """Print rendered diagnostics to standard error; colours only where a terminal wants them."""
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        print(text, file=sys.stderr)
        return
    from rich.console import Console
    from rich.text import Text

    shown = Text(text)
    styles = {
        r"(?m)^error\[[\w-]+\]": "bold red",
        r"(?m)^warning\[[\w-]+\]": "bold yellow",
        r"(?m)^ *(-->|:::) .*$": "cyan",
        r"(?m)^ *\d* \|": "blue",
        r"\^+.*": "red",
        r"(?m)^ *= help:": "green",
    }
    for pattern, style in styles.items():
        for match in re.finditer(pattern, text):
            shown.stylize(style, match.start(), match.end())
    Console(stderr=True, soft_wrap=True, highlight=False).print(shown)


def usage(message: str) -> NoReturn:
    """Print a usage error and exit with 2."""
    print(f"archc: {message}", file=sys.stderr)
    raise typer.Exit(USAGE)


def deliver(content: str | bytes, output: Path | None) -> None:
    """Print a result, or write it to a file whole or not at all."""
    if output is None or str(output) == "-":
        if isinstance(content, bytes):
            sys.stdout.buffer.write(content)
        else:
            print(content.rstrip("\n"))
        return
    try:
        write(output, f"{content.rstrip()}\n".encode() if isinstance(content, str) else content)
    except OSError as error:
        usage(f"can't write {output}: {error.strerror}")


def screen(output: Path | None) -> tuple[int | None, bool]:
    """Return how wide text may be, None for any width, and whether it may have colours."""
    seen = sys.stdout.isatty() and output is None
    width = shutil.get_terminal_size().columns if seen or os.environ.get("COLUMNS") else None
    return width, seen and not os.environ.get("NO_COLOR")


def write(path: Path, content: bytes) -> None:
    """Write a file whole: into a temporary one beside it, which then takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def option_of(values: Iterable[str], chosen: str, what: str) -> str:
    """Hold an option to its known values; anything else is a usage error."""
    known = list(values)
    if chosen not in known:
        usage(f"there is no {what} `{chosen}`: choose from {', '.join(known)}")
    return chosen
