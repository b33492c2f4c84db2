"""Parameters, buffers and multiply-adds, by named conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from archc.graph import Module, Network, Node, flat


@dataclass(frozen=True)
class Counts:
    """Trainable parameters, and multiply-adds for one sample."""

    params: int
    macs: int

    def __str__(self) -> str:
        return f"{self.params:,} params, {self.macs:,} MACs"


def training(network: Network) -> Counts:
    """Count a network with what only outputs for training need."""
    return Counts(params(network.root), macs(network.root))


def inference(network: Network) -> Counts:
    """Count what a network needs in inference."""
    nodes = inferring(network)
    owners = {n.path for n in nodes if not n.again}
    first = {n.path: n for n in reversed(nodes) if n.path not in owners}  # used before in training
    once = [n for n in nodes if not n.again or first.get(n.path) is n]
    return Counts(
        _total(once, own_params, reused=False), _total(nodes, lambda n: n.macs, reused=True)
    )


def _total(nodes: Iterable[Node], count: Callable[[Node], int], *, reused: bool) -> int:
    return sum(
        count(n) if n.module is None else n.module.total(count, reused=reused) for n in nodes
    )


def inferring(network: Network) -> list[Node]:
    """Return the nodes of the network's own body that run in inference."""
    outputs = (o for o in network.root.outputs if not o.training)
    wanted = {id(v) for o in outputs for v in flat(o.value)}
    kept: list[Node] = []
    for node in reversed(network.root.nodes):
        if wanted & {id(v) for v in node.outputs}:
            kept.append(node)
            wanted |= {id(v) for v in node.inputs}
    return kept[::-1]


def params(module: Module) -> int:
    """Return the number of trainable parameters; a reused tensor counts once."""
    return module.total(own_params, reused=False)


def buffers(module: Module) -> int:
    """Return the number of elements of buffers, such as running statistics."""
    return module.total(own_buffers, reused=False)


def macs(module: Module) -> int:
    """Return the multiply-adds of convolutions, linear layers and matrix products."""
    return module.total(lambda n: n.macs)


def own_params(node: Node) -> int:
    """Return the trainable parameters of one op."""
    return sum(t.numel for t in node.tensors.values() if t.trainable)


def own_buffers(node: Node) -> int:
    """Return the elements of the buffers of one op."""
    return sum(t.numel for t in node.tensors.values() if not t.trainable)
