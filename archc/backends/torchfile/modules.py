"""The constructor of a class: its modules, in containers and loops, under the keys of the spec."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archc.backends.torchfile.merge import Apply, Body, Choice, Group, Item, Repeat
from archc.backends.torchfile.spots import Spot, Unspelled, part_uses
from archc.backends.torchfile.straight import item_nodes
from archc.backends.torchfile.symbols import Symbol
from archc.graph import Node
from archc.language.expr import Expr
from archc.tree import Filled, Number, Reading, Segment

if TYPE_CHECKING:
    from archc.backends.torchfile.host import Host

SELF = ast.Name("self", ast.Load())


def call(function: str | ast.expr, *arguments: ast.expr) -> ast.Call:
    """Return a call, of `nn.Sequential` say."""
    tree = ast.parse(function, mode="eval").body if isinstance(function, str) else function
    return ast.Call(tree, list(arguments), [])


def assign(target: ast.expr, value: ast.expr) -> ast.Assign:
    """Return an assignment."""
    return ast.Assign([target], value, lineno=0)


@dataclass
class Target:
    """What modules are hung on: the class, or a list of those of a container.

    `depth` is how many components of the path lead there, `reference` how forward says it.
    """

    depth: int
    straight: bool
    reference: Callable[[], ast.expr] | None
    listed: Symbol | None = None
    named: ast.expr | None = None
    attributes: bool = False
    sequential: bool = False
    held: dict[str, ast.expr] = field(default_factory=dict)


class Modules:
    """The constructor's statements; `references` say how forward reaches the module of an item."""

    def __init__(self, owner: Host) -> None:
        self.owner = owner
        self.references: dict[int, Callable[[], ast.expr]] = {}
        self.hoisted: list[ast.stmt] = []

    def body(self, body: Body, target: Target, *, slot: bool = False) -> list[ast.stmt]:
        """Return the statements of a body; `slot` says that modules follow in the same list."""
        out: list[ast.stmt] = []
        for k, item in enumerate(body.items):
            later = slot or any(owns_any(i, body) for i in body.items[k + 1 :])
            made = self.item(item, body, k, target, slot=later)
            if not in_loop(body) and not in_choice(body):
                out += self.hoisted
                self.hoisted = []
            out += made
        return out

    def item(self, item: Item, body: Body, k: int, target: Target, *, slot: bool) -> list[ast.stmt]:
        """Return the statements of an item."""
        match item:
            case Apply():
                return self.apply(item, body, k, target, slot=slot)
            case Choice():
                return self.choice(item, body, target, slot=slot)
            case Group() if not item.segments:
                return self.body(item.body, target, slot=slot)
            case Group():
                straight = target.straight or id(item) in self.owner.straight
                kind = item.listed
                return self.container(
                    item, body, target, straight, kind, slot, lambda t: self.body(item.body, t)
                )
            case Repeat() if not item.segments:
                return self.loop(item, body, target, slot=slot)
            case Repeat():
                straight = target.straight or id(item) in self.owner.straight
                return self.container(
                    item, body, target, straight, True, slot, lambda t: self.loop(item, body, t)
                )
        raise AssertionError(item)

    def choice(self, item: Choice, body: Body, target: Target, *, slot: bool) -> list[ast.stmt]:
        """Return the modules of either side under the test."""
        if not item.yes.size or not item.no.size:
            return self.body(item.yes if item.yes.size else item.no, target, slot=slot)
        yes, no = (self.body(side, target, slot=slot) for side in (item.yes, item.no))
        if not yes and not no:
            return []
        return [if_else(self.owner.test(item, body), yes, no)]

    def loop(
        self, item: Repeat, body: Body, target: Target, *, slot: bool = False
    ) -> list[ast.stmt]:
        """Return the modules of the turns, in a loop or written out."""
        if item.written_out:
            out: list[ast.stmt] = []
            for k, part in enumerate(item.written_out):
                later = slot or any(owns_body(p) for p in item.written_out[k + 1 :])
                out += self.body(part, target, slot=later)
            return out
        if not item.turns.size:
            return []
        inner = self.body(item.turns, target, slot=slot or owns_any(item, body))
        before, after = self.owner.channel_steps(item)
        if not inner and not after:
            return []
        if self.owner.single(item):
            return [*before, *inner, *after]
        if not inner:
            return []
        over = self.owner.header(item, body)
        return [*before, ast.For(over[0], over[1], [*inner, *after], [], lineno=0)]

    def container(
        self,
        item: Group | Repeat,
        body: Body,
        target: Target,
        straight: bool,
        listed: bool,
        slot: bool,
        fill: Callable[[Target], list[ast.stmt]],
    ) -> list[ast.stmt]:
        """Return a container with what is in it."""
        if not straight and not slot and not owns_any(item, body):
            nothing = Target(target.depth + len(item.segments), False, None)
            return self.loose(fill(nothing))
        self.refer(item, body, target)
        hint = item.key.identifier if item.key is not None else "layers"
        variable = Symbol(hint)
        inside = Target(
            target.depth + len(item.segments), straight, self.references[id(item)],
            listed=variable if listed else None, named=None if listed else variable.name,
            sequential=straight and not listed,
        )  # fmt: skip
        if not listed and not straight and item.paths[0] in self.owner.bare:
            inside.attributes = True
            made = [assign(variable.name, call("nn.Module")), *fill(inside)]
            return [*made, *self.add(item, body, target, variable.name)]
        filled = fill(inside)
        empty: ast.expr = ast.List([], ast.Load()) if listed else ast.Dict([], [])
        name = "nn.Sequential" if straight else "nn.ModuleList" if listed else "nn.ModuleDict"
        if straight and not listed:
            module = call("nn.Sequential", call(self.owner.outside("OrderedDict"), variable.name))
        elif straight:
            module = call(name, ast.Starred(variable.name, ast.Load()))
        else:
            module = call(name, variable.name)
        made = [assign(variable.name, empty), *filled]
        return [*made, *self.add(item, body, target, module)]

    def loose(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        return statements

    def apply(
        self, item: Apply, body: Body, k: int, target: Target, *, slot: bool
    ) -> list[ast.stmt]:
        """Return the module of an application, if it has one."""
        owner, node = self.owner, item.nodes[0]
        if node.again:
            return []
        if node.op is not None and node.op.registered:
            return self.registered(item, body, k, target)
        owns = any(owns_node(n) for n in item.nodes)
        functional = node.op is not None and owner.has_function(item, body, k)
        if not item.main and not owns:
            if functional and not (node.module is not None):
                owner.functional.add(id(item))
                return []
            attribute = ast.Attribute(SELF, Symbol(node.name).id, ast.Load())
            self.references[id(item)] = lambda: attribute
            if in_loop(body):
                raise self.parting(item, body, "a module without a name in a loop")
            return [assign(attribute, owner.module(item, body, k))]
        numbered = any(isinstance(s, Number) for s in item.segments)
        needed = target.straight or owns or node.module is not None or not functional
        if not needed and not (slot and numbered):
            owner.functional.add(id(item))
            return []
        if not item.segments and not owns:
            attribute = ast.Attribute(SELF, Symbol(node.name).id, ast.Load())
            if not in_loop(body):
                self.references[id(item)] = lambda: attribute
                return [assign(attribute, owner.module(item, body, k))]
        self.refer(item, body, target)
        return self.add(item, body, target, owner.module(item, body, k))

    def registered(self, item: Apply, body: Body, k: int, target: Target) -> list[ast.stmt]:
        """Return the tensors that the class itself owns."""
        if target.listed is not None or target.named is not None:
            raise self.parting(item, body, "a tensor in a list")
        out: list[ast.stmt] = []
        on: ast.expr = SELF
        for depth in range(len(item.segments)):
            target, made = self.dotted(item, depth, body, target)
            out += made
            assert target.named is not None
            on = target.named
        return [*out, *self.owner.buffers(item, body, k, on)]

    def add(self, item: Item, body: Body, target: Target, module: ast.expr) -> list[ast.stmt]:
        """Return what hangs a module on a target."""
        segments = item.segments
        if not segments:
            raise self.parting(item, body, "a module without a name")
        out: list[ast.stmt] = []
        for depth in range(len(segments) - 1):
            target, made = self.dotted(item, depth, body, target)
            out += made
        last = segments[-1]
        if isinstance(last, Number) and target.listed is not None:
            return [
                *out,
                ast.Expr(call(ast.Attribute(target.listed.name, "append", ast.Load()), module)),
            ]
        key = self.key(item, len(segments) - 1, body)
        if target.named is not None and target.attributes:
            if isinstance(key, ast.Constant) and str(key.value).isidentifier():
                attribute = ast.Attribute(target.named, str(key.value), ast.Store())
                return [*out, assign(attribute, module)]
            added = ast.Attribute(target.named, "add_module", ast.Load())
            return [*out, ast.Expr(call(added, key, module))]
        if target.named is not None:
            return [*out, assign(ast.Subscript(target.named, key, ast.Store()), module)]
        if target.listed is not None:
            raise self.parting(item, body, "a name in a list")
        if isinstance(key, ast.Constant) and str(key.value).isidentifier():
            return [*out, assign(ast.Attribute(SELF, str(key.value), ast.Store()), module)]
        return [*out, ast.Expr(call("self.add_module", key, module))]

    def dotted(
        self, item: Item, depth: int, body: Body, target: Target
    ) -> tuple[Target, list[ast.stmt]]:
        """Return the container that the dots of a key stand for, made where it is not yet."""
        key = self.key(item, depth, body)
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            raise self.parting(item, body, "a dotted key that differs")
        name = key.value
        bare = ".".join(item.paths[0].split(".")[: target.depth + 1]) in self.owner.bare
        inner = target.held.get(name)
        if inner is not None:
            return Target(target.depth + 1, False, None, named=inner, attributes=bare), []
        base: ast.expr = ast.Attribute(SELF, name, ast.Load())
        if target.named is not None:
            base = ast.Subscript(target.named, ast.Constant(name), ast.Load())
        target.held[name] = base
        hoisted = in_loop(body) or in_choice(body)
        kind = "nn.Module" if bare else "nn.ModuleDict"
        inside = Target(target.depth + 1, False, None, named=base, attributes=bare)
        made = assign(base, call(kind))
        if hoisted:
            self.hoisted.append(made)
            return inside, []
        return inside, [made]

    def key(self, item: Item, depth: int, body: Body) -> ast.expr:
        """Return a component of a path as text."""
        segment = item.segments[depth]
        if isinstance(segment, str):
            return ast.Constant(segment)
        if isinstance(segment, Number):
            raise Unspelled("a number outside of a list")
        k = body.items.index(item)
        parts: list[ast.expr] = []
        for part in segment.parts:
            if isinstance(part, str):
                parts.append(ast.Constant(part))
                continue
            rows = {p: _filled(segments[depth], part) for p, segments in enumerate(item.each)}
            parts.append(self.owner.exprs.text(part.tree, Spot(body, k, rows)))
        if all(isinstance(p, ast.Constant) for p in parts):
            return ast.Constant("".join(str(p.value) for p in parts if isinstance(p, ast.Constant)))
        return ast.JoinedStr(
            [
                ast.Constant(str(p.value))
                if isinstance(p, ast.Constant)
                else ast.FormattedValue(p, -1)
                for p in parts
            ]
        )

    def parting(self, item: Item, body: Body, why: str) -> Exception:
        """Return what parts all rows of an item."""
        labels = {p: p for p in range(len(item.paths))}
        return part_uses(body, labels, len(self.owner.modules), why)

    # How forward says it

    def refer(self, item: Item, body: Body, target: Target) -> None:
        """Remember how forward reaches the module of an item."""

        def reference() -> ast.expr:
            at = target.reference() if target.reference is not None else SELF
            for depth in range(len(item.segments)):
                if depth == 0 and target.sequential and isinstance(item.segments[0], str):
                    at = call("getattr", at, ast.Constant(item.segments[0]))
                    if item.segments[0].isidentifier():
                        at = ast.Attribute(at.args[0], item.segments[0], ast.Load())
                    continue
                at = self.component(at, item, depth, body, target.depth + depth)
            return at

        self.references[id(item)] = reference

    def component(
        self, at: ast.expr, item: Item, depth: int, body: Body, component: int
    ) -> ast.expr:
        if isinstance(item.segments[depth], Number):
            numbers = {p: int(path.split(".")[component]) for p, path in enumerate(item.paths)}
            return ast.Subscript(at, self.owner.index(numbers, body), ast.Load())
        key = self.key(item, depth, body)
        if at is SELF or (isinstance(at, ast.Name) and at.id == "self"):
            if isinstance(key, ast.Constant):
                return ast.Attribute(at, str(key.value), ast.Load())
            return call("getattr", at, key)
        path = ".".join(item.paths[0].split(".")[:component])
        if path in self.owner.bare:
            if isinstance(key, ast.Constant) and str(key.value).isidentifier():
                return ast.Attribute(at, str(key.value), ast.Load())
            return call("getattr", at, key)
        return ast.Subscript(at, key, ast.Load())


def _filled(segment: Segment, part: Expr) -> Reading:
    assert isinstance(segment, Filled)
    return segment.readings[id(part)]


def if_else(test: ast.expr, yes: list[ast.stmt], no: list[ast.stmt]) -> ast.stmt:
    """Return an `if` whose first side is not empty."""
    if yes:
        return ast.If(test, yes, no)
    return ast.If(negated(test), no, [])


def negated(test: ast.expr) -> ast.expr:
    """Return the opposite of a test."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        opposite = {
            ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE,
            ast.LtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
        }  # fmt: skip
        return ast.Compare(test.left, [opposite[type(test.ops[0])]()], test.comparators)
    return ast.UnaryOp(ast.Not(), test)


def owns_node(node: Node) -> bool:
    """Whether an application has tensors."""
    return node.module.owns if node.module is not None else bool(node.tensors)


def owns_any(item: Item, body: Body) -> bool:
    """Whether an item has tensors in some row."""
    return any(owns_node(n) for p in range(body.size) for n in item_nodes(item, p))


def owns_body(body: Body) -> bool:
    """Whether a body has tensors in some row."""
    return any(owns_any(i, body) for i in body.items)


def in_loop(body: Body) -> bool:
    """Whether a body is that of a loop, or inside one, that is not written out."""
    at: Body | None = body
    while at is not None:
        if isinstance(at.owner, Repeat) and not at.owner.written_out:
            return True
        at = at.around
    return False


def in_choice(body: Body) -> bool:
    """Whether a body is a side of a choice, or inside one."""
    at: Body | None = body
    while at is not None:
        if isinstance(at.owner, Choice) and len({*at.owner.taken}) > 1:
            return True
        at = at.around
    return False
