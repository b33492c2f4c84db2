"""What an argument is in a class: a literal where it never differs, else the author's text.

A name of the text is a parameter of the block, the variable of a loop, a derived value, or a
param of the file. What is the same in all uses of a block is static: text of static names alone
is a literal, and the side of a choice that no use takes is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from archc.backends.torchfile.algebra import simplified
from archc.backends.torchfile.asking import EXTENTS, asks_in
from archc.backends.torchfile.merge import Body, Group, Repeat, use_of
from archc.backends.torchfile.operands import Unwired
from archc.backends.torchfile.owner import Owner
from archc.backends.torchfile.spots import (
    MISSING,
    Spot,
    Unspelled,
    alike,
    frozen,
    level_of,
    literal,
    loop_of,
    part_uses,
    splice_of,
)
from archc.backends.torchfile.statics import Statics
from archc.backends.torchfile.variadic import spread
from archc.graph import Module, Value
from archc.language.evaluate import CONSTANTS
from archc.lower.origins import Written
from archc.lower.scope import Scope
from archc.tree import Reading

BUILTINS = {"min", "max", "abs", "round", "int", "float", "len", "sum", "sorted"}
MATH = {"ceil", "floor", "sqrt", "log", "log2", "exp"}
HELPED = {"make_divisible", "linspace", "cut"}
"""Functions of the language that Python lacks, see `helpers`."""


class Exprs:
    """The expressions of one class."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.statics = Statics(owner)

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
            raise part_uses(spot.body, labels, len(self.owner.modules), f"{why}: {error}") from None

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
            if self.statics.text(first.text, next(iter(texts.values())).scope, spot):
                return literal(next(iter(values.values())))
            parts = [
                self.written(
                    spot,
                    {p: v[k] for p, v in values.items()},
                    {p: Written(w.text[k], w.scope, None, w.values) for p, w in texts.items()},
                )
                for k in range(len(first.text))
            ]
            return ast.Tuple(parts, ast.Load())
        node = first.tree
        assert node is not None
        if (several := spread(self.written, spot, values, texts)) is not None:
            return several
        rows = {
            p: Reading(w.text, w.scope, {**w.values, id(node): values[p]}) for p, w in texts.items()
        }
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
        if self.statics.text(node, next(iter(spot.rows.values())).scope, spot) and spot.constant(
            node
        ):
            return literal(next(iter(spot.values(node).values())))
        match node:
            case ast.Constant():
                return literal(node.value)
            case ast.Name():
                return self.name(node, spot)
            case ast.Attribute(attr=attr) if attr in EXTENTS:
                return self.owner.extents.get(node, spot)
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
        level = level_of(node.id, next(iter(spot.rows.values())).scope)
        if level is None:
            if node.id in CONSTANTS:
                return literal(CONSTANTS[node.id])
            raise Unspelled(f"`{node.id}` is no number")
        if (loop := loop_of(level, spot)) is not None:
            if self.owner.single(loop):
                raise Unspelled("the variable of a loop of one turn")
            return self.owner.use(self.owner.loop_variable(loop, node.id))
        own = [m.scope for m in self.owner.modules]
        if any(level is scope for scope in own):
            return self.own_name(node, spot)
        if (splice := splice_of(level, spot)) is not None:
            return self.spliced_name(node.id, *splice)
        return self.file_name(node, spot, level)

    def own_name(self, node: ast.Name, spot: Spot) -> ast.expr:
        """Return a parameter of the block, or what it derives."""
        module = self.owner.modules[0]
        if node.id in module.scope.lets:
            text = module.scope.lets[node.id]
            if self.owner.extents.running and asks_in(text, module.scope):
                return self.derived(node.id)
            return self.owner.let(node.id)
        values = spot.values(node)
        if any(isinstance(v, Value | Module) for v in values.values()):
            raise Unspelled(f"`{node.id}` is a value")
        return self.owner.use(self.owner.parameter(node.id))

    def derived(self, name: str) -> ast.expr:
        """Return what a name derives, in its place: it asks for sizes, which no constructor has."""
        values, written = {}, {}
        for p, module in enumerate(self.owner.modules):
            scope = module.scope
            if name in scope.values_:
                values[p] = scope.values_[name]
                text, readings = scope.lets[name], scope.readings.get(name, {})
                written[p] = Written(text, scope, None, readings)
        rows = {p: Reading(w.text, w.scope, {}) for p, w in written.items()}
        return self.written(Spot(self.owner.body, 0, rows), values, written)

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
            spot = Spot(
                inner, 0, {p: Reading(w.text, w.scope, w.values) for p, w in written.items()}
            )
            return self._argument(spot, values, written)
        k = around.items.index(group)
        values = {p: s.node.arguments[name] for p, s in splices.items()}
        texts = {p: dict(s.node.callee.origins).get(name) for p, s in splices.items()}
        return self._argument(
            Spot(around, k, {p: s.reading for p, s in splices.items()}), values, texts
        )


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
