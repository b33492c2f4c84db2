"""What is read from and printed to the process' own streams: encodings, colours, width."""

from __future__ import annotations

import codecs
import errno
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import StringIO
from typing import IO

from archc.diagnostics import Diagnostic, Source, render
from archc.escaping import terminal
from archc.language.reading import read_stream

LEGIBLE = "archc"
"""The handler of errors that writes what an encoding lacks by characters that it has."""

PLAIN = str.maketrans(
    {
        **dict.fromkeys("─━╌═", "-"),
        **dict.fromkeys("│┃║", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
        **dict.fromkeys("‘’", "'"),
        **dict.fromkeys("“”", '"'),
        **dict.fromkeys("–−‑", "-"),
        **dict.fromkeys("·•", "*"),
        **dict.fromkeys("⎡⎢⎣", "["),
        **dict.fromkeys("⎤⎥⎦", "]"),
        "×": "x",
        "→": "->",
        "←": "<-",
        "…": "...",
        "±": "+-",
        "≤": "<=",
        "≥": ">=",
        "‖": "||",
        "∂": "d",
        "Σ": "sum ",
        "λ": "lambda",
        "√": "sqrt",
        "⁻": "^-",
        "—": "--",
    }
)

COLORS = ("auto", "always", "never")
STYLES = {
    r"(?m)^error\[[\w-]+\]": "bold red",
    r"(?m)^warning\[[\w-]+\]": "bold yellow",
    r"(?m)^ *(-->|:::) .*$": "cyan",
    r"(?m)^ *\d* \|": "blue",
    r"\^+.*": "red",
    r"(?m)^ *= help:": "green",
}


def _legible(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_plain, lacking)), error.end


def _plain(character: str) -> str:
    known = character.translate(PLAIN)
    if known.isascii():
        return known
    based = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return based or character.encode("ascii", "backslashreplace").decode()


codecs.register_error(LEGIBLE, _legible)


COLOR: ContextVar[str] = ContextVar("COLOR", default="auto")
"""What `--color` says."""


def prepare() -> None:
    """Make the process' streams such that whatever is printed can be encoded."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=LEGIBLE)
    if _missing(sys.stderr):
        sys.stderr = StringIO()


def _missing(stream: IO[str] | None) -> bool:
    """Whether a stream was closed when archc was started."""
    return stream is None


def standard_input() -> Source:
    """Read a spec from standard input; raises SpecError, OSError."""
    if _missing(sys.stdin):
        raise OSError(errno.EBADF, "standard input is closed")
    return read_stream(sys.stdin.buffer, "<stdin>")


def emit(content: str | bytes, form: str = "text") -> None:
    """Print a result: text as the terminal takes it, what is for a program as in a file."""
    if _missing(sys.stdout):
        raise OSError(errno.EBADF, "standard output is closed")
    binary = getattr(sys.stdout, "buffer", None)
    with _stdout():
        if isinstance(content, str):
            if form == "text" or binary is None or sys.stdout.isatty():
                sys.stdout.write(content)
                return
            content = content.encode("utf-8", "backslashreplace")
        sys.stdout.flush()
        sys.stdout.buffer.write(content)


def flush() -> None:
    """Print what waits to be printed; raises OSError, where a pipe is closed or a disk full."""
    if _missing(sys.stdout):
        return
    with _stdout():
        sys.stdout.flush()


@contextmanager
def _stdout() -> Iterator[None]:
    """Say of what refuses to be printed that it was standard output."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, f"can't write standard output: {error.strerror}") from None


def tell(text: str) -> None:
    """Print what is said of the work, at once, to standard error; where that is full, nothing."""
    _tell(terminal(text))


def _tell(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        return


def complain(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics to standard error, in colours where they are wanted."""
    rendered = [render(d) for d in diagnostics]
    if rendered:
        text = "\n\n".join(rendered)
        _tell(coloured(text) if colours(sys.stderr) else text)


def coloured(text: str) -> str:
    """Return rendered diagnostics in the colours of a terminal."""
    from rich.console import Console
    from rich.text import Text

    shown = Text(text)
    for pattern, style in STYLES.items():
        for match in re.finditer(pattern, text):
            shown.stylize(style, match.start(), match.end())
    out = StringIO()
    console = Console(
        file=out, soft_wrap=True, highlight=False, force_terminal=True, color_system="standard",
        no_color=False, legacy_windows=False,
    )  # fmt: skip
    console.print(shown)
    return out.getvalue().rstrip("\n")


def colours(stream: IO[str]) -> bool:
    """Whether a stream gets colours: as --color says, the environment, or a terminal has any.

    NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE are those of no-color.org, force-color.org and
    bixense.com/clicolors, in this order.
    """
    if COLOR.get() != "auto":
        return COLOR.get() == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if any(
        os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")
    ):
        return True
    plain = os.environ.get("TERM") == "dumb" or os.environ.get("CLICOLOR") == "0"
    return not _missing(stream) and stream.isatty() and not plain


def screen(*, printed: bool) -> tuple[int | None, bool]:
    """Return how wide text may be, None for any width, and whether it may have colours."""
    seen = printed and not _missing(sys.stdout) and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if seen or os.environ.get("COLUMNS") else None
    return width, printed and colours(sys.stdout)
