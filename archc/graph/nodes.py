"""Values, nodes, and modules that are shared by their uses.

A Module is one distinct use of a block: a block with its arguments on given input shapes.
It is lowered once, however often the network has it, so the work follows the number of
distinct blocks and not the depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from archc.diagnostics import Span
from archc.ops import Op, Tensor
from archc.shapes import Shape

if TYPE_CHECKING:
    from archc.language.expr import Expr
    from archc.language.source import Text
    from archc.language.spec import Rule


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
    init: Mapping[Text, Rule | Expr] | None = None
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
    tree: list[Any] = field(default_factory=list)
    takes: tuple[Any, ...] = ()

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

    def leaves(self, prefix: str = "") -> Iterator[Leaf]:
        """Yield every application of an op with its full path, in the order of the text."""
        return flattened(self, path=prefix)


class Leaf(NamedTuple):
    """An op of a flattened network, or a block that is left whole; see `flattened`."""

    path: str
    node: Node
    stage: str
    again: bool = False


T = TypeVar("T")


class Wires(dict[int, T]):
    """What stands for each value of a module that is flattened, by the value's identity."""

    def put(self, values: Iterable[Value], things: Iterable[T]) -> None:
        """Let things stand for values."""
        for value, thing in zip(values, things, strict=True):
            self[id(value)] = thing

    def of(self, values: Iterable[Value]) -> tuple[T, ...]:
        """Return what stands for values."""
        return tuple(map(self.__getitem__, map(id, values)))


def flattened(
    module: Module,
    wires: Wires[Any] | None = None,
    whole: Callable[[Module, int], bool] | None = None,
    *,
    path: str = "",
    stage: str = "",
    again: bool = False,
    level: int = 1,
) -> Iterator[Leaf]:
    """Yield what a module consists of, in the order of the text: the one way to flatten it.

    That is every op, and every block that `whole` leaves as it is, which is told its level: 1
    in the module itself. `wires` leads values into blocks and out of them. They know the module's
    inputs; what stands for a leaf's outputs is put there before the next leaf is asked for.
    """
    for node in module.nodes:
        own, part, twice = join(path, node.path), stage or node.stage, again or node.again
        inner = node.module
        if inner is None or (whole is not None and whole(inner, level)):
            yield Leaf(own, node, part, twice)
            continue
        if wires is not None:
            wires.put(inner.inputs, wires.of(node.inputs))
        yield from flattened(
            inner, wires, whole, path=own, stage=part, again=twice, level=level + 1
        )
        if wires is not None:
            wires.put(node.outputs, wires.of(inner.values))


def join(prefix: str, path: str) -> str:
    """Join two parts of a dotted path, either of which may be empty."""
    return f"{prefix}.{path}" if prefix and path else prefix or path


def is_source(value: object) -> bool:
    """Whether a value is a source's, such as a parameter's: it is not handed on."""
    node = value.node if isinstance(value, Value) else None
    return node is not None and node.op is not None and node.op.inputs == 0


def flat(value: object) -> tuple[Value, ...]:
    """Return the values of a value, a list of them or several with names."""
    if isinstance(value, Value):
        return (value,)
    items = list(value.values()) if isinstance(value, dict) else value
    return (
        tuple(v for item in items for v in flat(item)) if isinstance(items, (list, tuple)) else ()
    )
