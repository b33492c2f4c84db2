"""A module without the blocks in it, down to a depth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from archc.graph.nodes import Module, Value, Wires, flattened


def unrolled(
    module: Module, depth: int | None = None, *, whole: Callable[[Module], bool] | None = None
) -> Module:
    """Return a module with the blocks in it replaced by what is in them, down to a depth.

    At depth 1 it is the module itself, at depth 2 the blocks in its blocks are whole, without
    a depth all that is left are ops; `whole` says which other blocks are left as they are.
    Paths are those from the module.
    """
    flat = replace(module, nodes=[], results={}, applied={}, tree=[])
    wires = Wires[Value]()
    wires.put(module.inputs, module.inputs)

    def is_whole(inner: Module, level: int) -> bool:
        return level == depth or (whole is not None and whole(inner))

    for path, node, stage, again in flattened(module, wires, is_whole):
        outputs = tuple(Value(v.shape, v.span, v.text) for v in node.outputs)
        new = replace(
            node,
            path=path,
            stage=stage,
            inputs=wires.of(node.inputs),
            outputs=outputs,
            again=again,
        )
        for value in outputs:
            value.node = new
        flat.nodes.append(new)
        wires.put(node.outputs, outputs)
    flat.outputs = tuple(replace(o, value=_renamed(o.value, wires)) for o in module.outputs)
    return flat


def _renamed(value: object, wires: Mapping[int, Value]) -> object:
    if isinstance(value, Value):
        return wires[id(value)]
    return [_renamed(item, wires) for item in value] if isinstance(value, list | tuple) else value
