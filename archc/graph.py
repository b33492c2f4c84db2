"""The lowered network: modules that are shared by their uses, and the networkx graph of all.

A Module is one distinct use of a block: a block with its arguments on given input shapes.
It is lowered once, however often the network has it, so the work follows the number of
distinct blocks and not the depth. `Network.graph` unfolds all of it, when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Span
from archc.ops import Op, Tensor
from archc.shapes import Shape

if TYPE_CHECKING:
    import networkx as nx


@dataclass(eq=False, repr=False)
class Value:
    """A tensor between two nodes; `text` says what its shape is from, a `guess` after a fault."""

    shape: Shape
    span: Span
    text: str = ""
    node: Node | None = None
    guess: bool = False

    def __repr__(self) -> str:
        """Spell the shape only: a value leads to its whole network."""
        return f"a value of {self.shape}"


@dataclass(frozen=True)
class Output:
    """A value that a network or a block gives; `training` where inference leaves it out."""

    name: str
    value: Any
    training: bool = False


@dataclass(eq=False, repr=False)
class Node:
    """One application of an op, or of a block, inside a module.

    `path` names it in its module, and is the prefix of its state_dict keys where it owns
    tensors; `again` marks the second use of a module that stands elsewhere (`reuse`).
    """

    path: str
    target: Op | Module
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    span: Span
    step: Any
    stage: str = ""
    again: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    init: Any = None
    callee: Any = None

    @property
    def op(self) -> Op | None:
        """The op, or None where the node is a block."""
        return self.target if isinstance(self.target, Op) else None

    @property
    def module(self) -> Module | None:
        """The block, or None where the node is an op."""
        return None if isinstance(self.target, Op) else self.target

    @property
    def name(self) -> str:
        """The name of the op or block."""
        return self.target.name

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors that an op owns, by name."""
        return self.target.tensors(*self.shapes) if isinstance(self.target, Op) else {}

    @property
    def held(self) -> bool:
        """Whether a module of PyTorch holds the tensors of the op, and not the class around it."""
        return bool(self.tensors) and not (self.op is not None and self.op.registered)

    @cached_property
    def macs(self) -> int:
        """The multiply-adds of an op for one sample."""
        return self.target.macs(*self.shapes) if isinstance(self.target, Op) else 0

    @property
    def read(self) -> tuple[Value, ...]:
        """The inputs whose elements it reads, where others only say how large its result is."""
        return self.inputs if self.op is None else self.inputs[: self.op.reads]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the inputs."""
        return tuple(value.shape for value in self.inputs)


@dataclass(eq=False, repr=False)
class Module:
    """A block with its arguments on given input shapes: its nodes, in the order of the text.

    `block` is what it was written as. `places` has, in a network, the value at each path of its
    own steps. `results` and `applied` say what became of each step
    and each call of the text, by its identity and the turns of the loops around it: the
    emitter reads the text again beside them. `holders` are the steps with modules inside.
    """

    name: str
    block: Any
    arguments: Mapping[str, Any]
    inputs: tuple[Value, ...]
    trail: str = ""
    nodes: list[Node] = field(default_factory=list)
    outputs: tuple[Output, ...] = ()
    scope: Any = None
    results: dict[tuple[int, tuple[int, ...]], Any] = field(default_factory=dict)
    applied: dict[tuple[int, tuple[int, ...]], Node] = field(default_factory=dict)
    places: dict[str, Any] | None = None
    holders: list[Any] = field(default_factory=list)

    @property
    def is_network(self) -> bool:
        """Whether the module is a network, the whole or an imported one, with rules of its own."""
        return self.places is not None

    @cached_property
    def networks(self) -> bool:
        """Whether it is a network, or has one inside."""
        return self.is_network or any(n.module.networks for n in self.nodes if n.module)

    @property
    def result(self) -> Any:
        """What the module gives first: a value, or a list of values."""
        return self.outputs[0].value

    @property
    def values(self) -> tuple[Value, ...]:
        """Every value that the module gives, lists laid flat."""
        return tuple(v for output in self.outputs for v in flat(output.value))

    @cached_property
    def owns(self) -> bool:
        """Whether the module has tensors, its own or those of blocks inside."""
        return any(n.tensors if n.module is None else n.module.owns for n in self.nodes)

    def total(self, count: Callable[[Node], int], *, reused: bool = True) -> int:
        """Add up `count(node)` over all ops, going once through each distinct module.

        `reused` says whether a module that is applied again counts again: its MACs do, its
        parameters do not.
        """
        memo: dict[int, int] = {}

        def visit(module: Module) -> int:
            if id(module) not in memo:
                counted = (n for n in module.nodes if reused or not n.again)
                memo[id(module)] = sum(
                    count(n) if n.module is None else visit(n.module) for n in counted
                )
            return memo[id(module)]

        return visit(self)

    def leaves(self, prefix: str = "", stage: str = "", *, again: bool = False) -> Iterator[Leaf]:
        """Yield every application of an op with its full path, in the order of the text."""
        for node in self.nodes:
            path = join(prefix, node.path)
            if node.module is None:
                yield Leaf(path, node, stage or node.stage, again or node.again)
            else:
                yield from node.module.leaves(path, stage or node.stage, again=again or node.again)


def unrolled(
    module: Module, depth: int | None = None, *, whole: Callable[[Module], bool] | None = None
) -> Module:
    """Return a module with the blocks in it replaced by what is in them, down to a depth.

    At depth 1 it is the module itself, at depth 2 the blocks in its blocks are whole, without
    a depth all that is left are ops; `whole` says which other blocks are left as they are.
    Paths are those from the module.
    """
    flat = replace(module, nodes=[], results={}, applied={})
    made: dict[int, Value] = {}

    def visit(nodes: Iterable[Node], prefix: str, stage: str, level: int, *, again: bool) -> None:
        for node in nodes:
            taken = tuple(made.get(id(v), v) for v in node.inputs)
            path, part = join(prefix, node.path), stage or node.stage
            twice = again or node.again
            if node.module is None or level == depth or (whole and whole(node.module)):
                given = tuple(Value(v.shape, v.span, v.text) for v in node.outputs)
                new = replace(node, path=path, stage=part, inputs=taken, outputs=given, again=twice)
                for value in given:
                    value.node = new
                flat.nodes.append(new)
                made.update({id(v): g for v, g in zip(node.outputs, given, strict=True)})
                continue
            inner = node.module
            made.update({id(v): t for v, t in zip(inner.inputs, taken, strict=True)})
            visit(inner.nodes, path, part, level + 1, again=twice)
            made.update(
                {id(v): made[id(u)] for v, u in zip(node.outputs, inner.values, strict=True)}
            )

    visit(module.nodes, "", "", 1, again=False)
    flat.outputs = tuple(replace(o, value=_renamed(o.value, made)) for o in module.outputs)
    return flat


def _renamed(value: Any, made: Mapping[int, Value]) -> Any:
    if isinstance(value, Value):
        return made.get(id(value), value)
    return [_renamed(item, made) for item in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Leaf:
    """An op of the unfolded network."""

    path: str
    node: Node
    stage: str
    again: bool = False


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
    document: Any
    settings: Mapping[str, Any]
    root: Module
    stages: tuple[Stage, ...] = ()
    chosen: tuple[str, ...] = ()
    idle: Mapping[str, Span] = field(default_factory=dict)

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
        found: dict[int, Module] = {}

        def visit(module: Module) -> None:
            for node in module.nodes:
                if node.module is not None and id(node.module) not in found:
                    visit(node.module)
            found[id(module)] = module

        visit(self.root)
        return tuple(found.values())

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
    _unfold(graph, network.root, {id(x): ("input", x.shape)}, "", "", again=False)
    return graph


def _unfold(
    graph: nx.DiGraph[str],
    module: Module,
    made: dict[int, tuple[str, Shape]],
    prefix: str,
    stage: str,
    *,
    again: bool,
) -> None:
    for node in module.nodes:
        path = join(prefix, node.path)
        if node.module is not None:
            inner = {
                id(v): made[id(u)] for v, u in zip(node.module.inputs, node.inputs, strict=True)
            }
            _unfold(graph, node.module, inner, path, stage or node.stage, again=again or node.again)
            made.update(
                {id(v): inner[id(u)] for v, u in zip(node.outputs, node.module.values, strict=True)}
            )
            continue
        key = path
        while key in graph:  # a second use of one module, or wiring that shares a name
            key += "'"
        sources = [made[id(v)] for v in node.inputs]
        params = (
            0 if again or node.again else sum(t.numel for t in node.tensors.values() if t.trainable)
        )
        graph.add_node(
            key, op=node.name, module=path if node.tensors else None, shape=node.outputs[0].shape, params=params,
            macs=node.macs, span=node.span, stage=stage or node.stage, inputs=tuple(name for name, _ in sources),
            target=node.op,
        )  # fmt: skip
        for name, shape in sources:
            graph.add_edge(name, key, shape=shape)
        made.update({id(v): (key, v.shape) for v in node.outputs})


def join(prefix: str, path: str) -> str:
    """Join two parts of a dotted path, either of which may be empty."""
    return f"{prefix}.{path}" if prefix and path else prefix or path


def is_source(value: Any) -> bool:
    """Whether a value is a source's, such as a parameter's: it is not handed on."""
    node = value.node if isinstance(value, Value) else None
    return node is not None and node.op is not None and node.op.inputs == 0


def flat(value: Any) -> tuple[Value, ...]:
    """Return the values of a value, a list of them or several with names."""
    if isinstance(value, Value):
        return (value,)
    items = list(value.values()) if isinstance(value, dict) else value
    return (
        tuple(v for item in items for v in flat(item)) if isinstance(items, (list, tuple)) else ()
    )
