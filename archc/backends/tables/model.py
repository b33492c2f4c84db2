"""A table as data: columns, rows, totals; every format is a function of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archc.shapes import Shape


@dataclass(frozen=True)
class Bracket:
    """Lines in a bracket, and how often: the blocks of a paper's table."""

    lines: tuple[str, ...]
    count: int = 1

    @property
    def times(self) -> str:
        """The count behind the bracket."""
        return f" ×{self.count}" if self.count > 1 else ""

    def __str__(self) -> str:
        return f"[{'; '.join(self.lines)}]{self.times}"


class Bytes(int):
    """An amount of memory, which people read in KiB, MiB or GiB."""

    def __str__(self) -> str:
        units = ["bytes", "KiB", "MiB", "GiB"]
        power = min(max(self.bit_length() - 1, 0) // 10, 3)
        amount = self / 1024**power
        return (
            f"{amount:.3g} {units[power]}"
            if power and amount < 1000
            else f"{amount:,.0f} {units[power]}"
        )


class Share(float):
    """A part of a whole, which people read in percent."""

    def __str__(self) -> str:
        return f"{100 * self:.1f} %"


Entry = str | Bracket
Part = Entry | Shape
Cell = str | int | float | Shape | tuple[Part, ...]
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """A column: its key in data formats, its title, and whether it holds numbers."""

    key: str
    title: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A table; `keys` columns name a row and are repeated where a table is split."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    keys: int = 1
    ruled: bool = False
    """Whether a line stands between rows."""

    def pick(self, chosen: list[int]) -> Table:
        """Return the table with some columns."""

        def cut(rows: tuple[Row, ...]) -> tuple[Row, ...]:
            return tuple(tuple(row[k] for k in chosen) for row in rows)

        columns = tuple(self.columns[k] for k in chosen)
        return replace(self, columns=columns, rows=cut(self.rows), totals=cut(self.totals))


def plain(cell: Cell) -> str:
    """Spell a cell on one line."""
    if isinstance(cell, tuple):
        return ", ".join(map(str, cell))
    return f"{cell:,}" if type(cell) is int else str(cell)
