"""A constructor as a person would write it: lists that are built step by step become displays."""

from __future__ import annotations

import ast
from collections.abc import Sequence

LISTED = (ast.List, ast.Dict)


def tidied(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return statements with containers said at once where nothing stands between their parts."""
    out: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.If):
            statement = ast.If(statement.test, tidied(statement.body), tidied(statement.orelse))
            if out and (both := joined(out[-1], statement)) is not None:
                out[-1] = both
                continue
        elif isinstance(statement, ast.For):
            statement = ast.For(
                statement.target, statement.iter, tidied(statement.body), [], lineno=0
            )
        out.append(statement)
    return displayed(out)


def joined(first: ast.stmt, second: ast.If) -> ast.If | None:
    """Return two neighbours under one test as one, where the first changes nothing of the test."""
    if not isinstance(first, ast.If) or ast.dump(first.test) != ast.dump(second.test):
        return None
    changed = {
        ast.dump(_loaded(t))
        for node in ast.walk(first)
        if isinstance(node, ast.Assign)
        for t in node.targets
    }
    if changed & {ast.dump(n) for n in ast.walk(second.test) if isinstance(n, ast.expr)}:
        return None
    return ast.If(first.test, [*first.body, *second.body], [*first.orelse, *second.orelse])


def _loaded(tree: ast.expr) -> ast.expr:
    match tree:
        case ast.Name(id=name):
            return ast.Name(name, ast.Load())
        case ast.Attribute(value=of, attr=attr):
            return ast.Attribute(of, attr, ast.Load())
    return tree


def displayed(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Put what is built by consecutive statements into the display that begins it, and that where it is used."""
    out: list[ast.stmt] = []
    for statement in statements:
        variable = _growth(statement)
        if variable is not None and out and _starts(out[-1], variable):
            assert isinstance(out[-1], ast.Assign)
            if (whole := grown(out[-1].value, statement)) is not None:
                out[-1] = ast.Assign(out[-1].targets, whole, lineno=0)
                continue
        if isinstance(statement, ast.Assign | ast.Expr | ast.Return) and out:
            last = out[-1]
            name = _built(last)
            if name is not None and _count(statement, name) == 1:
                assert isinstance(last, ast.Assign)
                if (used := put(statement, name, last.value)) is not None:
                    out[-1] = used
                    continue
        out.append(statement)
    return extended(out)


def _growth(statement: ast.stmt) -> str | None:
    """Return the list or mapping that a statement adds to, None where it adds to none alone."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"))):
            return name
        case ast.Assign(targets=[ast.Subscript(value=of)]):
            return ast.dump(_loaded(of)) if not isinstance(of, ast.Name) else of.id
        case ast.For(body=[inner]):
            return _growth(inner) if isinstance(inner, ast.Expr) else None
    return None


def _starts(statement: ast.stmt, variable: str) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.List() | ast.Dict()):
            return name == variable
        case ast.Assign(
            targets=[ast.Attribute() as target],
            value=ast.Call(func=ast.Attribute(attr="ModuleDict")),
        ):
            return ast.dump(_loaded(target)) == variable
    return False


def grown(display: ast.expr, statement: ast.stmt) -> ast.expr | None:
    """Return a display with what a statement adds."""
    match display, statement:
        case ast.List(), ast.Expr(value=ast.Call(args=[value])):
            return ast.List([*display.elts, value], ast.Load())
        case ast.List(), ast.For(target=target, iter=over, body=[ast.Expr(value=ast.Call(args=[value]))]):
            generator = ast.GeneratorExp(value, [ast.comprehension(target, over, [], 0)])
            return ast.List([*display.elts, ast.Starred(generator, ast.Load())], ast.Load())
        case ast.Dict(), ast.Assign(targets=[ast.Subscript(slice=key)], value=value):
            return ast.Dict([*display.keys, key], [*display.values, value])
        case ast.Call(), ast.Assign(targets=[ast.Subscript(slice=key)], value=value):
            inner = display.args[0] if display.args else ast.Dict([], [])
            if not isinstance(inner, ast.Dict):
                return None
            whole = ast.Dict([*inner.keys, key], [*inner.values, value])
            return ast.Call(display.func, [whole], [])
    return None


def _built(statement: ast.stmt) -> str | None:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.List() | ast.Dict()):
            return name
    return None


def _count(statement: ast.AST, name: str) -> int:
    return sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(statement))


def put(statement: ast.stmt, name: str, display: ast.expr) -> ast.stmt | None:
    """Return a statement with a display in the place of its variable."""
    found = False

    def visit(tree: ast.expr) -> ast.expr:
        nonlocal found
        match tree:
            case ast.Call(func=func, args=[ast.Starred(value=ast.Name(id=n))]) if n == name:
                found = True
                assert isinstance(display, ast.List)
                return ast.Call(func, list(display.elts), [])
            case ast.Call(func=ast.Attribute(attr="ModuleList"), args=[ast.Name(id=n)]) if n == name:
                found = True
                assert isinstance(display, ast.List)
                match display.elts:
                    case [ast.Starred(value=ast.GeneratorExp() as generator)]:
                        return ast.Call(tree.func, [generator], [])
                return ast.Call(tree.func, [display], [])
            case ast.Call(func=func, args=[ast.Name(id=n)]) if n == name and isinstance(
                display, ast.Dict
            ):
                found = True
                if isinstance(func, ast.Name):  # an OrderedDict
                    pairs: list[ast.expr] = [
                        ast.Tuple([k, v], ast.Load())
                        for k, v in zip(display.keys, display.values, strict=True)
                        if k is not None
                    ]
                    return ast.Call(func, [ast.List(pairs, ast.Load())], [])
                return ast.Call(func, [display], [])
            case ast.Call():
                return ast.Call(tree.func, [visit(a) for a in tree.args], tree.keywords)
        return tree

    match statement:
        case ast.Assign():
            made: ast.stmt = ast.Assign(statement.targets, visit(statement.value), lineno=0)
        case ast.Return(value=ast.expr() as value):
            made = ast.Return(visit(value))
        case ast.Expr():
            made = ast.Expr(visit(statement.value))
        case _:
            return None
    return made if found else None


def extended(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Say several appends in a row as one addition."""
    out: list[ast.stmt] = []
    run: list[ast.Expr] = []

    def flush() -> None:
        if len(run) > 2:
            first = run[0].value
            assert isinstance(first, ast.Call)
            assert isinstance(first.func, ast.Attribute)
            values = [s.value.args[0] for s in run if isinstance(s.value, ast.Call)]
            target = first.func.value
            assert isinstance(target, ast.Name)
            out.append(
                ast.AugAssign(ast.Name(target.id, ast.Store()), ast.Add(), ast.List(values, ast.Load()))
            )
        else:
            out.extend(run)
        run.clear()

    for statement in statements:
        name = _growth(statement) if isinstance(statement, ast.Expr) else None
        if run and name != _growth(run[0]):
            flush()
        if name is not None and isinstance(statement, ast.Expr):
            run.append(statement)
        else:
            flush()
            out.append(statement)
    flush()
    return out
