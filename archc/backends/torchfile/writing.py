"""A class as Python: its constructor, its forward method, or the function that makes a module."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from archc.backends.torchfile.classes import Class
from archc.backends.torchfile.describing import described
from archc.backends.torchfile.forward import Forward
from archc.backends.torchfile.init import network_lines, rules_of, step_lines
from archc.backends.torchfile.initialising import Initialisers
from archc.backends.torchfile.merge import Group, applications, items
from archc.backends.torchfile.modules import SELF, Modules, Target, assign, call
from archc.backends.torchfile.naming import initialising
from archc.backends.torchfile.parameters import Parameter
from archc.backends.torchfile.printer import noted
from archc.backends.torchfile.rows import Taken, plainer
from archc.backends.torchfile.single import Single
from archc.backends.torchfile.symbols import Symbol, symbols
from archc.backends.torchfile.tidy import tidied
from archc.graph import Network
from archc.passes.territories import beginnings


class Writer:
    """Writes the classes of a network; `order` are those that are written already."""

    def __init__(self, network: Network, order: Sequence[Class]) -> None:
        self.order = order
        self.params = [*map(str, network.document.params)]
        self.method = initialising(network)
        self.initialising = False
        self.has_rules = any(rules_of(m) for m in network.modules if m.is_network)

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
        ours += sorted(cls.settings.values(), key=lambda p: self.params.index(p.name))
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
        return function(cls.symbol.id, arguments, [*said, *whole])

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
        methods = [function("__init__", arguments, [*start, *body])]
        if later:
            methods.append(function(self.method, taking(["self"]), own))
        if forward:
            names = taking(["self", *(i.id for i in cls.inputs)])
            methods.append(function("forward", names, forward))
        base = ast.parse("nn.Module" if forward else "nn.Sequential", mode="eval").body
        said = described(cls.modules[0], is_root=cls.is_root)
        made = ast.ClassDef(cls.symbol.id, [base], [], [*said, *methods], [])
        vars(made).update(type_params=[])
        return made

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


def function(name: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    """Return a function; what parameters of types it has must be said from Python 3.12 on."""
    made = ast.FunctionDef(name, arguments, body, [], lineno=0)
    vars(made).update(type_params=[])
    return made


def taking(names: Sequence[str]) -> ast.arguments:
    """Return the parameters of a function, by their names."""
    return ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])
