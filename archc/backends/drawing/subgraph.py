"""What of a network a path means: a stage, a block, an op, or the steps below a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archc.diagnostics import nearest
from archc.graph import Module, Network, Node, Value, join


class UnknownPlace(LookupError):
    """A path that is no stage, block or op of the network."""


@dataclass(frozen=True)
class Subgraph:
    """Some nodes of a module whose path is `prefix`, what goes in and what comes out."""

    prefix: str
    module: Module
    nodes: Sequence[Node]
    inputs: tuple[Value, ...]
    outputs: Mapping[str, Value]


def subgraph(network: Network, at: str) -> Subgraph:
    """Return what stands at a path; raises UnknownPlace, with the nearest names, for none."""
    stages = {stage.name: stage.nodes for stage in network.stages}
    if at in stages:
        return stretch("", network.root, stages[at])
    below = _find(network.root, at, "")
    if below is None:
        hint = nearest(at, [*stages, *_names(network.root, "", at)])
        raise UnknownPlace(f"{network.name} has nothing at `{at}`" + (f": {hint}" if hint else ""))
    return below


def _find(module: Module, at: str, prefix: str) -> Subgraph | None:
    below = [n for n in module.nodes if f"{join(prefix, n.path)}.".startswith(f"{at}.")]
    exact = next((n for n in below if n.module and join(prefix, n.path) == at), None)
    if exact is not None and exact.module is not None and exact.module.nodes:
        inner = exact.module
        return Subgraph(at, inner, inner.nodes, inner.inputs, _numbered(inner.values))
    if below:
        return stretch(prefix, module, below)
    for node in module.nodes:
        path = join(prefix, node.path)
        inside = not node.path or at.startswith(f"{path}.")
        if node.module and inside and (found := _find(node.module, at, path)) is not None:
            return found
    return None


def stretch(prefix: str, module: Module, nodes: Sequence[Node]) -> Subgraph:
    """Return some nodes of a module, with what they read and what is read of them."""
    own = {id(v) for node in nodes for v in node.outputs}
    inside = {id(node) for node in nodes}
    rest = [v for n in module.nodes if id(n) not in inside for v in n.inputs]
    read = {id(v) for v in (*rest, *module.values)}
    inputs = {id(v): v for node in nodes for v in node.inputs if id(v) not in own}
    outputs = [v for node in nodes for v in node.outputs if id(v) in read]
    return Subgraph(prefix, module, nodes, tuple(inputs.values()), _numbered(outputs))


def _numbered(values: Sequence[Value]) -> dict[str, Value]:
    apart = list({id(v): v for v in values}.values())
    if len(apart) == 1:
        return {"output": apart[0]}
    return {f"output[{k}]": value for k, value in enumerate(apart)}


def _names(module: Module, prefix: str, at: str) -> Iterator[str]:
    """Yield the paths that a mistaken one may mean: no deeper than it goes."""
    for node in module.nodes:
        path = join(prefix, node.path)
        if path:
            parts = path.split(".")
            yield from (".".join(parts[: k + 1]) for k in range(len(parts)))
        if node.module is not None and path.count(".") < at.count(".") + 1:
            yield from _names(node.module, path, at)
