"""A lowered network with its stages, and the networkx graph of all its ops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Span
from archc.graph.nodes import Module, Node, Wires, flattened, join
from archc.shapes import Shape

if TYPE_CHECKING:
    import networkx as nx

    from archc.language.published import Claim
    from archc.language.spec import Document


@dataclass(frozen=True)
class Stage:
    """A stretch of the network that tables print a row for and diagrams draw a frame for."""

    name: str
    part: str
    nodes: tuple[Node, ...]

    @property
    def output(self) -> Shape:
        """The shape of the stage's last value."""
        return self.nodes[-1].outputs[0].shape


@dataclass(eq=False)
class Network:
    """A spec with its variant and settings, lowered.

    `chosen` are places whose values it gives instead of the spec's, `idle` unread settings.
    """

    name: str
    variant: str
    document: Document
    settings: Mapping[str, Any]
    root: Module
    stages: tuple[Stage, ...] = ()
    chosen: tuple[str, ...] = ()
    idle: Mapping[str, Span] = field(default_factory=dict)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the spec claims of the variant."""
        claims = self.document.claims.items()
        return next((own for variant, own in claims if variant == self.variant), ())

    @property
    def input(self) -> Shape:
        """The shape of one input sample."""
        return self.root.inputs[0].shape

    @property
    def output(self) -> Shape:
        """The shape of the first output for one sample."""
        return self.root.values[0].shape

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """Every distinct module, inner ones first, the network itself last."""
        modules: dict[int, Module] = {}

        def visit(module: Module) -> None:
            for node in module.nodes:
                if node.module is not None and id(node.module) not in modules:
                    visit(node.module)
            modules[id(module)] = module

        visit(self.root)
        return tuple(modules.values())

    @cached_property
    def graph(self) -> nx.DiGraph[str]:
        """Every application of an op as a node, values as edges; see `unfold`."""
        return unfold(self)

    def state_dict_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor by its state_dict key, buffers included."""
        tree: dict[str, Any] = {}
        for leaf in self.root.leaves():
            for name, tensor in leaf.node.tensors.items() if not leaf.again else ():
                *parents, last = join(leaf.path, name).split(".")
                branch = tree
                for part in parents:
                    branch = branch.setdefault(part, {})
                branch[last] = tensor
        return dict(_keyed(tree, ""))


def _keyed(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield shapes by key in PyTorch's order: a module's parameters, its buffers, its children."""
    ranks = {n: 2 if isinstance(t, dict) else int(not t.trainable) for n, t in tree.items()}
    for name in sorted(tree, key=ranks.__getitem__):
        if ranks[name] == 2:
            yield from _keyed(tree[name], join(prefix, name))
        else:
            yield join(prefix, name), tree[name].shape


def unfold(network: Network) -> nx.DiGraph[str]:
    """Return the graph of all ops.

    Nodes, keyed by path or "input", carry `op`, `module` (the state_dict path, or None), `shape` of
    the output, `params`, `macs`, `span`, `stage`, ordered `inputs`; edges the value's `shape`.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph(name=network.name)
    x = network.root.inputs[0]
    graph.add_node(
        "input",
        op="input",
        module=None,
        shape=x.shape,
        params=0,
        macs=0,
        span=x.span,
        stage="",
        inputs=(),
    )
    wires = Wires[tuple[str, Shape]]()
    wires.put([x], [("input", x.shape)])
    for path, node, stage, again in flattened(network.root, wires):
        key = path
        while key in graph:  # a second use of one module, or wiring that shares a name
            key += "'"
        sources = wires.of(node.inputs)
        own = () if again else node.tensors.values()
        graph.add_node(
            key,
            op=node.name,
            module=path if node.tensors else None,
            shape=node.outputs[0].shape,
            params=sum(t.numel for t in own if t.trainable),
            macs=node.macs,
            span=node.span,
            stage=stage,
            inputs=tuple(name for name, _ in sources),
            target=node.op,
        )
        for name, shape in sources:
            graph.add_edge(name, key, shape=shape)
        wires.put(node.outputs, [(key, v.shape) for v in node.outputs])
    return graph
