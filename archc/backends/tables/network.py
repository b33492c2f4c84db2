"""The table of one network: a row a stage, a run of equal blocks, a block or a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archc.backends.tables.columns import ColumnReader, one_of, reader
from archc.backends.tables.model import Cell, Column, Table
from archc.backends.tables.row_selection import BY, select_rows
from archc.graph import Network
from archc.passes.conventions import CONVENTIONS
from archc.passes.costs import inference, training
from archc.shapes import Shape

MEANING = "1 MAC = 1 multiply-add; FLOPs = 2 × MACs; counts are for one sample"
DEFAULT = ("name", "block", "output", "params", "macs")


def table(
    network: Network,
    by: str = "stage",
    columns: Sequence[str] | Mapping[str, str] = (),
    convention: str | None = None,
    depth: int | None = None,
    sort: str | None = None,
    *,
    bare: bool = False,
) -> Table:
    """Return the table of a network; a name that is not known raises UnknownName.

    `columns` are names, or names with the titles to put above them. `depth` is how deep blocks
    in blocks are opened, in place of `by`: 1 for none of them. Rows are in the order of the
    text, or in that of the column `sort`, the largest first; `bare` leaves out those that papers do not name.
    """
    selection = select_rows(
        network, one_of(by, BY, "table by") if depth is None else depth, bare=bare
    )
    titles = headed(columns or DEFAULT, convention)
    readers = {key: reader(key, selection) for key in (*titles, *([sort] if sort else []))}
    notes = [MEANING, *_sums(network)]
    return arranged(
        f"{network.name}, input {network.input}", titles, readers, selection, notes, sort
    )


def headed(
    columns: Sequence[str] | Mapping[str, str], convention: str | None = None
) -> dict[str, str]:
    """Return columns by name, each with the title that is wanted, "" for its own."""
    titles = dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(columns, "")
    return titles | ({convention: ""} if convention and convention not in titles else {})


def arranged(
    title: str,
    titles: Mapping[str, str],
    readers: Mapping[str, ColumnReader],
    subject: Any,
    notes: Sequence[str],
    sort: str | None = None,
) -> Table:
    """Return the table of what readers say of a subject: columns, rows in order, totals, notes."""
    cells = {key: r.read(subject) for key, r in readers.items()}
    count = len(next(iter(cells.values())))
    order = sorted(range(count), key=lambda k: _rank(cells[sort][k]) if sort else k)
    rows = tuple(tuple(cells[key][k] for key in titles) for k in order)
    sums = tuple(readers[key].total(cells[key]) for key in titles)
    if next(iter(titles)) == "name":
        sums = ("total", *sums[1:])
    shown = [readers[key] for key in titles]
    return Table(
        title,
        tuple(Column(k, t or r.title, r.number) for (k, t), r in zip(titles.items(), shown, strict=True)),
        rows, (sums,) if any(cell not in ("", "total") for cell in sums) else (),
        (*notes, *_explained(titles, readers)),
    )  # fmt: skip


def _explained(titles: Mapping[str, str], readers: Mapping[str, ColumnReader]) -> Iterator[str]:
    """Yield what columns mean, under the titles that stand above them."""
    for key, title in titles.items():
        if note := readers[key].note:
            yield note.replace(f"{key}:", f"{title or key}:", 1)


def _rank(cell: Cell) -> tuple[float, str]:
    size = cell.numel if isinstance(cell, Shape) else cell
    return (
        (0, size)
        if isinstance(size, str)
        else (-size, "")
        if isinstance(size, int | float)
        else (0, "")
    )


def _sums(network: Network) -> Iterator[str]:
    nodes = network.root.nodes
    trainable, rest = (CONVENTIONS[name].total(nodes) for name in ("params", "buffers"))
    yield f"{trainable:,} trainable parameters, {rest:,} elements of buffers"
    small = inference(network)
    if small != training(network):
        yield f"in inference, without what only outputs for training need: {small}"
