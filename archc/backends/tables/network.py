"""The table of one network: a row a stage, a run of equal blocks, a block or a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise

from archc.backends.tables.model import Bytes, Cell, Column, Share, Table
from archc.backends.tables.parts import line, window
from archc.diagnostics import nearest
from archc.graph import Leaf, Module, Network, Node, Value, unrolled
from archc.ops import spelled
from archc.passes.conventions import CONVENTIONS, Convention
from archc.passes.memory import Memory
from archc.passes.receptive import ReceptiveFields
from archc.shapes import Shape
from archc.windows import Windows

BY = ("stage", "run", "block", "layer")
MEANING = "1 MAC = 1 multiply-add; FLOPs = 2 × MACs; counts are for one sample"
DEFAULT = ("name", "block", "output", "params", "macs")


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

    @property
    def given(self) -> tuple[Value, ...]:
        """The values that the row ends with."""
        return self.nodes[-1].outputs


@dataclass(frozen=True)
class Cut:
    """A network cut into rows; what takes all rows together is reckoned when it is read."""

    root: Module
    module: Module
    pieces: tuple[Piece, ...]
    depth: int | None = 1
    """How deep blocks in blocks are opened: `module` is `root` so far unrolled."""
    runs: bool = False
    """Whether rows are runs of blocks, whose stride is what papers print: the first block's."""

    @cached_property
    def fields(self) -> tuple[Windows, ...]:
        """What each row's last value sees of the input."""
        found = ReceptiveFields()
        return tuple(found.of(piece.given[0], self.module) for piece in self.pieces)

    @cached_property
    def saved(self) -> tuple[int, ...]:
        """The bytes that each row adds to what the backward pass needs."""
        memory, sums = Memory(), [0]
        held = memory.saved(self.module)
        for piece in self.pieces:
            for node in piece.nodes:
                memory.run(node, held)
            sums.append(held.bytes)
        return tuple(after - before for before, after in pairwise(sums))

    @cached_property
    def held(self) -> tuple[int, ...]:
        """The most bytes that are held at once while each row runs in inference."""
        peaks = Memory().held(self.root, self.depth)
        return tuple(max(next(peaks) for _ in piece.nodes) for piece in self.pieces)

    def shares(self, convention: Convention) -> tuple[Share, ...]:
        """Return each row's part of the total of a convention."""
        counts = [piece.count(convention) for piece in self.pieces]
        return tuple(Share(count / (sum(counts) or 1)) for count in counts)


@dataclass(frozen=True)
class Reader:
    """A column: its title, its cell of each row, and what stands below it."""

    title: str
    read: Callable[[Cut], Sequence[Cell]]
    total: Callable[[Sequence[Cell]], Cell] = lambda _: ""
    number: bool = False
    note: str = ""


def table(
    network: Network,
    by: str = "stage",
    columns: Sequence[str] = (),
    convention: str | None = None,
    depth: int | None = None,
    sort: str | None = None,
) -> Table:
    """Return the table of a network; a name that is not known raises UnknownName.

    `depth` is how deep blocks in blocks are opened, in place of `by`: 1 for none of them. Rows
    are in the order of the text, or in that of the column `sort`, the largest first.
    """
    made = cut(network, one_of(by, BY, "table by") if depth is None else depth)
    chosen = [*(columns or DEFAULT)]
    chosen += [convention] if convention and convention not in chosen else []
    readers = {key: reader(key, made) for key in (*chosen, *([sort] if sort else []))}
    cells = {key: r.read(made) for key, r in readers.items()}
    order = sorted(range(len(made.pieces)), key=lambda k: _rank(cells[sort][k]) if sort else k)
    rows = tuple(tuple(cells[key][k] for key in chosen) for k in order)
    sums = tuple(readers[key].total(cells[key]) for key in chosen)
    named = (("total", *sums[1:]) if chosen[0] == "name" else sums,)
    return Table(
        f"{network.name}, input {network.input}",
        tuple(Column(key, readers[key].title, readers[key].number) for key in chosen),
        rows, named if any(cell != "" for cell in sums) else (),
        tuple(notes(network, [readers[key] for key in chosen])),
    )  # fmt: skip


def _rank(cell: Cell) -> tuple[float, str]:
    size = cell.numel if isinstance(cell, Shape) else cell
    return (
        (0, size)
        if isinstance(size, str)
        else (-size, "")
        if isinstance(size, int | float)
        else (0, "")
    )


def notes(network: Network, readers: Sequence[Reader]) -> Iterator[str]:
    """Say what the numbers mean."""
    yield MEANING
    nodes = network.root.nodes
    trainable, rest = (CONVENTIONS[name].total(nodes) for name in ("params", "buffers"))
    yield f"{trainable:,} trainable parameters, {rest:,} elements of buffers"
    yield from (reader.note for reader in readers if reader.note)


def explain(name: str) -> str:
    """Say what a convention counts, in a line."""
    return f"{name}: {CONVENTIONS[name].text.splitlines()[0].rstrip('.')}"


# Rows


def cut(network: Network, by: str | int) -> Cut:
    """Cut a network into rows: by stage, block or layer, or into blocks at a depth."""
    if by == "stage":
        pieces = tuple(Piece(s.name, s.nodes) for s in network.stages)
        return Cut(network.root, network.root, pieces)
    if by == "run":
        return Cut(network.root, network.root, tuple(_runs(network)), runs=True)
    depth = by if isinstance(by, int) else {"block": 1, "layer": None}[by]
    flat = unrolled(network.root, depth)
    pieces = tuple(Piece(n.path or n.name, (n,), n.again) for n in flat.nodes)
    return Cut(network.root, flat, pieces, depth)


def _runs(network: Network) -> Iterator[Piece]:
    """Yield a row for each run of one block that gives one shape: the rows that papers print."""

    def kind(node: Node) -> object:
        return (node.name, node.stage, node.outputs[0].shape) if node.module else id(node)

    for _, run in groupby(network.root.nodes, key=kind):
        nodes = tuple(run)
        first, last = nodes[0], nodes[-1]
        name = first.path or first.name
        yield Piece(name if first is last else f"{name} to {last.path.rpartition('.')[2]}", nodes)


# Columns


def _argument(name: str) -> Callable[[Piece], Cell]:
    """Return a reader of an argument of the blocks of a row, of the first where they differ."""

    def read(piece: Piece) -> Cell:
        value = piece.nodes[0].arguments.get(name, "")
        plain = isinstance(value, float | str) or type(value) is int
        return value if plain else str(getattr(value, "name", spelled(value)))

    return read


def _block(piece: Piece) -> str:
    """Name what is in a row: the layer where it is one, else `bottleneck ×3`; no norms and such."""
    if len(piece.nodes) == 1 and (layer := line(piece.nodes[0], word=" conv")):
        return layer
    telling = [n for n in piece.nodes if n.module or line(n)] or piece.nodes
    runs = [(name, len(list(group))) for name, group in groupby(n.name for n in telling)]
    return ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in runs)


def _shape(values: Sequence[Shape]) -> Cell:
    return values[0] if len(values) == 1 else ", ".join(map(str, values))


def _kernel(piece: Piece) -> str:
    """Spell the windows of a row, each once, in order."""
    found = (window(leaf.node) for node in piece.nodes for leaf in _leaves(node))
    return ", ".join(dict.fromkeys(filter(None, found)))


def _leaves(node: Node) -> Iterator[Leaf]:
    return node.module.leaves() if node.module else iter([Leaf("", node, "")])


def _square(down: Cell, across: Cell) -> Cell:
    return down if down == across else f"{down}×{across}"


def field_text(windows: Windows) -> Cell:
    """Spell a receptive field: `427`, `7×31`, `all`."""
    down, across = ("all" if w.size is None else w.size for w in windows)
    return _square(down, across)


def stride_text(windows: Windows, given: Shape) -> Cell:
    """Spell an effective stride: `32`, `1/2`; nothing where there are no places."""
    steps = [window.step for window in windows]
    down, across = (int(s) if s.denominator == 1 else str(s) for s in steps)
    return "" if given.numel == given.channels else _square(down, across)


def _strides(made: Cut) -> list[Cell]:
    given = (piece.given[0].shape for piece in made.pieces)
    return [stride_text(seen, shape) for seen, shape in zip(made.fields, given, strict=True)]


def each(read: Callable[[Piece], Cell]) -> Callable[[Cut], list[Cell]]:
    """Return a reader that looks at one row at a time."""
    return lambda made: [read(piece) for piece in made.pieces]


def added(cells: Sequence[Cell]) -> int:
    """Add up a column."""
    return sum(cell for cell in cells if isinstance(cell, int))


READERS: dict[str, Reader] = {
    "name": Reader("name", each(lambda piece: piece.name)),
    "block": Reader("block", each(_block)),
    "n": Reader("n", each(lambda piece: len(piece.nodes)), number=True),
    "kernel": Reader("kernel", each(_kernel)),
    "input": Reader("input", each(lambda piece: _shape(piece.nodes[0].shapes))),
    "output": Reader("output", each(lambda piece: _shape([v.shape for v in piece.given]))),
    "stride": Reader(
        "stride", _strides, number=True, note="stride: how far neighbours stand apart in the input"
    ),
    "receptive_field": Reader(
        "receptive field",
        lambda made: [field_text(windows) for windows in made.fields],
        number=True,
        note="receptive field: what of the input can reach a place, padding too; "
        "statistics of norms are left out",
    ),
    "memory_training": Reader(
        "training",
        lambda made: [Bytes(n) for n in made.saved],
        lambda cells: Bytes(added(cells)),
        number=True,
        note="training: activations that the backward pass needs, at 32 bits; no parameters",
    ),
    "memory_inference": Reader(
        "inference",
        lambda made: [Bytes(n) for n in made.held],
        lambda cells: Bytes(max(c for c in cells if isinstance(c, int))),
        number=True,
        note="inference: the most activations that are held at once, at 32 bits; "
        "the total is the peak",
    ),
}


def reader(key: str, made: Cut) -> Reader:
    """Return a column by its name.

    That is one of READERS, a convention, a convention's share, or a parameter of the blocks.
    """
    names = counted()
    arguments = dict.fromkeys(a for p in made.pieces for a in p.nodes[0].arguments)
    known = (*READERS, *names, *(f"{name}%" for name in names), *arguments)
    one_of(key, known, "column")
    if key in arguments and (key not in READERS or (key == "stride" and made.runs)):
        return Reader(key, each(_argument(key)), number=True)
    if key in READERS:
        return READERS[key]
    name = key.removesuffix("%")
    convention, title = CONVENTIONS[name], TITLES.get(name, name)
    note = "" if name in TITLES else explain(name)
    if key.endswith("%"):
        return Reader(
            f"share of {title}", lambda made: made.shares(convention), number=True, note=note
        )
    return Reader(title, each(lambda p: p.count(convention)), added, number=True, note=note)


TITLES = {"params": "params", "macs": "MACs"}


def counted() -> list[str]:
    """Return the conventions that count op by op, each of which can be a column."""
    return [name for name, convention in CONVENTIONS.items() if convention.each]


def one_of(name: str, known: Sequence[str], what: str) -> str:
    """Return a name that is known; raises UnknownName, with the nearest ones, otherwise."""
    if name not in known:
        hint = nearest(name, known) or f"choose from {', '.join(known)}"
        raise UnknownName(f"there is no {what} `{name}`: {hint}")
    return name
