"""Reads what is applied to what: calls that configure, calls that apply, whole steps."""

from __future__ import annotations

import ast

from archc.language.functions import FUNCTIONS, unmixed
from archc.language.initialisers import FANS, INITIALISERS
from archc.lower.reuse import unapplied
from archc.rules.analysis import Call, Entry, Kind
from archc.rules.reading import NameReader


class ExpressionReader(NameReader):
    """Reads one expression in a frame and writes down what it finds in the analysis."""

    def step(self, node: ast.expr) -> None:
        """Read a whole step, every branch of it: an op that is not applied takes what runs."""
        for branch in self.branches(node):
            kind = self.head(node) if isinstance(node, ast.Name) else self.kind(branch)
            if self.reuses(branch):
                self.unapplied(branch)
                continue
            call = self.applied(branch)
            if kind in (Kind.OP, Kind.PARAM, Kind.ANY) and (call is None or call.takes):
                self.frame.take(sure=kind is not Kind.ANY)

    def branches(self, node: ast.expr) -> list[ast.expr]:
        """Read the conditions of a choice and return what it chooses from."""
        if not isinstance(node, ast.IfExp):
            return [node]
        self.kind(node.test)
        return [*self.branches(node.body), *self.branches(node.orelse)]

    def applied(self, node: ast.expr) -> Call | None:
        """Note that an op is applied to values."""
        call = self.analysis.calls.get(id(node))
        if call is not None:
            call.applied = True
        return call

    def call(self, node: ast.Call) -> Kind:
        """Read a call: configured, or applied to values, as the kinds of its arguments tell."""
        self.calling = node
        callee = self.callee(node.func)
        if callee is None:
            self.reuse(node)
            return Kind.OP
        kinds = self.all(node.args)
        self.keywords(node)
        if self.reuses(node.func) and not {Kind.VALUE, Kind.ANY} & {*kinds}:
            self.unapplied(node.func)
            return Kind.VALUE
        call = self.analysis.calls.pop(id(node.func), None)
        again = isinstance(node.func, ast.Call) and bool(node.args)
        composed = (
            call is not None
            and isinstance(call.target, type)
            and bool(kinds)
            and all(k is Kind.OP for k in kinds)
        )
        listing = ast.unparse(node.func)
        if listing in {"len", "zip"} and self.is_function(node.func):  # of lists of values too
            return Kind.VALUE if listing == "zip" and Kind.VALUE in kinds else Kind.DATA
        if Kind.VALUE not in kinds and self.is_function(node.func):
            return Kind.ANY if Kind.ANY in kinds else Kind.DATA
        if Kind.VALUE in kinds and not again and set(kinds) & {Kind.DATA, Kind.PARAM, Kind.OP}:
            self.mixed(node)
            return Kind.VALUE
        if composed:
            self.compose(node)
        applied = Kind.VALUE in kinds or again or composed
        if call is not None and (applied or Kind.ANY not in kinds):
            self.configured(call, node, applied=applied)
        if applied:
            return Kind.VALUE
        return Kind.ANY if Kind.ANY in kinds else callee

    def mixed(self, node: ast.Call) -> None:
        """Report a call with values and numbers."""
        text, name = ast.unparse(node), ast.unparse(node.func)
        self.report(
            "mixed-arguments",
            f"`{text}` mixes values and numbers",
            node,
            unmixed(name),
        )

    def is_function(self, func: ast.expr) -> bool:
        """Whether a call without values is one of a function, such as `sum(depths)`."""
        if not isinstance(func, ast.Name) or func.id not in FUNCTIONS:
            return False
        entry = self.names.get(func.id)
        return entry is None or entry.value is not None

    def reuse(self, node: ast.Call) -> None:
        """`reuse(conv1)` names the module of an earlier step, not its value."""
        if len(node.args) != 1 or not self.is_step(node.args[0]):
            self.report(
                "bad-reuse",
                f"`{ast.unparse(node)}` names no earlier step",
                node,
                "write `reuse(step)(value)`",
            )

    def reuses(self, node: ast.expr) -> bool:
        """Whether a piece names the module of a step, `reuse(step)`."""
        match node:
            case ast.Call(func=ast.Name(id="reuse")):
                return "reuse" not in self.names
        return False

    def unapplied(self, node: ast.expr) -> None:
        """Report a module that is named and applied to nothing."""
        message, hint = unapplied(node)
        self.report("bad-reuse", message, node, hint)

    def configured(self, call: Call, node: ast.Call, *, applied: bool) -> None:
        """Note the arguments of an op or block; a second call only says what it takes."""
        if call.node is node.func and not isinstance(node.func, ast.Call):
            call.arguments = () if applied else tuple(node.args)
            call.keywords = tuple(node.keywords)
        call.node, call.applied = node, applied
        self.analysis.calls[id(node)] = call

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
        self.names = outer.new_child(
            {n: Entry("variable", Kind.DATA, self.expr.text.span) for n in (*INITIALISERS, *FANS)}
        )
        self.kind(node)
        self.names = outer

    def callee(self, func: ast.expr) -> Kind | None:
        """Read what is called: OP, PARAM, DATA for a function of numbers, None for `reuse`."""
        if not isinstance(func, ast.Name):
            return self.kind(func)
        if self.is_import(func.id):
            return self.op(func)
        entry = self.names.get(func.id)
        if func.id == "reuse" and entry is None:
            return None
        if (
            func.id in self.analysis.ops
            or func.id in self.analysis.signatures
            or func.id == "none"
            or (entry is not None and entry.value is None)
        ):
            return self.head(func)
        if func.id in FUNCTIONS:
            return Kind.DATA
        self.unknown(
            func,
            {*self.analysis.ops, *self.analysis.signatures, *self.analysis.imports, *FUNCTIONS},
        )
        return self.analysis.unknown_kind

    def tensor_argument(self, keyword: ast.keyword) -> None:
        """Report a keyword argument that is a value of the network."""
        text = ast.unparse(keyword.value)
        entry = self.names.get(text)
        if entry is not None and entry.value is not None:
            entry.value.read = True
        named = entry is not None
        hint = (
            f"write `{keyword.arg}={text}()` for the op"
            if text in self.analysis.ops or text in self.analysis.signatures
            else "a value is what an op is applied to: `op(...)(value)`"
        )
        what = f"the value of the step `{text}`" if named else "a value of the network"
        message = f"`{keyword.arg}={text}` gives {what}, but an argument is never a tensor"
        self.report("tensor-argument", message, keyword.value, hint)
