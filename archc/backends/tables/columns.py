"""The columns of a network's table: what each says of a row, and what stands below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from archc.backends.tables.compress import counted
from archc.backends.tables.glossary import Glossary, shown
from archc.backends.tables.model import Bytes, Cell, Entry
from archc.backends.tables.parts import kind, line, spine, window
from archc.backends.tables.row_selection import RowSelection, RowSource
from archc.diagnostics import nearest
from archc.graph import Leaf, Node
from archc.passes.conventions import CONVENTIONS
from archc.shapes import Shape
from archc.windows import Windows


class UnknownName(ValueError):
    """A name of a column, convention, format or kind of row that there is none of."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(f"{message}: {help}")
        self.message, self.help = message, help


@dataclass(frozen=True)
class ColumnReader:
    """A column: its title, its cell of each row, and what stands below it."""

    title: str
    read: Callable[[Any], Sequence[Cell]]
    total: Callable[[Sequence[Cell]], Cell] = lambda _: ""
    number: bool = False
    note: str = ""


def _argument(name: str) -> Callable[[RowSource], Cell]:
    """Return a reader of an argument of the blocks of a row, of the first where they differ."""

    def read(source: RowSource) -> Cell:
        owner = next((n for n in source.named if name in n.arguments), None)
        return shown(owner.arguments[name]) if owner else ""

    return read


def _block(source: RowSource) -> str:
    """Name what is in a row: the layer where it is one, else `bottleneck ×3`; no norms and such."""
    if len(source.named) == 1 and (layer := line(source.named[0], word=" conv")):
        return layer
    runs = [(name, len(list(run))) for name, run in groupby(node.name for node in source.named)]
    named = [f"{name} ×{count}" if count > 1 else name for name, count in runs]
    return ", ".join(map(_times, counted(named)))


def _times(part: Entry) -> str:
    """Spell how often several names stand there: `(residual, conv) ×20`."""
    if isinstance(part, str):
        return part
    return f"({', '.join(part.lines)}){part.times}"


def _operators(selection: RowSelection) -> list[Cell]:
    """Name what is in each row as papers do, without sizes: `MBConv6, k3x3`, `1×1 conv`."""
    named = (
        [_operator(n, selection.glossary) for n in source.named] for source in selection.sources
    )
    return [", ".join(dict.fromkeys(names)) for names in named]


def _operator(node: Node, glossary: Glossary) -> str:
    """Name a block as the paper does; one of a single layer is that layer."""
    inside = spine(node.module) if node.module else (node,)
    own = kind(inside[0]) if len(inside) == 1 else node.name
    return glossary.of(node.name, node.arguments) or own


def _alike(source: RowSource) -> Cell:
    """Count the blocks or layers of a row; several that differ are one."""
    return len(source.named) if len({n.name for n in source.named}) == 1 else 1


def _channels(source: RowSource) -> Cell:
    """Return the channels of a row's last map, or where it has none of what it gives."""
    shapes = [value.shape for node in source.nodes for value in node.outputs]
    maps = [shape for shape in shapes if shape.spatial]
    return (maps or shapes)[-1].channels


def _resolution(source: RowSource) -> Cell:
    """Spell the size of the maps that a row takes; "" where it takes none."""
    sizes = (shape.spatial for node in source.nodes[:1] for shape in node.shapes[:1])
    return "×".join(map(str, next(sizes, ())))


def _step(source: RowSource) -> Cell:
    """Return the stride of a row of alike blocks: the first one's."""
    first = source.named[0]
    stride = first.arguments.get("stride", getattr(first.op, "stride", ""))
    return "" if stride is None else shown(stride)


def _shape(values: Sequence[Shape]) -> Cell:
    return tuple(values) if len(values) > 1 else next(iter(values), "")


def _kernel(source: RowSource) -> str:
    """Spell the windows of a row, each once, in order."""
    windows = (window(leaf.node) for node in source.nodes for leaf in _leaves(node))
    return ", ".join(dict.fromkeys(filter(None, windows)))


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


def _strides(selection: RowSelection) -> list[Cell]:
    shapes = (source.given[0].shape for source in selection.sources)
    return [stride_text(seen, shape) for seen, shape in zip(selection.fields, shapes, strict=True)]


def each(read: Callable[[RowSource], Cell]) -> Callable[[RowSelection], list[Cell]]:
    """Return a reader that looks at one row at a time."""
    return lambda selection: [read(source) for source in selection.sources]


def added(cells: Sequence[Cell]) -> int:
    """Add up a column."""
    return sum(cell for cell in cells if isinstance(cell, int))


READERS: dict[str, ColumnReader] = {
    "name": ColumnReader("name", each(lambda source: source.name)),
    "block": ColumnReader("block", each(_block)),
    "row": ColumnReader(
        "row", lambda selection: [*range(1, len(selection.sources) + 1)], number=True
    ),
    "operator": ColumnReader("operator", _operators),
    "n": ColumnReader("n", each(_alike), number=True),
    "kernel": ColumnReader("kernel", each(_kernel)),
    "input": ColumnReader("input", each(lambda source: _shape(source.nodes[0].shapes))),
    "resolution": ColumnReader("resolution", each(_resolution)),
    "channels": ColumnReader("channels", each(_channels), number=True),
    "output": ColumnReader("output", each(lambda source: _shape([v.shape for v in source.given]))),
    "stride": ColumnReader(
        "stride", _strides, number=True, note="stride: how far neighbours stand apart in the input"
    ),
    "step": ColumnReader("stride", each(_step), number=True),
    "receptive_field": ColumnReader(
        "receptive field",
        lambda selection: [field_text(windows) for windows in selection.fields],
        number=True,
        note="receptive field: what of the input can reach a place, padding too; "
        "an upper bound where places are shuffled; statistics of norms are left out",
    ),
    "memory_training": ColumnReader(
        "training",
        lambda selection: [Bytes(n) for n in selection.saved],
        lambda cells: Bytes(added(cells)),
        number=True,
        note="training: activations that the backward pass needs on a CPU, at 32 bits; "
        "no parameters",
    ),
    "memory_inference": ColumnReader(
        "inference",
        lambda selection: [Bytes(n) for n in selection.held],
        lambda cells: Bytes(max(c for c in cells if isinstance(c, int))),
        number=True,
        note="inference: the most activations that are held at once, at 32 bits; "
        "the total is the peak",
    ),
}


def reader(key: str, selection: RowSelection) -> ColumnReader:
    """Return a column by its name.

    That is one of READERS, a convention, a convention's share, or a parameter of the blocks.
    """
    names = conventions()
    arguments = dict.fromkeys(a for p in selection.sources for n in p.named for a in n.arguments)
    known = (*READERS, *names, *(f"{name}%" for name in names), *arguments)
    one_of(key, known, "column")
    if key == "stride" and selection.runs:
        return READERS["step"]
    if key in arguments and key not in READERS:
        return ColumnReader(key, each(_argument(key)), number=True)
    if key == "memory_training":
        return replace(READERS[key], note="; ".join((READERS[key].note, *selection.ways)))
    if key in READERS:
        return READERS[key]
    name = key.removesuffix("%")
    convention, title = CONVENTIONS[name], TITLES.get(name, name)
    note = "" if name in TITLES else explain(name)
    if key.endswith("%"):
        return ColumnReader(
            f"share of {title}",
            lambda selection: selection.shares(convention),
            number=True,
            note=note,
        )
    return ColumnReader(
        title, each(lambda p: convention.total(p.nodes)), added, number=True, note=note
    )


TITLES = {"params": "params", "macs": "MACs"}


def conventions() -> list[str]:
    """Return the conventions that count op by op, each of which can be a column."""
    return [name for name, convention in CONVENTIONS.items() if convention.each]


def one_of(name: str, known: Sequence[str], what: str) -> str:
    """Return a name that is known; raises UnknownName, with the nearest ones, otherwise."""
    if name not in known:
        hint = nearest(name, known) or f"choose from {', '.join(known)}"
        raise UnknownName(f"there is no {what} `{name}`", hint)
    return name


def explain(name: str) -> str:
    """Say what a convention counts, in a line."""
    return f"{name}: {CONVENTIONS[name].text.splitlines()[0].rstrip('.')}"
