"""Tables for a terminal: as wide as it is, in colour where it has any."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from archc.backends.tables.model import Bracket, Cell, Part, Row, Table, plain
from archc.escaping import one_line


def text(table: Table, width: int | None = None, *, color: bool = False) -> str:
    """Draw a table; one that is wider than `width` is split by columns, its keys repeated."""
    from rich.console import Console
    from rich.text import Text

    out = StringIO()
    console = Console(
        file=out, width=width or 10_000, force_terminal=color, highlight=False,
        color_system="auto" if color else None, legacy_windows=False,
    )  # fmt: skip
    console.print(Text(one_line(table.title), style="bold"))
    for piece in split(table, width):
        console.print(_draw(piece))
    for note in table.notes:
        console.print(Text(one_line(note), style="dim"))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _draw(table: Table) -> object:
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    def cells(row: Row) -> list[Text]:
        return [Text(block(cell)) for cell in row]

    drawn = Drawn(box=box.SIMPLE_HEAD, show_lines=table.ruled, pad_edge=False)
    for column in table.columns:
        drawn.add_column(Text(one_line(column.title)), justify="right" if column.number else "left")
    for row in table.rows:
        drawn.add_row(*cells(row))
    drawn.add_section()
    for row in table.totals:
        drawn.add_row(*cells(row), style="bold")
    return drawn


def split(table: Table, width: int | None) -> list[Table]:
    """Cut a table into pieces that fit a width, each with the key columns."""
    sizes = [_widest(table, k) + 3 for k in range(len(table.columns))]
    keys = list(range(table.keys))
    if width is None or sum(sizes) <= width:
        return [replace(table, notes=())]
    pieces: list[list[int]] = [[*keys]]
    for k in range(table.keys, len(sizes)):
        if len(pieces[-1]) > len(keys) and sum(sizes[j] for j in pieces[-1]) + sizes[k] > width:
            pieces.append([*keys])
        pieces[-1].append(k)
    return [table.pick(piece) for piece in pieces]


def _widest(table: Table, k: int) -> int:
    cells = [block(row[k]) for row in (*table.rows, *table.totals)]
    return max(len(line) for cell in [table.columns[k].title, *cells] for line in cell.split("\n"))


def block(cell: Cell) -> str:
    """Draw a cell, one with brackets on several lines."""
    return "\n".join(map(_part, cell)) if isinstance(cell, tuple) else one_line(plain(cell))


def _part(part: Part) -> str:
    if not isinstance(part, Bracket):
        return one_line(str(part))
    lines, last = part.lines, len(part.lines) - 1
    width = max(map(len, lines))
    shown = [
        f"{_side(k, last, 0)}{one_line(line):<{width}}{_side(k, last, 1)}"
        for k, line in enumerate(lines)
    ]
    shown[last // 2] += part.times
    return "\n".join(shown)


def _side(k: int, last: int, side: int) -> str:
    """Return a piece of a bracket: the only line's, the first, the last or one between."""
    pieces = "[]" if last == 0 else "⎡⎤" if k == 0 else "⎣⎦" if k == last else "⎢⎥"
    return pieces[side]
