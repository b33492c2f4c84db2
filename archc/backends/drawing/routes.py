"""Which edge of the network's graph is drawn by what: the proof that a picture is whole.

The graph (archc.graph.unfold) has every application of an op, a picture has less: an op may go
with the box before it, a block may be one box, and equal blocks are drawn once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archc.backends.drawing.scene import Arrow, Box, Frame, Placed, Plan, Scene
from archc.graph import Module, Node, join

Drawn = Arrow | Box | Frame


@dataclass(frozen=True)
class Route:
    """An edge of the graph, from op to op by their names there, and what draws it.

    `parts` are arrows, one behind the other; or the box or frame whose ×N says that a value
    goes on to the next copy, and then the arrows in it; or one box that both ops are in.
    """

    tail: str
    head: str
    tail_box: Box
    head_box: Box
    parts: tuple[Drawn, ...]


@dataclass(frozen=True)
class Provenance:
    """Where a value comes from, and the way that it has come.

    `first` is set where it goes on to a later copy: what it would be for the first one.
    """

    name: str
    box: Box
    parts: tuple[Drawn, ...] = ()
    first: Provenance | None = None


def routes(scene: Scene) -> tuple[Route, ...]:
    """Return every edge of the graph with what draws it; an op that takes a value twice has two."""
    plan = scene.plan
    assert plan is not None
    ports = [item for item in scene.items if isinstance(item, Box) and item.kind == "port"]
    made = {
        id(v): Provenance("input", box) for v, box in zip(plan.module.inputs, ports, strict=False)
    }
    finder = RouteFinder()
    return tuple(finder.module(plan.module, plan, made, ""))


class RouteFinder:
    """Goes through the unfolded network beside what was drawn of it."""

    def __init__(self) -> None:
        self.names = {"input"}

    def module(
        self, module: Module, plan: Plan, made: dict[int, Provenance], prefix: str
    ) -> Iterator[Route]:
        """Yield the routes of a module that a plan draws, the plan of its like perhaps."""
        for node, drawn in zip(module.nodes, plan.module.nodes, strict=True):
            placed = plan.placed[id(drawn)]
            taken = [self.taken(made[id(v)], placed) for v in node.inputs]
            path = join(prefix, node.path)
            if node.module is None:
                yield from self.op(node, placed, taken, made, path)
            elif placed.plan is not None:
                yield from self.inner(node, node.module, placed.plan, taken, made, path)
            else:
                given = [
                    Provenance(s.name, s.box, _on(s, arrow))
                    for s, arrow in zip(taken, placed.arrows, strict=True)
                ]
                assert placed.box is not None
                yield from self.within(node, placed.box, given, made, path)

    def taken(self, source: Provenance, placed: Placed) -> Provenance:
        """Return a value as the node takes it: a copy takes what the copy before it gives."""
        if placed.copies is None:
            return source
        return Provenance(source.name, source.box, (placed.copies,), source)

    def op(
        self,
        node: Node,
        placed: Placed,
        taken: Sequence[Provenance],
        made: dict[int, Provenance],
        path: str,
    ) -> Iterator[Route]:
        """Yield the routes into an op."""
        name, box = self.name(path), placed.box
        assert box is not None
        for k, source in enumerate(taken):
            parts = source.parts if placed.beside else _on(source, placed.arrows[k])
            yield Route(source.name, name, source.box, box, parts or (box,))
        made.update({id(v): Provenance(name, box) for v in node.outputs})

    def inner(
        self, node: Node, module: Module, plan: Plan, taken: Sequence[Provenance],
        made: dict[int, Provenance], path: str,
    ) -> Iterator[Route]:  # fmt: skip
        """Yield the routes in a block that is drawn with what is in it."""
        given = {
            id(v): s if fork is None else Provenance(s.name, s.box, _on(s, fork))
            for v, s, fork in zip(module.inputs, taken, plan.forks, strict=True)
        }
        yield from self.module(module, plan, given, path)
        for value, result in zip(node.outputs, module.values, strict=True):
            made[id(value)] = given[id(result)].first or given[id(result)]

    def within(
        self,
        node: Node,
        box: Box,
        taken: Sequence[Provenance],
        made: dict[int, Provenance],
        path: str,
    ) -> Iterator[Route]:
        """Yield the routes in a block that is one box: into it, and inside."""
        assert node.module is not None
        given = {id(v): s for v, s in zip(node.module.inputs, taken, strict=True)}
        for inner in node.module.nodes:
            name = join(path, inner.path)
            came = [given[id(v)] for v in inner.inputs]
            if inner.module is not None:
                yield from self.within(inner, box, came, given, name)
                continue
            key = self.name(name)
            yield from (Route(s.name, key, s.box, box, s.parts or (box,)) for s in came)
            given.update({id(v): Provenance(key, box) for v in inner.outputs})
        for value, result in zip(node.outputs, node.module.values, strict=True):
            # what a block hands through is drawn into its box, and out of it again
            made[id(value)] = given[id(result)].first or given[id(result)]

    def name(self, path: str) -> str:
        """Return the name of an op in the graph: a second use of a module is marked."""
        while path in self.names:
            path += "'"
        self.names.add(path)
        return path


def _on(source: Provenance, arrow: Arrow | None) -> tuple[Drawn, ...]:
    """Return the way of a value with one more arrow, but that into the first copy."""
    return source.parts if source.first or arrow is None else (*source.parts, arrow)


def by_edge(found: Sequence[Route]) -> Mapping[tuple[str, str], list[Route]]:
    """Return routes by the names of the ops that they join."""
    edges: dict[tuple[str, str], list[Route]] = {}
    for route in found:
        edges.setdefault((route.tail, route.head), []).append(route)
    return edges
