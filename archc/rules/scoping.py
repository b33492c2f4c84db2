"""Scopes of the text: names come in, expressions are read with the names that they see."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any, Literal

from archc.diagnostics import Span
from archc.language.expr import Expr
from archc.language.scalars import Loop
from archc.rules.analysis import (
    Analysis,
    Binding,
    Def,
    Entry,
    Kind,
    Names,
    Origin,
    Purpose,
    Reading,
)
from archc.rules.applying import ExpressionReader
from archc.rules.reading import Frame, variables


class Scoper:
    """What a walk needs to bring names into scope and to read expressions; fills the analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def bind(
        self, owner: str, names: Names, role: Literal["param", "let"], found: Iterable[Any]
    ) -> None:
        """Bring declared names of data into a scope, at the place of their text."""
        for name in found:
            entry = Entry(role, Kind.PARAM, name.span)
            self.introduce(Frame(owner, names), str(name), entry, declared=True)

    def introduce(
        self, frame: Frame, name: str, entry: Entry, shown: str = "", *, declared: bool = False
    ) -> None:
        """Bring a name into the innermost scope, noting what it would hide."""
        names = frame.names
        outer = next((m[name] for m in names.maps[1:] if name in m), None)
        self.analysis.bindings.append(
            Binding(
                frame.owner, name, shown or name, entry, names.maps[0].get(name), outer, declared
            )
        )
        names[name] = entry

    def define(self, frame: Frame, name: str, span: Span, origin: Origin, shown: str = "") -> Def:
        """Bring a value into scope."""
        value = Def(name, span, frame.owner, origin, len(frame.path), shown=shown or name)
        self.analysis.defs.append(value)
        if name:
            hidden = frame.names.get(name)
            data = hidden is not None and hidden.role in ("param", "let", "variable")
            kind = Kind.ANY if data else Kind.VALUE  # that it hides them is reported, once
            entry = Entry("input" if origin == "input" else "step", kind, span, value)
            self.introduce(frame, name, entry, shown)
        return value

    def read(
        self, frame: Frame, expr: Expr, purpose: Purpose = "data", node: ast.expr | None = None
    ) -> Kind:
        """Read an expression and keep it with its purpose."""
        node = expr.tree if node is None else node
        self.analysis.readings.append(Reading(expr, node, purpose, frame.owner, frame.names))
        reader = ExpressionReader(self.analysis, frame, expr)
        if purpose == "step":
            reader.step(node)
            return Kind.VALUE
        return reader.kind(node)

    def data(self, frame: Frame, value: Any) -> None:
        """Read a value: an expression, or a list of values."""
        if isinstance(value, Expr):
            self.read(frame, value)
        elif isinstance(value, tuple):
            for item in value:
                self.data(frame, item)

    def loop(self, frame: Frame, loop: Loop) -> None:
        """Read a loop and bring its variables into scope."""
        kind = self.read(frame, loop.expr, "loop", loop.node)
        names = variables(loop.target, Kind.DATA if loop.counted else kind, loop.expr)
        frame.names = frame.names.new_child()
        for name, entry in names.items():
            self.introduce(frame, name, entry)

    def init(self, frame: Frame, rules: Any) -> None:
        """Read the initialisers of a step, by tensor or by op kind and tensor."""
        for rule in (rules or {}).values():
            for expr in [rule] if isinstance(rule, Expr) else rule.root.values():
                ExpressionReader(self.analysis, frame, expr).initialiser(expr.tree)
