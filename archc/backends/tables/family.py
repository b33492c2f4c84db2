"""The table of a family, as papers print it: a column a network, a row a stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from archc.backends.tables.model import Cell, Column, Part, Row, Table
from archc.backends.tables.network import MEANING, counted, explain, one_of
from archc.backends.tables.parts import parts
from archc.graph import Network, Node, Stage
from archc.language.figures import printed
from archc.passes.conventions import CONVENTIONS


@dataclass
class Section:
    """A row of one network: its output size, and the layers and blocks that make it."""

    name: str
    size: str
    parts: tuple[Part, ...]


@dataclass
class Rows:
    """Rows of all networks by name, each put after the one that it follows in its network."""

    order: list[str] = field(default_factory=list)

    def add(self, sections: Sequence[Section]) -> None:
        """Take the rows of a network in."""
        place = 0
        for section in sections:
            if section.name not in self.order:
                self.order.insert(place, section.name)
            place = self.order.index(section.name) + 1


def family(networks: Sequence[Network], convention: str | None = None) -> Table:
    """Return the table of several networks; FLOPs are counted by a convention.

    Without one it is that of the claims about the networks' MACs, if there are any.
    """
    chosen = convention or claimed(networks)
    if chosen:
        one_of(chosen, counted(), "convention")
    cut = [{s.name: s for s in sections(network)} for network in networks]
    order = Rows()
    for column in cut:
        order.add(list(column.values()))
    rows = tuple(_row(name, [column.get(name) for column in cut]) for name in order.order)
    heads = [Column("layer", "layer name"), Column("output", "output size")]
    heads += [Column(n.name, n.name) for n in networks]
    notes = [MEANING, *([f"the row FLOPs is counted by {explain(chosen)}"] if chosen else [])]
    return Table(
        _title(networks), tuple(heads), rows, tuple(_totals(networks, chosen)),
        tuple(notes), keys=2, ruled=True,
    )  # fmt: skip


def _title(networks: Sequence[Network]) -> str:
    document = networks[0].document
    paper = document.paper
    inputs = dict.fromkeys(str(n.input) for n in networks)
    source = f"{document.name}: {paper.title}" if paper else str(document.name)
    return f"{source}; input {' / '.join(inputs)}"


def claimed(networks: Sequence[Network]) -> str | None:
    """Return the convention of the first claim about MACs."""
    of = (c for n in networks for c in n.document.claims.get(n.variant, ()) if c.macs)
    first = next(of, None)
    if first is None:
        return None
    named = str(first.convention or "macs")
    return named if CONVENTIONS[named].quantity == "macs" else "macs"


def _row(name: str, sections: Sequence[Section | None]) -> Row:
    sizes = dict.fromkeys(s.size for s in sections if s)
    return (name, " / ".join(sizes), *(s.parts if s else "" for s in sections))


def _totals(networks: Sequence[Network], convention: str | None) -> Iterator[Row]:
    def total(network: Network, name: str) -> int:
        return CONVENTIONS[name].total(network.root.nodes)

    if convention:
        digits = CONVENTIONS[convention].digits
        cells: list[Cell] = [printed(total(n, convention), digits) for n in networks]
        yield ("FLOPs", convention, *cells)
    yield ("MACs", "", *(total(n, "macs") for n in networks))
    yield ("params", "", *(total(n, "params") for n in networks))


def sections(network: Network) -> list[Section]:
    """Cut a network into rows: the stem at each change of size, then stages, then the head.

    What a stem ends with and has no weights, such as a max pool, is put into the row of the
    first stage, whose size it gives.
    """
    paper = network.document.paper
    names = {str(k): str(v) for k, v in paper.rows.items()} if paper else {}
    found: list[Section] = []
    pending: tuple[Part, ...] = ()
    for stage in network.stages:
        for section, weights in _sections(stage):
            section.parts = pending + section.parts
            pending = () if weights else section.parts
            if weights or stage.part == "head":
                section.name = names.get(section.name, section.name)
                found.append(section)
    return found


def _sections(stage: Stage) -> Iterator[tuple[Section, bool]]:
    """Yield the rows of a stage, and whether each has weights."""
    if stage.part != "stem":
        last = stage.nodes[0] if stage.part == "head" else stage.nodes[-1]
        inside = parts(stage.nodes, strides=stage.part == "head")
        yield Section(stage.name, _size(last), inside), any(map(_heavy, stage.nodes))
        return
    for _, run in groupby(stage.nodes, key=_size):
        nodes = tuple(run)
        heavy = next(filter(_heavy, nodes), None)
        name = (heavy or nodes[-1]).path
        yield Section(name, _size(nodes[-1]), parts(nodes, strides=True)), heavy is not None


def _heavy(node: Node) -> bool:
    return CONVENTIONS["params"].total([node]) > 0


def _size(node: Node) -> str:
    """Spell the size of what a node gives; channels alone are a map of 1×1."""
    shape = node.outputs[0].shape
    return "×".join(map(str, shape.spatial)) or ("1×1" if shape.layout == ("c",) else str(shape))
