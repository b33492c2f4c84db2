"""A class, or a function that makes a module, for the uses of a block that can share one."""

from __future__ import annotations

import ast
import builtins
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archc.backends.torchfile.algebra import substituted
from archc.backends.torchfile.channels import Channels
from archc.backends.torchfile.exprs import Exprs
from archc.backends.torchfile.merge import (
    Apply,
    Body,
    Choice,
    Group,
    Item,
    Parted,
    Repeat,
    Unrollable,
    applications,
    bodies,
    items,
    merged,
    use_of,
)
from archc.backends.torchfile.modules import Modules, Target, assign, call, in_loop
from archc.backends.torchfile.operands import Carry, Collect, Elem, Operand, Out, Unwired
from archc.backends.torchfile.spots import (
    MISSING,
    Spot,
    Unspelled,
    alike,
    frozen,
    input_names,
    literal,
    part_uses,
    taken,
)
from archc.backends.torchfile.straight import Ends, ends, item_nodes, nodes
from archc.backends.torchfile.symbols import Symbol
from archc.backends.torchfile.wiring import Wiring
from archc.graph import Module, Node, Value, flat
from archc.language.functions import FUNCTIONS
from archc.lower.origins import Written
from archc.lower.scope import BlockDef, Callee
from archc.ops import Py, Use
from archc.ops.base import VARIES
from archc.tree import Number, Reading

if TYPE_CHECKING:
    from archc.backends.torchfile.network import Classes


@dataclass
class Parameter:
    """A parameter of the constructor: its symbol, its name in the spec, its default if any."""

    symbol: Symbol
    name: str
    default: ast.expr | None


class Class:
    """The class of some uses of a block. Raises Parted or Unrollable where they can't share it."""

    def __init__(
        self,
        classes: Classes,
        modules: Sequence[Module],
        written_out: Collection[int],
        last: Class | None = None,
    ) -> None:
        self.classes, self.modules = classes, modules
        first = modules[0]
        self.block, self.is_root = first.block, first.block is classes.network.root.block
        self.symbol = Symbol(first.name) if last is None else last.symbol
        self.last = last
        self.takes: list[tuple[str, Parameter | Symbol]] = []
        self.is_network = first.is_network
        self.body = merged(modules, written_out)
        self.untangle()
        self.around = {id(item): body for item, body, _ in items(self.body)}
        self.taken = [taken(m) for m in modules]
        self.inputs = [Symbol(n) for n in input_names(first)]
        self.straight: dict[int, Sequence[Ends]] = {}
        self.whole = self.mark(self.body, root=True)
        self.wiring = Wiring(self.body, modules, self.taken, self.straight)
        self.exprs = Exprs(self)
        self.channels = Channels(self)
        self.used: dict[str, None] = {}
        self.parameters: dict[str, Parameter] = {}
        self.sizes: dict[int, Symbol] = {}
        self.loops: dict[tuple[int, str], Symbol] = {}
        self.lets: dict[str, tuple[Symbol, ast.expr]] = {}
        self.carrying: dict[int, Symbol] = {}
        self.carries: dict[int, list[Carry]] = {}
        self.helpers: dict[str, Symbol] = {}
        self.kept: dict[str, tuple[Symbol, ast.expr]] = {}
        self.dotted: dict[str, ast.expr] = {}
        self.settings: dict[str, Parameter] = {}
        self.counters: dict[int, Symbol] = {}
        self.bare = self.bare_groups()
        self.results = self.wire_outputs()

    # Which groups are modules

    def untangle(self) -> None:
        """Take the names of steps without tensors that meet under one key: each is a step."""
        counts: dict[int, Counter[str]] = {p: Counter() for p in range(len(self.modules))}
        found = [a for a, _, _ in applications(self.body) if a.main and not a.nodes[0].again]
        for item, body, _ in applications(self.body):
            if item.main and not item.nodes[0].again:
                for p, node in enumerate(item.nodes):
                    counts[use_of(body, p)][node.path] += 1
        twice = {path for count in counts.values() for path, k in count.items() if k > 1}
        for item in found:
            light = not any(n.tensors if n.module is None else n.module.owns for n in item.nodes)
            if light and any(n.path in twice for n in item.nodes):
                item.main, item.each = False, [() for _ in item.each]

    def mark(self, body: Body, *, root: bool = False) -> bool:
        """Mark the outermost straight groups; say whether the body as a whole is one."""
        if root and self.is_straight():
            return True
        for item in body.items:
            if isinstance(item, Group | Repeat) and item.segments:
                found = [self.ends(item, p, body) for p in range(body.size)]
                heavy = any(n.held or n.module for p in range(body.size) for n in item_nodes(item, p))
                if all(found) and heavy and _entered(item):
                    self.straight[id(item)] = [e for e in found if e is not None]
                    item.made |= {id(e[1]) for e in found if e is not None}
                    continue
            for inner in bodies(item):
                self.mark(inner)
        return False

    def ends(self, item: Group | Repeat, row: int, body: Body) -> Ends | None:
        """Return what goes into a group in a row and comes out."""
        module = self.modules[use_of(body, row)]
        return ends(item_nodes(item, row), item.starts[row], module, self.has_module)

    def is_straight(self) -> bool:
        """Whether the whole block is a chain of modules."""
        if not all(a.main for a, _, _ in applications(self.body)):
            return False
        if self.is_root or any(not _unnamed(i) for i, _, _ in items(self.body)):
            return False
        for p, module in enumerate(self.modules):
            if len(module.inputs) != 1 or not isinstance(module.takes[0], Value):
                return False
            if len(module.outputs) != 1 or not isinstance(module.result, Value):
                return False
            found = ends(nodes(self.body, p), module.inputs[0], module, self.has_module)
            if found is None or found[1] is not module.result or found[0] is not module.inputs[0]:
                return False
        return True

    def has_module(self, node: Node) -> bool:
        """Whether an application is a module by itself."""
        if node.module is not None:
            return True
        assert node.op is not None
        if node.op.registered or node.op.inputs != 1 or any(s.batch != "b" for s in node.shapes):
            return False
        return bool(type(node.op).module(plain_use(node)))

    def bare_groups(self) -> set[str]:
        """Return the paths of groups that hold a tensor of their own, as no container can."""
        bare = set()
        for item, _, _ in items(self.body):
            if isinstance(item, Apply) and item.nodes[0].op is not None:
                node = item.nodes[0]
                if "" in node.tensors or (node.op is not None and node.op.registered):
                    registered = node.op is not None and node.op.registered
                    bare.add(item.paths[0] if registered else item.paths[0].rpartition(".")[0])
        return bare - {""}

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
        return self.classes.imported(name)

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

    # Loops

    def loop_variable(self, loop: Repeat, name: str) -> Symbol:
        """Return the variable of a loop."""
        key = (id(loop), name)
        if key not in self.loops:
            self.loops[key] = Symbol(name)
        return self.loops[key]

    def loop_symbols(self, loop: Repeat) -> list[Symbol]:
        """Return the variables of a loop."""
        return [self.loop_variable(loop, n) for n in loop.loop.names]

    def single(self, loop: Repeat) -> bool:
        """Whether a loop has one turn wherever it stands, so that it is none of the file."""
        return len(loop.turns.up) == len(loop.paths) == len({*loop.turns.up})

    def spot(self, item: Item) -> Spot:
        """Return where an item stands, with how its text was read."""
        body = self.around[id(item)]
        return Spot(body, body.items.index(item), dict(enumerate(item.rows)))

    def count_of(self, loop: Repeat) -> ast.expr:
        """Return the number of turns of a loop."""
        spot = self.spot(loop)
        node = loop.loop.node
        counts = {p: sum(u == p for u in loop.turns.up) for p in spot.rows}
        if loop.loop.counted:
            return self.exprs.argument(spot, counts, self.reads(spot, node), "a count")
        if alike([*counts.values()]):
            return literal(counts[0])
        raise Unspelled("the length of a loop")

    def reads(self, spot: Spot, node: ast.expr) -> dict[int, Written | None]:
        """Return a piece of a text as it was read."""
        return {p: Written(r.text, r.scope, node, r.values) for p, r in spot.rows.items()}

    def header(self, loop: Repeat, body: Body) -> tuple[ast.expr, ast.expr]:
        """Return the target of a loop, and what it goes over."""
        counter = self.counters.get(id(loop))
        if counter is not None and not any(s.id in self.used for s in self.loop_symbols(loop)):
            return counter.name, call("range", self.count_of(loop))
        target, over = self.plain_header(loop, body)
        if counter is not None:
            pair = ast.Tuple([counter.name, target], ast.Store())
            return pair, call("enumerate", over)
        return target, over

    def plain_header(self, loop: Repeat, body: Body) -> tuple[ast.expr, ast.expr]:
        """Return the target of a loop and what it goes over, as the text has it."""
        target = substituted_names(
            loop.loop.target, {n: self.loop_variable(loop, n) for n in loop.loop.names}
        )
        if loop.loop.counted:
            return target, call("range", self.count_of(loop))
        spot, node = self.spot(loop), loop.loop.node
        values = spot.values(node)
        if any(_has_values(v) for v in values.values()):
            if any(s.id in self.used for s in self.loop_symbols(loop)):
                raise Unrollable(id(loop.loop), "numbers beside values")
            return self.counters.setdefault(id(loop), Symbol("k")).name, call(
                "range", self.count_of(loop)
            )
        try:
            return target, self.over(node, spot)
        except (Unspelled, Unwired) as error:
            rows = {p: frozen(v) for p, v in spot.values(node).items()}
            raise part_uses(body, rows, len(self.modules), f"a loop: {error}") from None

    def over(self, node: ast.expr, spot: Spot) -> ast.expr:
        """Return the list of a loop; `enumerate`, `zip` and `range` are Python's."""
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if isinstance(node, ast.Call) and name in ("enumerate", "zip", "range"):
            return call(name, *(self.over(a, spot) for a in node.args))
        return self.exprs.text(node, spot)

    def index(self, values: Mapping[int, int], body: Body) -> ast.expr:
        """Return an index: a constant, or the variable of a loop around, with a constant added.

        Raises Parted or Unrollable where no variable gives it.
        """
        if len({*values.values()}) == 1:
            return literal(next(iter(values.values())))
        rows, at = {q: q for q in values}, body
        while at.around is not None:
            owner = at.owner
            if isinstance(owner, Repeat) and not owner.written_out:
                for name in owner.loop.names:
                    bound = {q: at.scopes[r].values_.get(name) for q, r in rows.items()}
                    if (found := self.shifted(owner, name, bound, values)) is not None:
                        return found
                if not owner.loop.counted and all(
                    values[q] == at.turn[r] for q, r in rows.items()
                ):
                    return self.counters.setdefault(id(owner), Symbol("k")).name
            rows, at = {q: at.up[r] for q, r in rows.items()}, at.around
        raise part_uses(body, values, len(self.modules), "an index that no variable gives")

    def shifted(
        self, loop: Repeat, name: str, bound: Mapping[int, Any], values: Mapping[int, int]
    ) -> ast.expr | None:
        """Return the variable of a loop with a constant added, where that gives the values."""
        if not all(type(v) is int for v in bound.values()):
            return None
        apart = {values[q] - v for q, v in bound.items()}
        if len(apart) != 1:
            return None
        by, variable = apart.pop(), self.use(self.loop_variable(loop, name))
        if by == 0:
            return variable
        return ast.BinOp(variable, ast.Add() if by > 0 else ast.Sub(), literal(abs(by)))

    # Channels that a loop carries

    def channel_variable(self, carry: Carry) -> Symbol:
        """Return the variable of the constructor that says the channels of what a loop carries."""
        if id(carry) not in self.carrying:
            self.carrying[id(carry)] = Symbol("channels")
            self.carries.setdefault(id(carry.loop), []).append(carry)
        return self.carrying[id(carry)]

    def channel_steps(self, loop: Repeat) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Return what sets such variables before a loop and at the end of each turn."""
        before: list[ast.stmt] = []
        after: list[ast.stmt] = []
        for carry in self.carries.get(id(loop), []):
            try:
                self.channel_step(carry, before, after)
            except (Unspelled, Unwired) as error:
                raise Unrollable(id(loop.loop), str(error)) from None
        return before, after

    def channel_step(
        self, carry: Carry, before: list[ast.stmt], after: list[ast.stmt]
    ) -> None:
        """Add what sets the channels of what a loop carries."""
        if True:
            variable = self.carrying[id(carry)].name
            if carry.init is not None:
                first = [v for q, v in carry.want.items() if carry.body.turn[q] == 0]
                before.append(assign(variable, self.channels.operand(carry.init, first)))
            if carry.next is not None:
                later = [v for q, v in carry.want.items() if carry.body.turn[q]]
                end = self.channels.operand(carry.next, later)
                if ast.dump(end) != ast.dump(variable):
                    after.append(assign(variable, end))

    def channels_of(self, body: Body, k: int, values: Mapping[int, Any]) -> ast.expr:
        """Return the channels of a value that is needed somewhere."""
        return self.channels.of(body, k, values)

    def gives(self, tree: ast.expr, body: Body, sizes: Mapping[int, int]) -> bool:
        """Whether an expression has these values in these rows: it is worked out."""
        if not any(isinstance(n, ast.Name) for n in ast.walk(tree)) and not alike(
            [_plain_value(v) for v in sizes.values()]
        ):
            return False
        if any(not _is_number(v) for v in sizes.values()):
            return True  # an op, which is no number
        source = ast.Expression(ast.fix_missing_locations(substituted(tree, {})))
        try:
            code = compile(source, "numbers", "eval")
        except (TypeError, ValueError):
            return False
        known = {s.id: FUNCTIONS[n].compute for n, s in self.classes.helpers.items()}
        for p, size in sizes.items():
            try:
                found = eval(code, {**vars(builtins), "math": math, "nn": None, **known, **self.bound(body, p)})  # noqa: S307 - our own tree, of numbers
            except (NameError, TypeError, KeyError, IndexError, ArithmeticError, AttributeError):
                return False
            if _plain_value(found) != _plain_value(size):
                return False
        return True

    def bound(self, body: Body, row: int) -> dict[str, Any]:
        """Return what the symbols of an expression are in a row."""
        scope: dict[str, Any] = {}
        use = use_of(body, row)
        for p in self.parameters.values():
            scope[p.symbol.id] = self.modules[use].arguments.get(p.name)
        for k, symbol in self.sizes.items():
            given = self.taken[use][k]
            scope[symbol.id] = (
                given.shape.channels
                if isinstance(given, Value)
                else [v.shape.channels for v in given]
            )
        for name, (symbol, _) in self.lets.items():
            scope[symbol.id] = self.modules[use].scope.values_.get(name)
        for p in self.settings.values():
            scope[p.symbol.id] = self.modules[0].scope[p.name]
        at, p = body, row
        while at.around is not None:
            if isinstance(at.owner, Repeat):
                for (loop, name), symbol in self.loops.items():
                    if loop == id(at.owner):
                        scope[symbol.id] = at.scopes[p].values_.get(name)
                if id(at.owner) in self.counters and at.turn:
                    scope[self.counters[id(at.owner)].id] = at.turn[p]
                for carry in self.carries.get(id(at.owner), []):
                    value = carry.want.get(p)
                    if isinstance(value, Value):
                        scope[self.carrying[id(carry)].id] = value.shape.channels
            at, p = at.around, at.up[p]
        return scope

    # Ops and blocks

    def written(self, item: Apply, name: str) -> dict[int, Written | None]:
        """Return the text of an argument in each row."""
        return {p: dict(n.callee.origins).get(name) for p, n in enumerate(item.nodes)}

    def op_argument(self, item: Apply, body: Body, k: int, name: str) -> ast.expr:
        """Return an argument of an op."""
        values = {p: getattr(n.op, name) for p, n in enumerate(item.nodes)}
        spot = Spot(body, k, dict(enumerate(item.rows)))
        why = f"`{name}` of {item.nodes[0].name}"
        return self.exprs.argument(spot, values, self.written(item, name), why)

    def op_use(self, item: Apply, body: Body, k: int, *, inplace: bool = False) -> Use:
        """Return what an op's spelling looks at."""
        first = item.nodes[0]
        assert first.op is not None
        cls = type(first.op)
        layouts = {p: _layouts(n) for p, n in enumerate(item.nodes)}
        if len({*layouts.values()}) > 1:
            raise part_uses(body, layouts, len(self.modules), "other layouts")
        args: dict[str, Py] = {}
        for name in cls.model_fields:
            values = {p: getattr(n.op, name) for p, n in enumerate(item.nodes)}
            decisive = name in cls.decisive or any(isinstance(v, str) for v in values.values())
            tree = self.op_argument(item, body, k, name)
            args[name] = self.py(tree, [*values.values()])
            if args[name].value is VARIES and decisive:
                if not alike([*values.values()]):
                    labels = {p: frozen(v) for p, v in values.items()}
                    raise part_uses(body, labels, len(self.modules), f"`{name}` decides")
                args[name] = self.py(literal(values[0]), [values[0]])
        channels: tuple[Py, ...] = ()
        if first.held or cls.sized:
            counts = {len(n.inputs) for n in item.nodes}
            if len(counts) > 1:
                labels = {p: len(n.inputs) for p, n in enumerate(item.nodes)}
                raise part_uses(body, labels, len(self.modules), "other numbers of inputs")
            channels = tuple(self.input_channels(item, body, k, j) for j in range(counts.pop()))
        return Use(args, channels, first.shapes, inplace=inplace)

    def input_channels(self, item: Apply, body: Body, k: int, j: int) -> Py:
        """Return the channels of an input of an op, or what it has in their place."""
        values = {p: n.inputs[j] for p, n in enumerate(item.nodes)}
        sizes = {p: n.op.features(values[p].shape) if n.op else 0 for p, n in enumerate(item.nodes)}
        own = all(values[p].shape.channels == size for p, size in sizes.items())
        if own:
            try:
                tree = self.channels.of(body, k, values)
                if not self.gives(tree, body, sizes):
                    raise Unspelled("channels that are others")
                return self.py(tree, [*sizes.values()])
            except (Unspelled, Unwired) as error:
                if not alike([*sizes.values()]):
                    why = f"channels: {error}"
                    raise part_uses(body, sizes, len(self.modules), why) from None
        if not alike([*sizes.values()]):
            raise part_uses(body, sizes, len(self.modules), "features")
        return Py.of(sizes[0])

    def py(self, tree: ast.expr, values: Sequence[Any]) -> Py:
        """Return an expression as an op's spelling takes it."""
        text = ast.unparse(tree)
        if _is_constant(tree):
            value = values[0]
            return Py.of(value) if not isinstance(value, tuple) else Py(text, value)
        listed = any(isinstance(v, tuple) for v in values)
        return Py(text, VARIES, listed, any(v is None for v in values))

    def has_function(self, item: Apply, body: Body, k: int) -> bool:
        """Whether an op can be applied without a module."""
        node = item.nodes[0]
        assert node.op is not None
        if node.held or node.op.has_mode or self.from_parameter(item):
            return False
        count = max(1, len(node.inputs)) + (2 if node.op.registered else 0)
        return bool(type(node.op).function(plain_use(node), *(f"x{i}" for i in range(count))))

    def from_parameter(self, item: Apply) -> str:
        """Return the name of the parameter that an application applies, "" where it is no one's."""
        head = item.at.func if isinstance(item.at, ast.Call) else item.at
        if not isinstance(head, ast.Name) or item.nodes[0].op is None:
            return ""
        kinds = {type(n.op) for n in item.nodes}
        if isinstance(item.at, ast.Name) and head.id in self.modules[0].arguments:
            given = [m.arguments.get(head.id) for m in self.modules]
            if alike(given) and len(kinds) == 1:
                return ""
            if not all(_plain(v) for v in given):
                labels = {
                    p: frozen(self.modules[use_of(self.around[id(item)], p)].arguments.get(head.id))
                    for p in range(len(item.nodes))
                }
                raise part_uses(
                    self.around[id(item)], labels, len(self.modules), "an op with arguments"
                )
            return head.id
        if len(kinds) > 1:
            labels = {p: type(n.op).name for p, n in enumerate(item.nodes) if n.op}
            raise part_uses(self.around[id(item)], labels, len(self.modules), "other ops")
        return ""

    def module(self, item: Apply, body: Body, k: int) -> ast.expr:
        """Return what makes the module of an application."""
        node = item.nodes[0]
        if node.op is None:
            return self.classes.call(self, item, body, k)
        inplace = self.overwrites(item)
        if name := self.from_parameter(item):
            keywords = [ast.keyword("inplace", ast.Constant(True))] if inplace else []
            return ast.Call(self.use(self.parameter(name)), [], keywords)
        text = type(node.op).module(self.op_use(item, body, k, inplace=inplace))
        if not text:
            return call("nn.Identity")
        self.classes.note(type(node.op), self.op_use(item, body, k))
        return parsed(text)

    def overwrites(self, item: Apply) -> bool:
        """Whether an activation may write over its input in every use."""
        return all(
            n.op is not None
            and n.op.activation
            and len(n.inputs) == 1
            and getattr(n.op, "in_place", True)
            and self.classes.overwriting.overwritable(self.modules[use_of(self.around[id(item)], p)], n.inputs[0])
            for p, n in enumerate(item.nodes)
        )

    def buffers(self, item: Apply, body: Body, k: int, on: ast.expr) -> list[ast.stmt]:
        """Return the statements that register the tensors of an op."""
        node = item.nodes[0]
        assert node.op is not None
        use = self.op_use(item, body, k)
        return [
            ast.Expr(
                call(
                    ast.Attribute(on, "register_buffer", ast.Load()),
                    ast.Constant(name),
                    parsed(text),
                )
            )
            for name, text in type(node.op).buffers(use).items()
        ]

    def again(self, item: Apply, modules: Modules) -> ast.expr:
        """Return the module of the first use of what is used again."""
        for first, _, _ in applications(self.body):
            if not first.nodes[0].again and first.main and id(first) in modules.references:
                paths = {n.path for n in first.nodes}
                if len(paths) == 1 and paths == {n.path for n in item.nodes}:
                    return modules.references[id(first)]()
        labels = {p: n.path for p, n in enumerate(item.nodes)}
        raise part_uses(self.around[id(item)], labels, len(self.modules), "a module used again")

    # Choices

    def test(self, item: Choice, body: Body) -> ast.expr:
        """Return the test of a choice. Raises Parted or Unrollable."""
        spot = self.spot(item)
        if item.presence:
            assert isinstance(item.test, ast.Name)
            name = item.test.id
            given = [m.arguments.get(name) for m in self.modules]
            if not all(_plain(v) for v in given):
                labels = dict(enumerate(item.taken))
                raise part_uses(body, labels, len(self.modules), "a block as an argument")
            parameter = self.use(self.parameter(name))
            return ast.Compare(parameter, [ast.IsNot()], [ast.Constant(None)])
        try:
            return self.exprs.text(item.test, spot)
        except (Unspelled, Unwired) as error:
            labels = dict(enumerate(item.taken))
            raise part_uses(body, labels, len(self.modules), f"a test: {error}") from None

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
            out.append((output.name, output.training, self.wired(self.body, end, values, "an output")))
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
        return self.classes.summary(self, item, body)

    def element(
        self, item: Apply, body: Body, index: ast.expr, numbers: Mapping[int, int]
    ) -> ast.expr:
        """Return the channels of one of the values that a use of another class gives."""
        return self.classes.element(self, item, body, index, numbers)


def _entered(item: Group | Repeat) -> bool:
    """Whether all that a group applies are entries of it."""
    inner = [a for b in bodies(item) for a, _, _ in applications(b)]
    return all(a.main for a in inner)


def _unnamed(item: Item) -> bool:
    """Whether an item is an entry of a list, and not a name of its class."""
    return not item.segments or isinstance(item.segments[0], Number)


def _plain_value(value: Any) -> Any:
    """Return a value with lists as tuples, to be compared."""
    return tuple(map(_plain_value, value)) if isinstance(value, list | tuple) else value


def _is_number(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_number, value))
    return value is None or isinstance(value, int | float | bool | str)


def _has_values(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_has_values(v) for v in value)
    return isinstance(value, Value)


def _plain(value: Any) -> bool:
    """Whether a value can be an argument: an op can, with nothing set."""
    if not isinstance(value, Callee):
        return True
    target = value.target
    return not isinstance(target, BlockDef) and not value.arguments and bool(target.torch_module)


def _layouts(node: Node) -> Any:
    found = [(s.batch, s.layout) for s in node.shapes]
    return tuple(found[:1] if alike([repr(f) for f in found]) else found)


def _is_constant(tree: ast.expr) -> bool:
    match tree:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return True
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            return all(_is_constant(e) for e in elts)
    return False


def plain_use(node: Node) -> Use:
    """Return a use of an op by itself."""
    op = node.op
    assert op is not None
    args = {name: Py.of(getattr(op, name)) for name in type(op).model_fields}
    return Use(args, tuple(Py.of(op.features(s)) for s in node.shapes), node.shapes)


def parsed(text: str) -> ast.expr:
    """Return the expression that an op spells."""
    return ast.parse(text, mode="eval").body


def substituted_names(tree: ast.expr, by: Mapping[str, Symbol]) -> ast.expr:
    """Return the target of a loop with symbols for its names."""
    return substituted(tree, {n: s.name for n, s in by.items()})


__all__ = ["MISSING", "Carry", "Class", "Collect", "Elem", "Modules", "Out", "Target", "in_loop"]
