"""Expressions as documents, with the breaks that Ruff's formatter gives them."""

from __future__ import annotations

import ast
from itertools import count, pairwise

from archc.backends.torchfile.documents import (
    HARD,
    SOFT,
    SPACE,
    Document,
    Group,
    GroupWithin,
    Indent,
    Lazy,
    Loose,
    Parentheses,
    Variants,
    When,
)
from archc.backends.torchfile.operators import (
    BIT_OR,
    OR,
    TEST,
    UNARY,
    Term,
    flattened,
    is_simple_bound,
    is_simple_power,
    operand_strength,
    strength,
)
from archc.backends.torchfile.parentheses import (
    DISPLAYS,
    IF_BROKEN,
    IF_FITTING,
    NONE,
    Chain,
    around,
    breaks_in_brackets,
    is_fluent,
    owner,
)
from archc.backends.torchfile.spelling import Spelling, lone_generator, parameters

# Where an expression stands: outside of all brackets, inside of some, or within a group that has
# parentheses where it is broken, whose name is any greater number.
OUTSIDE = -1
INSIDE = 0

# Whether an expression in a statement that may break in its brackets gets parentheses first.
PREFERRED, AVOIDED, ALWAYS = range(3)


def joined(entries: list[Document], *, last_comma: bool) -> list[Document]:
    """Return entries with commas between, and after the last where each has its line."""
    parts: list[Document] = []
    for entry in entries:
        parts += [",", SPACE] if parts else []
        parts.append(entry)
    return [*parts, When(",")] if last_comma else parts


def brackets(
    left: str, body: Document, right: str, level: int, flat: str | None = None
) -> list[Document]:
    """Return what stands in brackets, which it may break after and before."""
    inner: Document = Group([Indent([SOFT, body]), SOFT], flat)
    return [left, inner if level <= INSIDE else Loose(inner, level), right]


def line(level: int, flat: str = " ") -> Document:
    """Return a break that there is only within parentheses."""
    if level == OUTSIDE:
        return flat
    place = SPACE if flat else SOFT
    return place if level == INSIDE else [When(place, True, level), When(flat, False, level)]


def group(level: int, body: Document) -> Document:
    """Return a group that there is only within parentheses."""
    if level == OUTSIDE:
        return body
    return Group(body) if level == INSIDE else GroupWithin(body, level)


class Layout:
    """Documents of expressions."""

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling
        self.names = count(1)

    def document(self, node: ast.expr, level: int, needed: int = TEST) -> Document:
        """Return an expression as a document, in parentheses where it is too weak."""
        if needed and strength(node) < needed:
            flat = self.spelling.text(node)
            return brackets("(", self.document(node, INSIDE), ")", level, flat)
        if isinstance(node, (ast.Name, ast.Constant, ast.JoinedStr)):
            return self.spelling.text(node)
        if level == INSIDE:
            return Lazy(self.spelling.text(node), lambda: self.parts(node, INSIDE))
        return self.parts(node, level)

    def parts(self, node: ast.expr, level: int) -> Document:
        match node:
            case ast.Attribute() | ast.Call() | ast.Subscript():
                if level != OUTSIDE and is_fluent(node):
                    return Group(self.chain(node, level, fluent=True))
                return self.chain(node, level, fluent=False)
            case ast.BinOp() | ast.BoolOp() | ast.Compare():
                return group(level, self.operation(flattened(node), level))
            case ast.UnaryOp(op, operand):
                needed = operand_strength(node)
                return [UNARY[type(op)], self.document(operand, level, needed)]
            case ast.Starred(value):
                return ["*", self.document(value, level, BIT_OR)]
            case ast.IfExp():
                return group(level, self.conditional(node, level))
            case ast.Lambda(_, body):
                return [self.lambda_head(node), self.lambda_body(body, level)]
            case ast.Slice():
                return self.slice(node, level)
            case _:
                return self.display(node, level)

    def display(self, node: ast.expr, level: int) -> Document:
        """Return what has brackets of its own."""
        flat = self.spelling.text(node)
        left, inner, right = flat[:1], flat[1:-1], flat[-1:]
        match node:
            case ast.Tuple(items) | ast.List(items) | ast.Set(items):
                if not items:
                    return flat
                if isinstance(node, ast.Tuple) and len(items) == 1:
                    body: Document = [self.document(items[0], INSIDE), ","]
                else:
                    body = self.sequence(items, INSIDE)
            case ast.Dict(keys, values):
                if not keys:
                    return flat
                pairs: list[Document] = [
                    Group(self.pair(key, value), self.spelling.pair(key, value))
                    for key, value in zip(keys, values, strict=True)
                ]
                body = joined(pairs, last_comma=len(pairs) > 1)
            case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
                body = Group(self.comprehension(node), inner)
            case _:
                return flat
        return brackets(left, body, right, level, inner)

    def sequence(self, items: list[ast.expr], level: int) -> Document:
        entries = [self.document(item, level) for item in items]
        return joined(entries, last_comma=len(entries) > 1)

    def pair(self, key: ast.expr | None, value: ast.expr) -> Document:
        if key is None:
            return ["**", self.document(value, INSIDE, BIT_OR)]
        return [self.document(key, INSIDE), ": ", self.document(value, INSIDE)]

    def chain(self, node: Chain, level: int, *, fluent: bool) -> Document:
        """Return what is called, indexed or has an attribute, which may be such a thing itself."""
        value, needed = owner(node)
        weak = strength(value) < needed
        if isinstance(value, Chain) and not weak:
            start = self.chain(value, level, fluent=fluent)
        else:
            start = self.document(value, level, needed)
        match node:
            case ast.Attribute(_, attr):
                breaks = fluent and (weak or isinstance(value, (ast.Call, ast.Subscript)))
                return [start, SOFT, "." + attr] if breaks else [start, "." + attr]
            case ast.Call():
                return [start, *self.arguments(node, level)]
            case ast.Subscript(_, index):
                flat = self.spelling.index(index)
                return [start, *brackets("[", self.index(index), "]", level, flat)]

    def index(self, node: ast.expr) -> Document:
        if not isinstance(node, ast.Tuple) or not node.elts:
            return self.document(node, INSIDE)
        if len(node.elts) == 1:
            return [self.document(node.elts[0], INSIDE), ","]
        return Group(self.sequence(node.elts, INSIDE), self.spelling.index(node))

    def arguments(self, node: ast.Call | ast.ClassDef, level: int) -> list[Document]:
        flat = self.spelling.arguments(node)
        if not flat:
            return ["()"] if isinstance(node, ast.Call) else []
        generator = lone_generator(node)
        if generator:
            body: Document = self.comprehension(generator)
        else:
            args = node.args if isinstance(node, ast.Call) else node.bases
            entries = [self.document(arg, INSIDE) for arg in args]
            entries += [self.keyword(keyword) for keyword in node.keywords]
            body = joined(entries, last_comma=len(entries) > 1)
        return brackets("(", Group(body, flat), ")", level, flat)

    def keyword(self, node: ast.keyword) -> Document:
        if node.arg is None:
            return ["**", self.document(node.value, INSIDE, BIT_OR)]
        return [node.arg + "=", self.document(node.value, INSIDE)]

    def comprehension(
        self, node: ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp
    ) -> Document:
        if isinstance(node, ast.DictComp):
            key = Group(self.document(node.key, INSIDE), self.spelling.text(node.key))
            parts: list[Document] = [key, ": ", self.document(node.value, INSIDE)]
        else:
            element = self.document(node.elt, INSIDE)
            parts = [Group(element, self.spelling.text(node.elt))]
        for clause in node.generators:
            parts += [SPACE, "for ", self.target(clause.target), " in "]
            parts.append(self.document(clause.iter, INSIDE, OR))
            for test in clause.ifs:
                parts += [SPACE, "if ", self.document(test, INSIDE, OR)]
        return parts

    def target(self, node: ast.expr) -> Document:
        """Return the target of a comprehension; a tuple has no parentheses, and does not break."""
        if not isinstance(node, ast.Tuple) or len(node.elts) < 2:
            return self.document(node, INSIDE)
        parts: list[Document] = []
        for item in node.elts:
            parts += [", "] if parts else []
            parts.append(self.document(item, INSIDE))
        return parts

    def operation(self, terms: list[Term], level: int) -> Document:
        """Return operands with breaks before the weakest operators, then in between as well."""
        first, *rest = terms
        if not rest:
            return self.document(first.node, level, first.needed)
        weakest = min(term.binding for term in rest)
        starts = [at for at, term in enumerate(terms) if at and term.binding == weakest]
        parts: list[Document] = []
        for start, end in pairwise([0, *starts, len(terms)]):
            if start:
                parts += self.operator(terms[start - 1], terms[start], level)
            side = self.operation(terms[start:end], level)
            parts.append(group(level, side) if end - start > 1 else side)
        return parts

    def operator(self, left: Term, right: Term, level: int) -> list[Document]:
        if right.operator != "**" or not is_simple_power(left.node, right.node):
            return [line(level), right.operator + " "]
        after = [] if level == OUTSIDE else [When(" ", True, level)]
        return [line(level, ""), right.operator, *after]

    def conditional(self, node: ast.IfExp, level: int) -> Document:
        parts = [self.document(node.body, level, OR), line(level), "if "]
        parts += [self.document(node.test, level, OR), line(level), "else "]
        if isinstance(node.orelse, ast.IfExp):
            return [*parts, self.conditional(node.orelse, level)]
        return [*parts, group(level, self.document(node.orelse, level))]

    def lambda_head(self, node: ast.Lambda) -> str:
        return self.spelling.text(node).removesuffix(self.spelling.text(node.body))

    def lambda_body(self, body: ast.expr, level: int) -> Document:
        if around(body) != IF_BROKEN:
            if isinstance(body, (ast.Call, ast.Subscript)):
                inner = self.document(body, level)
                wrapped: Document = ["(", Indent([HARD, inner]), HARD, ")"]
                return Variants((inner, Group(inner, broken=True), wrapped))
            if isinstance(body, DISPLAYS):
                return self.document(body, level)
        return self.parenthesized(body)

    def slice(self, node: ast.Slice, level: int) -> Document:
        bounds = (node.lower, node.upper, node.step)
        space = "" if all(map(is_simple_bound, bounds)) else " "
        parts: list[Document] = []
        if node.lower is not None:
            parts += [self.document(node.lower, level), space]
        parts.append(":")
        if node.upper is not None:
            parts += [space, self.document(node.upper, level)]
        if node.step is not None:
            parts += [space if node.upper is not None else "", ":", space]
            parts.append(self.document(node.step, level))
        return parts

    def wrapped(self, body: Document, name: int = 0, flat: str | None = None) -> Group:
        """Return what has parentheses where it is broken, in a group of this name."""
        name = name or next(self.names)
        return Group([When("("), Indent([SOFT, body], name), SOFT, When(")")], flat, name)

    def parenthesized(self, node: ast.expr, *, omitting: bool = False) -> Document:
        """Return an expression in parentheses where it is broken; `omitting`: at operators."""
        if omitting:
            name = next(self.names)
            return self.wrapped(self.document(node, name), name)
        return self.wrapped(self.document(node, INSIDE), flat=self.spelling.text(node))

    def value(self, node: ast.expr, style: int = PREFERRED) -> Document:
        """Return an expression that stands in a statement."""
        kind = around(node)
        if kind == NONE or (kind == IF_FITTING and style == AVOIDED):
            return self.document(node, OUTSIDE)
        if kind == IF_FITTING and style == PREFERRED:
            name = next(self.names)
            return Parentheses(self.document(node, name), name)
        return self.parenthesized(node, omitting=breaks_in_brackets(node))

    def parameters(self, node: ast.arguments) -> Document:
        """Return the parameters of a function in their parentheses, as a group."""
        entries: list[Document] = [
            name if default is None else [name + "=", self.document(default, INSIDE)]
            for name, default in parameters(node)
        ]
        if not entries:
            return "()"
        inner: Document = [*joined(entries, last_comma=False), When(",")]
        if len(entries) > 1:
            inner = Group(inner)
        return Group(["(", Indent([SOFT, inner]), SOFT, ")"])
