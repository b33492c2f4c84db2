"""Applications as expressions: ops and blocks applied to values that are spelled already."""

from __future__ import annotations

import ast
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from archc.backends.torchfile.algebra import substituted
from archc.backends.torchfile.flow import Call, If, Statement, inner_calls
from archc.backends.torchfile.merge import Apply, Choice
from archc.backends.torchfile.modules import SELF, call
from archc.backends.torchfile.operands import Elem, Operand, Pack
from archc.backends.torchfile.spots import Unspelled, part_uses, taken
from archc.backends.torchfile.symbols import Symbol
from archc.graph import Module
from archc.ops import Op, Py, Use
from archc.ops.base import VARIES
from archc.shapes import Shape

if TYPE_CHECKING:
    from archc.backends.torchfile.classes import Class
    from archc.backends.torchfile.modules import Modules


class Calls:
    """The applications of a class, and what they read of the module at run time."""

    def __init__(self, owner: Class, modules: Modules, name: Callable[[Operand], ast.expr]) -> None:
        self.owner, self.modules, self.name = owner, modules, name
        self.at: Statement

    def test(self, item: Choice, s: If) -> ast.expr:
        """Return the test of a choice as the module has it at run time."""
        owner = self.owner
        tree = owner.test(item, s.body)
        if isinstance(item.test, ast.Name) and not isinstance(tree, ast.Constant | ast.Name):
            name = item.test.id
            if name not in owner.kept:
                owner.kept[name] = (Symbol(name), tree)
            return ast.Attribute(SELF, owner.kept[name][0].id, ast.Load())
        return self.runtime(tree)

    def index(self, elem: Elem) -> ast.expr:
        """Return an index as the module has it at run time."""
        return self.runtime(self.owner.index(elem.index, elem.body))

    def runtime(self, tree: ast.expr) -> ast.expr:
        """Return an expression of the constructor for forward: what it needs is kept."""
        owner = self.owner
        by: dict[str, ast.expr] = {}
        known = {p.symbol.id: (p.name, p.symbol) for p in owner.parameters.values()}
        known |= {s.id: (n, s) for n, (s, _) in owner.lets.items()}
        known |= {p.symbol.id: (p.name, p.symbol) for p in owner.settings.values()}
        known |= {s.id: (s.hint, s) for s in owner.sizes.values()}
        lists = {s.id: k for k, s in owner.channel_lists()}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in lists:
                by[node.id] = self.owner.inputs[lists[node.id]].name
            elif isinstance(node, ast.Name) and node.id in owner.extents.of:
                extent = owner.extents.of[node.id]
                shape = ast.Attribute(self.spell(extent.operand, self.at), "shape", ast.Load())
                axis = ast.UnaryOp(ast.USub(), ast.Constant(-extent.axis))
                by[node.id] = ast.Subscript(shape, axis, ast.Load())
            elif isinstance(node, ast.Name) and node.id in known:
                name, symbol = known[node.id]
                if name not in owner.kept:
                    owner.kept[name] = (Symbol(name), owner.use(symbol))
                by[node.id] = ast.Attribute(SELF, owner.kept[name][0].id, ast.Load())
        return substituted(tree, by)

    def spell(self, operand: Operand, s: Statement) -> ast.expr:
        """Return how a statement reads an operand: by name, or as the call that stands inside."""
        match operand:
            case Elem():
                return ast.Subscript(self.spell(operand.of, s), self.index(operand), ast.Load())
            case Pack():
                parts = [(self.spell(o, s), star) for o, star in operand.parts]
                return ast.List(
                    [ast.Starred(o, ast.Load()) if star else o for o, star in parts], ast.Load()
                )
        inside = next((c for c in inner_calls(s) if c.out is operand), None)
        return self.name(operand) if inside is None else self.call(inside)

    def call(self, s: Call) -> ast.expr:
        """Return an application."""
        values = [self.spell(o, s) for o in s.ins]
        item = s.item
        if not isinstance(item, Apply):
            return call(self.runtime(self.modules.references[id(item)]()), *values)
        node = item.nodes[0]
        values = self.fitted(item, values)
        if node.op is None:
            return self.block_call(item, s, values)
        reference = self.reference(item)
        cls = type(node.op)
        if node.op.inputs is not None or cls.unbatched != "kept":
            values = self.batched(item, values)
        texts = [_operand(v) for v in values]
        if reference is not None and not node.op.registered:
            text = cls.call(ast.unparse(reference), *texts)
        else:
            uses, inplace = self.owner.uses, self.owner.uses.overwrites(item)
            with self.owner.extents.read() if s.asks else nullcontext():
                use = uses.op_use(item, s.body, s.k, inplace=inplace)
            self.at = s
            use = self.stored(use)
            text = self.function(item, use, texts)
        if not text:
            raise Unspelled(f"{node.name} has no function")
        return ast.parse(text, mode="eval").body

    def holder(self, item: Apply) -> str:
        """Return what holds the tensors of an op that no module of PyTorch holds."""
        if not item.segments or not item.main:
            return "self"
        if len({*item.paths}) > 1:
            raise Unspelled("tensors of several steps")
        return f"self.{item.paths[0]}"

    def function(self, item: Apply, use: Use, texts: list[str]) -> str:
        """Spell an op applied to values; `*x` is a list of them."""
        op = item.nodes[0].op
        assert op is not None
        cls = type(op)
        if op.registered:
            texts = [*texts, *(f"{self.holder(item)}.{name}" for name in cls.buffers(use))]
        if not any(t.startswith("*") for t in texts):
            return cls.function(use, *texts)
        return cls.over(use, *texts)

    def apart(self, item: Apply, values: list[ast.expr]) -> list[ast.expr]:
        """Return values one by one where an op takes no list of them, and all are as long."""
        op = item.nodes[0].op
        assert op is not None
        lengths = [
            {len(g[j]) for g in item.given if isinstance(g[j], list)} for j in range(len(values))
        ]
        if op.gathers or not all(len(found) <= 1 for found in lengths):
            return values
        return [
            v
            for value, found in zip(values, lengths, strict=True)
            for v in (
                self.entries(value.value, True, found.pop())
                if isinstance(value, ast.Starred)
                else [value]
            )
        ]

    def fitted(self, item: Apply, values: list[ast.expr]) -> list[ast.expr]:
        """Return values as an op or a block takes them, where the text gives lists."""
        node, given = item.nodes[0], item.given[0]
        lists = [isinstance(g, list | dict) for g in given]
        if node.module is not None:
            return self.fitted_to_block(item, values, lists)
        assert node.op is not None
        if node.op.spread and len(values) == 1 and not lists[0]:
            return values * (node.op.inputs or 1)
        if node.op.inputs is not None:
            return [
                v
                for value, several in zip(values, lists, strict=True)
                for v in self.entries(value, several, len(node.inputs))
            ]
        starred = [
            ast.Starred(value, ast.Load()) if several else value
            for value, several in zip(values, lists, strict=True)
        ]
        return [e for v in self.apart(item, starred) for e in _entries(v)]

    def entries(self, value: ast.expr, listed: bool, count: int) -> list[ast.expr]:
        """Return the entries of a list of so many."""
        if not listed:
            return [value]
        if isinstance(value, ast.List) and not any(isinstance(e, ast.Starred) for e in value.elts):
            return value.elts
        return [ast.Subscript(value, ast.Constant(k), ast.Load()) for k in range(count)]

    def fitted_to_block(
        self, item: Apply, values: list[ast.expr], lists: list[bool]
    ) -> list[ast.expr]:
        """Return the values that a block takes: `...rest` is a list of what is left."""
        module = item.nodes[0].module
        assert module is not None
        takes = [isinstance(v, list) for v in taken(module)]
        if len(values) == 1 and lists[0] and len(takes) > 1:
            whole = values[0]
            display = _entries(ast.Starred(whole, ast.Load()))
            if len(display) == len(takes) and not any(isinstance(e, ast.Starred) for e in display):
                return (
                    display
                    if not takes[-1]
                    else [*display[:-1], ast.List(display[-1:], ast.Load())]
                )
            if not any(takes) and all(len(g[0]) == len(takes) for g in item.given):
                return [ast.Starred(whole, ast.Load())]
            entries = [ast.Subscript(whole, ast.Constant(k), ast.Load()) for k in range(len(takes))]
            if takes[-1]:
                rest = ast.Slice(ast.Constant(len(takes) - 1), None, None)
                entries[-1] = ast.Subscript(whole, rest, ast.Load())
            return [*entries]
        if not takes[-1] or self.plain_list(module):
            return values
        first, rest_values = values[: len(takes) - 1], values[len(takes) - 1 :]
        rest_lists = lists[len(takes) - 1 :]
        if len(rest_values) == 1 and rest_lists[0]:
            return [*first, rest_values[0]]
        starred = [
            ast.Starred(v, ast.Load()) if several else v
            for v, several in zip(rest_values, rest_lists, strict=True)
        ]
        parts = [e for v in starred for e in _entries(v)]
        return [*first, ast.List(parts, ast.Load())]

    def plain_list(self, module: Module) -> bool:
        """Whether a list is one of the inputs, and not the rest of them."""
        inputs = module.block.block.inputs
        return not str(inputs[-1]).startswith("...")

    def batched(self, item: Apply, values: list[ast.expr]) -> list[ast.expr]:
        """Return values with a batch where an op asks for that."""
        node = item.nodes[0]
        assert node.op is not None
        shapes, cls = node.shapes, type(node.op)
        if cls.unbatched == "kept" or len(values) != len(shapes):
            return values
        whole = next((k for k, x in enumerate(shapes) if x.batch == "b"), None)
        again = values[whole] if whole is not None else None
        return [_lifted(x, v, cls, again) for x, v in zip(shapes, values, strict=True)]

    def stored(self, use: Use) -> Use:
        """Return a use whose arguments are read at run time."""

        def kept(py: Py) -> Py:
            if py.value is not VARIES:
                return py
            tree = self.runtime(ast.parse(py.text, mode="eval").body)
            return replace(py, text=ast.unparse(tree))

        args = {n: kept(p) for n, p in use.args.items()}
        return replace(use, args=args, channels=tuple(kept(c) for c in use.channels))

    def reference(self, item: Apply) -> ast.expr | None:
        """Return the module of an application; that of the first use where it is used again."""
        if item.nodes[0].again:
            return self.owner.uses.again(item, self.modules)
        found = self.modules.references.get(id(item))
        return self.runtime(found()) if found is not None else None

    def block_call(self, item: Apply, s: Call, values: list[ast.expr]) -> ast.expr:
        """Return the application of a block."""
        reference = self.reference(item)
        if reference is None:
            raise part_uses(
                s.body, dict(enumerate(item.paths)), len(self.owner.modules), "no module"
            )
        return call(reference, *values)


def _entries(tree: ast.expr) -> list[ast.expr]:
    """Return the entries of a display in a star, else a value itself."""
    display = isinstance(tree, ast.Starred) and isinstance(tree.value, ast.List)
    return tree.value.elts if display else [tree]  # type: ignore[attr-defined]


def _operand(tree: ast.expr) -> str:
    """Return an operand as text that an op can stand after: in brackets unless it is an atom."""
    text = ast.unparse(tree)
    atoms = (
        ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Starred | ast.List | ast.Constant
    )
    return text if isinstance(tree, atoms) else f"({text})"


def _lifted(shape: Shape, value: ast.expr, cls: type[Op], again: ast.expr | None) -> ast.expr:
    if shape.batch == "b":
        return value
    if cls.unbatched == "repeated" and again is not None:
        size = ast.Subscript(ast.Attribute(again, "shape", ast.Load()), ast.Constant(0), ast.Load())
        rest: list[ast.expr] = [ast.UnaryOp(ast.USub(), ast.Constant(1)) for _ in shape.sizes]
        return call(ast.Attribute(value, "expand", ast.Load()), size, *rest)
    if shape.batch == "":
        return ast.Subscript(value, ast.Constant(None), ast.Load())
    return value


__all__ = ["Calls"]
