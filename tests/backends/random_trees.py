"""Random syntax trees of what emitted files consist of, with no regard to sense or to lines."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable

from archc.backends.torchfile.printer import noted

NAMES = (
    "x",
    "y",
    "i",
    "self",
    "nn",
    "torch",
    "width",
    "stride",
    "in_channels",
    "out_channels",
    "relative_position_bias_table",
    "größe",
    "变量名字",
    "squeeze_excitation_of_the_whole_branch_that_was_cut_before",
    "a_name_that_nobody_would_write_by_hand_since_it_takes_a_line_of_its_own_and_some_more_x",
)
WEIGHTS = (9, 9, 6, 9, 6, 6, 6, 6, 6, 6, 4, 1, 1, 2, 0.4)
TEXTS = (
    "",
    "relu",
    "reduce.0.conv",
    'say "so"',
    "it's",
    'it\'s "so"',
    "back\\slash",
    "two\nlines\tand a tab",
    "nul \x00 and \x7f",
    "broken \ud800",
    "no\u00a0break \u200bspace",
    "宽的字符 wide",
    "🙂 e\u0301",
    "a text of a good many words, as messages of errors have them",
    "a text that is longer than any line has room for, since messages are written on one line only, x",
)
NUMBERS = (0, 1, 2, 3, 7, 64, 1000, 123456789, 0.0, 0.5, 1e-05, 1e16, 1.5e300, float("inf"))
BINARY = tuple(ast.operator.__subclasses__())
COMPARISONS = tuple(ast.cmpop.__subclasses__())
UNARY = tuple(ast.unaryop.__subclasses__())
LOAD, STORE = ast.Load(), ast.Store()


class Trees:
    """Draws trees; `depth` bounds how deep expressions nest."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 nothing here is secret

    def name(self) -> str:
        return self.random.choices(NAMES, WEIGHTS)[0]

    def several(self, draw: Callable[[], ast.expr], least: int = 0) -> list[ast.expr]:
        most = self.random.choice((1, 2, 2, 3, 4, 7))
        return [draw() for _ in range(self.random.randint(least, max(least, most)))]

    # expressions

    def expression(self, depth: int) -> ast.expr:
        if depth <= 0 or self.random.random() < 0.2:
            return self.leaf()
        kinds = (
            self.call,
            self.call,
            self.call,
            self.call,
            self.chain,
            self.attribute,
            self.attribute,
            self.subscript,
            self.binary,
            self.binary,
            self.boolean,
            self.comparison,
            self.unary,
            self.conditional,
            self.function,
            self.sequence,
            self.sequence,
            self.mapping,
            self.comprehension,
            self.interpolated,
        )
        return self.random.choice(kinds)(depth - 1)

    def leaf(self) -> ast.expr:
        draw = self.random.random()
        if draw < 0.65:
            return ast.Name(self.name(), LOAD)
        if draw < 0.8:
            return ast.Constant(self.random.choice(NUMBERS))
        if draw < 0.9:
            return ast.Constant(self.random.choice(TEXTS))
        return ast.Constant(self.random.choice((None, True, False, ...)))

    def call(self, depth: int) -> ast.expr:
        draw = self.random.random()
        function = self.expression(depth) if draw < 0.3 else self.dotted()
        return self.called(function, depth)

    def called(self, function: ast.expr, depth: int) -> ast.expr:
        args = self.several(lambda: self.item(depth))
        names = self.random.sample(NAMES, self.random.choice((0, 0, 1, 2, 4)))
        keywords = [ast.keyword(name, self.expression(depth)) for name in names]
        if self.random.random() < 0.05:
            keywords.append(ast.keyword(None, self.expression(depth)))
        return ast.Call(function, args, keywords)

    def dotted(self) -> ast.expr:
        node: ast.expr = ast.Name(self.name(), LOAD)
        for _ in range(self.random.choice((0, 0, 1, 1, 2))):
            node = ast.Attribute(node, self.name(), LOAD)
        return node

    def chain(self, depth: int) -> ast.expr:
        node = self.dotted() if self.random.random() < 0.7 else self.expression(depth)
        for _ in range(self.random.randint(1, 5)):
            draw = self.random.random()
            node = ast.Attribute(node, self.name(), LOAD) if draw < 0.8 else node
            if draw < 0.6:
                node = self.called(node, min(depth, 1))
            elif draw > 0.9:
                node = ast.Subscript(node, self.index(depth), LOAD)
        return node

    def attribute(self, depth: int) -> ast.expr:
        return ast.Attribute(self.expression(depth), self.name(), LOAD)

    def subscript(self, depth: int) -> ast.expr:
        return ast.Subscript(self.expression(depth), self.index(depth), LOAD)

    def index(self, depth: int) -> ast.expr:
        if self.random.random() < 0.5:
            return self.place(depth)
        items = self.several(lambda: self.place(depth))
        # of one, with a slice in it, Ruff makes something else when it reads what it wrote
        return ast.Tuple(items * (2 if len(items) == 1 else 1), LOAD)

    def place(self, depth: int) -> ast.expr:
        if self.random.random() < 0.5:
            return self.expression(depth)
        bounds = [self.expression(depth) if self.random.random() < 0.5 else None for _ in range(3)]
        return ast.Slice(*bounds)

    def binary(self, depth: int) -> ast.expr:
        left, right = self.expression(depth), self.expression(depth)
        return ast.BinOp(left, self.random.choice(BINARY)(), right)

    def boolean(self, depth: int) -> ast.expr:
        values = self.several(lambda: self.expression(depth), 2)
        return ast.BoolOp(self.random.choice((ast.And, ast.Or))(), values)

    def comparison(self, depth: int) -> ast.expr:
        rest = self.several(lambda: self.expression(depth), 1)[:2]
        operators = [self.random.choice(COMPARISONS)() for _ in rest]
        return ast.Compare(self.expression(depth), operators, rest)

    def unary(self, depth: int) -> ast.expr:
        return ast.UnaryOp(self.random.choice(UNARY)(), self.expression(depth))

    def conditional(self, depth: int) -> ast.expr:
        return ast.IfExp(self.expression(depth), self.expression(depth), self.expression(depth))

    def function(self, depth: int) -> ast.expr:
        return ast.Lambda(self.parameters(min(depth, 1)), self.expression(depth))

    def sequence(self, depth: int) -> ast.expr:
        draw = self.random.random()
        if draw < 0.1:
            return ast.Set(self.several(lambda: self.item(depth), 1))
        items = self.several(lambda: self.item(depth))
        return ast.List(items, LOAD) if draw < 0.5 else ast.Tuple(items, LOAD)

    def item(self, depth: int) -> ast.expr:
        node = self.expression(depth)
        return ast.Starred(node, LOAD) if self.random.random() < 0.08 else node

    def mapping(self, depth: int) -> ast.expr:
        values = self.several(lambda: self.expression(depth))
        keys = [
            None
            if self.random.random() < 0.05
            else ast.Constant(self.random.choice(TEXTS))
            if self.random.random() < 0.7
            else self.expression(depth)
            for _ in values
        ]
        return ast.Dict(keys, values)

    def comprehension(self, depth: int) -> ast.expr:
        generators = [self.clause(depth) for _ in range(self.random.choice((1, 1, 1, 2)))]
        kind = self.random.choice((ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp))
        if kind is ast.DictComp:
            return ast.DictComp(self.expression(depth), self.expression(depth), generators)
        return kind(self.expression(depth), generators)

    def clause(self, depth: int) -> ast.comprehension:
        tests = [self.expression(depth) for _ in range(self.random.choice((0, 0, 0, 1, 2)))]
        return ast.comprehension(self.target(0), self.expression(depth), tests, 0)

    def interpolated(self, depth: int) -> ast.expr:
        parts: list[ast.expr] = []
        for _ in range(self.random.randint(1, 3)):
            text = self.random.choice((*TEXTS, "{", "a}b"))
            if text and self.random.random() < 0.7:
                parts.append(ast.Constant(text))
            form = ast.JoinedStr([ast.Constant(">8")]) if self.random.random() < 0.2 else None
            conversion = self.random.choice((-1, -1, -1, ord("r")))
            parts.append(ast.FormattedValue(self.plain(depth), conversion, form))
        return ast.JoinedStr(parts)

    def plain(self, depth: int) -> ast.expr:
        """Return an expression without strings, which an f-string can't have any of in it."""
        while True:
            node = self.expression(min(depth, 2))
            if not any(
                isinstance(part, ast.JoinedStr)
                or (isinstance(part, ast.Constant) and isinstance(part.value, str))
                for part in ast.walk(node)
            ):
                return node

    def parameters(self, depth: int) -> ast.arguments:
        names = [ast.arg(name) for name in self.random.sample(NAMES, self.random.randint(0, 6))]
        draw = self.random.random
        kwarg = names.pop() if names and draw() < 0.1 else None
        vararg = names.pop() if names and draw() < 0.15 else None
        cut = self.random.randint(0, len(names)) if draw() < 0.4 else len(names)
        places, only = names[:cut], names[cut:]
        first = self.random.randint(0, len(places)) if draw() < 0.1 else 0
        defaults = [self.expression(depth) for _ in range(self.random.randint(0, len(places)))]
        after = [self.expression(depth) if draw() < 0.6 else None for _ in only]
        return ast.arguments(places[:first], places[first:], vararg, only, after, kwarg, defaults)

    def target(self, depth: int, *, nested: bool = False) -> ast.expr:
        draw = self.random.random()
        if draw < 0.15 and not nested:
            names = [self.target(depth, nested=True) for _ in range(self.random.randint(1, 4))]
            if self.random.random() < 0.2:
                names[0] = ast.Starred(ast.Name(self.name(), STORE), STORE)
            return ast.List(names, STORE) if draw < 0.02 else ast.Tuple(names, STORE)
        if draw < 0.3 and depth > 0:
            return ast.Subscript(self.expression(depth), self.index(depth), STORE)
        if draw < 0.6 and depth > 0:
            return ast.Attribute(self.expression(depth - 1), self.name(), STORE)
        if draw < 0.7 and depth > 0:
            return ast.Attribute(ast.Name("self", LOAD), self.name(), STORE)
        return ast.Name(self.name(), STORE)

    # statements

    def statement(self, depth: int = 2) -> ast.stmt:
        size = self.random.choice((1, 2, 2, 3, 3, 4))
        draw = self.random.random()
        if draw < 0.3 or depth <= 0:
            return self.spaced(self.simple(size))
        if draw < 0.65:
            targets = [self.target(1) for _ in range(self.random.choice((1, 1, 1, 1, 1, 1, 2, 3)))]
            return self.spaced(ast.Assign(targets, self.expression(size), lineno=0))
        kinds = (self.condition, self.loop, self.context, self.definition, self.container)
        return self.spaced(self.random.choice(kinds)(size, depth - 1))

    def spaced(self, statement: ast.stmt) -> ast.stmt:
        words = self.random.choice(("a word", "two\nlines", "x " * 60))
        comment = words if self.random.random() < 0.1 else ""
        return noted(statement, comment=comment, blank_before=self.random.random() < 0.15)

    def simple(self, size: int) -> ast.stmt:
        draw = self.random.random()
        if draw < 0.3:
            value = self.expression(size)
            return ast.Return(value if self.random.random() < 0.9 else None)
        if draw < 0.5:
            return ast.Expr(self.call(size) if self.random.random() < 0.6 else self.binary(size))
        if draw < 0.65:
            target = self.target(1)
            while isinstance(target, (ast.Tuple, ast.List)):
                target = self.target(1)
            return ast.AugAssign(target, self.random.choice(BINARY)(), self.expression(size))
        if draw < 0.8:
            message = self.expression(size) if self.random.random() < 0.5 else None
            return ast.Assert(self.expression(size), message)
        if draw < 0.9:
            cause = self.expression(size) if self.random.random() < 0.2 else None
            return ast.Raise(self.expression(size), cause)
        return self.imported() if draw < 0.97 else ast.Pass()

    def imported(self) -> ast.stmt:
        names = [
            ast.alias(self.name(), self.name() if self.random.random() < 0.3 else None)
            for _ in range(self.random.choice((1, 1, 2, 3, 6)))
        ]
        if self.random.random() < 0.5:
            return ast.Import(names)
        return ast.ImportFrom(self.name(), names, self.random.choice((0, 0, 1)))

    def suite(self, depth: int) -> list[ast.stmt]:
        return [self.statement(depth) for _ in range(self.random.choice((1, 1, 2, 3)))]

    def alternative(self, depth: int) -> list[ast.stmt]:
        return self.suite(depth) if self.random.random() < 0.3 else []

    def condition(self, size: int, depth: int) -> ast.stmt:
        return ast.If(self.expression(size), self.suite(depth), self.alternative(depth))

    def loop(self, size: int, depth: int) -> ast.stmt:
        if self.random.random() < 0.3:
            return ast.While(self.expression(size), self.suite(depth), self.alternative(depth))
        body, orelse = self.suite(depth), self.alternative(depth)
        return ast.For(self.target(1), self.expression(size), body, orelse, lineno=0)

    def context(self, size: int, depth: int) -> ast.stmt:
        items = [
            ast.withitem(
                self.attribute(size) if self.random.random() < 0.3 else self.call(size),
                self.target(0) if self.random.random() < 0.4 else None,
            )
            for _ in range(self.random.choice((1, 1, 1, 2, 3)))
        ]
        return ast.With(items, self.suite(depth), lineno=0)

    def definition(self, size: int, depth: int) -> ast.stmt:
        body = [*self.documentation(), *self.suite(depth)]
        decorators = [self.expression(size) for _ in range(self.random.choice((0, 0, 0, 1, 2)))]
        return ast.FunctionDef(self.name(), self.parameters(size), body, decorators, lineno=0)

    def container(self, size: int, depth: int) -> ast.stmt:
        bases = self.several(lambda: self.expression(size))[:2]
        keywords = [ast.keyword("metaclass", self.expression(size))] * (self.random.random() < 0.1)
        body = [*self.documentation(), *self.suite(depth)]
        return ast.ClassDef(self.name(), bases, keywords, body, [])

    def documentation(self) -> list[ast.stmt]:
        if self.random.random() < 0.5:
            return []
        lines = [self.random.choice((*TEXTS, '"', '"""', "    indented")) for _ in range(3)]
        text = "\n".join(lines[: self.random.choice((1, 1, 2, 3))])
        return [ast.Expr(ast.Constant(text))]

    def program(self) -> ast.Module:
        return ast.Module([*self.documentation(), *self.suite(2)], [])
