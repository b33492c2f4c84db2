"""The ops of a class: what each is made with, and which are parameters or written over."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, Protocol

from archc.backends.torchfile.host import Host
from archc.backends.torchfile.loops import Loops
from archc.backends.torchfile.merge import Apply, Body, Choice, applications, use_of
from archc.backends.torchfile.modules import Modules, call
from archc.backends.torchfile.operands import Unwired
from archc.backends.torchfile.spots import Spot, Unspelled, alike, frozen, literal, part_uses
from archc.backends.torchfile.straight import plain_use
from archc.graph import Node
from archc.lower.origins import Written
from archc.lower.scope import BlockDef, Callee
from archc.ops import Py, Use
from archc.ops.base import VARIES


class User(Host, Protocol):
    """A class, for the ops that it uses."""

    @property
    def loops(self) -> Loops:
        """Its loops."""


class Uses:
    """What the applications of a class are made with."""

    def __init__(self, owner: User) -> None:
        self.owner = owner

    def written(self, item: Apply, name: str) -> dict[int, Written | None]:
        """Return the text of an argument in each row."""
        return {p: dict(n.callee.origins).get(name) for p, n in enumerate(item.nodes)}

    def op_argument(self, item: Apply, body: Body, k: int, name: str) -> ast.expr:
        """Return an argument of an op."""
        values = {p: getattr(n.op, name) for p, n in enumerate(item.nodes)}
        spot = Spot(body, k, dict(enumerate(item.rows)))
        why = f"`{name}` of {item.nodes[0].name}"
        return self.owner.exprs.argument(spot, values, self.written(item, name), why)

    def op_use(self, item: Apply, body: Body, k: int, *, inplace: bool = False) -> Use:
        """Return what an op's spelling looks at."""
        first = item.nodes[0]
        assert first.op is not None
        cls = type(first.op)
        layouts = {p: _layouts(n) for p, n in enumerate(item.nodes)}
        if len({*layouts.values()}) > 1:
            raise part_uses(body, layouts, len(self.owner.modules), "other layouts")
        args: dict[str, Py] = {}
        for name in cls.model_fields:
            values = {p: getattr(n.op, name) for p, n in enumerate(item.nodes)}
            decisive = name in cls.decisive or any(isinstance(v, str) for v in values.values())
            tree = self.op_argument(item, body, k, name)
            args[name] = self.py(tree, [*values.values()])
            if args[name].value is VARIES and decisive:
                if not alike([*values.values()]):
                    labels = {p: frozen(v) for p, v in values.items()}
                    raise part_uses(body, labels, len(self.owner.modules), f"`{name}` decides")
                args[name] = self.py(literal(values[0]), [values[0]])
        channels: tuple[Py, ...] = ()
        if first.held or cls.sized:
            counts = {len(n.inputs) for n in item.nodes}
            if len(counts) > 1:
                labels = {p: len(n.inputs) for p, n in enumerate(item.nodes)}
                raise part_uses(body, labels, len(self.owner.modules), "other numbers of inputs")
            channels = tuple(self.input_channels(item, body, k, j) for j in range(counts.pop()))
        return Use(args, channels, first.shapes, inplace=inplace)

    def input_channels(self, item: Apply, body: Body, k: int, j: int) -> Py:
        """Return the channels of an input of an op, or what it has in their place."""
        values = {p: n.inputs[j] for p, n in enumerate(item.nodes)}
        sizes = {p: n.op.features(values[p].shape) if n.op else 0 for p, n in enumerate(item.nodes)}
        own = all(values[p].shape.channels == size for p, size in sizes.items())
        if own:
            try:
                tree = self.owner.channels_of(body, k, values)
                if not self.owner.gives(tree, body, sizes):
                    raise Unspelled("channels that are others")
                return self.py(tree, [*sizes.values()])
            except (Unspelled, Unwired) as error:
                if not alike([*sizes.values()]):
                    why = f"channels: {error}"
                    raise part_uses(body, sizes, len(self.owner.modules), why) from None
        if not alike([*sizes.values()]):
            raise part_uses(body, sizes, len(self.owner.modules), "features")
        return Py.of(sizes[0])

    def py(self, tree: ast.expr, values: Sequence[Any]) -> Py:
        """Return an expression as an op's spelling takes it."""
        text = ast.unparse(tree)
        if _is_constant(tree):
            value = values[0]
            return Py.of(value) if not isinstance(value, tuple) else Py(text, value)
        listed = any(isinstance(v, tuple) for v in values)
        return Py(text, VARIES, listed, any(v is None for v in values))

    def has_function(self, item: Apply) -> bool:
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
        modules, body = self.owner.modules, self.owner.around[id(item)]
        kinds = {type(n.op) for n in item.nodes}
        if isinstance(item.at, ast.Name) and head.id in modules[0].arguments:
            given = [m.arguments.get(head.id) for m in modules]
            if alike(given) and len(kinds) == 1:
                return ""
            if not all(_plain(v) for v in given):
                rows = range(len(item.nodes))
                labels = {p: frozen(given[use_of(body, p)]) for p in rows}
                raise part_uses(body, labels, len(modules), "an op with arguments")
            return head.id
        if len(kinds) > 1:
            names = {p: type(n.op).name for p, n in enumerate(item.nodes) if n.op}
            raise part_uses(body, names, len(modules), "other ops")
        return ""

    def module(self, item: Apply, body: Body, k: int) -> ast.expr:
        """Return what makes the module of an application."""
        node = item.nodes[0]
        if node.op is None:
            return self.owner.classes.blocks.call(self.owner, item, body, k)
        inplace = self.overwrites(item)
        if name := self.from_parameter(item):
            keywords = [ast.keyword("inplace", ast.Constant(True))] if inplace else []
            return ast.Call(self.owner.use(self.owner.parameter(name)), [], keywords)
        text = type(node.op).module(self.op_use(item, body, k, inplace=inplace))
        if not text:
            return call("nn.Identity")
        return parsed(text)

    def overwrites(self, item: Apply) -> bool:
        """Whether an activation may write over its input in every use."""
        modules, body = self.owner.modules, self.owner.around[id(item)]
        overwritable = self.owner.classes.overwriting.overwritable
        return all(
            n.op is not None
            and n.op.activation
            and len(n.inputs) == 1
            and getattr(n.op, "in_place", True)
            and overwritable(modules[use_of(body, p)], n.inputs[0])
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
        for first, _, _ in applications(self.owner.body):
            if not first.nodes[0].again and first.main and id(first) in modules.references:
                paths = {n.path for n in first.nodes}
                if len(paths) == 1 and paths == {n.path for n in item.nodes}:
                    return modules.references[id(first)]()
        labels = {p: n.path for p, n in enumerate(item.nodes)}
        raise part_uses(
            self.owner.around[id(item)], labels, len(self.owner.modules), "a module used again"
        )

    def test(self, item: Choice, body: Body) -> ast.expr:
        """Return the test of a choice. Raises Parted or Unrollable."""
        spot = self.owner.loops.spot(item)
        if item.presence:
            assert isinstance(item.test, ast.Name)
            name = item.test.id
            given = [m.arguments.get(name) for m in self.owner.modules]
            if not all(_plain(v) for v in given):
                labels = dict(enumerate(item.taken))
                raise part_uses(body, labels, len(self.owner.modules), "a block as an argument")
            parameter = self.owner.use(self.owner.parameter(name))
            return ast.Compare(parameter, [ast.IsNot()], [ast.Constant(None)])
        try:
            return self.owner.exprs.text(item.test, spot)
        except (Unspelled, Unwired) as error:
            labels = dict(enumerate(item.taken))
            raise part_uses(body, labels, len(self.owner.modules), f"a test: {error}") from None


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


def parsed(text: str) -> ast.expr:
    """Return the expression that an op spells."""
    return ast.parse(text, mode="eval").body
