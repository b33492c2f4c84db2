"""A network cut into the rows of its table: stages, runs of equal blocks, blocks or layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from typing import get_args

from archc.backends.choices import TableBy
from archc.backends.tables.glossary import Glossary
from archc.backends.tables.model import Share
from archc.backends.tables.parts import in_paper_tables
from archc.graph import Leaf, Module, Network, Node, Stage, Value, join, unrolled
from archc.passes.conventions import Convention, copies
from archc.passes.memory import Memory
from archc.passes.receptive import ReceptiveFields
from archc.windows import Windows

BY: tuple[TableBy, ...] = get_args(TableBy)


@dataclass(frozen=True)
class RowSource:
    """What a row is about: some nodes."""

    name: str
    nodes: tuple[Node, ...]
    bare: bool = False
    """Whether it is a block or a layer that papers name, beside which the others are not."""

    @property
    def given(self) -> tuple[Value, ...]:
        """The values that the row ends with."""
        ends = [node for node in self.nodes if in_paper_tables(node)] if self.bare else []
        return (ends or self.nodes)[-1].outputs

    @cached_property
    def named(self) -> tuple[Node, ...]:
        """The blocks and layers that papers name, or all nodes where there are none."""
        named = tuple(each for node in self.nodes for each in copies(node) if in_paper_tables(each))
        return named or self.nodes


@dataclass(frozen=True)
class RowSelection:
    """A network cut into rows; what takes all rows together is reckoned when it is read."""

    root: Module
    module: Module
    sources: tuple[RowSource, ...]
    glossary: Glossary
    """What the paper calls blocks."""
    depth: int | None = 1
    """How deep blocks in blocks are opened: `module` is `root` so far unrolled."""
    whole: Callable[[Module], bool] | None = None
    """Which blocks are not opened, however deep."""
    runs: bool = False
    """Whether rows are runs of blocks, whose stride is what papers print: the first block's."""

    @cached_property
    def fields(self) -> tuple[Windows, ...]:
        """What each row's last value sees of the input."""
        fields = ReceptiveFields()
        return tuple(fields.of(source.given[0], self.module) for source in self.sources)

    @property
    def saved(self) -> tuple[int, ...]:
        """The bytes that each row adds to what the backward pass needs."""
        return self._training[0]

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways that PyTorch takes, which decide what the backward pass needs."""
        return self._training[1]

    @cached_property
    def _training(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        memory, sums = Memory(), [0]
        held = memory.saved(self.module)
        for source in self.sources:
            for node in source.nodes:
                memory.run(node, held)
            sums.append(held.bytes)
        return tuple(after - before for before, after in pairwise(sums)), tuple(sorted(held.ways))

    @cached_property
    def held(self) -> tuple[int, ...]:
        """The most bytes that are held at once while each row runs in inference."""
        peaks = Memory().held(self.root, self.depth, whole=self.whole)
        return tuple(max(next(peaks) for _ in source.nodes) for source in self.sources)

    def shares(self, convention: Convention) -> tuple[Share, ...]:
        """Return each row's part of the total of a convention."""
        counts = [convention.total(source.nodes) for source in self.sources]
        return tuple(Share(count / (sum(counts) or 1)) for count in counts)


def select_rows(network: Network, by: str | int, *, bare: bool = False) -> RowSelection:
    """Cut a network into rows: by stage, run, block or layer, or into blocks at a depth.

    `bare` leaves out rows of what papers do not name, as a cut by run does: norms, activations
    and the like go with the layer before them.
    """
    root, glossary = network.root, Glossary(network.document)
    if by == "stage":
        flat = unrolled(root, whole=_own)
        return RowSelection(
            root, flat, tuple(_stages(network, flat)), glossary, depth=None, whole=_own
        )
    if by == "run":
        return RowSelection(root, root, tuple(_runs(root)), glossary, runs=True)
    depth = by if isinstance(by, int) else {"block": 1, "layer": None}[by]
    flat = unrolled(root, depth)
    rows = _by_named_node(flat) if bare else ([n] for n in flat.nodes)
    sources = tuple(RowSource(n[0].path or n[0].name, tuple(n), bare) for n in rows)
    return RowSelection(root, flat, sources, glossary, depth)


def of_stages(network: Network) -> RowSelection:
    """Cut a network into its stages, and nothing else."""
    stages = tuple(RowSource(s.name, s.nodes) for s in network.stages)
    return RowSelection(network.root, network.root, stages, Glossary(network.document))


def _own(module: Module) -> bool:
    """Whether a module is a block, and not an imported network, which is opened."""
    return not module.is_network


def _stages(network: Network, flat: Module) -> Iterator[RowSource]:
    """Yield a row for each stage; what no stage names is cut where the size changes."""
    parts = {id(n): s for s in network.stages for n in s.nodes}
    owners = [parts[id(node)] for node in network.root.nodes for _ in opened([node])]
    rows = zip(opened(network.root.nodes), flat.nodes, owners, strict=True)

    def mark(row: tuple[Leaf, Node, Stage]) -> tuple[str, object]:
        leaf, node, stage = row
        unnamed = stage.part == "body" and not leaf.stage
        return leaf.stage or stage.name, node.outputs[0].shape.spatial if unnamed else ()

    runs = [(name, list(run)) for (name, _), run in groupby(rows, key=mark)]
    names = Counter(name for name, _ in runs)
    for name, run in runs:
        own = name if names[name] == 1 else _between(run[0][0].path, run[-1][0].path)
        yield RowSource(own, tuple(node for _, node, _ in run))


def opened(nodes: Iterable[Node], prefix: str = "") -> Iterator[Leaf]:
    """Yield nodes with their paths and stages, those of imported networks instead of these."""
    for node in nodes:
        path = join(prefix, node.path)
        if node.module is not None and node.module.is_network:
            yield from opened(node.module.nodes, path)
        else:
            yield Leaf(path, node, join(prefix, node.stage) if node.stage else "", node.again)


def _by_named_node(module: Module) -> list[list[Node]]:
    """Return each block and layer that papers name, with the nodes after it that they do not."""
    rows: list[list[Node]] = []
    for node in module.nodes:
        if rows and not (in_paper_tables(node) and any(map(in_paper_tables, rows[-1]))):
            rows[-1].append(node)
        else:
            rows.append([node])
    return rows


def _runs(module: Module) -> Iterator[RowSource]:
    """Yield a row for each run of one block that gives one shape, and for each layer."""

    def main(nodes: list[Node]) -> Node:
        return next(filter(in_paper_tables, nodes), nodes[0])

    def kind(nodes: list[Node]) -> object:
        node = main(nodes)
        return (node.name, node.stage, node.outputs[0].shape) if node.module else id(node)

    for _, group in groupby(_by_named_node(module), key=kind):
        rows = list(group)
        first, last = main(rows[0]), main(rows[-1])
        name = _between(first.path, last.path) or first.name
        yield RowSource(name, tuple(n for nodes in rows for n in nodes), bare=True)


def _between(first: str, last: str) -> str:
    """Name a stretch of steps: `layer1.0 to 2`."""
    return first if first == last else f"{first} to {last.rpartition('.')[2]}"
