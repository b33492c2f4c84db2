"""The forward method of a class: its program as statements of Python."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from archc.backends.torchfile.exprs import Unspelled, part_uses, substituted, taken
from archc.graph import Module
from archc.backends.torchfile.merge import Apply, Choice
from archc.backends.torchfile.modules import SELF, assign, call, if_else
from archc.backends.torchfile.program import (
    Append,
    Call,
    For,
    If,
    Moves,
    Programmer,
    Return,
    Start,
    Statement,
    Variables,
)
from archc.backends.torchfile.symbols import Symbol
from archc.backends.torchfile.wiring import Collect, Def, Elem, Input, Operand, Pack
from archc.ops import Op, Py, Use
from archc.ops.base import VARIES
from archc.shapes import Shape

if TYPE_CHECKING:
    from archc.backends.torchfile.classes import Class
    from archc.backends.torchfile.modules import Modules

ENDS = ("flatten", "global_avg_pool")


class Forward:
    """The text of a forward method."""

    def __init__(self, owner: Class, modules: Modules) -> None:
        self.owner, self.modules = owner, modules
        self.variables = Variables(Programmer(owner))
        self.symbols: dict[int, Symbol] = {}
        self.texts: dict[int, ast.expr] = {}
        owner.counters.clear()

    def statements(self) -> list[ast.stmt]:
        """Return the statements of the method."""
        return self.block(self.variables.program)

    # Statements

    def block(self, program: Sequence[Statement]) -> list[ast.stmt]:
        """Return statements; a call whose value the next one alone reads stands inside that."""
        out: list[ast.stmt] = []
        pending: list[Call] = []

        def flush() -> None:
            for c in pending:
                out.append(self.set(c.out, self.texts[id(c.out)]))
            pending.clear()

        for s in program:
            inside = self.nested(s, pending)
            kept = pending[: len(pending) - inside]
            taken = pending[len(pending) - inside :]
            pending[:] = kept
            if isinstance(s, Call):
                self.texts[id(s.out)] = self.call(s, {id(c.out) for c in taken})
                pending.append(s)
                if self.variables.uses[id(s.out)] != 1 or s.out.listed:
                    flush()
                continue
            flush()
            match s:
                case Moves():
                    out += self.moves(s, {id(c.out) for c in taken})
                case Start():
                    out.append(assign(self.name(s.to), ast.List([], ast.Load())))
                case Append():
                    value = self.spell(s.value, {id(c.out) for c in taken})
                    append = ast.Attribute(self.name(s.to), "append", ast.Load())
                    out.append(ast.Expr(call(append, value)))
                case If():
                    out += self.choice(s)
                case For():
                    out += self.loop(s)
                case Return():
                    out += self.give(s, {id(c.out) for c in taken})
        flush()
        return out

    def nested(self, s: Statement, pending: list[Call]) -> int:
        """Return how many of the last calls can stand inside a statement, in their order."""
        match s:
            case Call():
                operands = s.ins
            case Append():
                operands = [s.value]
            case Return() if len(s.outputs) == 1:
                operands = [s.outputs[0][2]]
            case Moves() if len(s.pairs) == 1:
                operands = [s.pairs[0][1]]
            case _:
                return 0
        count = 0
        for operand in reversed(operands):
            if count == len(pending):
                break
            last = pending[-1 - count]
            if operand is last.out and self.fits(last, s):
                count += 1
        return count

    def fits(self, inner: Call, outer: Statement) -> bool:
        """Whether a call reads well inside another statement."""
        op = _op(inner)
        if not isinstance(outer, Call):
            return isinstance(outer, Return | Append) or True
        if op is None:
            return _op(outer) is not None
        return not (op.activation or op.name in ENDS)

    def set(self, operand: Operand, value: ast.expr) -> ast.stmt:
        """Return an assignment."""
        return assign(self.name(operand), value)

    def moves(self, s: Moves, taken: set[int]) -> list[ast.stmt]:
        """Return assignments that happen at once, one after the other where that is the same."""
        pairs = [
            (to, value)
            for to, value in s.pairs
            if not self.same_variable(to, value) or id(value) in taken
        ]
        ordered: list[tuple[Operand, Operand]] = []
        left = list(pairs)
        while left:
            free = next(
                (
                    pair
                    for pair in left
                    if not any(
                        self.variables.of(pair[0]) in {self.variables.of(b) for b in self.bases(v)}
                        for _, v in left
                        if v is not pair[1]
                    )
                ),
                None,
            )
            if free is None:
                targets = ast.Tuple([self.name(to) for to, _ in left], ast.Store())
                values = ast.Tuple([self.spell(v, taken) for _, v in left], ast.Load())
                return [
                    *(self.set(a, self.spell(b, taken)) for a, b in ordered),
                    assign(targets, values),
                ]
            ordered.append(free)
            left.remove(free)
        return [self.set(a, self.spell(b, taken)) for a, b in ordered]

    def bases(self, operand: Operand) -> list[Operand]:
        from archc.backends.torchfile.program import bases

        return bases(operand)

    def same_variable(self, to: Operand, value: Operand) -> bool:
        if isinstance(value, Elem | Pack):
            return False
        return self.variables.of(to) == self.variables.of(value)

    def choice(self, s: If) -> list[ast.stmt]:
        """Return an `if`, or what both sides are."""
        if not s.item.yes.size or not s.item.no.size:
            return self.block(s.yes if s.item.yes.size else s.no)
        yes, no = self.block(s.yes), self.block(s.no)
        if [ast.dump(a) for a in yes] == [ast.dump(a) for a in no]:
            return yes
        return [if_else(self.test(s.item, s), yes, no)]

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

    def loop(self, s: For) -> list[ast.stmt]:
        """Return a loop."""
        inner = self.block(s.inner)
        if not inner:
            return []
        if self.owner.single(s.item):
            return inner
        target, over = self.owner.header(s.item, s.body)
        return [ast.For(target, self.runtime(over), inner, [], lineno=0)]

    def give(self, s: Return, taken: set[int]) -> list[ast.stmt]:
        """Return what the method returns."""
        always = [(n, o) for n, training, o in s.outputs if not training]
        if len(s.outputs) == 1:
            return [ast.Return(self.spell(s.outputs[0][2], taken))]
        if not self.owner.is_root:
            values = [self.spell(o, taken) for _, _, o in s.outputs]
            return [ast.Return(ast.Tuple(values, ast.Load()))]
        out: list[ast.stmt] = []
        if len(always) < len(s.outputs):
            everything = self.mapping([(n, o) for n, _, o in s.outputs])
            out.append(ast.If(ast.Attribute(SELF, "training", ast.Load()), [ast.Return(everything)], []))
        if len(always) == 1:
            return [*out, ast.Return(self.spell(always[0][1], taken))]
        return [*out, ast.Return(self.mapping(always))]

    def mapping(self, outputs: Sequence[tuple[str, Operand]]) -> ast.expr:
        """Return a dict of outputs."""
        keys: list[ast.expr | None] = [ast.Constant(n) for n, _ in outputs]
        return ast.Dict(keys, [self.spell(o, set()) for _, o in outputs])

    # Expressions

    def name(self, operand: Operand) -> ast.expr:
        """Return the variable of an operand."""
        return self.symbol(operand).name

    def symbol(self, operand: Operand) -> Symbol:
        """Return the symbol of a variable: an input's, or what its step is called."""
        variable = self.variables.of(operand)
        if variable not in self.symbols:
            members = self.variables.members_of(variable)
            given = next((m for m in members if isinstance(m, Input)), None)
            if given is not None:
                self.symbols[variable] = self.owner.inputs[given.index]
            else:
                self.symbols[variable] = Symbol(self.hint(members))
        return self.symbols[variable]

    def hint(self, members: Sequence[Operand]) -> str:
        """Return what a variable would be called."""
        for m in members:
            if isinstance(m, Collect) and m.loop.key is not None:
                return m.loop.key.identifier
        steps = [m for m in members if isinstance(m, Def) and m.item.key is not None]
        if len(members) == 1 and len(steps) == 1 and steps[0].item.key is not None:
            return steps[0].item.key.identifier
        return "y"

    def spell(self, operand: Operand, taken: set[int]) -> ast.expr:
        """Return how an operand is read; `taken` are those whose call stands inside."""
        match operand:
            case Elem():
                of = self.spell(operand.of, taken)
                return ast.Subscript(of, self.index(operand), ast.Load())
            case Pack():
                return ast.List(
                    [
                        ast.Starred(self.spell(o, taken), ast.Load()) if star else self.spell(o, taken)
                        for o, star in operand.parts
                    ],
                    ast.Load(),
                )
        if id(operand) in taken:
            return self.texts[id(operand)]
        return self.name(operand)

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
            elif isinstance(node, ast.Name) and node.id in known:
                name, symbol = known[node.id]
                if name not in owner.kept:
                    owner.kept[name] = (Symbol(name), owner.use(symbol))
                by[node.id] = ast.Attribute(SELF, owner.kept[name][0].id, ast.Load())
        return substituted(tree, by)

    def call(self, s: Call, taken: set[int]) -> ast.expr:
        """Return an application."""
        values = [self.spell(o, taken) for o in s.ins]
        item = s.item
        if not isinstance(item, Apply):
            return call(self.runtime(self.modules.references[id(item)]()), *values)
        node = item.nodes[0]
        values = self.fitted(item, s, values)
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
            use = self.owner.op_use(item, s.body, s.k, inplace=self.owner.overwrites(item))
            use = self.stored(use, s)
            text = self.function(item, use, texts)
            self.owner.classes.note(cls, use)
        if not text:
            raise Unspelled(f"{node.name} has no function")
        tree = ast.parse(text, mode="eval").body
        one = item.listed and len(node.outputs) == 1 and False
        return ast.Subscript(tree, ast.Constant(0), ast.Load()) if one else tree

    def function(self, item: Apply, use: Use, texts: list[str]) -> str:
        """Spell an op applied to values; `*x` is a list of them."""
        cls = type(item.nodes[0].op)
        if item.nodes[0].op.registered:
            texts = [*texts, *(f"self.{name}" for name in cls.buffers(use))]
        if not any(t.startswith("*") for t in texts):
            return cls.function(use, *texts)
        text = cls.over(use, texts[0].removeprefix("*")) if len(texts) == 1 else ""
        return text or cls.over(use, f"[{', '.join(texts)}]")

    def apart(self, item: Apply, values: list[ast.expr]) -> list[ast.expr]:
        """Return values one by one where an op takes no list of them, and all are as long."""
        op = item.nodes[0].op
        assert op is not None
        lengths = [{len(g[j]) for g in item.given if isinstance(g[j], list)} for j in range(len(values))]
        if op.gathers or not all(len(found) <= 1 for found in lengths):
            return values
        return [
            v
            for value, found in zip(values, lengths, strict=True)
            for v in (
                self.entries(value.value, True, found.pop()) if isinstance(value, ast.Starred) else [value]
            )
        ]

    def fitted(self, item: Apply, s: Call, values: list[ast.expr]) -> list[ast.expr]:
        """Return values as an op or a block takes them, where the text gives lists."""
        node, given = item.nodes[0], item.given[0]
        lists = [isinstance(g, list | dict) for g in given]
        if node.module is not None:
            return self.fitted_to_block(item, values, lists)
        assert node.op is not None
        if node.op.spread and len(values) == 1 and not lists[0]:
            return values * (node.op.inputs or 1)
        if node.op.inputs is not None:
            return [v for value, l in zip(values, lists, strict=True) for v in self.entries(value, l, len(node.inputs))]
        starred = [
            ast.Starred(value, ast.Load()) if l else value
            for value, l in zip(values, lists, strict=True)
        ]
        return self.apart(item, starred)

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
        parts: list[ast.expr] = [
            ast.Starred(v, ast.Load()) if l else v
            for v, l in zip(rest_values, rest_lists, strict=True)
        ]
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

    def stored(self, use: Use, s: Call) -> Use:
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
            return self.owner.again(item, self.modules)
        found = self.modules.references.get(id(item))
        return self.runtime(found()) if found is not None else None

    def block_call(self, item: Apply, s: Call, values: list[ast.expr]) -> ast.expr:
        """Return the application of a block."""
        reference = self.reference(item)
        if reference is None:
            raise part_uses(s.body, dict(enumerate(item.paths)), len(self.owner.modules), "no module")
        return call(reference, *values)


def _operand(tree: ast.expr) -> str:
    """Return an operand as text that an op can stand after: in brackets unless it is an atom."""
    text = ast.unparse(tree)
    atoms = ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Starred | ast.List | ast.Constant
    return text if isinstance(tree, atoms) else f"({text})"


def _op(s: Call) -> Op | None:
    return s.item.nodes[0].op if isinstance(s.item, Apply) else None


def _lifted(shape: Shape, value: ast.expr, cls: type[Op], again: ast.expr | None) -> ast.expr:
    if shape.batch == "b":
        return value
    if cls.unbatched == "repeated" and again is not None:
        size = ast.Subscript(
            ast.Attribute(again, "shape", ast.Load()), ast.Constant(0), ast.Load()
        )
        rest: list[ast.expr] = [ast.UnaryOp(ast.USub(), ast.Constant(1)) for _ in shape.sizes]
        return call(ast.Attribute(value, "expand", ast.Load()), size, *rest)
    if shape.batch == "":
        return ast.Subscript(value, ast.Constant(None), ast.Load())
    return value


__all__ = ["Forward"]
