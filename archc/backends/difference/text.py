"""A difference for people: on a terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO

from archc import escaping
from archc.backends.difference.sections import Line, heading, sections
from archc.backends.tables import data
from archc.backends.tables import text as drawn
from archc.passes.difference import Difference

STYLES = {"+": "green", "-": "red", "~": "yellow", ">": "cyan", "≈": "dim"}
FENCED = {"~": "!", ">": "!", "≈": " "}
"""How the fenced blocks of a `diff` mark what is neither added nor removed."""

SAME = "no difference"


def text(
    differences: Sequence[Difference],
    width: int | None = None,
    *,
    color: bool = False,
    full: bool = False,
) -> str:
    """Write a difference for a terminal of a width, None for any."""
    lines = [*_plain(differences, width, full=full)]
    return coloured(lines, title=lines[0]) if color else "\n".join(lines) + "\n"


def _plain(differences: Sequence[Difference], width: int | None, *, full: bool) -> Iterator[str]:
    yield escaping.one_line(heading(differences))
    if not any(differences):
        yield SAME
    for section in sections(differences, full=full):
        yield from ("", section.title)
        yield from map(_line, section.lines)
        if section.table is not None:
            yield from drawn.text(section.table, width).strip("\n").split("\n")


def _line(line: Line) -> str:
    return f"{'    ' * line.depth} {line.sign or ' '} {escaping.one_line(line.text)}"


def coloured(lines: Sequence[str], title: str) -> str:
    """Colour lines by the sign that they begin with."""
    from rich.console import Console
    from rich.text import Text

    out = StringIO()
    console = Console(file=out, width=10_000, force_terminal=True, highlight=False)
    for line in lines:
        bold = line == title or line[:1].isalpha()
        console.print(Text(line, style="bold" if bold else STYLES.get(line.strip()[:1], "")))
    return out.getvalue()


def markdown(differences: Sequence[Difference], *, full: bool = False) -> str:
    """Write a difference in GitHub's Markdown."""
    parts = [f"### {escaping.markdown(heading(differences))}"]
    if not any(differences):
        parts.append(SAME.capitalize() + ".")
    for section in sections(differences, full=full):
        parts.append(f"**{escaping.markdown(section.title)}**")
        if section.lines:
            shown = "".join(f"{_fenced(line)}\n" for line in section.lines)
            parts.append(escaping.fenced(shown, "diff").rstrip("\n"))
        if section.table is not None:
            parts.append(data.markdown(section.table).partition("\n\n")[2].strip())
    return "\n\n".join(parts) + "\n"


def _fenced(line: Line) -> str:
    return f"{FENCED.get(line.sign, line.sign) or ' '} {'  ' * line.depth}{escaping.one_line(line.text)}"
