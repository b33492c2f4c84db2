"""Reads an expression without evaluating it: what each name means, what is applied to what."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace

from archc.diagnostics import Diagnostic, nearest
from archc.expr import CONSTANTS, Expr
from archc.functions import FUNCTIONS
from archc.ops import OPS
from archc.rules.table import Call, Def, Entry, Kind, Names, Step, Table, Use

INITIALISERS = (
    "zeros ones normal trunc_normal uniform xavier_uniform xavier_normal kaiming_normal "
    "kaiming_uniform fan_in fan_out in_features out_features"
).split()
# What other frameworks call the ops, in lower case without `_` and `2d`.
OTHERS = {
    "batchnorm": "bn",
    "convolution": "conv",
    "dense": "linear",
    "fc": "linear",
    "fullyconnected": "linear",
    "cat": "concat",
    "gap": "global_avg_pool",
    "swish": "silu",
    "skip": "identity",
}
SIZES = ("channels", "height", "width", "tokens")


@dataclass
class Frame:
    """A place in a body: the names in scope, the value that runs through, the steps around."""

    owner: str
    names: Names
    running: Def | None = None
    path: tuple[Step, ...] = ()

    def inner(self, step: Step | None = None) -> Frame:
        """Return the frame of a nested body, whose names end with it."""
        path = self.path if step is None else (*self.path, step)
        return replace(self, names=self.names.new_child(), path=path)

    def take(self, *, sure: bool = True) -> None:
        """The step takes the running value without naming it; where it is not sure, it may."""
        if self.running is not None:
            self.running.read = True
            if sure:
                self.running.taken.append(self.path)


class Reader:
    """Reads one expression in a frame and writes down what it finds in the table."""

    def __init__(self, table: Table, frame: Frame, expr: Expr) -> None:
        self.table, self.frame, self.expr = table, frame, expr
        self.names = frame.names

    def step(self, node: ast.expr) -> None:
        """Read a whole step, every branch of it: an op that is not applied takes what runs."""
        for branch in self.branches(node):
            kind = self.head(branch) if branch is node and isinstance(branch, ast.Name) else self.kind(branch)
            call = self.applied(branch)
            if kind in (Kind.OP, Kind.PARAM, Kind.ANY) and (call is None or call.takes):
                self.frame.take(sure=kind is not Kind.ANY)

    def branches(self, node: ast.expr) -> list[ast.expr]:
        """Read the conditions of a choice and return what it chooses from."""
        if not isinstance(node, ast.IfExp):
            return [node]
        self.kind(node.test)
        return [*self.branches(node.body), *self.branches(node.orelse)]

    def is_step(self, node: ast.expr) -> bool:
        """Whether a piece is a bare name that a step above has."""
        entry = self.names.get(node.id) if isinstance(node, ast.Name) else None
        return entry is not None and entry.role == "step"

    def applied(self, node: ast.expr) -> Call | None:
        """Note that an op is applied to values."""
        call = self.table.calls.get(id(node))
        if call is not None:
            call.applied = True
        return call

    def kind(self, node: ast.expr) -> Kind:
        """Read a piece and return what it can be."""
        match node:
            case ast.Name():
                return self.name(node)
            case ast.Call():
                return self.call(node)
            case ast.Attribute():
                return self.attribute(node)
            case ast.IfExp():
                self.kind(node.test)
                return self.kind(node.body).join(self.kind(node.orelse))
            case ast.BinOp():
                return self.arithmetic([self.kind(node.left), self.kind(node.right)])
            case ast.UnaryOp():
                return self.arithmetic([self.kind(node.operand)])
            case ast.Subscript():
                self.all([node.slice])
                return self.kind(node.value)
            case ast.ListComp() | ast.GeneratorExp():
                return self.comprehension(node)
            case ast.Tuple() | ast.List():
                return self.arithmetic(self.all(node.elts))
            case _:
                self.all(c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr))
                return Kind.DATA

    def all(self, nodes: Iterable[ast.expr]) -> list[Kind]:
        """Read several pieces."""
        return [self.kind(node) for node in nodes]

    def arithmetic(self, kinds: list[Kind]) -> Kind:
        """Return what arithmetic on such pieces gives."""
        if Kind.VALUE in kinds:
            return Kind.VALUE
        return Kind.ANY if Kind.ANY in kinds else Kind.DATA

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> Kind:
        outer = self.names
        for loop in node.generators:
            found = self.kind(loop.iter)
            self.names = self.names.new_child(variables(loop.target, found, self.expr))
            self.all(loop.ifs)
        kind = self.kind(node.elt)
        self.names = outer
        return kind

    def attribute(self, node: ast.Attribute) -> Kind:
        """`x.channels` reads no value, `backbone.p3` and `encoder.steps` do."""
        if node.attr in SIZES and isinstance(node.value, ast.Name):
            self.name(node.value, size=True)
            return Kind.DATA
        kind = self.kind(node.value)
        return Kind.DATA if node.attr in SIZES else kind if node.attr == "steps" else Kind.ANY

    # Names

    def name(self, node: ast.Name, *, size: bool = False) -> Kind:
        """Read a name that stands inside an expression: values and params go first."""
        if node.id == "prev" and self.frame.running is not None:
            self.frame.running.read |= not size
            return Kind.VALUE
        if entry := self.names.get(node.id):
            return self.entry(entry, node, size=size)
        return Kind.PARAM if node.id in ("none",) else Kind.DATA if node.id in CONSTANTS else self.op(node)

    def entry(self, entry: Entry, node: ast.Name, *, size: bool = False) -> Kind:
        """Note that a name of the scope is read."""
        self.table.used.add(id(entry))
        if entry.value is not None and not size:
            entry.value.named.append(Use(self.expr.span(node), self.frame.path))
            entry.value.read = True
        return entry.kind

    def head(self, node: ast.Name) -> Kind:
        """Read a bare step or the head of a call: params, ops and blocks go before values."""
        entry = self.names.get(node.id)
        if entry is not None and entry.value is None:
            return self.entry(entry, node)
        if node.id == "none" or node.id in OPS or node.id in self.table.signatures:
            return Kind.OP if node.id == "none" else self.op(node)
        return self.name(node)

    def op(self, node: ast.Name) -> Kind:
        """Note an op or block, or that a name means nothing here."""
        target = self.table.signatures.get(node.id) or OPS.get(node.id)
        if target is None:
            self.unknown(node)
            return Kind.ANY
        self.table.mentions.setdefault(self.frame.owner, set()).add(node.id)
        self.table.calls[id(node)] = Call(self.expr, node, node.id, target, self.frame.owner, self.names)
        return Kind.OP

    def report(self, code: str, message: str, node: ast.AST, help_: str = "") -> None:
        """Note a fault of this expression."""
        self.table.report(self.frame.owner, Diagnostic(code, message, self.expr.span(node), help=help_))

    def unknown(self, node: ast.Name, candidates: Iterable[str] = ()) -> None:
        """Report a name that means nothing, or a value where an op should stand."""
        known = {*candidates} or {*self.names, *OPS, *self.table.signatures}
        if self.is_step(node):
            self.report("unknown-name", f"`{node.id}` is a value, not an op", node, f"`reuse({node.id})(...)` applies its module again")
        else:
            self.report("unknown-name", f"`{node.id}` is not known here", node, meant(node.id, known))

    # Calls

    def call(self, node: ast.Call) -> Kind:
        """Read a call: configured, or applied to values, as the kinds of its arguments tell."""
        callee = self.callee(node.func)
        if callee is None:
            self.reuse(node)
            return Kind.OP
        kinds = self.all(node.args)
        self.keywords(node)
        call = self.table.calls.pop(id(node.func), None)
        again = not isinstance(node.func, ast.Name) and bool(node.args)
        composed = call is not None and isinstance(call.target, type) and bool(kinds) and all(k is Kind.OP for k in kinds)
        if Kind.VALUE not in kinds and self.is_function(node.func):
            return Kind.ANY if Kind.ANY in kinds else Kind.DATA
        if Kind.VALUE in kinds and not again and set(kinds) & {Kind.DATA, Kind.PARAM, Kind.OP}:
            self.mixed(node)
            return Kind.VALUE
        if composed:
            self.compose(node)
        applied = Kind.VALUE in kinds or again or composed
        if call is not None:
            self.configured(call, node, applied=applied)
        if applied:
            return Kind.VALUE
        return Kind.ANY if Kind.ANY in kinds else callee

    def mixed(self, node: ast.Call) -> None:
        """Report a call with values and numbers."""
        text, name = ast.unparse(node), ast.unparse(node.func)
        self.report("mixed-arguments", f"`{text}` mixes values and numbers", node, f"configure first, then apply: `{name}(...)(x)`")

    def is_function(self, func: ast.expr) -> bool:
        """Whether a call without values is one of a function, such as `sum(depths)`."""
        if not isinstance(func, ast.Name) or func.id not in FUNCTIONS:
            return False
        entry = self.names.get(func.id)
        return entry is None or entry.value is not None

    def reuse(self, node: ast.Call) -> None:
        """`reuse(conv1)` names the module of an earlier step, not its value."""
        if len(node.args) != 1 or not self.is_step(node.args[0]):
            self.report("bad-reuse", f"`{ast.unparse(node)}` names no earlier step", node, "write `reuse(step)(value)`")

    def configured(self, call: Call, node: ast.Call, *, applied: bool) -> None:
        """Note the arguments of an op or block; a second call only says what it takes."""
        if call.node is node.func and isinstance(node.func, ast.Name):
            call.arguments = () if applied else tuple(node.args)
            call.keywords = tuple(node.keywords)
        call.node, call.applied = node, applied
        self.table.calls[id(node)] = call

    def compose(self, node: ast.Call) -> None:
        """`relu(conv(8))`: the inner ops take the running value."""
        for argument in node.args:
            self.applied(argument)
        self.frame.take()

    def keywords(self, node: ast.Call) -> None:
        """Read keyword arguments, which are never values of the network."""
        for keyword in node.keywords:
            if str(keyword.arg).split("_")[0] == "init":
                self.initialiser(keyword.value)
            elif self.is_step(keyword.value) or self.kind(keyword.value) is Kind.VALUE:
                self.tensor_argument(keyword)

    def initialiser(self, node: ast.expr) -> None:
        """Read an initialiser, in which names have meanings of their own."""
        outer = self.names
        self.names = outer.new_child({n: Entry("variable", Kind.DATA, self.expr.text.span) for n in INITIALISERS})
        self.kind(node)
        self.names = outer

    def callee(self, func: ast.expr) -> Kind | None:
        """Read what is called: OP, PARAM, DATA for a function of numbers, None for `reuse`."""
        if not isinstance(func, ast.Name):
            return self.kind(func)
        entry = self.names.get(func.id)
        if func.id == "reuse" and entry is None:
            return None
        if func.id in OPS or func.id in self.table.signatures or func.id == "none" or (entry is not None and entry.value is None):
            return self.head(func)
        if func.id in FUNCTIONS:
            return Kind.DATA
        self.unknown(func, {*OPS, *self.table.signatures, *FUNCTIONS})
        return Kind.ANY

    def tensor_argument(self, keyword: ast.keyword) -> None:
        """Report a keyword argument that is a value of the network."""
        if isinstance(keyword.value, ast.Name) and (value := self.names[keyword.value.id].value):
            value.read = True
        text = ast.unparse(keyword.value)
        named = isinstance(keyword.value, ast.Name)
        hint = f"write `{keyword.arg}={text}()` for the op" if text in OPS or text in self.table.signatures else "a value is what an op is applied to: `op(...)(value)`"
        what = f"the value of the step `{text}`" if named else "a value of the network"
        message = f"`{keyword.arg}={text}` gives {what}, but an argument is never a tensor"
        self.report("tensor-argument", message, keyword.value, hint)


def meant(name: str, known: set[str]) -> str:
    """Say which known name is meant by an unknown one, which may be another framework's."""
    other = OTHERS.get(name.lower().replace("_", "").removesuffix("2d"))
    return f"did you mean `{other}`?" if other in known else nearest(name, known - {name})


def variables(target: ast.expr, found: Kind, expr: Expr) -> dict[str, Entry]:
    """Return the entries of a loop's variables, for a loop over something of a kind."""
    mixed = Kind.ANY if found in (Kind.VALUE, Kind.ANY) else Kind.PARAM
    kind = found if found is Kind.VALUE and isinstance(target, ast.Name) else mixed
    names = [n for n in ast.walk(target) if isinstance(n, ast.Name)]
    return {n.id: Entry("variable", kind, expr.span(n)) for n in names}
