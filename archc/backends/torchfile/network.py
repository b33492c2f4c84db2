"""A network as classes: uses of a block share one where their trees merge, inner blocks first."""

from __future__ import annotations

import ast
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from archc import tree
from archc.backends.torchfile.algebra import substituted
from archc.backends.torchfile.classes import Class, Parameter
from archc.backends.torchfile.describing import described
from archc.backends.torchfile.forward import Forward
from archc.backends.torchfile.helpers import known
from archc.backends.torchfile.init import network_lines, rules_of, step_lines
from archc.backends.torchfile.initialising import Initialisers
from archc.backends.torchfile.merge import (
    Apply,
    Body,
    Group,
    Parted,
    Unrollable,
    applications,
    items,
)
from archc.backends.torchfile.modules import SELF, Modules, Target, assign, call
from archc.backends.torchfile.naming import Definition, give, initialising
from archc.backends.torchfile.operands import Collect
from archc.backends.torchfile.overwriting import Overwriting
from archc.backends.torchfile.printer import noted
from archc.backends.torchfile.rows import Taken, plainer
from archc.backends.torchfile.single import Single, named_copies
from archc.backends.torchfile.splice import with_spliced
from archc.backends.torchfile.spots import Unspelled, part_uses
from archc.backends.torchfile.symbols import Symbol, symbols
from archc.backends.torchfile.tidy import tidied
from archc.graph import Module, Network, Value
from archc.ops import Op, Use
from archc.passes.territories import beginnings

ROUNDS = 500
MAX_AGAIN = 6


class Classes:
    """The classes of a network."""

    def __init__(self, network: Network, settings: set[str]) -> None:
        self.network, self.settings = network, settings
        self.of: dict[int, Class] = {}
        self.whole: dict[int, Module] = {}
        self.trees: dict[int, ast.ClassDef | ast.FunctionDef] = {}
        self.order: list[Class] = []
        self.helpers: dict[str, Symbol] = {}
        self.needed: dict[str, None] = {}
        self.imports: set[str] = set()
        self.overwriting = Overwriting()
        self.initialising = False
        self.resolving: set[int] = set()
        self.method = initialising(network)
        networks = [m for m in network.modules if m.is_network]
        self.has_rules = any(rules_of(m) for m in networks)
        for group in self.groups():
            self.make_all(group)

    def reached(self) -> list[Module]:
        """Return the modules that are used once blocks are put in that can be no class."""
        reached: dict[int, Module] = {}

        def visit(module: Module) -> None:
            for node in self.spliced(module).nodes:
                if node.module is not None and id(node.module) not in reached:
                    visit(node.module)
            reached[id(module)] = module

        visit(self.network.root)
        return [*reached.values()]

    def groups(self) -> list[list[list[Module]]]:
        """Return the uses of each block, inner blocks first; those that are in each other together."""
        uses: dict[int, list[Module]] = {}
        for module in self.reached():
            uses.setdefault(id(module.block), []).append(module)
        inner = {
            key: dict.fromkeys(
                id(n.module.block) for m in ours for n in self.spliced(m).nodes if n.module
            )
            for key, ours in uses.items()
        }
        return [[uses[key] for key in part] for part in components(inner)]

    def make_all(self, group: list[list[Module]]) -> None:
        """Make the classes of blocks; of those that are in themselves one each, if that can be."""
        blocks = {id(m.block) for uses in group for m in uses}
        recursive = len(group) > 1 or any(
            n.module is not None and id(n.module.block) in blocks
            for uses in group
            for m in uses
            for n in self.spliced(m).nodes
        )
        if not recursive:
            self.make(group[0])
        elif not self.make_recursive(group):
            for uses in by_height(group):
                self.make(uses)

    def make_recursive(self, group: list[list[Module]]) -> bool:
        """Make classes that name each other; say whether that can be.

        What a class takes depends on what those inside it take: it is found by doing it again.
        """
        before: list[Class | None] = [None] * len(group)
        order = list(self.order)
        for _ in range(MAX_AGAIN):
            classes: list[Class] = []
            for uses, last in zip(group, before, strict=True):
                try:
                    cls = Class(self, [self.spliced(m) for m in uses], named_copies(uses), last)
                    for module in uses:
                        self.of.setdefault(id(module), cls)
                    tree = self.write(cls)
                except (Parted, Unrollable, AssertionError) as error:
                    if os.environ.get("WHY"): print("RECURSIVE", uses[0].name, type(error).__name__, error)
                    for module in (m for ours in group for m in ours):
                        self.of.pop(id(module), None)
                    self.order = order
                    return False
                self.trees[id(cls)] = tree
                classes.append(cls)
            settled = all(
                last is not None and [n for n, _ in last.takes] == [n for n, _ in cls.takes]
                for cls, last in zip(classes, before, strict=True)
            )
            for uses, cls in zip(group, classes, strict=True):
                for module in uses:
                    self.of[id(module)] = cls
            if settled:
                self.order += classes
                return True
            before = [*classes]
        return False

    def make(self, modules: list[Module]) -> None:
        """Make the classes of the uses of a block: as few as their trees allow."""
        waiting: list[tuple[list[Module], set[int]]] = [(modules, named_copies(modules))]
        for _ in range(ROUNDS):
            if not waiting:
                return
            uses, written_out = waiting.pop(0)
            try:
                made = Class(self, [self.spliced(m) for m in uses], written_out)
                tree = self.write(made)
            except Parted as parted:
                if os.environ.get("WHY"): print("PARTED", uses[0].name, parted, len(set(parted.labels)))
                parts: dict[Any, list[Module]] = {}
                for module, label in zip(uses, parted.labels, strict=True):
                    parts.setdefault(label, []).append(module)
                if len(parts) < 2:
                    more = loop_left(uses[0], written_out)
                    if more is None:
                        raise AssertionError(f"{uses[0].name}: {parted}") from parted
                    waiting.insert(0, (uses, {*written_out, more}))
                else:
                    waiting = [*((p, set(written_out)) for p in parts.values()), *waiting]
                continue
            except Unrollable as loop:
                if os.environ.get("WHY"): print("UNROLL", uses[0].name, loop)
                if loop.loop in written_out:
                    raise AssertionError(f"{uses[0].name}: {loop}") from loop
                waiting.insert(0, (uses, {*written_out, loop.loop}))
                continue
            for module in uses:
                self.of[id(module)] = made
            self.trees[id(made)] = tree
            self.order.append(made)
        raise AssertionError("too many rounds")

    def spliced(self, module: Module) -> Module:
        """Return a module with the blocks put in that can be no class."""
        if id(module) not in self.whole:
            self.whole[id(module)] = with_spliced(module)
        return self.whole[id(module)]

    # Writing

    def write(self, cls: Class) -> ast.ClassDef | ast.FunctionDef:
        """Return the class, or the function, of some uses."""
        modules = Modules(cls)
        inits = self.inits(cls)
        layers = Symbol("layers")
        if cls.whole and not inits and not any(i.segments for i, _, _ in items(cls.body)):
            return self.function(cls, Single(cls, modules).body(cls.body))
        target = Target(0, cls.whole, None, listed=layers if cls.whole else None)
        body = modules.body(cls.body, target)
        if cls.whole:
            whole = ast.Starred(layers.name, ast.Load())
            start = assign(layers.name, ast.List([], ast.Load()))
            if not inits:
                return self.function(cls, [start, *body, ast.Return(call("nn.Sequential", whole))])
            made = ast.Expr(call("super().__init__", whole))
            own = Initialisers(cls, modules).body(cls.body)
            return self.definition(cls, [start, *body, made], own, [])
        forward = Forward(cls, modules).statements()
        kept = [
            assign(ast.Attribute(SELF, symbol.id, ast.Store()), tree)
            for symbol, tree in cls.kept.values()
        ]
        own = Initialisers(cls, modules).body(cls.body) if inits else []
        return self.definition(cls, [*kept, *body], own, forward)

    def inits(self, cls: Class) -> bool:
        """Whether steps of a class have initialisers of their own."""
        return any(
            step_lines(item.rows[p].scope, n)
            for item, _, _ in applications(cls.body)
            for p, n in enumerate(item.nodes)
            if n.init and not n.again
        )

    def signature(self, cls: Class, used: set[str]) -> ast.arguments:
        """Return the parameters that a class needs, those with a default last."""
        order: list[tuple[str, Parameter | Symbol]] = []
        for _, symbol in sorted(cls.sizes.items()):
            if symbol.id in used:
                order.append((symbol.hint, symbol))
        names = [*cls.modules[0].arguments]
        ours = sorted(cls.parameters.values(), key=lambda p: names.index(p.name))
        params = [*map(str, self.network.document.params)]
        ours += sorted(cls.settings.values(), key=lambda p: params.index(p.name))
        ours = [p for p in ours if p.symbol.id in used]
        order += [(p.name, p) for p in ours if p.default is None]
        order += [(p.name, p) for p in ours if p.default is not None]
        cls.takes = order
        args, defaults = [], []
        for _, p in order:
            symbol = p.symbol if isinstance(p, Parameter) else p
            args.append(ast.arg(symbol.id))
            if isinstance(p, Parameter) and p.default is not None:
                defaults.append(p.default)
        return ast.arguments([], args, None, [], [], None, defaults)

    def locals(self, cls: Class, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Return the derived values that statements read, before them."""
        used = {s for t in statements for s in symbols(t)}
        out: list[ast.stmt] = []
        for symbol, value in reversed(cls.lets.values()):
            if symbol.id in used:
                used |= {*symbols(value)}
                out.insert(0, assign(symbol.name, value))
        return out

    def tidied(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Return a constructor as a person would write it."""
        taken = {cls.symbol.id: self.taken(cls) for cls in self.order}
        return tidied(plainer(statements, taken))

    def taken(self, cls: Class) -> list[Taken]:
        """Return what a class takes, in order."""
        out = []
        for name, p in cls.takes:
            parameter = isinstance(p, Parameter)
            symbol, default = (p.symbol, p.default) if isinstance(p, Parameter) else (p, None)
            out.append(Taken(symbol.id, name if parameter else symbol.hint, default))
        return out

    def function(self, cls: Class, statements: list[ast.stmt]) -> ast.FunctionDef:
        """Return a function that makes a module."""
        whole = self.tidied([*self.locals(cls, statements), *statements])
        used = {s for t in whole for s in symbols(t)}
        arguments = self.signature(cls, used)
        said = described(cls.modules[0], is_root=cls.is_root)
        return ast.FunctionDef(cls.symbol.id, arguments, [*said, *whole], [], lineno=0, type_params=[])

    def definition(
        self,
        cls: Class,
        constructor: list[ast.stmt],
        own: list[ast.stmt],
        forward: list[ast.stmt],
    ) -> ast.ClassDef:
        """Return a class with a constructor and a forward method; `own` are initialisers."""
        rules = self.rules(cls)
        later = bool(own) and not cls.is_network and self.has_rules
        if later:
            self.initialising = True
        end = [*rules, *([] if later else own)]
        if end:
            end[0] = noted(end[0], blank_before=cls.is_root)
        whole = [*constructor, *end]
        body = self.tidied([*self.locals(cls, whole), *whole])
        used = {s for t in body for s in symbols(t)}
        arguments = self.signature(cls, used)
        arguments.args.insert(0, ast.arg("self"))
        start = ast.parse("super().__init__()").body if forward else []
        methods = [_method("__init__", arguments, [*start, *body])]
        if later:
            methods.append(_method(self.method, _taking(["self"]), own))
        if forward:
            taking = _taking(["self", *(i.id for i in cls.inputs)])
            methods.append(_method("forward", taking, forward))
        base = ast.parse("nn.Module" if forward else "nn.Sequential", mode="eval").body
        said = described(cls.modules[0], is_root=cls.is_root)
        return ast.ClassDef(cls.symbol.id, [base], [], [*said, *methods], [], type_params=[])

    def rules(self, cls: Class) -> list[ast.stmt]:
        """Return the initialisers of a network's file, and of networks that are put into a class."""
        module = cls.modules[0]
        lines = network_lines(module) if cls.is_network else []
        for item, _, _ in items(cls.body):
            for splice in item.splices[:1] if isinstance(item, Group) else ():
                inner = splice.node.module
                if inner is not None and inner.is_network:
                    lines += network_lines(inner, beginnings(inner, splice.path))
        if cls.is_root and self.initialising:
            lines += [
                "for m in self.modules():",
                f'    if hasattr(m, "{self.method}"):',
                f"        m.{self.method}()",
            ]
        return ast.parse("\n".join(lines)).body

    # What classes ask

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
                arguments.append(self.block_channels(owner, item, body, k, cls, index))
        return ast.Call(cls.symbol.name, arguments, keywords)

    def block_argument(
        self, owner: Class, item: Apply, body: Body, k: int, name: str
    ) -> ast.expr:
        """Return an argument of a block."""
        from archc.backends.torchfile.spots import Spot

        values = {p: n.arguments[name] for p, n in enumerate(item.nodes)}
        spot = Spot(body, k, dict(enumerate(item.rows)))
        written = owner.written(item, name)
        return owner.exprs.argument(spot, values, written, f"`{name}` of {item.nodes[0].name}")

    def block_channels(
        self, owner: Class, item: Apply, body: Body, k: int, cls: Class, index: int
    ) -> ast.expr:
        """Return the channels of an input of a block, of all of its values if it is a list."""
        from archc.backends.torchfile.spots import taken

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
                from archc.backends.torchfile.spots import literal

                return literal(sizes[0])
            raise part_uses(body, sizes, len(owner.modules), f"channels: {error}") from None

    def channel_list(self, owner: Class, body: Body, k: int, lists: Mapping[int, Any]) -> ast.expr:
        """Return the channels of the values of a list, as a list."""
        from archc.backends.torchfile.operands import Input, Pack
        from archc.backends.torchfile.spots import literal

        sizes = {tuple(v.shape.channels for v in given) for given in lists.values()}
        operand = owner.wiring.value(body, k, dict(lists))
        if len(sizes) == 1:
            return ast.List([literal(s) for s in sizes.pop()], ast.Load())
        match operand:
            case Input():
                return owner.use(owner.channel_symbol(operand.index))
            case Collect():
                values = [v for r in operand.loop.results for v in r]
                each = owner.channels.operand(operand.each, values)
                target, over = owner.header(operand.loop, owner.around[id(operand.loop)])
                generator = ast.comprehension(target, over, [], 0)
                return ast.ListComp(each, [generator])
            case Pack():
                parts = []
                for j, (part, star) in enumerate(operand.parts):
                    if star:
                        raise Unspelled("a list in a list of channels")
                    parts.append(owner.channels.operand(part, [given[j] for given in lists.values()]))
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

    def put(
        self, owner: Class, item: Apply, body: Body, cls: Class, tree: ast.expr
    ) -> ast.expr:
        """Return an expression over the parameters of a class for a use of it."""
        k = body.items.index(item)
        by: dict[str, ast.expr] = {}
        inside = {*symbols(tree)}
        for p in cls.parameters.values():
            if p.symbol.id in inside:
                by[p.symbol.id] = self.block_argument(owner, item, body, k, p.name)
        for index, symbol in cls.sizes.items():
            if symbol.id in inside:
                by[symbol.id] = self.block_channels(owner, item, body, k, cls, index)
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
        sizes = {p: item.nodes[p].outputs[j].shape.channels for p, j in numbers.items() if p < len(item.nodes)}
        if len({*sizes.values()}) == 1:
            from archc.backends.torchfile.spots import literal

            return literal(next(iter(sizes.values())))
        raise Unspelled("the channels of one of several values")

    def helper(self, name: str) -> Symbol:
        """Return a function of the file that Python lacks."""
        return self.helpers.setdefault(name, Symbol(name))

    def imported(self, name: str) -> ast.expr:
        """Return a name that the file imports."""
        self.imports.add(name)
        return ast.Name(name, ast.Load())

    def note(self, op: type[Op], use: Use) -> None:
        """Note the helper that the spelling of an op needs."""
        if name := op.helper(use):
            self.needed[name] = None


    # Names

    def definitions(self) -> list[ast.stmt]:
        """Return the classes and functions, with names."""
        definitions = [self.definition_of(cls) for cls in self.order]
        give(definitions, self.helpers, {*known(self.network)}, self.method)
        return [d.tree for d in definitions]

    def definition_of(self, cls: Class) -> Definition:
        """Return a class with what its name is made of."""
        module, tree = cls.modules[0], self.trees[id(cls)]
        name = str(module.scope.file.document.name) if cls.is_network else module.name
        keys = {path.split(".")[0] for item, _, _ in items(cls.body) for path in item.paths}
        return Definition(cls.symbol, name, tree, keys, cls.is_network)


def _method(name: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.stmt:
    return ast.FunctionDef(name, arguments, body, [], lineno=0, type_params=[])


def _taking(names: Sequence[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])


def loop_left(module: Module, written_out: Collection[int]) -> int | None:
    """Return a loop of a module that is not written out yet, an outer one first."""

    def visit(items: Sequence[tree.Item]) -> int | None:
        for item in items:
            match item:
                case tree.Repeat() if id(item.loop) not in written_out:
                    return id(item.loop)
                case tree.Repeat():
                    inner = [i for turn in item.turns for i in turn.items]
                case tree.Choice() | tree.Group():
                    inner = item.items
                case _:
                    inner = []
            if (found := visit(inner)) is not None:
                return found
        return None

    return visit(module.tree)


def components(inner: Mapping[int, Iterable[int]]) -> list[list[int]]:
    """Return the blocks, inner ones first; blocks that are in each other in one list (Tarjan)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    out: list[list[int]] = []

    def visit(key: int) -> None:
        index[key] = low[key] = len(index)
        stack.append(key)
        for other in inner[key]:
            if other not in index:
                visit(other)
                low[key] = min(low[key], low[other])
            elif other in stack:
                low[key] = min(low[key], index[other])
        if low[key] == index[key]:
            at = stack.index(key)
            out.append(stack[at:])
            del stack[at:]

    for key in inner:
        if key not in index:
            visit(key)
    return out


def by_height(group: list[list[Module]]) -> list[list[Module]]:
    """Return the uses of blocks that are in each other, parted so that none is in its like."""
    ours = {id(m): m for uses in group for m in uses}
    heights: dict[int, int] = {}

    def height(module: Module) -> int:
        if id(module) not in heights:
            inner = [n.module for n in module.nodes if n.module is not None and id(n.module) in ours]
            heights[id(module)] = max((height(m) + 1 for m in inner), default=0)
        return heights[id(module)]

    parts: dict[tuple[int, int], list[Module]] = {}
    for module in sorted(ours.values(), key=height):
        parts.setdefault((height(module), id(module.block)), []).append(module)
    return [*parts.values()]
