"""Loops that make a list, and values that the next line alone reads, as a person writes them."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from archc.backends.torchfile.symbols import Symbol

ENTRIES = ("layer", "layers", "x")
"""What entries of lists are called."""


def same(a: Sequence[ast.stmt], b: Sequence[ast.stmt]) -> bool:
    """Whether statements are the same text."""
    return [ast.dump(s) for s in a] == [ast.dump(s) for s in b]


def covers(test: ast.expr, yes: Sequence[ast.stmt], no: Sequence[ast.stmt]) -> bool:
    """Whether the text of one side says the other: `layers[0]`, where `k == 0`, is `layers[k]`."""
    match test:
        case ast.Compare(
            left=ast.Name(id=name), ops=[ast.Eq()], comparators=[ast.Constant() as at]
        ):
            return same(yes, [replaced(s, name, at) for s in no])
    return False


class Lists:
    """The statements of a method with displays in the place of loops that only append."""

    def __init__(self, statements: list[ast.stmt], own: Mapping[int, str]) -> None:
        """`own` are the containers with one module for each turn of a loop, by the loop."""
        self.statements, self.own = statements, dict(own)
        self.names = Counter(
            n.id for s in statements for n in ast.walk(s) if isinstance(n, ast.Name)
        )

        self.shared: dict[str, str] = {}
        self.lengths: dict[str, str] = {}
        self.ranges: dict[int, str] = {}

    def tidied(self) -> list[ast.stmt]:
        """Return the statements."""
        return self.block(self.statements)

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Return the statements of a body."""
        out: list[ast.stmt] = []
        for statement in statements:
            s = self.inside(statement)
            last = out[-1] if out else None
            if last is not None and (whole := self.joined(last, s)) is not None:
                out[-1] = whole
            else:
                out.append(s)
        return out

    def inside(self, s: ast.stmt) -> ast.stmt:
        """Return a statement, with those inside it tidied."""
        match s:
            case ast.For():
                own, body = self.own.get(id(s), ""), self.block(s.body)
                return self.zipped(uncounted(ast.For(s.target, s.iter, body, [], lineno=0)), own)
            case ast.If():
                return ast.If(s.test, self.block(s.body), self.block(s.orelse))
        return s

    def zipped(self, s: ast.For, own: str) -> ast.For:
        """Return a loop that only counts through lists as one over their entries."""
        over = ast.dump(s.iter)
        self.ranges[id(s)] = over
        if not isinstance(s.target, ast.Name) or not over.startswith("Call(func=Name(id='range'"):
            return s
        variable = s.target.id
        entries = {ast.dump(n): n for b in s.body for n in taken(b, variable)}
        reads_all = sum(
            n.id == variable for b in s.body for n in ast.walk(b) if isinstance(n, ast.Name)
        )
        count = sum(1 for b in s.body for _ in taken(b, variable))
        containers = [n.value for n in entries.values()]
        if not entries or reads_all != count or len(entries) > 2:
            return s
        if not any((ast.dump(c) == own or self.is_as_long(c, over)) for c in containers):
            return s
        if any(set_in(b, c) for b in s.body for c in containers):
            return s
        symbols = {d: Symbol(single(n, s.body)) for d, n in entries.items()}
        body = [replaced_entries(b, symbols) for b in s.body]
        targets: list[ast.expr] = [x.name for x in symbols.values()]
        loop = (
            ast.For(targets[0], containers[0], body, [], lineno=0)
            if len(targets) == 1
            else ast.For(
                ast.Tuple(targets, ast.Store()),
                ast.Call(ast.Name("zip", ast.Load()), containers, []),
                body,
                [],
                lineno=0,
            )
        )
        self.ranges[id(loop)] = over
        return loop

    def generator(self, s: ast.For, each: ast.expr) -> tuple[ast.comprehension, ast.expr]:
        """Return the loop of a display, and its entries: its variables are of the display alone."""
        names = {n.id for n in ast.walk(s.target) if isinstance(n, ast.Name)}
        inside = {
            Symbol.hints.get(n.id, n.id) for n in ast.walk(each) if isinstance(n, ast.Name)
        } - names
        target = s.target
        for name in sorted(names):
            hint = Symbol.hints.get(name, name)
            if hint in ENTRIES and hint not in inside and name not in self.shared.values():
                by = self.shared.setdefault(hint, name)
                target, each = renamed(target, name, by), renamed(each, name, by)
        return ast.comprehension(target, s.iter, [], 0), each

    def is_as_long(self, container: ast.expr, over: str) -> bool:
        """Whether a list has as many entries as a loop has turns."""
        if not isinstance(container, ast.Name):
            return False
        length = ast.Call(ast.Name("len", ast.Load()), [container], [])
        own = ast.dump(ast.Call(ast.Name("range", ast.Load()), [length], []))
        return over in (own, self.lengths.get(container.id))

    def joined(self, last: ast.stmt, s: ast.stmt) -> ast.stmt | None:
        """Return two statements as one, where that says the same."""
        match last, s:
            case (
                ast.Assign(targets=[ast.Name(id=name) as to], value=ast.List(elts=[])),
                ast.For(body=[ast.Expr(value=ast.Call(args=[each]) as append)]),
            ) if appended(append) == name and not reads(each, name):
                generator, each = self.generator(s, each)
                if (by := self.ranges.get(id(s))) is not None:
                    self.lengths[name] = by
                return ast.Assign([to], ast.ListComp(each, [generator]), lineno=0)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value),
                ast.Expr(value=ast.Call(func=func, args=[ast.Name(id=read)]) as append),
            ) if name == read and appended(append) and self.names[name] == 2:
                return ast.Expr(ast.Call(func, [value], []))
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value),
                ast.Return(value=ast.Name(id=read)),
            ) if name == read:
                return ast.Return(value)
            case (
                ast.If(test=test, body=body, orelse=[]),
                ast.If(body=[ast.Return()] as ending, orelse=[]),
            ) if ast.dump(test) == ast.dump(s.test):
                return ast.If(test, [*body, *ending], [])
        return None


def appended(call: ast.Call) -> str:
    """Return the list that a call appends to, "" where it does not."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr="append"):
            return name
    return ""


def reads(tree: ast.AST, name: str) -> bool:
    """Whether a tree reads a name."""
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(tree))


def over_children(s: ast.For) -> ast.For:
    """Return a loop that gets all modules of a class by name, in order, as one over them."""
    named = {
        ast.dump(n): n
        for b in s.body
        for n in ast.walk(b)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "getattr"
    }
    if len(named) != 1:
        return s
    layer = Symbol("layer")
    body = [replaced_entries(b, dict.fromkeys(named, layer)) for b in s.body]
    variables = [n.id for n in ast.walk(s.target) if isinstance(n, ast.Name)]
    if any(reads(b, name) for b in body for name in variables):
        return s
    children = ast.Call(ast.Attribute(ast.Name("self", ast.Load()), "children", ast.Load()), [], [])
    return ast.For(layer.name, children, body, [], lineno=0)


def uncounted(s: ast.For) -> ast.For:
    """Return a loop that enumerates what nobody reads as one that counts."""
    match s.target, s.iter:
        case (
            ast.Tuple(elts=[ast.Name() as count, rest]),
            ast.Call(func=ast.Name(id="enumerate"), args=[over]),
        ):
            unread = [n.id for n in ast.walk(rest) if isinstance(n, ast.Name)]
            if any(reads(b, name) for b in s.body for name in unread):
                return s
            plain = isinstance(over, ast.Tuple | ast.List) and not any(
                isinstance(e, ast.Starred) for e in over.elts
            )
            number: ast.expr = (
                ast.Constant(len(over.elts))  # type: ignore[attr-defined]
                if plain
                else ast.Call(ast.Name("len", ast.Load()), [over], [])
            )
            total = ast.Call(ast.Name("range", ast.Load()), [number], [])
            return ast.For(count, total, s.body, [], lineno=0)
    return s


def taken(tree: ast.AST, variable: str) -> Iterator[ast.Subscript]:
    """Yield the entries of lists that a variable picks, whatever a turn does."""
    if isinstance(tree, ast.If | ast.IfExp):
        return
    match tree:
        case ast.Subscript(value=of, slice=ast.Name(id=name)) if name == variable:
            if not reads(of, variable) and lasting(of):
                yield tree
                return
    for child in ast.iter_child_nodes(tree):
        yield from taken(child, variable)


def lasting(tree: ast.expr) -> bool:
    """Whether a tree is a name, an attribute, or an entry of one."""
    match tree:
        case ast.Name():
            return True
        case ast.Attribute(value=of):
            return lasting(of)
        case ast.Subscript(value=of, slice=ast.Name() | ast.Constant()):
            return lasting(of)
    return False


def set_in(statement: ast.stmt, container: ast.expr) -> bool:
    """Whether a statement sets a name that a list is read by."""
    names = {n.id for n in ast.walk(container) if isinstance(n, ast.Name)}
    return any(
        (isinstance(n, ast.Assign) and any(reads(t, name) for t in n.targets for name in names))
        or (isinstance(n, ast.For) and any(reads(n.target, name) for name in names))
        or (isinstance(n, ast.Call) and appended(n) in names)
        for n in ast.walk(statement)
    )


def single(entry: ast.expr, body: Sequence[ast.stmt]) -> str:
    """Return what an entry of a list would be called: a layer, a list of them, or a value."""
    whole = ast.dump(entry)
    if any(
        isinstance(n, ast.Call) and ast.dump(n.func) == whole for b in body for n in ast.walk(b)
    ):
        return "layer"
    return "layers" if reads(entry, "self") else "x"


def replaced_entries(statement: ast.stmt, symbols: Mapping[str, Symbol]) -> ast.stmt:
    """Return a statement with names in the place of entries of lists."""

    class Entries(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript | ast.Call) -> ast.AST:
            symbol = symbols.get(ast.dump(node))
            return self.generic_visit(node) if symbol is None else symbol.name

        visit_Call = visit_Subscript  # noqa: N815 - ast's name

    changed = Entries().visit(copy.deepcopy(statement))
    assert isinstance(changed, ast.stmt)
    return changed


def renamed(tree: ast.expr, name: str, by: str) -> ast.expr:
    """Return an expression with another name in the place of one."""
    changed = copy.deepcopy(tree)
    for node in ast.walk(changed):
        if isinstance(node, ast.Name) and node.id == name:
            node.id = by
    return changed


def replaced(statement: ast.stmt, name: str, by: ast.expr) -> ast.stmt:
    """Return a statement with another expression in the place of a name."""

    class Names(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return by if node.id == name else node

    changed = Names().visit(copy.deepcopy(statement))
    assert isinstance(changed, ast.stmt)
    return changed
