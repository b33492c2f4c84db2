"""One application of an op, as what says it in ONNX is given it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from archc.backends.onnx.graph import Dim, Graph
from archc.ops import Op
from archc.shapes import Shape

Made = str | Sequence[str]
Writer = Callable[[Any, "Call"], Made]
"""Takes an op with its arguments and what it is applied to; returns the names of its results."""


@dataclass(frozen=True)
class Call:
    """The values of an op by their names, their shapes, and the tensors that the op owns.

    `result` is the shape of what it gives first. `free` names, for each value, the dimensions
    whose sizes are not known before the network runs.
    """

    graph: Graph
    xs: tuple[str, ...]
    shapes: tuple[Shape, ...]
    own: Mapping[str, str] = field(default_factory=dict)
    result: Shape = field(default_factory=lambda: Shape((), ()))
    free: tuple[frozenset[str], ...] = ()

    @property
    def x(self) -> str:
        """The first value."""
        return self.xs[0]

    @property
    def shape(self) -> Shape:
        """The shape of the first value."""
        return self.shapes[0]

    def lead(self, k: int = 0) -> int:
        """Return how many dimensions stand before those that the shape of a value names."""
        return int(bool(self.shapes[k].batch))

    def rank(self, k: int = 0) -> int:
        """Return how many dimensions a value has."""
        return self.lead(k) + len(self.shapes[k].sizes)

    def axis(self, name: str, k: int = 0) -> int:
        """Return the number of a dimension of a value."""
        return self.lead(k) + self.shapes[k].layout.index(name)

    def dim(self, axis: int, k: int = 0) -> Dim:
        """Return the size of a value along an axis."""
        place = axis - self.lead(k)
        if place < 0:
            return (self.xs[k], axis) if self.shapes[k].batch == "b" else 1
        free = self.free and self.shapes[k].layout[place] in self.free[k]
        return (self.xs[k], axis) if free else self.shapes[k].sizes[place]

    def dims(self, k: int = 0) -> list[Dim]:
        """Return all sizes of a value."""
        return [self.dim(axis, k) for axis in range(self.rank(k))]

    def channels_last(self, k: int = 0) -> str:
        """Return a map with its channels last."""
        x = self.xs[k]
        return x if self.shapes[k].layout[-1] == "c" else self.graph.transpose(x, (0, 2, 3, 1))


def batched(op: Op, call: Call) -> Call:
    """Return a call whose values have a batch where the op wants one: a parameter has none."""
    if op.unbatched == "kept" or all(shape.batch == "b" for shape in call.shapes):
        return call
    graph = call.graph
    like = next((x for x, s in zip(call.xs, call.shapes, strict=True) if s.batch == "b"), None)
    lifted: dict[str, tuple[str, Shape]] = {}  # what is given twice stays one: attention asks
    for x, shape in zip(call.xs, call.shapes, strict=True):
        one, batch = x, shape.batch
        if not batch:
            one, batch = graph.node("Unsqueeze", x, graph.ints([0])), "1"
        if op.unbatched == "repeated" and batch == "1" and like:
            sizes = graph.sizes([(like, 0), *[1] * len(shape.sizes)])
            one, batch = graph.node("Expand", one, sizes), "b"
        lifted.setdefault(x, (one, replace(shape, batch=batch)))
    pairs = [lifted[x] for x in call.xs]
    return replace(call, xs=tuple(x for x, _ in pairs), shapes=tuple(s for _, s in pairs))


@runtime_checkable
class Declared(Protocol):
    """An op of a plug-in that writes itself."""

    def onnx(self, call: Call) -> Made:
        """Add its nodes to `call.graph`, and return the names of its results."""
        ...
