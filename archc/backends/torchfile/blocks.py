"""The uses of blocks in a class: which class each has, what it takes, the channels that it gives."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archc.backends.torchfile.algebra import substituted
from archc.backends.torchfile.merge import Apply, Body, Parted, Unrollable
from archc.backends.torchfile.operands import Collect, Input, Operand, Pack, Phi
from archc.backends.torchfile.parameters import Parameter
from archc.backends.torchfile.spots import Spot, Unspelled, literal, part_uses, taken
from archc.backends.torchfile.symbols import Symbol, symbols
from archc.graph import Value

if TYPE_CHECKING:
    from archc.backends.torchfile.classes import Class


class Blocks:
    """The classes of blocks, for those that use them; `helpers` are functions of the file."""

    def __init__(self, of: Mapping[int, Class], helpers: Mapping[str, Symbol]) -> None:
        self.of, self.helpers = of, helpers
        self.resolving: set[int] = set()

    def class_of(self, owner: Class, item: Apply, body: Body) -> Class:
        """Return the class of the block of an application."""
        classes = {p: self.of[id(n.module)] for p, n in enumerate(item.nodes)}
        if len({id(c) for c in classes.values()}) > 1:
            labels = {p: id(c) for p, c in classes.items()}
            raise part_uses(body, labels, len(owner.modules), "classes of its blocks")
        return classes[0]

    def call(self, owner: Class, item: Apply, body: Body, k: int) -> ast.expr:
        """Return what makes the module of a block."""
        cls = self.class_of(owner, item, body)
        arguments: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        for name, p in cls.takes:
            if isinstance(p, Parameter):
                value = self.block_argument(owner, item, body, k, name)
                if p.default is not None:
                    if ast.dump(value) != ast.dump(p.default):
                        keywords.append(ast.keyword(p.symbol.id, value))
                    continue
                if len(arguments) >= 3:
                    keywords.append(ast.keyword(p.symbol.id, value))
                else:
                    arguments.append(value)
            else:
                index = next(i for i, s in cls.sizes.items() if s is p)
                arguments.append(self.block_channels(owner, item, body, k, index))
        return ast.Call(cls.symbol.name, arguments, keywords)

    def block_argument(self, owner: Class, item: Apply, body: Body, k: int, name: str) -> ast.expr:
        """Return an argument of a block."""
        values = {p: n.arguments[name] for p, n in enumerate(item.nodes)}
        spot = Spot(body, k, dict(enumerate(item.rows)))
        written = owner.uses.written(item, name)
        return owner.exprs.argument(spot, values, written, f"`{name}` of {item.nodes[0].name}")

    def block_channels(self, owner: Class, item: Apply, body: Body, k: int, index: int) -> ast.expr:
        """Return the channels of an input of a block, of all of its values if it is a list."""
        inner = {p: taken(n.module)[index] for p, n in enumerate(item.nodes) if n.module}
        outer: dict[int, Any] = {}
        for p, n in enumerate(item.nodes):
            assert n.module is not None
            by = {id(v): u for v, u in zip(n.module.inputs, n.inputs, strict=True)}
            given = inner[p]
            outer[p] = by[id(given)] if isinstance(given, Value) else [by[id(v)] for v in given]
        try:
            if all(isinstance(v, Value) for v in outer.values()):
                tree = owner.channels.of(body, k, outer)
                sizes = {p: v.shape.channels for p, v in outer.items()}
            else:
                tree = self.channel_list(owner, body, k, outer)
                sizes = {p: tuple(v.shape.channels for v in g) for p, g in outer.items()}
            if not owner.gives(tree, body, sizes):
                raise Unspelled("channels that are others")
            return tree
        except Exception as error:
            if isinstance(error, Parted | Unrollable | AssertionError):
                raise
            sizes = {
                p: v.shape.channels if isinstance(v, Value) else tuple(x.shape.channels for x in v)
                for p, v in outer.items()
            }
            if len({*sizes.values()}) == 1:
                return literal(sizes[0])
            raise part_uses(body, sizes, len(owner.modules), f"channels: {error}") from None

    def channel_list(self, owner: Class, body: Body, k: int, lists: Mapping[int, Any]) -> ast.expr:
        """Return the channels of the values of a list, as a list."""
        sizes = {tuple(v.shape.channels for v in given) for given in lists.values()}
        if len(sizes) == 1:
            return ast.List([literal(s) for s in sizes.pop()], ast.Load())
        return self.listed(owner, owner.wiring.value(body, k, dict(lists)))

    def listed(self, owner: Class, operand: Operand) -> ast.expr:
        """Return the channels of the values of an operand that is a list, as a list."""
        match operand:
            case Input():
                return owner.use(owner.channel_symbol(operand.index))
            case Collect():
                values = [v for r in operand.loop.results for v in r]
                each = owner.channels.operand(operand.each, values)
                target, over = owner.header(operand.loop, owner.around[id(operand.loop)])
                generator = ast.comprehension(target, over, [], 0)
                return ast.ListComp(each, [generator])
            case Phi(yes=Operand() as yes, no=Operand() as no):
                sides = self.listed(owner, yes), self.listed(owner, no)
                if ast.dump(sides[0]) == ast.dump(sides[1]):
                    return sides[0]
                return ast.IfExp(owner.test(operand.choice, operand.body), *sides)
            case Pack():
                parts: list[ast.expr] = []
                for part, star in operand.parts:
                    if star:
                        parts.append(ast.Starred(self.listed(owner, part), ast.Load()))
                    else:
                        parts.append(owner.channels.operand(part, owner.channels.all_of(part)))
                return ast.List(parts, ast.Load())
        raise Unspelled("the channels of a list")

    def summary(self, owner: Class, item: Apply, body: Body) -> ast.expr:
        """Return the channels of what a use of a block gives."""
        cls = self.class_of(owner, item, body)
        return self.put(owner, item, body, cls, self.result(cls))

    def result(self, cls: Class) -> ast.expr:
        """Return the channels of what a class gives, over its parameters."""
        values = [m.result for m in cls.modules]
        if any(not isinstance(v, Value) for v in values):
            raise Unspelled("the channels of a list")
        used = dict(cls.used)
        try:
            if id(cls) in self.resolving:
                raise Unspelled("channels that a class asks itself for")
            self.resolving.add(id(cls))
            try:
                if cls.whole:
                    want = dict(enumerate(values))
                    tree = cls.channels.of(cls.body, len(cls.body.items), want)
                else:
                    tree = cls.channels.operand(cls.results[0][2], values)
                return self.over_parameters(cls, tree)
            finally:
                self.resolving.discard(id(cls))
        except Unspelled:
            for name in cls.modules[0].arguments:
                given = [m.arguments.get(name) for m in cls.modules]
                if given == [v.shape.channels for v in values]:
                    return cls.parameter(name).name
            raise
        finally:
            cls.used = used

    def over_parameters(self, cls: Class, tree: ast.expr, free: Sequence[Symbol] = ()) -> ast.expr:
        """Return an expression over the parameters of a class alone."""
        lets = {s.id: t for s, t in cls.lets.values()}
        for _ in range(len(lets) + 1):
            tree = substituted(tree, lets)
        known = {p.symbol.id for p in cls.parameters.values()} | {s.id for s in cls.sizes.values()}
        known |= {s.id for s in free}
        if not {*symbols(tree)} <= known | {s.id for s in self.helpers.values()}:
            raise Unspelled("channels that only the class knows")
        return tree

    def put(self, owner: Class, item: Apply, body: Body, cls: Class, tree: ast.expr) -> ast.expr:
        """Return an expression over the parameters of a class for a use of it."""
        k = body.items.index(item)
        by: dict[str, ast.expr] = {}
        inside = {*symbols(tree)}
        for p in cls.parameters.values():
            if p.symbol.id in inside:
                by[p.symbol.id] = self.block_argument(owner, item, body, k, p.name)
        for index, symbol in cls.sizes.items():
            if symbol.id in inside:
                by[symbol.id] = self.block_channels(owner, item, body, k, index)
        return substituted(tree, by)

    def element(
        self, owner: Class, item: Apply, body: Body, index: ast.expr, numbers: Mapping[int, int]
    ) -> ast.expr:
        """Return the channels of one of the values that a use of a block gives."""
        cls = self.class_of(owner, item, body)
        if len(cls.results) == 1 and isinstance(cls.results[0][2], Collect):
            collect = cls.results[0][2]
            values = [v for r in collect.loop.results for v in r]
            used = dict(cls.used)
            each = cls.channels.operand(collect.each, values)
            cls.used = used
            loops = cls.loop_symbols(collect.loop)
            tree = self.over_parameters(cls, each, loops)
            tree = self.put(owner, item, body, cls, tree)
            inside = {*symbols(tree)}
            if not inside & {s.id for s in loops}:
                return tree
            if collect.loop.loop.counted:
                return substituted(tree, {loops[0].id: index})
        sizes = {
            p: item.nodes[p].outputs[j].shape.channels
            for p, j in numbers.items()
            if p < len(item.nodes)
        }
        if len({*sizes.values()}) == 1:
            return literal(next(iter(sizes.values())))
        for name in cls.modules[0].arguments:
            if all(v.shape.channels == m.arguments[name] for m in cls.modules for v in m.values):
                return self.put(owner, item, body, cls, cls.parameter(name).name)
        raise Unspelled("the channels of one of several values")
