"""Loops whose turns differ in what runs into them alone: a call of `stage`, or no variable at all."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archc.backends.torchfile.algebra import simplified, substituted
from archc.backends.torchfile.symbols import plain, symbols

HELPER = frozenset({"block", "in_channels", "channels", "depth"})
"""What the helper `stage` calls its own parameters, which a class can't take through it."""


@dataclass(frozen=True)
class Taken:
    """A parameter of a class: its symbol, what it would be called, its default."""

    symbol: str
    hint: str
    default: ast.expr | None


Signatures = Mapping[str, Sequence[Taken]]
"""What each class takes, by its symbol."""


@dataclass(frozen=True)
class Counted:
    """`for variable in range(depth)` over one statement, with the channels that it carries."""

    variable: str
    depth: ast.expr
    statement: ast.stmt
    carried: str | None
    first: ast.expr | None
    later: ast.expr | None


def plainer(statements: Sequence[ast.stmt], signatures: Signatures) -> list[ast.stmt]:
    """Return a constructor in which such loops are said without a variable of channels."""
    total = Counter(name for s in statements for name in symbols(s))
    return _suite(statements, signatures, total)


def _suite(
    statements: Sequence[ast.stmt], signatures: Signatures, total: Counter[str]
) -> list[ast.stmt]:
    out: list[ast.stmt] = []
    waiting = list(statements)
    while waiting:
        statement = waiting.pop(0)
        if isinstance(statement, ast.If):
            statement.body = _suite(statement.body, signatures, total)
            statement.orelse = _suite(statement.orelse, signatures, total)
        elif isinstance(statement, ast.For):
            statement.body = one_variable(_suite(statement.body, signatures, total), total)
            loop = counted(out[-1] if out else None, statement, total)
            if loop is not None:
                start = out[:-1] if loop.carried is not None else out
                use = waiting[0] if waiting else None
                if (row := _row(loop, start, use, signatures, total)) is not None:
                    out = start[:-1]
                    waiting[0] = row
                    continue
                if (plain_loop := _loop(loop)) is not None:
                    out = [*start, plain_loop]
                    continue
        out.append(statement)
    return out


def one_variable(body: list[ast.stmt], total: Counter[str]) -> list[ast.stmt]:
    """Return the body of a loop in which a loop inside carries on what the outer one carries."""
    match body:
        case [
            *before,
            ast.Assign(targets=[ast.Name(id=inner)], value=ast.Name(id=outer)),
            ast.For(body=[*_, ast.Assign(targets=[ast.Name(id=last)], value=later)]) as loop,
            ast.Assign(targets=[ast.Name(id=end)], value=value),
        ] if (inner, outer) == (last, end) and ast.dump(later) == ast.dump(value):
            inside = [*symbols(loop)]
            if outer not in inside and total[inner] == inside.count(inner) + 1:
                for node in ast.walk(loop):
                    if isinstance(node, ast.Name) and node.id == inner:
                        node.id = outer
                return [*before, loop]
    return body


def counted(before: ast.stmt | None, loop: ast.For, total: Counter[str]) -> Counted | None:
    """Return what a loop over a count does, None where it does more."""
    match loop:
        case ast.For(
            target=ast.Name(id=variable),
            iter=ast.Call(func=ast.Name(id="range"), args=[depth]),
            body=[statement],
        ):
            return Counted(variable, depth, statement, None, None, None)
        case ast.For(
            target=ast.Name(id=variable),
            iter=ast.Call(func=ast.Name(id="range"), args=[depth]),
            body=[statement, ast.Assign(targets=[ast.Name(id=carried)], value=later)],
        ):
            inside = sum(name == carried for name in symbols(loop))
            match before:
                case ast.Assign(targets=[ast.Name(id=name)], value=first) if (
                    name == carried and total[carried] == inside + 1
                ):
                    return Counted(variable, depth, statement, carried, first, later)
    return None


def _loop(loop: Counted) -> ast.stmt | None:
    """Return a loop with the channels of a turn as an expression of its number, if there is one."""
    if loop.carried is None or loop.first is None or loop.later is None:
        return None
    number = ast.Name(loop.variable, ast.Load())
    own = {loop.variable, loop.carried}
    match loop.later:
        case ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=step) if (
            name == loop.carried and not own & {*symbols(step)}
        ):
            more = simplified(ast.BinOp(step, ast.Mult(), number))
            tree: ast.expr = simplified(ast.BinOp(loop.first, ast.Add(), more))
        case ast.Constant() | ast.Name() as later if isinstance(
            loop.first, ast.Constant | ast.Name
        ) and not own & {*symbols(later)}:
            start = ast.Compare(number, [ast.Eq()], [ast.Constant(0)])
            tree = ast.IfExp(start, loop.first, later)
        case _:
            return None
    match loop.statement:
        case ast.Expr(value=value):
            made: ast.stmt = ast.Expr(substituted(value, {loop.carried: tree}))
        case ast.Assign(targets=targets, value=value):
            made = ast.Assign(targets, substituted(value, {loop.carried: tree}), lineno=0)
        case _:
            return None
    over = ast.Call(ast.Name("range", ast.Load()), [loop.depth], [])
    return ast.For(ast.Name(loop.variable, ast.Store()), over, [made], [], lineno=0)


def _row(
    loop: Counted,
    start: Sequence[ast.stmt],
    use: ast.stmt | None,
    signatures: Signatures,
    total: Counter[str],
) -> ast.stmt | None:
    """Return the use of a list as that of `stage`, where a loop alone fills the list."""
    match loop.statement, start[-1] if start else None:
        case (
            ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=listed), attr="append"),
                    args=[ast.Call(func=ast.Name(id=cls)) as call],
                )
            ),
            ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=[])),
        ) if name == listed and cls in signatures and total[listed] == 3 and use is not None:
            row = staged(loop, call, signatures[cls])
            if row is not None:
                whole = _Whole(listed, row)
                made = whole.visit(use)
                return made if whole.found else None
    return None


class _Whole(ast.NodeTransformer):
    """Puts a module in the place of `nn.Sequential(*listed)`."""

    def __init__(self, listed: str, module: ast.expr) -> None:
        self.listed, self.module, self.found = listed, module, False

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Replace the call, or go on inside it."""
        match node:
            case ast.Call(
                func=ast.Attribute(attr="Sequential"), args=[ast.Starred(value=ast.Name(id=name))]
            ) if name == self.listed:
                self.found = True
                return self.module
        self.generic_visit(node)
        return node


def staged(loop: Counted, call: ast.Call, taken: Sequence[Taken]) -> ast.Call | None:
    """Return the call of `stage` that makes what the turns make."""
    names = [plain(t.hint) for t in taken]
    if not taken or taken[0].hint != "in_channels" or {*names[1:]} & HELPER:
        return None
    if isinstance(loop.depth, ast.Constant) and loop.depth.value == 1:
        return None
    stride = next((t for t in taken if t.hint == "stride"), None)
    if stride is None or not _is(stride.default, 1):
        return None
    given = {t.symbol: a for t, a in zip(taken, call.args, strict=False)}
    given |= {k.arg: k.value for k in call.keywords if k.arg is not None}
    channels = _sides(loop, given.pop(taken[0].symbol, None))
    strides = _sides(loop, given.pop(stride.symbol, ast.Constant(1)))
    if channels is None or strides is None or not _is(strides[1], 1):
        return None
    own = {loop.variable, loop.carried}
    if own & {name for tree in given.values() for name in symbols(tree)}:
        return None
    keywords = [ast.keyword("depth", loop.depth)]
    keywords += [ast.keyword(t.symbol, given[t.symbol]) for t in taken if t.symbol in given]
    if not _is(strides[0], 1):
        keywords.append(ast.keyword(stride.symbol, strides[0]))
    return ast.Call(ast.Name("stage", ast.Load()), [call.func, *channels], keywords)


def _sides(loop: Counted, tree: ast.expr | None) -> tuple[ast.expr, ast.expr] | None:
    """Return an argument in the first turn, and in all others."""
    own = {loop.variable, loop.carried}
    match tree:
        case None:
            return None
        case ast.Name(id=name) if name == loop.carried:
            assert loop.first is not None
            assert loop.later is not None
            sides = (loop.first, loop.later)
        case ast.IfExp(
            test=ast.Compare(
                left=ast.Name(id=name), ops=[ast.Eq()], comparators=[ast.Constant(value=0)]
            ),
            body=first,
            orelse=later,
        ) if name == loop.variable:
            sides = (first, later)
        case _:
            sides = (tree, tree)
    return None if own & {name for side in sides for name in symbols(side)} else sides


def _is(tree: ast.expr | None, value: int) -> bool:
    return isinstance(tree, ast.Constant) and type(tree.value) is int and tree.value == value
