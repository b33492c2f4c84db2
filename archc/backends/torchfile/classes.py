"""A class, or a function that makes a module, for the uses of a block that can share one."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from archc.backends.torchfile.book import Book
from archc.backends.torchfile.channels import Channels
from archc.backends.torchfile.exprs import Exprs
from archc.backends.torchfile.extents import Extents
from archc.backends.torchfile.loops import Carries, Loops
from archc.backends.torchfile.merge import (
    Apply,
    Body,
    Choice,
    Parted,
    Repeat,
    items,
    merged,
    use_of,
)
from archc.backends.torchfile.operands import Operand, Unwired
from archc.backends.torchfile.parameters import Parameter
from archc.backends.torchfile.spots import Spot, input_names, literal, part_uses, taken
from archc.backends.torchfile.straight import Straightness
from archc.backends.torchfile.symbols import Symbol
from archc.backends.torchfile.uses import Uses
from archc.backends.torchfile.values import Values
from archc.backends.torchfile.wiring import Wiring
from archc.graph import Module, Value, flat
from archc.lower.origins import Written
from archc.lower.scope import BlockDef
from archc.tree import Reading


class Class:
    """The class of some uses of a block. Raises Parted or Unrollable where they can't share it."""

    def __init__(
        self,
        classes: Book,
        modules: Sequence[Module],
        written_out: Collection[int],
        last: Class | None = None,
    ) -> None:
        self.classes, self.modules = classes, modules
        first = modules[0]
        self.block, self.is_root = first.block, first.block is classes.network.root.block
        self.symbol: Symbol = Symbol(first.name) if last is None else last.symbol
        self.last = last
        self.takes: list[tuple[str, Parameter | Symbol]] = []
        self.is_network = first.is_network
        self.body = merged(modules, written_out)
        shape = Straightness(self.body, modules, is_root=self.is_root)
        self.straight, self.whole, self.bare = shape.straight, shape.whole, shape.bare_groups()
        self.around = {id(item): body for item, body, _ in items(self.body)}
        self.taken = [taken(m) for m in modules]
        self.inputs = [Symbol(n) for n in input_names(first)]
        self.wiring: Wiring = Wiring(self.body, modules, self.taken, self.straight)
        self.extents = Extents(self.wiring)
        self.functional: set[int] = set()
        self.exprs = Exprs(self)
        self.channels = Channels(self)
        self.loops, self.uses, self.values = Loops(self), Uses(self), Values(self)
        carried = Carries(self.channels)
        self.carrying, self.carries = carried.variables, carried.of
        self.channel_variable, self.channel_steps = carried.channel_variable, carried.channel_steps
        self.used: dict[str, None] = {}
        self.parameters: dict[str, Parameter] = {}
        self.sizes: dict[int, Symbol] = {}
        self.lets: dict[str, tuple[Symbol, ast.expr]] = {}
        self.kept: dict[str, tuple[Symbol, ast.expr]] = {}
        self.settings: dict[str, Parameter] = {}
        self.results = self.wire_outputs()

    # What is used

    def use(self, symbol: Symbol) -> ast.expr:
        """Return a symbol, noting that the class needs it."""
        self.used[symbol.id] = None
        return symbol.name

    def parameter(self, name: str) -> Symbol:
        """Return the parameter of the block of a name."""
        if name not in self.parameters and self.last is not None and name in self.last.parameters:
            self.parameters[name] = self.last.parameters[name]
        if name not in self.parameters:
            default = None
            if isinstance(self.block, BlockDef):
                given = next(
                    (p.default for p in self.block.signature.parameters if p.name == name), None
                )
                if isinstance(given, ast.Constant):
                    default = literal(given.value)
            self.parameters[name] = Parameter(Symbol(name), name, default)
        return self.parameters[name].symbol

    def channel_symbol(self, k: int) -> Symbol:
        """Return the parameter that says the channels of an input."""
        if k not in self.sizes:
            names = input_names(self.modules[0])
            alone = len(names) == 1 or names[k] == "x"
            if self.last is not None and k in self.last.sizes:
                self.sizes[k] = self.last.sizes[k]
                return self.sizes[k]
            self.sizes[k] = Symbol("in_channels" if alone else f"{names[k]}_channels")
        return self.sizes[k]

    def channel_lists(self) -> Iterable[tuple[int, Symbol]]:
        """Yield the inputs that are lists, with what says their channels."""
        for k, value in enumerate(self.taken[0]):
            if isinstance(value, list):
                yield k, self.channel_symbol(k)

    def helper(self, name: str) -> Symbol:
        """Return a function of the file."""
        return self.classes.helper(name)

    def outside(self, name: str) -> ast.expr:
        """Return a name that the file imports."""
        return ast.Name(name, ast.Load())

    def setting(self, name: str) -> ast.expr | None:
        """Return a param of the file that the network's class takes as an argument."""
        if not self.is_root or name not in self.classes.settings:
            return None
        if name not in self.settings:
            default = literal(self.modules[0].scope[name])
            self.settings[name] = Parameter(Symbol(name), name, default)
        return self.use(self.settings[name].symbol)

    def let(self, name: str) -> ast.expr:
        """Return a derived value of the block: a local of the constructor."""
        if name not in self.lets:
            text = self.modules[0].scope.lets[name]
            values, written = {}, {}
            for p, module in enumerate(self.modules):
                scope = module.scope
                if name in scope.values_:
                    values[p] = scope.values_[name]
                    written[p] = Written(text, scope, None, scope.readings.get(name, {}))
            rows = {p: Reading(text, self.modules[p].scope, {}) for p in values}
            spot = Spot(self.body, 0, rows)
            tree = self.exprs.written(spot, values, written)
            self.lets[name] = (Symbol(name), tree)
        symbol, tree = self.lets[name]
        if isinstance(tree, ast.Constant | ast.Name):
            return tree
        return self.use(symbol)

    # What its parts say

    def loop_variable(self, loop: Repeat, name: str) -> Symbol:
        """Return the variable of a loop."""
        return self.loops.loop_variable(loop, name)

    def loop_symbols(self, loop: Repeat) -> list[Symbol]:
        """Return the variables of a loop."""
        return self.loops.loop_symbols(loop)

    def single(self, loop: Repeat) -> bool:
        """Whether a loop has one turn wherever it stands, so that it is none of the file."""
        return self.loops.single(loop)

    def count_of(self, loop: Repeat) -> ast.expr:
        """Return the number of turns of a loop."""
        return self.loops.count_of(loop)

    def header(self, loop: Repeat, body: Body) -> tuple[ast.expr, ast.expr]:
        """Return the target of a loop, and what it goes over."""
        return self.loops.header(loop, body)

    def index(self, values: Mapping[int, int], body: Body) -> ast.expr:
        """Return an index: a constant, or the variable of a loop around, with a constant added.

        Raises Parted or Unrollable where no variable gives it.
        """
        return self.loops.index(values, body)

    def op_argument(self, item: Apply, body: Body, k: int, name: str) -> ast.expr:
        """Return an argument of an op."""
        return self.uses.op_argument(item, body, k, name)

    def has_function(self, item: Apply, body: Body, k: int) -> bool:  # noqa: ARG002 - callers say where
        """Whether an op can be applied without a module."""
        return self.uses.has_function(item)

    def module(self, item: Apply, body: Body, k: int) -> ast.expr:
        """Return what makes the module of an application."""
        return self.uses.module(item, body, k)

    def buffers(self, item: Apply, body: Body, k: int, on: ast.expr) -> list[ast.stmt]:
        """Return the statements that register the tensors of an op."""
        return self.uses.buffers(item, body, k, on)

    def test(self, item: Choice, body: Body) -> ast.expr:
        """Return the test of a choice. Raises Parted or Unrollable."""
        return self.uses.test(item, body)

    def gives(self, tree: ast.expr, body: Body, sizes: Mapping[int, int]) -> bool:
        """Whether an expression has these values in these rows: it is worked out."""
        return self.values.gives(tree, body, sizes)

    def channels_of(self, body: Body, k: int, values: Mapping[int, Any]) -> ast.expr:
        """Return the channels of a value that is needed somewhere."""
        return self.channels.of(body, k, values)

    # What the class gives

    def wire_outputs(self) -> list[tuple[str, bool, Operand]]:
        """Return the outputs: name, whether for training alone, operand."""
        if self.whole:
            return []
        shapes = [tuple((o.name, o.training) for o in m.outputs) for m in self.modules]
        if len({*shapes}) > 1:
            raise Parted(shapes, "other outputs")
        out = []
        for k, output in enumerate(self.modules[0].outputs):
            values = {p: m.outputs[k].value for p, m in enumerate(self.modules)}
            end = len(self.body.items)
            if self.is_root and output.name and not isinstance(values[0], Value):
                entries = flat(values[0])
                for j, value in enumerate(entries):
                    name = output.name if len(entries) == 1 else f"{output.name}_{j}"
                    operand = self.wired(self.body, end, {0: value}, "an output")
                    out.append((name, output.training, operand))
                continue
            out.append(
                (output.name, output.training, self.wired(self.body, end, values, "an output"))
            )
        return out

    def wired(self, body: Body, k: int, values: Mapping[int, Any], why: str) -> Operand:
        """Return the operand of a value; raises Parted or Unrollable."""
        try:
            return self.wiring.value(body, k, dict(values))
        except Unwired as error:
            labels = {p: self.source(body, p, v) for p, v in values.items()}
            raise part_uses(body, labels, len(self.modules), f"{why}: {error}") from None

    def source(self, body: Body, row: int, value: Any) -> Any:
        """Return where a value of one row comes from, as a label."""
        if isinstance(value, list | tuple | dict):
            parts = value.values() if isinstance(value, dict) else value
            return tuple(self.source(body, row, v) for v in parts)
        node = getattr(value, "node", None)
        if node is None:
            module = self.modules[use_of(body, row)]
            return next((k for k, v in enumerate(module.inputs) if v is value), -1)
        return (node.path, next((k for k, v in enumerate(node.outputs) if v is value), -1))

    def summary(self, item: Apply, body: Body) -> ast.expr:
        """Return the channels of what a use of another class gives."""
        return self.classes.blocks.summary(self, item, body)

    def element(
        self, item: Apply, body: Body, index: ast.expr, numbers: Mapping[int, int]
    ) -> ast.expr:
        """Return the channels of one of the values that a use of another class gives."""
        return self.classes.blocks.element(self, item, body, index, numbers)
