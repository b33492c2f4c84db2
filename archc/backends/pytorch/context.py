"""The uses of a class, side by side.

The emitter reads a block's text again with every use of the block at hand. A `Context` is one
use; inside a loop it is one turn of one use. What has the same value in all contexts is a
literal of the class, what differs is an expression over the class's arguments.
"""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from archc.graph import Module, Node, Value
from archc.language.evaluate import EvalFault, Evaluator, unpack
from archc.language.expr import Expr
from archc.language.scalars import Loop
from archc.language.spec import Body, Modified
from archc.lower.frames import Frame, freeze
from archc.lower.marks import NOTHING, Poisoned
from archc.lower.reader import Reader
from archc.lower.scope import BlockDef


class Split(Exception):
    """The uses of a class differ in what a class can't say: it must become several.

    `labels` tells, for each use, which of them it belongs to.
    """

    def __init__(self, labels: dict[int, Any]) -> None:
        super().__init__("the uses of a block need classes of their own")
        self.labels = labels


@dataclass(frozen=True, eq=False)
class Call:
    """Where a block is applied that is written inside the class around it.

    `places` has the expressions of its arguments, in the text `expr` and the context of that class.
    """

    expr: Expr
    places: Mapping[str, ast.expr]
    context: Context


@dataclass(frozen=True, eq=False)
class Context:
    """One use of a block, with the names of the text bound to what they are in this use.

    `call` is None where the block has a class of its own. `packed` says that the class takes what
    the block takes as `...rest` as one list, of any length.
    """

    frame: Frame
    numbers: Mapping[str, int] = field(default_factory=dict)
    call: Call | None = None
    packed: bool = False

    @property
    def module(self) -> Module:
        """The use."""
        return self.frame.module

    def evaluate(self, expr: Expr, node: ast.expr) -> Any:
        """Return the value of a piece of an expression in this use."""
        lowering = cast("Any", None)  # nothing is applied
        return Reader(lowering, expr, self.frame.scope, self.frame).evaluate(node)

    def node(self, at: ast.expr) -> Node | None:
        """Return the node that a piece of text made, if it made one."""
        return self.module.applied.get((id(at), self.frame.turns))

    def result(self, step: Any) -> Any:
        """Return what became of a step."""
        return self.module.results.get((id(step), self.frame.turns))

    def inner(self) -> Context:
        """Return the context of a nested body, whose names end with it."""
        return replace(self, frame=self.frame.inner())

    def turns(self, loop: Loop) -> list[Context]:
        """Return the context of every turn of a loop."""
        value = self.evaluate(loop.expr, loop.node)
        items = range(value) if loop.counted else value
        return [self.turn(k, unpack(loop.target, item)) for k, item in enumerate(items)]

    def turn(self, number: int, bound: dict[str, Any]) -> Context:
        """Return the context of one turn."""
        scope = self.frame.scope.child(**bound)
        frame = self.frame.inner(scope=scope, turns=(*self.frame.turns, number))
        return replace(self, frame=frame)

    def number(self, tree: ast.expr) -> Any:
        """Return the value of a Python expression over the class's arguments, or None."""
        if self.call is not None:
            return self.call.context.number(tree)
        inputs = zip(
            channel_names(self.module, packed=self.packed),
            taken(self.module, packed=self.packed),
            strict=False,
        )
        sizes = {name: channels(value) for name, value in inputs}
        scope = ChainMap({**sizes, **self.numbers}, cast("Any", self.frame.scope))  # read only
        try:
            return Numbers(scope).evaluate(tree)
        except (EvalFault, AttributeError, TypeError):
            return None


Contexts = Sequence[Context]


class Numbers(Evaluator):
    """Evaluates what a constructor says of channels: lists may be spliced into lists."""

    def visit_list(self, node: ast.List | ast.Tuple) -> list[Any]:
        items: list[Any] = []
        for part in node.elts:
            spliced = isinstance(part, ast.Starred)
            value = self.evaluate(part.value if isinstance(part, ast.Starred) else part)
            items += value if spliced else [value]
        return items

    visit_tuple = visit_list


def channels(value: Any) -> Any:
    """Return the channels of a value, or of each in a list."""
    return value.shape.channels if isinstance(value, Value) else [channels(v) for v in value]


def takes_rest(module: Module) -> bool:
    """Whether a block takes any number of values, as `...rest`."""
    return isinstance(module.block, BlockDef) and module.block.block.inputs[-1].startswith("...")


def taken(module: Module, *, packed: bool) -> list[Any]:
    """Return the inputs of a module; those of `...rest` as one list where they are packed."""
    if not packed:
        return list(module.inputs)
    first = len(module.block.block.inputs) - 1
    return [*module.inputs[:first], list(module.inputs[first:])]


def channel_names(module: Module, *, packed: bool = False) -> list[str]:
    """Return the names of the arguments that hold the channels of a module's inputs."""
    names = input_names(module, packed=packed)
    if len(names) == 1 and not packed:
        return ["in_channels"]
    return ["in_channels" if n == "x" else f"{n}_channels" for n in names]


def input_names(module: Module, *, packed: bool = False) -> list[str]:
    """Return the names of a module's inputs; those of `...rest` are numbered, or packed."""
    if not isinstance(module.block, BlockDef):
        return ["x"]
    names = [str(n) for n in module.block.block.inputs]
    if not names[-1].startswith("..."):
        return names
    rest = names[-1].removeprefix("...")
    if packed:
        return [*names[:-1], rest]
    count = len(module.inputs) - len(names) + 1
    return [*names[:-1], *(f"{rest}_{k}" for k in range(count))]


def same(values: Iterable[Any]) -> bool:
    """Whether all values are equal, in type too."""
    frozen = [frozen_form(v) for v in values]
    return all(f == frozen[0] for f in frozen)


def frozen_form(value: Any) -> Any:
    """Return a hashable stand-in for any value that a name can have."""
    if isinstance(value, dict):
        return tuple((k, frozen_form(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(frozen_form(v) for v in value)
    return freeze(value)


def split_by(contexts: Contexts, label: Callable[[Context], Any]) -> Split:
    """Ask for a class for each value of a label; for each use, where the label tells too little."""
    labels: dict[int, tuple[Any, ...]] = {}
    for c in contexts:
        try:
            found = frozen_form(label(c))
        except (EvalFault, Poisoned):
            found = None
        labels[id(c.module)] = (*labels.get(id(c.module), ()), found)
    told_apart = len(set(labels.values())) > 1
    return Split(dict(labels) if told_apart else {module: module for module in labels})


def values_in(value: Any) -> tuple[Value, ...]:
    """Return the values of the network in a result, lists and mappings laid flat."""
    if isinstance(value, Value):
        return (value,)
    items = value.values() if isinstance(value, dict) else value
    return (
        tuple(v for i in items for v in values_in(i))
        if isinstance(value, (dict, list, tuple))
        else ()
    )


def is_running(result: Any) -> bool:
    """Whether a step's result is what runs on: values, or nothing."""
    return isinstance(result, (Value, list, dict)) or result is NOTHING


def is_function(module: Module) -> bool:
    """Whether a block may be a function: a list or a single step that gives a module."""
    return isinstance(module.block, BlockDef) and not isinstance(module.block.block.body, Body)


def bare(module: Module) -> bool:
    """Whether a module owns tensors that no submodule of it can hold."""
    if not is_alone(module):
        return loose(module)
    inner = module.nodes[0].module
    return inner is not None and inner.owns and not module.nodes[0].path and bare(inner)


def loose(module: Module) -> bool:
    """Whether some tensors of a module have no name of a submodule before their own."""
    unnamed = [n for n in module.nodes if not n.path]
    return any(n.held if n.module is None else n.module.owns and loose(n.module) for n in unnamed)


def is_alone(module: Module) -> bool:
    """Whether a block is one step that applies one op or block: it is what that makes."""
    return (
        len(module.nodes) == 1
        and is_function(module)
        and isinstance(module.block.block.body, Expr | Modified)
    )
