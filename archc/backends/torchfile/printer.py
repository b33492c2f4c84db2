"""Python's syntax tree as text, laid out as Ruff's formatter does it by default.

Attributes of statements say what a tree has no place for; `noted` sets them. A docstring is given
without its indentation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TypeVar

from archc.backends.torchfile import literals
from archc.backends.torchfile.documents import INDENT, LINE_WIDTH, Document, Renderer, width
from archc.backends.torchfile.layout import ALWAYS, AVOIDED, OUTSIDE, Layout, joined
from archc.backends.torchfile.operators import BINARY
from archc.backends.torchfile.spelling import Spelling
from archc.backends.torchfile.statements import Statements

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


Statement = TypeVar("Statement", bound=ast.stmt)


def noted(
    statement: Statement, *, comment: str = "", blank_before: bool = False, source: str = ""
) -> Statement:
    """Return a statement with notes to the printer.

    The lines of `comment` are written before it; `blank_before` sets an empty line before it, where
    the layout has none by itself; `source` is the text of a statement of a module, as it is.
    """
    vars(statement).update(comment=comment, blank_before=blank_before, source=source)
    return statement


def printed(module: ast.Module) -> str:
    """Return a module as text; what emitted files have no use for raises `TypeError`."""
    printer = Printer()
    printer.suite(module.body, module)
    return "".join(line + "\n" for line in printer.lines)


class Printer:
    """Writes statements, one after the other."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.indent = 0
        self.spelling = Spelling()
        self.layout = Layout(self.spelling)
        self.documents = Statements(self.layout)

    def suite(self, body: list[ast.stmt], parent: ast.AST) -> None:
        previous: ast.stmt | None = None
        for statement in body:
            self.lines += [""] * blank_lines(previous, statement, parent)
            self.comment(statement)
            text = docstring(statement, parent) if previous is None else None
            source = getattr(statement, "source", "")
            if source and not self.indent:
                self.lines += source.rstrip("\n").split("\n")
            elif text is not None:
                self.lines += literals.docstring(text, " " * self.indent)
            else:
                self.statement(statement)
            previous = statement

    def comment(self, statement: ast.stmt) -> None:
        text = getattr(statement, "comment", "")
        for line in re.split(r"\r\n|[\r\n\f]", text) if text else ():
            self.lines.append(" " * self.indent + f"# {line}".rstrip())

    def line(self, flat: str, build: Callable[[], Document]) -> None:
        """Write what stands on one line, or is laid out on several if it does not fit."""
        start = " " * self.indent
        if self.indent + width(flat) > LINE_WIDTH:
            flat = Renderer(self.indent).render(build(), self.indent)
        self.lines += (start + flat).split("\n")

    def body(self, body: list[ast.stmt], parent: ast.AST) -> None:
        if not body:
            raise TypeError(f"{type(parent).__name__} has an empty body")
        self.indent += INDENT
        self.suite(body, parent)
        self.indent -= INDENT

    def statement(self, node: ast.stmt) -> None:
        text = self.spelling.text
        match node:
            case ast.Assign() | ast.AugAssign():
                self.assignment(node)
            case ast.Expr():
                self.line(text(node.value), lambda: self.documents.expression(node.value))
            case ast.Return(None):
                self.lines.append(" " * self.indent + "return")
            case ast.Return(ast.expr() as value):
                self.line(
                    f"return {self.spelling.bare(value)}", lambda: self.documents.returned(value)
                )
            case ast.If():
                self.condition(node, "if")
            case ast.FunctionDef() | ast.ClassDef():
                self.definition(node)
            case ast.For() | ast.While():
                self.loop(node)
            case ast.With():
                self.context(node)
            case _:
                self.simple(node)

    def simple(self, node: ast.stmt) -> None:
        """Write a statement that is rarer, and has no body."""
        text, value = self.spelling.text, self.layout.value
        match node:
            case ast.Pass() | ast.Break() | ast.Continue():
                self.lines.append(" " * self.indent + type(node).__name__.lower())
            case ast.Import(names):
                self.lines.append(f"{' ' * self.indent}import {', '.join(map(alias, names))}")
            case ast.ImportFrom(module, names, level):
                source = "." * (level or 0) + (literals.dotted(module) if module else "")
                start = f"from {source} import "
                entries: list[Document] = [alias(name) for name in names]
                self.line(
                    start + ", ".join(map(alias, names)),
                    lambda: [start, self.layout.wrapped(joined(entries, last_comma=True))],
                )
            case ast.Raise(None):
                self.lines.append(" " * self.indent + "raise")
            case ast.Raise(ast.expr() as exception, None):
                self.line(f"raise {text(exception)}", lambda: ["raise ", value(exception, AVOIDED)])
            case ast.Raise(ast.expr() as exception, ast.expr() as cause):
                self.line(
                    f"raise {text(exception)} from {text(cause)}",
                    lambda: ["raise ", value(exception, AVOIDED), " from ", value(cause, AVOIDED)],
                )
            case ast.Assert(test, None):
                self.line(f"assert {text(test)}", lambda: ["assert ", value(test)])
            case ast.Assert(test, ast.expr() as message):
                self.line(
                    f"assert {text(test)}, {text(message)}",
                    lambda: ["assert ", value(test), ", ", value(message, ALWAYS)],
                )
            case _:
                raise TypeError(f"{type(node).__name__} can't be printed")

    def assignment(self, node: ast.Assign | ast.AugAssign) -> None:
        value = node.value
        if isinstance(node, ast.Assign):
            targets, operator = node.targets, " = "
        else:
            targets, operator = [node.target], f" {BINARY[type(node.op)][0]}= "
        bare = isinstance(value, ast.Tuple) and any(isinstance(t, ast.Tuple) for t in targets)
        right = self.spelling.bare(value) if bare else self.spelling.text(value)
        flat = "".join(self.spelling.bare(target) + operator for target in targets) + right
        self.line(flat, lambda: self.documents.assigned(targets, operator, value, bare=bare))

    # statements with a body

    def condition(self, node: ast.If, word: str) -> None:
        flat = f"{word} {self.spelling.text(node.test)}:"
        self.line(flat, lambda: [word + " ", self.layout.value(node.test), ":"])
        self.body(node.body, node)
        match node.orelse:
            case [ast.If() as following]:
                self.comment(following)
                self.condition(following, "elif")
            case orelse:
                self.otherwise(orelse, node)

    def otherwise(self, orelse: list[ast.stmt], parent: ast.stmt) -> None:
        if orelse:
            self.lines.append(" " * self.indent + "else:")
            self.body(orelse, parent)

    def loop(self, node: ast.For | ast.While) -> None:
        if isinstance(node, ast.While):
            flat = f"while {self.spelling.text(node.test)}:"
            self.line(flat, lambda: ["while ", self.layout.value(node.test), ":"])
        else:
            flat = f"for {self.spelling.bare(node.target)} in {self.spelling.text(node.iter)}:"
            self.line(flat, lambda: self.documents.for_header(node))
        self.body(node.body, node)
        self.otherwise(node.orelse, node)

    def context(self, node: ast.With) -> None:
        texts = []
        for item in node.items:
            if isinstance(item.context_expr, ast.Tuple):
                raise TypeError("a tuple can't be entered")
            text = self.spelling.text(item.context_expr)
            name = item.optional_vars
            texts.append(text if name is None else f"{text} as {self.spelling.text(name)}")
        self.line(
            f"with {', '.join(texts)}:", lambda: ["with ", self.documents.managers(node.items), ":"]
        )
        self.body(node.body, node)

    def definition(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self.decorator(decorator)
        if getattr(node, "type_params", None):
            raise TypeError("type parameters can't be printed")
        stub = is_stub(node.body)
        end = ": ..." if stub else ":"
        if isinstance(node, ast.FunctionDef):
            if node.returns:
                raise TypeError("an annotation can't be printed")
            start = f"def {literals.name(node.name)}"
            flat = f"{start}({self.spelling.parameters(node.args)}){end}"
            self.line(flat, lambda: [start, self.layout.parameters(node.args), end])
        else:
            start = f"class {literals.name(node.name)}"
            arguments = self.spelling.arguments(node)
            flat = f"{start}({arguments}){end}" if arguments else start + end
            self.line(flat, lambda: [start, *self.layout.arguments(node, OUTSIDE), end])
        if not stub:
            self.body(node.body, node)

    def decorator(self, node: ast.expr) -> None:
        self.line(f"@{self.spelling.text(node)}", lambda: ["@", self.layout.value(node, AVOIDED)])


def alias(node: ast.alias) -> str:
    name = literals.dotted(node.name)
    return f"{name} as {literals.name(node.asname)}" if node.asname else name


def is_stub(body: list[ast.stmt]) -> bool:
    match body:
        case [ast.Expr(ast.Constant(value)) as statement]:
            return value is ... and not getattr(statement, "comment", "")
        case _:
            return False


def docstring(statement: ast.stmt, parent: ast.AST) -> str | None:
    """Return the text of a statement that is the docstring of what it opens."""
    match statement:
        case ast.Expr(ast.Constant(str(text))):
            return text if isinstance(parent, (ast.Module, *DEFINITIONS)) else None
        case _:
            return None


def ends_in_definition(statement: ast.stmt | None) -> bool:
    """Whether the last line of a statement is that of a function or class."""
    while statement is not None and not isinstance(statement, DEFINITIONS):
        body = getattr(statement, "orelse", None) or getattr(statement, "body", None)
        statement = body[-1] if body else None
    return statement is not None


def blank_lines(previous: ast.stmt | None, statement: ast.stmt, parent: ast.AST) -> int:
    """Return how many empty lines stand before a statement."""
    spaced: bool = getattr(statement, "blank_before", False)
    has_comment = bool(getattr(statement, "comment", ""))
    if previous is None:
        if isinstance(parent, ast.FunctionDef):
            return int(spaced and docstring(statement, parent) is None)
        opens = not isinstance(parent, (ast.Module, ast.ClassDef))
        return int(opens and isinstance(statement, DEFINITIONS) and not has_comment)
    if isinstance(statement, DEFINITIONS) or ends_in_definition(previous):
        return 2 if isinstance(parent, ast.Module) else 1
    if isinstance(previous, IMPORTS) and (not isinstance(statement, IMPORTS) or has_comment):
        return 1
    documented = (
        docstring(previous, parent) is not None and previous is getattr(parent, "body", [None])[0]
    )
    return int(spaced or (documented and not isinstance(parent, ast.FunctionDef)))
