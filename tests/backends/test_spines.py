"""A picture of networks side by side tells of every layer and every shortcut: it is read back.

What a shortcut is, is found anew here, in the graph of all ops: values that leave one op, and
meet again in a sum, by ways of which one has more layers; nothing on that one is read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import networkx as nx
import pytest
from readback import Drawn

import archc
from archc import zoo
from archc.backends.drawing.family import Family
from archc.backends.drawing.routes import routes
from archc.backends.drawing.scene import Box, boxes
from archc.graph import flat
from archc.ops import Op

KIND = {True: "identity", False: "projection"}
FEW = ("resnet", "preresnet", "googlenet", "hrnet", "vit", "unet", "fpn", "densenet", "swin")


@dataclass(frozen=True)
class Shortcut:
    """The op that it leaves, the sum that it meets, what is on it and what is by-passed."""

    fork: str
    sum: str
    on: frozenset[str]
    passed: frozenset[str]
    identity: bool


class Read:
    """A network, its column, and the SVG of it."""

    def __init__(self, arch: archc.Architecture) -> None:
        picture = arch.picture("family")
        assert isinstance(picture.family, Family)
        self.arch, self.family = arch, picture.family
        self.drawn = Drawn.read(picture.svg())
        (column,) = picture.scene.items
        self.title = column.id
        self.column = list(boxes([column]))
        self.box: dict[str, Box] = {}
        for route in routes(self.family.wholes[0]):
            self.box |= {route.tail: route.tail_box, route.head: route.head_box}

    @cached_property
    def graph(self) -> nx.DiGraph[str]:
        """The graph of all ops that hang on the input."""
        graph = self.arch.graph
        return graph.subgraph({"input", *nx.descendants(graph, "input")})

    def op(self, name: str) -> Op:
        found = self.arch.graph.nodes[name]["target"]
        assert isinstance(found, Op)
        return found

    def weight(self, names: frozenset[str]) -> int:
        """Count the weighted layers on the longest way through some ops."""
        part = self.graph.subgraph(names)
        most: dict[str, int] = {}
        for name in nx.topological_sort(part):
            before = max((most[p] for p in part.predecessors(name)), default=0)
            most[name] = before + self.op(name).weighted
        return max(most.values(), default=0)

    def shortcuts(self) -> Iterator[Shortcut]:
        """Yield the shortcuts of the graph, but those whose other ways have as many layers."""
        order = nx.immediate_dominators(self.graph, "input")
        sums = [n for n in self.graph if n != "input" and self.op(n).name in ("add", "sum")]
        for name in sums:
            fork, ways = order[name], list(self.graph.predecessors(name))
            if len(ways) < 2:
                continue
            below = nx.descendants(self.graph, fork)
            between = [frozenset({w, *nx.ancestors(self.graph, w)} & below) for w in ways]
            weights = [self.weight(way) for way in between]
            heavy = [way for way, n in zip(between, weights, strict=True) if n == max(weights)]
            main = frozenset().union(*heavy)
            for on in between:
                there = main | on | {name}
                alone = all(there.issuperset(self.graph.successors(n)) for n in main)
                if alone and not on & main:
                    yield Shortcut(fork, name, on, main, self.keeps(fork, on))

    def keeps(self, fork: str, on: frozenset[str]) -> bool:
        """Whether nothing on a way has weights or changes a shape."""
        nodes = self.graph.nodes
        sizes = {nodes[n]["shape"] for n in (fork, *on)}
        return len(sizes) == 1 and not any(self.op(n).weighted for n in on)

    def owner(self, name: str) -> Box | None:
        """Return the last box of the column at or before an op of the longest path."""
        at = self.box.get(name)
        while at is not None and at not in self.column:
            into = [a for a in self.family.wholes[0].arrows if a.head is at and a.main]
            at = into[0].tail if into else None
        return at


def hold(arch: archc.Architecture) -> None:
    """Hold a column against the graph."""
    read = Read(arch)
    expect_path(read)
    told = set().union(*(expect_shortcut(read, each) for each in read.shortcuts()))
    expect_layers(read, told)


def expect_path(read: Read) -> None:
    """Find the boxes, each of which hangs on the one above it."""
    ops: dict[int, set[str]] = {}
    for name, box in read.box.items():
        ops.setdefault(id(box), set()).add(name)
    for above, box in zip(read.column, read.column[1:], strict=False):
        assert read.drawn.edges[f"{above.id}--{box.id}"] == (above.id, box.id)
        below = set().union(*(nx.descendants(read.arch.graph, n) for n in ops[id(above)]))
        assert below & ops[id(box)], f"{box.id} does not hang on {above.id}"
    for box in read.column:
        assert box.title in " ".join(read.drawn.words[box.id])
        first = type(box.nodes[0].target)
        copies = sum(type(node.target) is first for node in box.nodes)
        assert copies == box.times, f"{box.id} stands for {copies}"
        assert copies == 1 or read.drawn.repeats(box)


def expect_layers(read: Read, told: set[str]) -> None:
    """Each layer is in a box of the column or on a shortcut, or is counted among those left out."""
    graph, kept = read.arch.graph, set(map(id, read.column))
    layers = {n for n in graph if n != "input" and read.op(n).weighted}
    rest = {n for n in layers if id(read.box[n]) not in kept} - told
    given = served(read.arch)
    serving = given.union(*(nx.ancestors(graph, name) for name in given))
    words = " ".join(read.drawn.words[read.title])
    for where, wanted in (("beside", rest & serving), ("in training only", rest - serving)):
        said = re.search(rf"(\d+) layers? {where}", words)
        assert int(said[1] if said else 0) == len(wanted), f"{where}: {sorted(wanted)}; {words}"


def served(arch: archc.Architecture) -> set[str]:
    """Return the ops that give what comes out in inference, with all of their block."""
    values = [v for o in arch.network.root.outputs if not o.training for v in flat(o.value)]
    paths = [f"{value.node.path}." for value in values if value.node]
    return {name for name in arch.graph if any(f"{name}.".startswith(path) for path in paths)}


def expect_shortcut(read: Read, cut: Shortcut) -> set[str]:
    """Find the arc of a shortcut, or the loop at its box; return the layers that an arc stands for."""
    where = f"{cut.fork} -> {cut.sum}"
    fork, end = read.box[cut.fork], read.box[cut.sum]
    if not end.main or (fork is not end and not fork.main):
        return set()  # its layers are counted as left out
    inside = {id(read.box[n]) for n in (*cut.passed, cut.sum)}
    if inside == {id(end)} and end.kind == "block":
        assert fork is end or not ends(read, cut) or loops(read, end, cut), f"{where} has no loop"
        return set()
    start, stop = read.owner(cut.fork), read.owner(cut.sum)
    assert start is not None, where
    assert stop is not None, where
    name = f"{start.id}--{stop.id}-{KIND[cut.identity]}"
    assert read.drawn.edges.get(name) == (f"{start.id}:se", f"{stop.id}:se"), f"{where} has no arc"
    assert (name in read.drawn.broken) is not cut.identity, where
    return set(cut.on)


def ends(read: Read, cut: Shortcut) -> bool:
    """Whether the sum of a shortcut is what its block gives: activations may follow."""
    at, box = cut.sum, read.box[cut.sum]
    while after := [n for n in read.graph.successors(at) if read.box.get(n) is box]:
        if len(after) > 1 or not read.op(after[0]).activation:
            return False
        at = after[0]
    return True


def loops(read: Read, box: Box, cut: Shortcut) -> bool:
    """Whether a block's box has a line around it, solid for an identity."""
    name = f"{box.id}-shortcut"
    return name in read.drawn.edges and (name in read.drawn.broken) is not cut.identity


@pytest.mark.parametrize("path", [p for p in zoo.files() if p.stem in FEW], ids=lambda p: p.stem)
def test_columns_tell_all(path: Path) -> None:
    pytest.importorskip("pygraphviz")

    hold(archc.compile(path))


@pytest.mark.parametrize("name", ["resnet34", "plain34", "vgg19"])
def test_columns_of_the_paper_tell_all(name: str) -> None:
    pytest.importorskip("pygraphviz")

    hold(archc.compile(name))


@pytest.mark.heavy
@pytest.mark.parametrize("name", zoo.names())
def test_every_column_tells_all(name: str) -> None:
    pytest.importorskip("pygraphviz")

    hold(archc.compile(name))


def test_the_shortcuts_of_the_paper() -> None:
    """The test itself finds what Fig. 3 of He et al. 2015 shows: 16, three of them dotted."""
    pytest.importorskip("pygraphviz")
    found = list(Read(archc.compile("resnet34")).shortcuts())

    assert [cut.identity for cut in found].count(False) == 3
    assert len(found) == 16


@pytest.mark.parametrize("lost", ["identity", "projection"])
def test_a_missing_arc_is_found(lost: str) -> None:
    pytest.importorskip("pygraphviz")
    read = Read(archc.compile("resnet34"))
    cut = next(c for c in read.shortcuts() if KIND[c.identity] == lost)
    expect_shortcut(read, cut)
    arc = next(name for name in read.drawn.edges if name.endswith(lost))
    del read.drawn.edges[arc]

    with pytest.raises(AssertionError, match="has no arc"):
        expect_shortcut(read, cut)
