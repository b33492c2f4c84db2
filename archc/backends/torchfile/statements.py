"""Statements as documents: what follows a keyword or an `=` may get parentheses to break in."""

from __future__ import annotations

import ast

from archc.backends.torchfile.documents import (
    SOFT,
    Document,
    Group,
    Indent,
    Loose,
    Parentheses,
    Variants,
)
from archc.backends.torchfile.layout import AVOIDED, INSIDE, OUTSIDE, Layout, joined
from archc.backends.torchfile.operators import is_signed, strength
from archc.backends.torchfile.parentheses import (
    DISPLAYS,
    IF_FITTING,
    Chain,
    around,
    breaks_in_brackets,
    owner,
)

ARITHMETIC = (ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Add, ast.Sub)


class Statements:
    """Documents of statements that are too long for a line."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.spelling = layout.spelling

    def assigned(
        self, targets: list[ast.expr], operator: str, value: ast.expr, *, bare: bool
    ) -> Document:
        first, *rest = targets
        if not rest and not has_brackets(first):
            return [self.layout.document(first, OUTSIDE), operator, self.right(value, bare=bare)]
        parts: list[Document] = []
        for target in targets[:-1]:
            wraps = target is not first and is_wrapped(target)
            form = self.layout.parenthesized(target) if wraps else self.target(target)
            parts += [form, operator]
        return [*parts, self.right_first(targets[-1], operator, value, bare=bare)]

    def target(self, node: ast.expr) -> Document:
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            return self.bare(node)
        return self.layout.document(node, OUTSIDE)

    def bare(self, node: ast.Tuple) -> Document:
        """Return a tuple that has parentheses only where it is broken."""
        items = self.layout.sequence(node.elts, INSIDE)
        return self.layout.wrapped(items, flat=self.spelling.bare(node))

    def optional(self, node: ast.Tuple) -> Document:
        """Return a tuple that gets parentheses only if it breaks in no brackets of its own."""
        name = next(self.layout.names)
        return self.layout.wrapped(self.layout.sequence(node.elts, name), name)

    def right(self, value: ast.expr, *, bare: bool) -> Document:
        """Return what is assigned or returned."""
        if isinstance(value, ast.Lambda):
            body = Loose(self.layout.lambda_body(value.body, INSIDE), closed=False)
            return self.layout.wrapped([self.layout.lambda_head(value), body])
        if bare and isinstance(value, ast.Tuple) and len(value.elts) > 1:
            return self.bare(value)
        if is_atom(value):
            return Parentheses(self.spelling.text(value), next(self.layout.names))
        return self.layout.value(value)

    def right_first(
        self, target: ast.expr, operator: str, value: ast.expr, *, bare: bool
    ) -> Document:
        """Return an assignment that breaks its value before its target."""
        before = self.target(target)
        if is_wrapped(target):
            omitting = breaks_in_brackets(target)
            before = self.layout.parenthesized(target, omitting=omitting)
        fitting = isinstance(value, Chain) and around(value) == IF_FITTING
        if not (fitting or is_atom(value)):
            return [before, operator, self.right(value, bare=bare)]
        right = self.layout.document(value, OUTSIDE)
        wrapped: list[Document] = ["(", Group([Indent([SOFT, right]), SOFT], broken=True), ")"]
        variants: list[Document] = [
            [before, operator, right],
            [before, operator, *wrapped],
            [Group(before, broken=True), operator, right],
        ]
        if fitting:
            variants.insert(1, [before, operator, Group(right, broken=True)])
        return Variants(tuple(variants))

    def expression(self, node: ast.expr) -> Document:
        """Return an expression that is a statement."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
            return self.layout.value(node, AVOIDED)
        return self.layout.document(node, OUTSIDE)

    def returned(self, value: ast.expr) -> Document:
        if isinstance(value, ast.Tuple) and len(value.elts) > 1:
            short = len(value.elts) == 2
            return ["return ", self.optional(value) if short else self.bare(value)]
        return ["return ", self.right(value, bare=False)]

    def for_header(self, node: ast.For) -> Document:
        target = node.target
        if isinstance(target, ast.Tuple) and len(target.elts) > 1:
            names = self.optional(target)
        else:
            names = self.layout.value(target)
        return ["for ", names, " in ", self.layout.value(node.iter), ":"]

    def managers(self, items: list[ast.withitem]) -> Document:
        if len(items) > 1:
            return self.layout.wrapped(
                joined([self.manager(item, INSIDE) for item in items], last_comma=True)
            )
        if items[0].optional_vars is None:
            return self.layout.value(items[0].context_expr)
        if breaks_in_brackets(items[0].context_expr):
            name = next(self.layout.names)
            return self.layout.wrapped(self.manager(items[0], name), name)
        return self.layout.wrapped(self.manager(items[0], INSIDE))

    def manager(self, item: ast.withitem, level: int) -> Document:
        expression = self.layout.document(item.context_expr, level)
        if item.optional_vars is None:
            return expression
        return [expression, " as ", self.layout.document(item.optional_vars, level)]


def is_atom(node: ast.expr) -> bool:
    """Whether an expression has no place to break."""
    if isinstance(node, ast.Constant):
        return not is_signed(node)
    return isinstance(node, (ast.Name, ast.JoinedStr))


def has_brackets(node: ast.expr) -> bool:
    """Whether an expression is in brackets of its own, empty ones too."""
    return isinstance(node, (ast.Call, ast.Subscript, *DISPLAYS))


def is_wrapped(target: ast.expr) -> bool:
    """Whether a target gets parentheses where it is too long: it has no brackets."""
    node = target
    while isinstance(node, ast.Attribute):
        value, needed = owner(node)
        if has_brackets(value) or strength(value) < needed:
            return False
        node = value
    return not has_brackets(node)
