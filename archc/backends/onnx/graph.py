"""An ONNX graph in the making: its nodes and constants, and names that no two values share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import NodeProto, helper, numpy_helper

Attribute = int | float | str | Sequence[int]
Dim = int | tuple[str, int]
"""A size, or that of a value along one of its dimensions, which is known only at run time."""

END = np.iinfo(np.int64).max
"""Where a slice ends that goes on to the end."""


class Graph:
    """Takes nodes one by one; `taken` are names that no value may have unless it is told so."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.nodes: list[NodeProto] = []
        self.taken = set(taken)
        self.scope = ""
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._counts: Counter[str] = Counter()

    def node(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        """Add a node with one result and return the result's name."""
        return self.nodes_of(kind, 1, *inputs, **attributes)[0]

    def nodes_of(
        self, kind: str, count: int, *inputs: str, **attributes: Attribute
    ) -> tuple[str, ...]:
        """Add a node with so many results and return their names."""
        name = self.unique(f"{self.scope}/{kind}")
        outputs = (name, *(self.unique(f"{name}[{k}]") for k in range(1, count)))
        node = NodeProto(op_type=kind, input=inputs, output=outputs, name=name)
        node.attribute.extend(helper.make_attribute(k, v) for k, v in sorted(attributes.items()))
        self.nodes.append(node)
        return outputs

    def constant(self, values: ArrayLike, kind: type[np.generic] = np.float32) -> str:
        """Return the name of a constant; equal ones are one."""
        array = np.ascontiguousarray(values, kind).reshape(np.shape(values))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self.unique("constant")
            tensor = numpy_helper.from_array(array, name)
            self.nodes.append(helper.make_node("Constant", (), (name,), name, value=tensor))
            self._constants[key] = name
        return self._constants[key]

    def ints(self, values: int | Sequence[int] | NDArray[np.int64]) -> str:
        """Return the name of a constant of whole numbers."""
        return self.constant(values, np.int64)

    def unique(self, name: str) -> str:
        """Return a name that no value has, as like this one as can be."""
        free = name
        while free in self.taken:
            self._counts[name] += 1
            free = f"{name}_{self._counts[name]}"
        self.taken.add(free)
        return free

    # What many ops are made of

    def reshape(self, x: str, dims: Sequence[Dim]) -> str:
        """Give a value other dimensions; -1 is what is left, of one of them."""
        sizes = [0 if dim == (x, k) else dim for k, dim in enumerate(dims)]
        return self.node("Reshape", x, self.sizes(sizes))

    def sizes(self, dims: Sequence[Dim]) -> str:
        """Return a vector of sizes, a constant where all are known."""
        if all(isinstance(dim, int) for dim in dims):
            return self.ints([dim for dim in dims if isinstance(dim, int)])
        parts: list[str] = []
        known: list[int] = []
        for dim in dims:
            if isinstance(dim, int):
                known.append(dim)
                continue
            parts += [self.ints(known)] * bool(known)
            known = []
            value, axis = dim
            parts.append(self.node("Shape", value, start=axis, end=axis + 1))
        parts += [self.ints(known)] * bool(known)
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def transpose(self, x: str, order: Sequence[int]) -> str:
        """Reorder the dimensions of a value, where they are not in order."""
        return x if [*order] == sorted(order) else self.node("Transpose", x, perm=order)

    def cut(self, x: str, axis: int, start: int, end: int = END, step: int = 1) -> str:
        """Return the elements from one to another along an axis, every `step`-th."""
        places = (self.ints([n]) for n in (start, end, axis, step))
        return self.node("Slice", x, *places)

    def rolled(self, x: str, axis: int, by: int, length: int) -> str:
        """Move what is along an axis to the end, and what falls off there to the start."""
        cut = -by % length
        if not cut:
            return x
        return self.node("Concat", self.cut(x, axis, cut), self.cut(x, axis, 0, cut), axis=axis)

    def binary(self, kind: str, x: str, number: float, *, swapped: bool = False) -> str:
        """Add a node between a value and a number, or a number and a value."""
        pair = (x, self.constant(number))
        return self.node(kind, *(pair[::-1] if swapped else pair))
