"""Tables and charts as the template reads them, with what cells are sorted by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any

from archc.backends.tables.claims import claims
from archc.backends.tables.family import family
from archc.backends.tables.model import Bytes, Cell, Column, Table, plain
from archc.backends.tables.network import table
from archc.backends.tables.row_selection import select_rows
from archc.diagnostics import Source
from archc.graph import Network
from archc.passes.claims import Verdict
from archc.passes.conventions import CONVENTIONS
from archc.passes.costs import inference
from archc.passes.depth import depth
from archc.shapes import Shape

View = dict[str, Any]

COLUMNS = (
    "name", "block", "output", "stride", "receptive_field", "params", "params%", "macs", "macs%",
    "memory_training", "memory_inference",
)  # fmt: skip
KINDS = {"stage": "stages", "run": "runs of equal blocks", "block": "blocks", "layer": "layers"}
MOST_ROWS = 400
"""A longer table is left to `archc table`."""

COMPARED = (
    Column("network", "network"),
    Column("input", "input"),
    Column("output", "output"),
    Column("depth", "depth", number=True),
    Column("params", "params", number=True),
    Column("macs", "MACs", number=True),
    Column("memory_training", "training", number=True),
    Column("memory_inference", "inference", number=True),
    Column("tensors", "tensors", number=True),
)
EVERYTHING = 1e18
"""What a cell without a number, such as a receptive field of `all`, is sorted by."""


def tables(network: Network) -> Iterator[View]:
    """Yield the tables of a network; of one that is too long only what it is called."""
    seen: set[tuple[str, ...]] = set()
    for by, title in KINDS.items():
        sources = select_rows(network, by).sources
        names = tuple(source.name for source in sources)
        if names in seen:
            continue
        seen.add(names)
        if len(sources) > MOST_ROWS:
            yield {"by": by, "title": title, "rows": len(sources), "left_out": True}
        else:
            made = table(network, by, COLUMNS)
            yield {**view(made), "by": by, "title": title, "left_out": False}


def compared(networks: Sequence[Network]) -> View:
    """Return the table of several networks, a row for each."""
    rows = tuple(_compared(network) for network in networks)
    notes = (
        "depth: weighted layers on the longest path",
        "training, inference: memory of activations for one sample, at 32 bits",
    )
    return view(Table("Networks" if len(rows) > 1 else "Network", COMPARED, rows, notes=notes))


def _compared(network: Network) -> tuple[Cell, ...]:
    selection = select_rows(network, "stage")
    counts = astuple(inference(network))
    return (
        network.name, network.input, network.output, depth(network.root), *counts,
        Bytes(sum(selection.saved)), Bytes(max(selection.held, default=0)), len(network.state_dict_shapes()),
    )  # fmt: skip


def families(networks: Sequence[Network]) -> Iterator[View]:
    """Yield the table that papers print, for all variants of each spec that has several here."""
    by_source: dict[Source, list[Network]] = {}
    for network in networks:
        by_source.setdefault(network.document.name.span.source, []).append(network)
    for members in by_source.values():
        if len(members) > 1:
            yield view(family(members))


def judged(verdicts: Sequence[Verdict]) -> View:
    """Return the table of claims."""
    return view(claims("Published figures", verdicts))


def view(made: Table) -> View:
    """Return a table as plain data: each cell is its lines and what it is sorted by."""
    return {
        "caption": made.title,
        "columns": [{"title": c.title, "number": c.number} for c in made.columns],
        "rows": [[_cell(cell) for cell in row] for row in made.rows],
        "totals": [[_cell(cell) for cell in row] for row in made.totals],
        "notes": [note for note in made.notes if note],
    }


def _cell(cell: Cell) -> View:
    lines = list(map(str, cell)) if isinstance(cell, tuple) else [plain(cell)]
    if isinstance(cell, Shape):
        return {"lines": lines, "sort": str(cell.numel)}
    if isinstance(cell, int | float):
        return {"lines": lines, "sort": f"{cell:.9f}".rstrip("0").rstrip(".")}
    return {"lines": lines, "sort": f"{EVERYTHING:.0f}" if lines == ["all"] else lines[0]}


# Charts

MEASURES = {
    "params": "Parameters",
    "macs": "MACs",
    "memory": "Activations kept for training",
}


def charts(networks: Sequence[Network]) -> list[View]:
    """Return a chart for each measure: for each network a bar a stage, all on one scale."""
    bars = [list(_stages(network)) for network in networks]
    views = []
    for measure, title in MEASURES.items():
        most = max((bar[measure] for each in bars for bar in each), default=0) or 1
        groups = [
            {
                "name": network.name,
                "bars": [
                    {
                        "name": bar["name"],
                        "text": plain(bar[measure]),
                        "width": f"{100 * bar[measure] / most:.2f}%",
                    }
                    for bar in each
                ],
            }
            for network, each in zip(networks, bars, strict=True)
        ]
        views.append({"measure": measure, "title": title, "groups": groups})
    return views


def _stages(network: Network) -> Iterator[View]:
    selection = select_rows(network, "stage")
    for source, saved in zip(selection.sources, selection.saved, strict=True):
        counts = {n: CONVENTIONS[n].total(source.nodes) for n in ("params", "macs")}
        yield {"name": source.name, **counts, "memory": Bytes(saved)}
