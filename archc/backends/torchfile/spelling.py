"""Expressions as text on one line.

Names and constants come as nodes, and leave as what Python reads as the same: text can't leave
its place. What emitted files have no use for is refused by a `TypeError`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archc.backends.torchfile import literals
from archc.backends.torchfile.literals import escaped, number, quoted
from archc.backends.torchfile.operators import (
    ATOM,
    BIT_OR,
    NUMBER,
    OR,
    TEST,
    UNARY,
    is_simple_bound,
    is_simple_power,
    operand_strength,
    owner_strength,
    spine,
    strength,
)


class Spelling:
    """Texts of expressions, each worked out once.

    `quote` is what strings have around them; in an f-string it is all that they can have.
    """

    def __init__(self, quote: str = '"', *, inside: bool = False) -> None:
        self.quote = quote
        self.inside = inside
        self.texts: dict[ast.expr, str] = {}

    def text(self, node: ast.expr, needed: int = TEST) -> str:
        """Return an expression as text, in parentheses where it has not the strength needed."""
        text = self.texts.get(node)
        if text is None:
            text = self.texts[node] = self.common(node)
        return f"({text})" if needed and strength(node) < needed else text

    def common(self, node: ast.expr) -> str:
        match node:
            case ast.Name(name):
                return literals.name(name)
            case ast.Attribute(value, attr):
                return f"{self.text(value, owner_strength(value))}.{literals.name(attr)}"
            case ast.Call(function):
                return f"{self.text(function, ATOM)}({self.arguments(node)})"
            case ast.Constant():
                return self.constant(node)
            case ast.Subscript(value, index):
                return f"{self.text(value, ATOM)}[{self.index(index)}]"
            case ast.BinOp() | ast.BoolOp() | ast.Compare():
                return self.operation(node)
            case ast.UnaryOp(op, operand):
                return UNARY[type(op)] + self.text(operand, operand_strength(node))
            case ast.Tuple(items):
                return f"({self.joined(items)}{',' * (len(items) == 1)})"
            case ast.List(items):
                return f"[{self.joined(items)}]"
            case ast.Starred(value):
                return "*" + self.text(value, BIT_OR)
            case ast.JoinedStr():
                return self.interpolated(node)
            case _:
                return self.rare(node)

    def rare(self, node: ast.expr) -> str:
        match node:
            case ast.IfExp(test, body, orelse):
                condition = self.text(test, OR)
                return f"{self.text(body, OR)} if {condition} else {self.text(orelse)}"
            case ast.Dict(keys, values):
                return f"{{{', '.join(map(self.pair, keys, values))}}}"
            case ast.Set(items) if items:
                return f"{{{self.joined(items)}}}"
            case ast.GeneratorExp():
                return f"({self.comprehension(node)})"
            case ast.ListComp():
                return f"[{self.comprehension(node)}]"
            case ast.SetComp() | ast.DictComp():
                return f"{{{self.comprehension(node)}}}"
            case ast.Lambda(parameters, body):
                names = self.parameters(parameters)
                return f"lambda{' ' * bool(names)}{names}: {self.text(body)}"
            case ast.Slice(lower, upper, step):
                return self.slice(lower, upper, step)
            case _:
                raise TypeError(f"{type(node).__name__} can't be printed")

    def joined(self, items: list[ast.expr]) -> str:
        return ", ".join([self.text(item) for item in items])

    def bare(self, node: ast.expr) -> str:
        """Return an expression that stands where a tuple needs no parentheses."""
        text = self.text(node)
        return text[1:-1] if isinstance(node, ast.Tuple) and len(node.elts) > 1 else text

    def index(self, node: ast.expr) -> str:
        if isinstance(node, ast.Tuple) and node.elts:
            return self.text(node)[1:-1]
        return self.text(node)

    def arguments(self, node: ast.Call | ast.ClassDef) -> str:
        generator = lone_generator(node)
        if generator:
            return self.text(generator)[1:-1]
        args = node.args if isinstance(node, ast.Call) else node.bases
        texts = [self.text(arg) for arg in args]
        texts += [self.keyword(keyword) for keyword in node.keywords]
        return ", ".join(texts)

    def keyword(self, keyword: ast.keyword) -> str:
        if keyword.arg is None:
            return "**" + self.text(keyword.value, BIT_OR)
        return f"{literals.name(keyword.arg)}={self.text(keyword.value)}"

    def pair(self, key: ast.expr | None, value: ast.expr) -> str:
        if key is None:
            return "**" + self.text(value, BIT_OR)
        return f"{self.text(key)}: {self.text(value)}"

    def operation(self, node: ast.expr) -> str:
        text = ""
        previous = node
        for operator, _, operand, needed in spine(node):
            tight = operator == "**" and is_simple_power(previous, operand)
            text += operator if tight else f" {operator} " if operator else ""
            text += self.text(operand, needed)
            previous = operand
        return text

    def comprehension(
        self, node: ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp
    ) -> str:
        if isinstance(node, ast.DictComp):
            element = f"{self.text(node.key)}: {self.text(node.value)}"
        else:
            element = self.text(node.elt)
        return " ".join((element, *(text for g in node.generators for text in self.clauses(g))))

    def clauses(self, node: ast.comprehension) -> Iterator[str]:
        if node.is_async:
            raise TypeError("an asynchronous comprehension can't be printed")
        yield f"for {self.bare(node.target)} in {self.text(node.iter, OR)}"
        yield from (f"if {self.text(test, OR)}" for test in node.ifs)

    def parameters(self, node: ast.arguments) -> str:
        return ", ".join(self.parameter(*parameter) for parameter in parameters(node))

    def parameter(self, name: str, default: ast.expr | None) -> str:
        return name if default is None else f"{name}={self.text(default)}"

    def slice(self, lower: ast.expr | None, upper: ast.expr | None, step: ast.expr | None) -> str:
        simple = all(map(is_simple_bound, (lower, upper, step)))
        text = "" if lower is None else self.text(lower) + " " * (not simple)
        text += ":"
        if upper is not None:
            text += " " * (not simple) + self.text(upper)
        if step is not None:
            text += " " * (not simple and upper is not None)
            text += ":" + " " * (not simple) + self.text(step)
        return text

    def constant(self, node: ast.Constant) -> str:
        value = node.value
        if value is None or isinstance(value, bool):
            return str(value)
        if value is ...:
            return "..."
        if isinstance(value, NUMBER):
            return number(value)
        if not isinstance(value, str):
            raise TypeError(f"{type(value).__name__} can't be printed as a constant")
        text = quoted(value, self.quote)
        if self.inside and (text[0] != self.quote or "\\" in text):
            raise TypeError("a string within an f-string can have neither quotes nor escapes")
        return text

    def interpolated(self, node: ast.JoinedStr) -> str:
        if self.inside:
            raise TypeError("an f-string within an f-string can't be printed")
        literals = "".join(literal_parts(node))
        quote = quoted(literals)[0]
        inner = Spelling("'" if quote == '"' else '"', inside=True)
        return f"f{quote}{inner.template(node, quote)}{quote}"

    def template(self, node: ast.JoinedStr, quote: str) -> str:
        parts = []
        for part in node.values:
            match part:
                case ast.Constant(str(text)):
                    body = escaped(re.sub(r"([{}])", r"\1\1", text))
                    parts.append(body.replace(quote, "\\" + quote))
                case ast.FormattedValue(value, conversion, form):
                    text = self.text(value, OR if ends_in_lambda(value) else TEST)
                    space = " " * text.startswith("{")
                    end = f"!{chr(conversion)}" if conversion != -1 else ""
                    if isinstance(form, ast.JoinedStr):
                        end += ":" + self.template(form, quote)
                    parts.append(f"{{{space}{text}{end or space}}}")
                case _:
                    raise TypeError(f"{type(part).__name__} can't be printed in an f-string")
        return "".join(parts)


def parameters(node: ast.arguments) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the parameters of a function with their stars and markers, each with its default."""
    places = [*node.posonlyargs, *node.args]
    defaults = [None] * (len(places) - len(node.defaults)) + [*node.defaults]
    for at, (parameter, default) in enumerate(zip(places, defaults, strict=True), 1):
        yield name_of(parameter), default
        if at == len(node.posonlyargs):
            yield "/", None
    if node.vararg:
        yield "*" + name_of(node.vararg), None
    elif node.kwonlyargs:
        yield "*", None
    yield from zip(map(name_of, node.kwonlyargs), node.kw_defaults, strict=True)
    if node.kwarg:
        yield "**" + name_of(node.kwarg), None


def name_of(parameter: ast.arg) -> str:
    if parameter.annotation:
        raise TypeError("an annotation can't be printed")
    return literals.name(parameter.arg)


def lone_generator(node: ast.Call | ast.ClassDef) -> ast.GeneratorExp | None:
    """Return the generator that is the only argument of a call, and needs no parentheses."""
    match node:
        case ast.Call(_, [ast.GeneratorExp() as generator], []):
            return generator
        case _:
            return None


def ends_in_lambda(node: ast.expr) -> bool:
    """Whether an expression has a colon outside of all brackets, which would end it in a string."""
    while isinstance(node, ast.IfExp):
        node = node.orelse
    return isinstance(node, ast.Lambda)


def literal_parts(node: ast.JoinedStr) -> Iterator[str]:
    for part in node.values:
        match part:
            case ast.Constant(str(text)):
                yield text
            case ast.FormattedValue(_, _, ast.JoinedStr() as form):
                yield from literal_parts(form)
