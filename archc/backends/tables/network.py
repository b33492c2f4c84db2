"""The table of one network: a row a stage, a block or a layer, whose sums are the totals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from archc.backends.tables.model import Cell, Column, Table
from archc.backends.tables.parts import line
from archc.diagnostics import nearest
from archc.graph import Module, Network, Node, join
from archc.passes.conventions import CONVENTIONS, Convention
from archc.shapes import Shape

BY = ("stage", "block", "layer")
MEANING = "1 MAC = 1 multiply-add; FLOPs = 2 × MACs; counts are for one sample"


class UnknownName(ValueError):
    """A name of a column, convention, format or kind of row that there is none of."""


@dataclass(frozen=True)
class Piece:
    """What a row is about: some nodes, and whether their module is applied a second time."""

    name: str
    nodes: tuple[Node, ...]
    again: bool = False

    def count(self, convention: Convention) -> int:
        """Return what the row adds to a total."""
        return 0 if self.again and convention.once else convention.total(self.nodes)


Reader = Callable[[Piece], Cell]


def table(
    network: Network, by: str = "stage", columns: Sequence[str] = (), convention: str | None = None
) -> Table:
    """Return the table of a network; a name that is not known raises UnknownName."""
    pieces = list(PIECES[one_of(by, BY, "table by")](network))
    chosen = [*(columns or ("name", "block", "output", "params", "macs"))]
    chosen += [convention] if convention and convention not in chosen else []
    known = (*READERS, *counted())
    headed = [
        Column(k, TITLES.get(k, k), k in counted()) for k in chosen if one_of(k, known, "column")
    ]
    readers = [READERS.get(key) or _counter(CONVENTIONS[key]) for key in chosen]
    rows = tuple(tuple(read(piece) for read in readers) for piece in pieces)
    return Table(
        f"{network.name}, input {network.input}", tuple(headed), rows,
        (_total(headed, rows),), tuple(notes(network, chosen)),
    )  # fmt: skip


def _counter(convention: Convention) -> Reader:
    return lambda piece: piece.count(convention)


def _total(columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]]) -> tuple[Cell, ...]:
    sums: list[Cell] = []
    for k, column in enumerate(columns):
        added = sum(cell for row in rows if isinstance(cell := row[k], int))
        sums.append(added if column.number else "total" if k == 0 else "")
    return tuple(sums)


def notes(network: Network, chosen: Sequence[str]) -> Iterator[str]:
    """Say what the numbers mean."""
    yield MEANING
    nodes = network.root.nodes
    trainable, rest = (CONVENTIONS[name].total(nodes) for name in ("params", "buffers"))
    yield f"{trainable:,} trainable parameters, {rest:,} elements of buffers"
    for name in chosen:
        if name in counted() and name not in ("params", "macs"):
            yield explain(name)


def explain(name: str) -> str:
    """Say what a convention counts, in a line."""
    return f"{name}: {CONVENTIONS[name].text.splitlines()[0].rstrip('.')}"


# Rows


def _stages(network: Network) -> Iterator[Piece]:
    for stage in network.stages:
        yield Piece(stage.name, stage.nodes)


def _blocks(network: Network) -> Iterator[Piece]:
    for node in network.root.nodes:
        yield Piece(node.path or node.name, (node,))


def _layers(network: Network) -> Iterator[Piece]:
    yield from _inside(network.root, "", again=False)


def _inside(module: Module, prefix: str, *, again: bool) -> Iterator[Piece]:
    for node in module.nodes:
        path = join(prefix, node.path)
        if node.module is None:
            yield Piece(path or node.name, (node,), again)
        else:
            yield from _inside(node.module, path, again=again or node.again)


PIECES: dict[str, Callable[[Network], Iterator[Piece]]] = {
    "stage": _stages,
    "block": _blocks,
    "layer": _layers,
}


# Columns


def _block(piece: Piece) -> str:
    """Name what is in a row: the layer where it is one, else `bottleneck ×3`; no norms and such."""
    if len(piece.nodes) == 1 and (layer := line(piece.nodes[0], word=" conv")):
        return layer
    telling = [n for n in piece.nodes if n.module or line(n)] or piece.nodes
    runs = [(name, len(list(group))) for name, group in groupby(n.name for n in telling)]
    return ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in runs)


def _shape(values: Sequence[Shape]) -> Cell:
    return values[0] if len(values) == 1 else ", ".join(map(str, values))


READERS: dict[str, Reader] = {
    "name": lambda piece: piece.name,
    "block": _block,
    "input": lambda piece: _shape(piece.nodes[0].shapes),
    "output": lambda piece: _shape([v.shape for v in piece.nodes[-1].outputs]),
}
TITLES = {"params": "params", "macs": "MACs", "flops": "FLOPs"}


def counted() -> list[str]:
    """Return the conventions that count op by op, each of which can be a column."""
    return [name for name, convention in CONVENTIONS.items() if convention.each]


def one_of(name: str, known: Sequence[str], what: str) -> str:
    """Return a name that is known; raises UnknownName, with the nearest ones, otherwise."""
    if name not in known:
        hint = nearest(name, known) or f"choose from {', '.join(known)}"
        raise UnknownName(f"there is no {what} `{name}`: {hint}")
    return name
