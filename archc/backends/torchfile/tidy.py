"""A constructor as a person would write it: lists that are built step by step become displays."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TypeVar

Statement = TypeVar("Statement", bound=ast.stmt)

NOTES = ("comment", "blank_before", "source")


def tidied(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return statements with containers said at once where nothing stands between their parts."""
    return attributed(_suite(statements))


def _suite(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    out: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.If):
            inner = ast.If(statement.test, _suite(statement.body), _suite(statement.orelse))
            if out and (both := joined(out[-1], inner)) is not None:
                out[-1] = both
                continue
            out.append(noted_as(inner, statement))
        elif isinstance(statement, ast.For):
            body = _suite(statement.body)
            loop = ast.For(statement.target, statement.iter, body, [], lineno=0)
            out.append(noted_as(loop, statement))
        else:
            out.append(statement)
    return chosen(displayed(out))


def noted_as(new: Statement, old: ast.stmt) -> Statement:
    """Return a statement with the notes to the printer that another has."""
    vars(new).update({k: v for k, v in vars(old).items() if k in NOTES})
    return new


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
    sides = ([*first.body, *second.body], [*first.orelse, *second.orelse])
    return noted_as(ast.If(first.test, *map(displayed, sides)), first)


def _loaded(tree: ast.expr) -> ast.expr:
    match tree:
        case ast.Name(id=name):
            return ast.Name(name, ast.Load())
        case ast.Attribute(value=of, attr=attr):
            return ast.Attribute(of, attr, ast.Load())
    return tree


def displayed(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Put what is built by consecutive statements into one display, and that where it is used."""
    out: list[ast.stmt] = []
    for statement in statements:
        _put_on(out, statement)
    return extended(out)


def _put_on(out: list[ast.stmt], statement: ast.stmt) -> None:
    last = out[-1] if out else None
    if isinstance(last, ast.Assign):
        if (whole := grown(last, statement)) is not None:
            out[-1] = noted_as(ast.Assign(last.targets, whole, lineno=0), last)
            return
        name = _built(last)
        used = put(statement, name, last.value) if name and _count(statement, name) == 1 else None
        if used is not None:
            out.pop()
            _put_on(out, noted_as(used, last))
            return
    out.append(statement)


def _growth(statement: ast.stmt) -> str | None:
    """Return the list that a statement adds to, None where it adds to none alone."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"))):
            return name
        case ast.AugAssign(target=ast.Name(id=name), value=ast.List()):
            return name
        case ast.For(body=[ast.Expr() as inner]):
            return _growth(inner)
    return None


def grown(start: ast.Assign, statement: ast.stmt) -> ast.expr | None:
    """Return the list or mapping that begins with an assignment, with what a statement adds."""
    target, display = start.targets[0], start.value
    match target, display, statement:
        case ast.Name(id=name), ast.List(elts=elts), _ if name == _growth(statement):
            if _count(statement, name) > 1:
                return None
            match statement:
                case ast.Expr(value=ast.Call(args=[value])):
                    return ast.List([*elts, value], ast.Load())
                case ast.AugAssign(value=ast.List(elts=more)):
                    return ast.List([*elts, *more], ast.Load())
                case ast.For(target=each, iter=over, body=[ast.Expr(value=ast.Call(args=[value]))]):
                    generator = ast.GeneratorExp(value, [ast.comprehension(each, over, [], 0)])
                    return ast.List([*elts, ast.Starred(generator, ast.Load())], ast.Load())
        case _, _, ast.Assign(targets=[ast.Subscript() as place], value=value):
            keys: list[ast.expr] = []
            of: ast.expr = place
            while isinstance(of, ast.Subscript):
                keys.insert(0, of.slice)
                of = of.value
            if ast.dump(_loaded(of)) == ast.dump(_loaded(target)):
                return entered(display, keys, value)
    return None


def entered(display: ast.expr, keys: Sequence[ast.expr], value: ast.expr) -> ast.expr | None:
    """Return a mapping, or a ModuleDict of one, with an entry below some keys."""
    match display:
        case ast.Call(func=ast.Attribute(attr="ModuleDict") as func, args=args):
            inner = entered(args[0] if args else ast.Dict([], []), keys, value)
            return None if inner is None else ast.Call(func, [inner], [])
        case ast.Dict() if len(keys) == 1:
            return ast.Dict([*display.keys, keys[0]], [*display.values, value])
        case ast.Dict():
            values = list(display.values)
            for k, key in enumerate(display.keys):
                if key is not None and ast.dump(key) == ast.dump(keys[0]):
                    below = entered(values[k], keys[1:], value)
                    if below is not None:
                        values[k] = below
                        return ast.Dict(display.keys, values)
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
            case ast.Call(func=ast.Attribute(attr="ModuleList"), args=[ast.Name(id=n)]) if (
                n == name
            ):
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


def chosen(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Say a list that a test alone fills as one module or another."""
    out: list[ast.stmt] = []
    for statement in statements:
        match out[-2:], statement:
            case (
                [
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=[])),
                    ast.If() as choice,
                ],
                ast.Assign(value=ast.Call(func=func, args=[ast.Starred(value=ast.Name(id=used))]))
                | ast.Return(
                    value=ast.Call(func=func, args=[ast.Starred(value=ast.Name(id=used))])
                ),
            ) if used == name and isinstance(func, ast.Attribute) and func.attr == "Sequential":
                sides = [_appended(side, name) for side in (choice.body, choice.orelse)]
                if sides[0] is not None and sides[1] is not None and sides[0]:
                    yes, no = (_with(statement, func, side or []) for side in sides)
                    if isinstance(statement, ast.Return):
                        out[-2:] = [ast.If(choice.test, [yes], []), no]
                    else:
                        out[-2:] = [ast.If(choice.test, [yes], [no])]
                    continue
        out.append(statement)
    return out


def _appended(side: Sequence[ast.stmt], name: str) -> list[ast.expr] | None:
    """Return what statements add to a list, None where they do more."""
    out: list[ast.expr] = []
    for statement in side:
        match statement:
            case ast.Expr(value=ast.Call(args=[value])) if _growth(statement) == name:
                out.append(value)
            case ast.AugAssign(value=ast.List(elts=more)) if _growth(statement) == name:
                out += more
            case ast.For() if _growth(statement) == name:
                whole = grown(
                    ast.Assign([ast.Name(name, ast.Store())], ast.List([], ast.Load()), lineno=0),
                    statement,
                )
                if not isinstance(whole, ast.List):
                    return None
                out += whole.elts
            case _:
                return None
    return out


def _with(statement: ast.Assign | ast.Return, func: ast.expr, modules: list[ast.expr]) -> ast.stmt:
    """Return a statement that gives these modules as one."""
    module = ast.Call(func, modules, [])
    if not modules:
        module = ast.Call(ast.Attribute(ast.Name("nn", ast.Load()), "Identity", ast.Load()), [], [])
    if isinstance(statement, ast.Return):
        return ast.Return(module)
    return ast.Assign(statement.targets, module, lineno=0)


def attributed(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Set an attribute at once where the local of its value is read for nothing else."""
    out: list[ast.stmt] = []
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Attribute()], value=ast.Name(id=name)) if (
                sum(_count(s, name) for s in statements) == 2
            ):
                place = next(
                    (j for j, s in enumerate(out) if isinstance(s, ast.Assign) and _sets(s, name)),
                    None,
                )
                if place is not None:
                    local = out.pop(place)
                    assert isinstance(local, ast.Assign)
                    made = ast.Assign(statement.targets, local.value, lineno=0)
                    out.append(noted_as(made, statement))
                    continue
        out.append(statement)
    return out


def _sets(statement: ast.Assign, name: str) -> bool:
    match statement.targets:
        case [ast.Name(id=target)]:
            return target == name
    return False


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
                ast.AugAssign(
                    ast.Name(target.id, ast.Store()), ast.Add(), ast.List(values, ast.Load())
                )
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
