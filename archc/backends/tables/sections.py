"""A network cut into the rows of its paper's table, each with its sizes and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

from archc.backends.tables.glossary import Glossary
from archc.backends.tables.model import Entry
from archc.backends.tables.parts import in_paper_tables, parts
from archc.backends.tables.row_selection import opened
from archc.graph import Leaf, Module, Network, Node
from archc.passes.conventions import CONVENTIONS
from archc.shapes import Shape


@dataclass(frozen=True)
class PaperRow:
    """A row of one network: its name, the sizes of its maps, and the layers and blocks in it.

    `key` finds the same row of other networks: what no stage names is known by its place.
    """

    name: str
    key: str
    sizes: tuple[str, ...]
    parts: tuple[Entry, ...]


@dataclass
class PaperRows:
    """The rows of a network as they are found.

    Pools and such, at the end of a stem, go into the row of the stage whose size they give.
    """

    glossary: Glossary
    rows: list[PaperRow] = field(default_factory=list)
    pending: PaperRow | None = None
    places: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, leaves: Sequence[Leaf], *, marked: bool, strides: bool) -> None:
        """Add a row; `marked` says whether the text gives it its name."""
        sizes, inside = _content([leaf.node for leaf in leaves], strides=strides)
        called = self.glossary.step(name) or name
        before, self.pending = self.pending, None
        row = PaperRow(called, called if marked else self._place(name), sizes, inside)
        if before is not None:
            row = replace(row, parts=before.parts + row.parts)
        if marked or any(_heavy(leaf.node) for leaf in leaves):
            self.rows += [row] * bool(row.parts)
        else:
            self.pending = row

    def _place(self, name: str) -> str:
        owner = name.rpartition(".")[0] or name
        self.places[owner] = self.places.get(owner, 0) + 1
        return f"{owner} ({self.places[owner]})"


def sections(network: Network) -> list[PaperRow]:
    """Cut a network into rows: the stages, and what lies beside them at each change of size.

    A step that the paper names is a row too, and so is the head.
    """
    collected = PaperRows(Glossary(network.document))
    head = {id(n) for s in network.stages if s.part == "head" for n in s.nodes}

    def mark(leaf: Leaf) -> str:
        name = leaf.path if collected.glossary.step(leaf.path) else ""
        return leaf.stage or ("head" if id(leaf.node) in head else name)

    def place(leaf: Leaf) -> tuple[str, object]:
        return (name := mark(leaf)), name or _sizes(leaf.node)

    for (name, _), run in groupby(opened(network.root.nodes), key=place):
        leaves = tuple(run)
        telling = [x for x in leaves if _heavy(x.node)] or [
            x for x in leaves if in_paper_tables(x.node)
        ]
        stage = bool(leaves[0].stage)
        collected.add(
            name or (telling or leaves)[0].path, leaves, marked=bool(name), strides=not stage
        )
    last = collected.pending
    return collected.rows + ([last] if last and last.parts else [])


def _content(nodes: Sequence[Node], *, strides: bool) -> tuple[tuple[str, ...], tuple[Entry, ...]]:
    """Return the sizes and the parts of a row; of a block that ends with a pool, line by line."""
    telling = [n for n in nodes if in_paper_tables(n)]
    if len(telling) == 1 and (inner := telling[0].module) and _pools(inner):
        runs = [(_sizes(n), parts([n], strides=True)) for n in inner.nodes]
        runs = [(sizes, inside) for sizes, inside in runs if inside]
        sizes = tuple(dict.fromkeys(size for own, _ in runs for size in own))
        return sizes, tuple(part for _, inside in runs for part in inside)
    return _sizes(nodes[-1]), parts(nodes, strides=strides)


def _pools(module: Module) -> bool:
    """Whether a module is a plain chain of layers, among them some that change the size alone."""
    chained = all(after.inputs == before.outputs for before, after in pairwise(module.nodes))
    return chained and any(in_paper_tables(n) and not _heavy(n) for n in module.nodes)


def _heavy(node: Node) -> bool:
    return CONVENTIONS["params"].total([node]) > 0


def _sizes(node: Node) -> tuple[str, ...]:
    """Spell the sizes of what a node gives, each once."""
    return tuple(dict.fromkeys(_size(value.shape) for value in node.outputs))


def _size(shape: Shape) -> str:
    """Spell a size: that of a map, the number of tokens; channels alone are a map of 1×1."""
    if shape.layout == ("c",):
        return "1×1"
    if shape.layout == ("n", "c"):
        return f"{shape.sizes[0]} tokens"
    return "×".join(map(str, shape.spatial)) or str(shape)
