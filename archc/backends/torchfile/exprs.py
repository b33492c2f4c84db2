"""What an argument is in a class: a literal where it never differs, else the author's text.

A name of the text is a parameter of the block, the variable of a loop, a derived value, or a
param of the file. What is the same in all uses of a block is static: text of static names alone
is a literal, and the side of a choice that no use takes is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archc.backends.torchfile.merge import Body, Choice, Group, Item, Parted, Repeat, Unrollable
from archc.backends.torchfile.merge import use_of
from archc.backends.torchfile.symbols import Symbol
from archc.backends.torchfile.wiring import Unwired
from archc.graph import Module, Value
from archc.language.evaluate import CONSTANTS, EvalFault, Evaluator
from archc.language.expr import Expr
from archc.lower.origins import Written
from archc.lower.scope import BlockDef, Callee, Scope
from archc.ops import Op
from archc.tree import Reading

if TYPE_CHECKING:
    from archc.backends.torchfile.classes import Class

MISSING = object()
BUILTINS = {"min", "max", "abs", "round", "int", "float", "len", "sum", "sorted"}
MATH = {"ceil", "floor", "sqrt", "log", "log2", "exp"}
HELPED = {"make_divisible", "linspace", "cut"}
"""Functions of the language that Python lacks, see `helpers`."""


class Unspelled(Exception):
    """A text that the class can't say; it may be that it need not, being the same everywhere."""


@dataclass(frozen=True)
class Spot:
    """Where a text stands: before item `k` of a body, read in some of its rows."""

    body: Body
    k: int
    rows: Mapping[int, Reading]

    def part(self, rows: Iterable[int]) -> Spot:
        """Return the spot with fewer rows."""
        return Spot(self.body, self.k, {p: self.rows[p] for p in rows})

    def values(self, node: ast.expr) -> dict[int, Any]:
        """Return what a piece of the text is in each row."""
        return {p: _value(reading, node) for p, reading in self.rows.items()}

    def constant(self, node: ast.expr) -> bool:
        """Whether a piece of the text is the same in all rows."""
        values = [*self.values(node).values()]
        return MISSING not in values and alike(values)


def _value(reading: Reading, node: ast.expr) -> Any:
    """Return what a piece of a text is; a text that lowering took as a whole is evaluated."""
    if id(node) in reading.values:
        return reading.values[id(node)]
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in reading.scope:
        return reading.scope[node.id]
    try:
        return Evaluator(reading.scope).evaluate(node)
    except (EvalFault, KeyError, TypeError, AttributeError):
        return MISSING


def frozen(value: Any) -> Any:
    """Return what tells a value from others, in type too."""
    if isinstance(value, list | tuple):
        return tuple(frozen(v) for v in value)
    if isinstance(value, Callee):
        return (value.name, id(value.target), frozen([v for _, v in value.arguments]))
    if isinstance(value, bool | int | float | str) or value is None:
        return (type(value).__name__, value)
    return id(value)


def alike(values: Sequence[Any]) -> bool:
    """Whether values are equal, in type too."""
    return len({frozen(v) for v in values}) <= 1


def part_uses(body: Body, labels: Mapping[int, Any], count: int, why: str) -> Exception:
    """Return what parts the uses of rows with other labels, or writes out their loop."""
    by_use: dict[int, list[Any]] = {}
    for row, label in sorted(labels.items()):
        by_use.setdefault(use_of(body, row), []).append(label)
    if any(len(set(found)) > 1 for found in by_use.values()):
        at: Body | None = body
        while at is not None and at.owner is not None:
            if isinstance(at.owner, Repeat) and not at.owner.written_out:
                return Unrollable(id(at.owner.loop), why)
            at = at.around
    return Parted([tuple(by_use.get(u, ())) for u in range(count)], why)


def literal(value: Any) -> ast.expr:
    """Return a constant, or an op that is an argument."""
    if isinstance(value, list | tuple):
        return ast.Tuple([literal(v) for v in value], ast.Load())
    if isinstance(value, Callee):
        return callee(value)
    if isinstance(value, bool | str) or value is None:
        return ast.Constant(value)
    if isinstance(value, int | float):
        if value < 0:
            return ast.UnaryOp(ast.USub(), ast.Constant(-value))
        return ast.Constant(value)
    raise Unspelled(f"a value that is no constant: {value!r}")


def callee(value: Callee) -> ast.expr:
    """Return the class of an op that is an argument."""
    target = value.target
    if isinstance(target, BlockDef) or value.arguments or not target.torch_module:
        raise Unspelled("a block as an argument")
    return ast.parse(target.torch_module, mode="eval").body


def taken(module: Module) -> list[Any]:
    """Return what a block takes, by its named inputs: `...rest` is a list."""
    own = list(module.takes)
    if not isinstance(module.block, BlockDef):
        return own
    inputs = [str(n) for n in module.block.block.inputs]
    return [own[k:] if n.startswith("...") else own[k] for k, n in enumerate(inputs)]


def input_names(module: Module) -> list[str]:
    """Return the names of a block's inputs."""
    if not isinstance(module.block, BlockDef):
        return ["x"]
    return [str(n).removeprefix("...") for n in module.block.block.inputs]


class Exprs:
    """The expressions of one class."""

    def __init__(self, owner: Class) -> None:
        self.owner = owner
        self.modules: Sequence[Module] = owner.modules
        self.static: dict[str, bool] = {}

    # Arguments

    def argument(
        self,
        spot: Spot,
        values: Mapping[int, Any],
        written: Mapping[int, Written | None],
        why: str = "an argument",
    ) -> ast.expr:
        """Return an argument, given what it is in each row and the text that says so, if any.

        Raises Parted or Unrollable where the class can't say it.
        """
        try:
            tree = self._argument(spot, values, written)
            if not self.owner.gives(tree, spot.body, values):
                raise Unspelled("a text that says something else")
            return tree
        except (Unspelled, Unwired) as error:
            if alike([*values.values()]):
                try:
                    return literal(next(iter(values.values())))
                except Unspelled:
                    pass
            labels = {p: frozen(v) for p, v in values.items()}
            raise part_uses(spot.body, labels, len(self.modules), f"{why}: {error}") from None

    def _argument(
        self, spot: Spot, values: Mapping[int, Any], written: Mapping[int, Written | None]
    ) -> ast.expr:
        texts: dict[Any, list[int]] = {}
        for p in values:
            text = written.get(p)
            texts.setdefault(_place(text), []).append(p)
        if len(texts) > 1:
            return self.by_turn(spot, values, written, list(texts.values()))
        text = next(iter(written.values()), None) if written else None
        if text is None:
            if not alike([*values.values()]):
                raise Unspelled("no text says it")
            return literal(next(iter(values.values())))
        return self.written(spot, values, written)

    def written(
        self, spot: Spot, values: Mapping[int, Any], written: Mapping[int, Written | None]
    ) -> ast.expr:
        """Return what one text says in all rows."""
        texts = {p: w for p, w in written.items() if w is not None}
        first = next(iter(texts.values()))
        if isinstance(first.text, tuple) and first.node is None:
            if self.is_static(first.text, next(iter(texts.values())).scope, spot):
                return literal(next(iter(values.values())))
            parts = []
            for k in range(len(first.text)):
                parts.append(
                    self.written(
                        spot,
                        {p: v[k] for p, v in values.items()},
                        {p: Written(w.text[k], w.scope, None, w.values) for p, w in texts.items()},
                    )
                )
            return ast.Tuple(parts, ast.Load())
        node = first.tree
        assert node is not None
        whole = [*values.values()]
        if isinstance(node, ast.Call) and all(
            isinstance(v, tuple) and len(v) == len(node.args) for v in whole
        ):  # the arguments of an op that takes any number of them
            return ast.Tuple(
                [
                    self.written(
                        spot,
                        {p: v[k] for p, v in values.items()},
                        {p: Written(w.text, w.scope, node_args(w)[k], w.values) for p, w in texts.items()},
                    )
                    for k in range(len(node.args))
                ],
                ast.Load(),
            )
        rows = {p: Reading(w.text, w.scope, {**w.values, id(node): values[p]}) for p, w in texts.items()}
        return self.text(node, Spot(spot.body, spot.k, rows))

    def by_turn(
        self,
        spot: Spot,
        values: Mapping[int, Any],
        written: Mapping[int, Written | None],
        groups: list[list[int]],
    ) -> ast.expr:
        """Return an argument that the first or the last turn of a loop says otherwise."""
        if len(groups) != 2:
            raise Unspelled("several texts say it")
        for one, other in (groups, groups[::-1]):
            test = self.turn_test(spot, one)
            if test is not None:
                sides = [
                    self._argument(
                        spot.part(rows),
                        {p: values[p] for p in rows},
                        {p: written.get(p) for p in rows},
                    )
                    for rows in (one, other)
                ]
                if ast.dump(sides[0]) == ast.dump(sides[1]):
                    return sides[0]
                return ast.IfExp(test, sides[0], sides[1])
        raise Unspelled("two texts say it")

    def turn_test(self, spot: Spot, rows: Sequence[int]) -> ast.expr | None:
        """Return the test that holds in these rows alone: the first turn, or the last."""
        body, lifted = spot.body, {p: p for p in spot.rows}
        while body.around is not None:
            owner = body.owner
            if isinstance(owner, Repeat) and not owner.written_out and owner.loop.counted:
                first = {p for p, q in lifted.items() if body.turn[q] == 0}
                turns = {u: body.up.count(u) for u in set(body.up)}
                last = {p for p, q in lifted.items() if body.turn[q] == turns[body.up[q]] - 1}
                variable = self.owner.loop_variable(owner, owner.loop.names[0])
                if first == set(rows):
                    return ast.Compare(variable.name, [ast.Eq()], [ast.Constant(0)])
                if last == set(rows):
                    count = self.owner.count_of(owner)
                    end = ast.BinOp(count, ast.Sub(), ast.Constant(1))
                    if isinstance(count, ast.Constant) and isinstance(count.value, int):
                        end = ast.Constant(count.value - 1)  # type: ignore[assignment]
                    return ast.Compare(variable.name, [ast.Eq()], [end])
            lifted = {p: body.up[q] for p, q in lifted.items()}
            body = body.around
        return None

    # Text

    def text(self, node: ast.expr, spot: Spot) -> ast.expr:
        """Return what a piece of text is in a class; raises Unspelled."""
        if self.is_static(node, next(iter(spot.rows.values())).scope, spot) and spot.constant(node):
            return literal(next(iter(spot.values(node).values())))
        match node:
            case ast.Constant():
                return literal(node.value)
            case ast.Name():
                return self.name(node, spot)
            case ast.Attribute(value=of, attr="channels"):
                return self.channels(of, spot)
            case ast.Call():
                return self.call(node, spot)
            case ast.IfExp():
                return self.choice(node, spot)
            case ast.BoolOp():
                return self.junction(node, spot)
            case ast.BinOp():
                left, right = self.text(node.left, spot), self.text(node.right, spot)
                return simplified(ast.BinOp(left, node.op, right))
            case ast.UnaryOp():
                return ast.UnaryOp(node.op, self.text(node.operand, spot))
            case ast.Compare():
                return ast.Compare(
                    self.text(node.left, spot),
                    node.ops,
                    [self.text(c, spot) for c in node.comparators],
                )
            case ast.Subscript(value=of, slice=ast.Slice(lower, upper, step)):
                parts = [None if b is None else self.text(b, spot) for b in (lower, upper, step)]
                return ast.Subscript(self.text(of, spot), ast.Slice(*parts), ast.Load())
            case ast.Subscript():
                of, index = self.text(node.value, spot), self.text(node.slice, spot)
                return ast.Subscript(of, index, ast.Load())
            case ast.List() | ast.Tuple():
                return ast.List([self.text(e, spot) for e in node.elts], ast.Load())
        raise Unspelled(f"text of another kind: {ast.unparse(node)}")

    def choice(self, node: ast.IfExp, spot: Spot) -> ast.expr:
        """Return a choice; what all rows choose is what it is."""
        tests = {p: v if v is MISSING else bool(v) for p, v in spot.values(node.test).items()}
        if MISSING in tests.values():
            raise Unspelled("a choice that was not read")
        yes, no = ([p for p, t in tests.items() if t is side] for side in (True, False))
        if not yes or not no:
            return self.text(node.body if yes else node.orelse, spot)
        sides = (self.text(node.body, spot.part(yes)), self.text(node.orelse, spot.part(no)))
        return ast.IfExp(self.text(node.test, spot), *sides)

    def junction(self, node: ast.BoolOp, spot: Spot) -> ast.expr:
        """Return `and` and `or` without the parts that never decide."""
        neutral = isinstance(node.op, ast.And)
        kept: list[ast.expr] = []
        rows = spot
        for part in node.values:
            values = {p: v for p, v in rows.values(part).items() if v is not MISSING}
            if not values:
                break
            rows = rows.part(values)
            if not all(bool(v) is neutral for v in values.values()):
                kept.append(self.text(part, rows))
            rows = rows.part([p for p, v in values.items() if bool(v) is neutral])
        if not kept:
            return literal(neutral)
        return kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)

    def call(self, node: ast.Call, spot: Spot) -> ast.expr:
        """Return a call of a function of the language."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "len" and (length := self.length(node.args[0], spot)) is not None:
            return length
        if name == "count":
            of, item = (self.text(a, spot) for a in node.args)
            return ast.Call(ast.Attribute(of, "count", ast.Load()), [item], [])
        arguments = [self.text(a, spot) for a in node.args]
        keywords = [ast.keyword(k.arg, self.text(k.value, spot)) for k in node.keywords]
        if name in MATH:
            function: ast.expr = ast.Attribute(ast.Name("math", ast.Load()), name, ast.Load())
        elif name in BUILTINS:
            function = ast.Name(name, ast.Load())
        elif name in HELPED:
            function = self.owner.helper(name).name
        else:
            raise Unspelled(f"the function {name}")
        return ast.Call(function, arguments, keywords)

    def length(self, node: ast.expr, spot: Spot) -> ast.expr | None:
        """Return the length of a list of values, which is that of the list of their channels."""
        values = spot.values(node)
        if not all(_is_values(v) for v in values.values()):
            return None
        for k, symbol in self.owner.channel_lists():
            taken = {p: self.owner.taken[use_of(spot.body, p)][k] for p in values}
            if all(v is not None and _same_items(v, taken[p]) for p, v in values.items()):
                return ast.Call(ast.Name("len", ast.Load()), [self.owner.use(symbol)], [])
        raise Unspelled("the length of a list of values")

    def channels(self, node: ast.expr, spot: Spot) -> ast.expr:
        """Return the channels of a value that a text names."""
        values = spot.values(node)
        if not all(isinstance(v, Value) for v in values.values()):
            raise Unspelled("channels of no value")
        return self.owner.channels_of(spot.body, spot.k, values)

    # Names

    def name(self, node: ast.Name, spot: Spot) -> ast.expr:
        """Return a name: what it means is found by the scope that has it."""
        level = _level(node.id, next(iter(spot.rows.values())).scope)
        if level is None:
            if node.id in CONSTANTS:
                return literal(CONSTANTS[node.id])
            raise Unspelled(f"`{node.id}` is no number")
        if (loop := self.loop_of(level, spot)) is not None:
            if self.owner.single(loop):
                raise Unspelled("the variable of a loop of one turn")
            return self.owner.use(self.owner.loop_variable(loop, node.id))
        own = [m.scope for m in self.modules]
        if any(level is scope for scope in own):
            return self.own_name(node, spot)
        if (splice := self.splice_of(level, spot)) is not None:
            return self.spliced_name(node.id, *splice)
        return self.file_name(node, spot, level)

    def own_name(self, node: ast.Name, spot: Spot) -> ast.expr:
        """Return a parameter of the block, or what it derives."""
        module = self.modules[0]
        if node.id in module.scope.lets:
            return self.owner.let(node.id)
        values = spot.values(node)
        if any(isinstance(v, Value | Module) for v in values.values()):
            raise Unspelled(f"`{node.id}` is a value")
        return self.owner.use(self.owner.parameter(node.id))

    def file_name(self, node: ast.Name, spot: Spot, level: Scope) -> ast.expr:
        """Return a param of the file, or what it derives."""
        argument = self.owner.setting(node.id)
        if argument is not None:
            return argument
        values = spot.values(node)
        if alike([*values.values()]):
            return literal(next(iter(values.values())))
        if node.id in level.lets:
            raise Unspelled(f"`{node.id}` is derived")
        raise Unspelled(f"`{node.id}` is of another place")

    def splice_of(self, level: Scope, spot: Spot) -> tuple[Group, Body, dict[int, int]] | None:
        """Return the block put in whose name a text says, where it is, and its rows there."""
        rows, body = {p: p for p in spot.rows}, spot.body
        first = next(iter(rows))
        while body.around is not None:
            owner = body.owner
            if isinstance(owner, Group) and owner.splices and body.scopes[rows[first]] is level:
                return owner, body, {p: body.up[q] for p, q in rows.items()}
            rows, body = {p: body.up[q] for p, q in rows.items()}, body.around
        return None

    def spliced_name(self, name: str, group: Group, inner: Body, rows: dict[int, int]) -> ast.expr:
        """Return a name of a block put in: what its call says, or what it derives."""
        around = inner.around
        assert around is not None
        ours = sorted({*rows.values()})
        splices = {p: group.splices[p] for p in ours}
        if name in splices[ours[0]].scope.lets:
            values, written = {}, {}
            for p, s in splices.items():
                if name in s.scope.values_:
                    values[p] = s.scope.values_[name]
                    text = s.scope.lets[name]
                    written[p] = Written(text, s.scope, None, s.scope.readings.get(name, {}))
            spot = Spot(inner, 0, {p: Reading(w.text, w.scope, w.values) for p, w in written.items()})
            return self._argument(spot, values, written)
        k = around.items.index(group)
        values = {p: s.node.arguments[name] for p, s in splices.items()}
        texts = {p: dict(s.node.callee.origins).get(name) for p, s in splices.items()}
        return self._argument(Spot(around, k, {p: s.reading for p, s in splices.items()}), values, texts)

    def loop_of(self, level: Scope, spot: Spot) -> Repeat | None:
        """Return the loop around a spot whose turn a scope is."""
        row, body = next(iter(spot.rows)), spot.body
        while body.around is not None:
            if isinstance(body.owner, Repeat) and body.scopes[row] is level:
                if body.owner.written_out:
                    return None
                return body.owner
            row, body = body.up[row], body.around
        return None

    # What is static

    def is_static(self, value: Any, scope: Any, spot: Spot) -> bool:
        """Whether a text is the same wherever the block is used: all its names are."""
        if isinstance(value, tuple):
            return all(self.is_static(v, scope, spot) for v in value)
        tree = value.tree if isinstance(value, Expr) else value
        return all(self.is_static_name(n, scope, spot) for n in names(tree))

    def is_static_name(self, name: str, scope: Any, spot: Spot) -> bool:
        """Whether a name means the same in all uses."""
        level = _level(name, scope)
        if level is None:
            return True  # a function, an op, or a step, whose text has its own places
        if (loop := self.loop_of(level, spot)) is not None:
            turns = [s.values_.get(name) for s in loop.turns.scopes]
            return self.owner.single(loop) and alike(turns)
        if any(level is m.scope for m in self.modules):
            if name not in self.static:
                self.static[name] = self._static(name, spot)
            return self.static[name]
        if (splice := self.splice_of(level, spot)) is not None:
            group = splice[0]
            if name in group.splices[0].scope.lets:
                return False
            return alike([s.node.arguments.get(name) for s in group.splices])
        return self.owner.setting(name) is None

    def _static(self, name: str, spot: Spot) -> bool:
        module = self.modules[0]
        if name in module.scope.lets:
            text = module.scope.lets[name]
            self.static[name] = True  # of a circle, which lowering refused
            return self.is_static(text, module.scope, spot) and not _reads_values(text)
        return alike([m.arguments.get(name) for m in self.modules])


def node_args(written: Written) -> list[ast.expr]:
    """Return the arguments of a call in a text."""
    assert isinstance(written.tree, ast.Call)
    return written.tree.args


def _reads_values(value: Any) -> bool:
    """Whether a text asks for the channels or the size of a value, or for the length of a list."""
    if isinstance(value, tuple):
        return any(_reads_values(v) for v in value)
    tree = value.tree if isinstance(value, Expr) else value
    return any(isinstance(n, ast.Attribute) for n in ast.walk(tree))


def names(tree: ast.expr) -> list[str]:
    """Return the names in a text; what is asked of a value is a name that no scope has."""
    return [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)]


def _level(name: str, scope: Any) -> Scope | None:
    """Return the scope that has a name."""
    at = scope
    while isinstance(at, Scope):
        if name in at.values_ or name in at.lets:
            return at
        at = at.parent
    return None


def _place(written: Written | None) -> Any:
    if written is None:
        return None
    return id(written.node) if written.node is not None else id(written.text)


def _is_values(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(v, Value) for v in value)


def _same_items(a: Any, b: Any) -> bool:
    return (
        isinstance(b, list | tuple)
        and len(a) == len(b)
        and all(x is y for x, y in zip(a, b, strict=True))
    )


def simplified(tree: ast.BinOp) -> ast.expr:
    """Leave out what changes no whole number: `x * 1`, `x + 0`, `x ** 1`, `0 + x`."""
    left, right = _number(tree.left), _number(tree.right)
    match tree.op:
        case ast.Mult() if right == 1:
            return tree.left
        case ast.Mult() if left == 1:
            return tree.right
        case ast.Add() | ast.Sub() if right == 0:
            return tree.left
        case ast.Add() if left == 0:
            return tree.right
        case ast.FloorDiv() | ast.Pow() if right == 1:
            return tree.left
    return tree


def _number(tree: ast.expr) -> int | None:
    plain = isinstance(tree, ast.Constant) and type(tree.value) is int
    return tree.value if plain else None  # type: ignore[attr-defined]


def substituted(tree: ast.expr, by: Mapping[str, ast.expr]) -> ast.expr:
    """Return an expression with others in the place of symbols."""
    match tree:
        case ast.Name(id=name):
            return by.get(name, tree)
        case _:
            changed: dict[str, Any] = {}
            for label, value in ast.iter_fields(tree):
                if isinstance(value, ast.expr):
                    changed[label] = substituted(value, by)
                elif isinstance(value, list):
                    changed[label] = [
                        substituted(v, by) if isinstance(v, ast.expr) else v for v in value
                    ]
                else:
                    changed[label] = value
            return type(tree)(**changed)


__all__ = [
    "MISSING", "Callable", "Choice", "Exprs", "Group", "Item", "Op", "Spot", "Symbol", "Unspelled",
    "alike", "callee", "frozen", "input_names", "literal", "taken", "part_uses", "simplified", "substituted",
]  # fmt: skip
