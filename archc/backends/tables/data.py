"""Tables in Markdown, CSV and JSON."""

from __future__ import annotations

from typing import Any

from archc import escaping
from archc.backends.tables.model import Bracket, Cell, Row, Table, plain
from archc.shapes import Shape


def markdown(table: Table) -> str:
    """Write a table in GitHub's Markdown, title above and notes below."""
    from tabulate import tabulate

    body = tabulate(
        [[_markdown(cell) for cell in row] for row in (*table.rows, *table.totals)],
        headers=[escaping.markdown(c.title) for c in table.columns],
        tablefmt="github",
        colalign=["right" if c.number else "left" for c in table.columns],
        disable_numparse=True,
    )
    return (
        f"**{escaping.markdown(table.title)}**\n\n{body}\n\n"
        + "  \n".join(map(escaping.markdown, table.notes))
        + "\n"
    )


def _markdown(cell: Cell) -> str:
    parts = cell if isinstance(cell, tuple) else (plain(cell),)
    return "<br>".join(escaping.markdown(str(part)) for part in parts)


def html(table: Table) -> str:
    """Write a table of HTML, its title as caption and its notes below."""
    from tabulate import tabulate

    body = tabulate(
        [[_markup(cell) for cell in row] for row in (*table.rows, *table.totals)],
        headers=[escaping.markup(c.title) for c in table.columns],
        tablefmt="unsafehtml",  # the cells are escaped here, their line breaks are not
        colalign=["right" if c.number else "left" for c in table.columns],
        disable_numparse=True,
    )
    caption = f"<table>\n<caption>{escaping.markup(table.title)}</caption>"
    noted = "".join(f"<p>{escaping.markup(note)}</p>\n" for note in table.notes)
    return f"{body.replace('<table>', caption, 1)}\n{noted}"


def _markup(cell: Cell) -> str:
    parts = cell if isinstance(cell, tuple) else (plain(cell),)
    return "<br>".join(escaping.markup(str(part)) for part in parts)


def comma_separated(table: Table) -> str:
    """Write a table as CSV: keys of columns first, numbers bare, totals last."""
    rows = [[c.key for c in table.columns], *table.rows, *table.totals]
    return "".join(
        escaping.csv_row(cell if isinstance(cell, int) else plain(cell) for cell in row)
        for row in rows
    )


def as_json(table: Table) -> str:
    """Write a table as JSON: shapes are lists, brackets are lines with a count."""
    data = {
        "title": table.title,
        "notes": list(table.notes),
        "rows": [_object(table, row) for row in table.rows],
        "totals": [_object(table, row) for row in table.totals],
    }
    return escaping.json_text(data) + "\n"


def _object(table: Table, row: Row) -> dict[str, Any]:
    return {column.key: _value(cell) for column, cell in zip(table.columns, row, strict=True)}


def _value(cell: Cell | Bracket) -> Any:
    match cell:
        case Shape():
            return list(cell.sizes)
        case Bracket():
            return {"lines": list(cell.lines), "count": cell.count}
        case tuple():
            return [_value(part) for part in cell]
        case _:
            return cell
