"""The table of a family, as papers print it: a column a network, a row a stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archc.backends.tables.columns import explain, one_of
from archc.backends.tables.model import Cell, Column, Row, Table
from archc.backends.tables.network import MEANING
from archc.backends.tables.sections import PaperRow, sections
from archc.graph import Network
from archc.language.figures import printed
from archc.passes.conventions import CONVENTIONS, known


def ordered(columns: Sequence[Sequence[PaperRow]]) -> list[str]:
    """Return the keys of all rows, each put after the one that it follows in its network."""
    order: list[str] = []
    for sections_ in columns:
        place = 0
        for row in sections_:
            if row.key not in order:
                order.insert(place, row.key)
            place = order.index(row.key) + 1
    return order


def family(networks: Sequence[Network], convention: str | None = None) -> Table:
    """Return the table of several networks; FLOPs are counted by a convention.

    Without one it is that of the claims about the networks' MACs, if there are any.
    """
    chosen = convention or claimed(networks)
    if chosen:
        one_of(chosen, list(known("macs")), "convention of multiply-adds")
    columns = [sections(network) for network in networks]
    cut = [{s.key: s for s in column} for column in columns]
    rows = tuple(_row([column.get(key) for column in cut]) for key in ordered(columns))
    heads = [Column("layer", "layer name"), Column("output", "output size")]
    heads += [Column(n.name, n.name) for n in networks]
    notes = [MEANING, *([f"the row FLOPs is counted by {explain(chosen)}"] if chosen else [])]
    return Table(
        headline(networks), tuple(heads), rows, tuple(_totals(networks, chosen)),
        tuple(notes), keys=2, ruled=True,
    )  # fmt: skip


def headline(networks: Sequence[Network]) -> str:
    """Name a spec, its paper and the inputs of its networks."""
    document = networks[0].document
    paper = document.paper
    inputs = dict.fromkeys(str(n.input) for n in networks)
    source = f"{document.name}: {paper.title}" if paper else str(document.name)
    return f"{source}; input {' / '.join(inputs)}"


def claimed(networks: Sequence[Network]) -> str | None:
    """Return the convention of the first claim about MACs."""
    of = (c for n in networks for c in n.claims if c.macs)
    first = next(of, None)
    if first is None:
        return None
    named = str(first.convention or "macs")
    return named if CONVENTIONS[named].quantity == "macs" else "macs"


def _row(sections_: Sequence[PaperRow | None]) -> Row:
    there = [s for s in sections_ if s]
    names = dict.fromkeys(s.name for s in there)
    name = there[0].name if len(names) == 1 else there[0].key
    return (name, _sizes([s.sizes for s in there]), *(s.parts if s else "" for s in sections_))


def _sizes(sizes: Sequence[tuple[str, ...]]) -> Cell:
    """Spell the sizes of a row: those of one network, or if they differ, a line for each."""
    distinct = list(dict.fromkeys(sizes))
    lines = distinct[0] if len(distinct) == 1 else tuple(map(", ".join, distinct))
    return lines if len(lines) > 1 else lines[0]


def _totals(networks: Sequence[Network], convention: str | None) -> Iterator[Row]:
    def totals(name: str) -> list[int]:
        counts = (CONVENTIONS[name].count(network) for network in networks)
        return [count for count in counts if isinstance(count, int)]

    if convention:
        digits = CONVENTIONS[convention].digits
        yield ("FLOPs", convention, *(printed(count, digits) for count in totals(convention)))
    yield ("MACs", "", *totals("inference_macs"))
    yield ("params", "", *totals("inference_params"))
