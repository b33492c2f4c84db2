"""Expressions as text on one line, and which of them stand in parentheses where.

Names and constants come as nodes, and leave as what Python reads as the same: text can't leave
its place. What emitted files have no use for is refused by a `TypeError`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archc.backends.torchfile.literals import escaped, is_negative, number, quoted

# How strongly the parts of an expression hold together, weakest first.
(
    TEST,
    OR,
    AND,
    NOT,
    COMPARISON,
    BIT_OR,
    BIT_XOR,
    BIT_AND,
    SHIFT,
    SUM,
    PRODUCT,
    SIGN,
    POWER,
    ATOM,
    NEVER,
) = range(15)

BINARY: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM),
    ast.Sub: ("-", SUM),
    ast.Mult: ("*", PRODUCT),
    ast.MatMult: ("@", PRODUCT),
    ast.Div: ("/", PRODUCT),
    ast.FloorDiv: ("//", PRODUCT),
    ast.Mod: ("%", PRODUCT),
    ast.Pow: ("**", POWER),
    ast.LShift: ("<<", SHIFT),
    ast.RShift: (">>", SHIFT),
    ast.BitOr: ("|", BIT_OR),
    ast.BitXor: ("^", BIT_XOR),
    ast.BitAnd: ("&", BIT_AND),
}
BOOLEAN: dict[type[ast.boolop], tuple[str, int]] = {ast.And: ("and", AND), ast.Or: ("or", OR)}
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
UNARY: dict[type[ast.unaryop], str] = {
    ast.Invert: "~",
    ast.Not: "not ",
    ast.UAdd: "+",
    ast.USub: "-",
}
NUMBER = (int, float)


def is_number(node: ast.expr) -> bool:
    """Whether a node is a number literal; a negative one is a sign before one."""
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        return False
    return isinstance(node.value, NUMBER) and not is_signed(node)


def is_signed(node: ast.Constant) -> bool:
    return isinstance(node.value, NUMBER) and is_negative(node.value)


def strength(node: ast.expr) -> int:
    """Return how strongly an expression holds together."""
    match node:
        case ast.BinOp(op=op):
            return BINARY[type(op)][1]
        case ast.BoolOp(op=op):
            return BOOLEAN[type(op)][1]
        case ast.Compare():
            return COMPARISON
        case ast.UnaryOp(op=op):
            return NOT if isinstance(op, ast.Not) else SIGN
        case ast.IfExp() | ast.Lambda():
            return TEST
        case ast.Constant() if is_signed(node):
            return SIGN
        case _:
            return ATOM


def owner_strength(value: ast.expr) -> int:
    """Return how strong what an attribute is taken of has to be; digits would take its dot."""
    return NEVER if is_number(value) else ATOM


def operand_strength(node: ast.UnaryOp) -> int:
    """Return how strong the operand of a sign has to be; a power is set off from it."""
    operand = node.operand
    if isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.Pow):
        return NEVER
    return NOT if isinstance(node.op, ast.Not) else SIGN


def operands(node: ast.expr) -> Iterator[tuple[ast.expr, int]]:
    """Yield the operands of an operation in their order, each with the strength that it needs."""
    match node:
        case ast.BinOp(left, op, right):
            own = BINARY[type(op)][1]
            power = own == POWER
            yield left, own + 1 if power else own
            yield right, SIGN if power else own + 1
        case ast.BoolOp(op, values):
            own = BOOLEAN[type(op)][1]
            yield from ((value, own + 1) for value in values)
        case ast.Compare(left, _, comparators):
            yield from ((value, COMPARISON + 1) for value in (left, *comparators))
        case ast.UnaryOp(_, operand):
            yield operand, operand_strength(node)
        case ast.IfExp(test, body, orelse):
            yield from ((body, OR), (test, OR), (orelse, TEST))
        case ast.Lambda(_, body):
            yield body, TEST
        case ast.Starred(value):
            yield value, BIT_OR


def operators(node: ast.expr) -> Iterator[tuple[str, int]]:
    """Yield what stands between the operands, each with its strength; `and` breaks as `or` does."""
    match node:
        case ast.BinOp(_, op, _):
            yield BINARY[type(op)]
        case ast.BoolOp(op, values):
            yield from ((BOOLEAN[type(op)][0], OR) for _ in values[1:])
        case ast.Compare(_, ops, _):
            yield from ((COMPARISONS[type(op)], COMPARISON) for op in ops)


def spine(node: ast.expr) -> list[ast.expr]:
    """Return an operation with those that it starts with, the innermost first.

    A sum of many terms is that deep, which nothing else is: who recurses goes along it in a loop.
    """
    nodes = [node]
    while isinstance(node, ast.BinOp) and isinstance(node.left, ast.BinOp):
        if strength(node.left) < next(operands(node))[1]:
            break
        node = node.left
        nodes.append(node)
    return nodes[::-1]


def is_simple_power(left: ast.expr, right: ast.expr) -> bool:
    """Whether a power is written without spaces."""
    while isinstance(right, ast.BinOp) and isinstance(right.op, ast.Pow):
        right = right.left
    return strength(left) == ATOM and is_simple_operand(left) and is_simple_operand(right)


def is_simple_operand(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Constant(value):
            return value is None or isinstance(value, NUMBER)
        case ast.UnaryOp(op, operand):
            return not isinstance(op, ast.Not) and is_simple_operand(operand)
        case ast.Attribute(value):
            return is_simple_operand(value)
        case _:
            return False


def is_simple_bound(node: ast.expr | None) -> bool:
    """Whether a bound of a slice needs no spaces around its colon."""
    match node:
        case None | ast.Name() | ast.Constant():
            return True
        case ast.UnaryOp(op, operand):
            return not isinstance(op, ast.Not) and is_simple_bound(operand)
        case _:
            return False


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
                return name
            case ast.Attribute(value, attr):
                return f"{self.text(value, owner_strength(value))}.{attr}"
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
        return f"{keyword.arg}={self.text(keyword.value)}"

    def pair(self, key: ast.expr | None, value: ast.expr) -> str:
        if key is None:
            return "**" + self.text(value, BIT_OR)
        return f"{self.text(key)}: {self.text(value)}"

    def operation(self, node: ast.expr) -> str:
        text = ""
        for operation in spine(node):
            parts = list(operands(operation))
            left, needed = parts[0]
            text = text or self.text(left, needed)
            for (symbol, _), (right, needed) in zip(operators(operation), parts[1:], strict=True):
                tight = symbol == "**" and is_simple_power(left, right)
                text += symbol if tight else f" {symbol} "
                text += self.text(right, needed)
                left = right
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
    return parameter.arg


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
