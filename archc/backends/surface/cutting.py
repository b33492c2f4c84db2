"""A forward method cut in two at one value: the features, and the head behind them.

The method is read from its end as a chain of values: each is made of the one before it, and of
nothing else that the method has made. Where the head can be told from the features on that
chain, it is cut there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from archc.passes.landmarks import Landmarks

LOSES_POSITIONS = ("pool", "flatten", "mean", "amax")
"""What the functions of PyTorch are called, in part, that leave one value of all positions."""

DROPS = "dropout"


@dataclass(frozen=True)
class Link:
    """A value on the chain, in a statement; `step` makes it of the one before, None for the first."""

    statement: int
    value: ast.expr
    step: ast.expr | None


@dataclass(frozen=True)
class Halves:
    """The bodies of both methods; that of the head reads `x`.

    `whole` says that the two are all that the method does, in training too.
    """

    features: list[ast.stmt]
    head: list[ast.stmt]
    whole: bool


def cut(forward: ast.FunctionDef, marks: Landmarks) -> Halves | None:
    """Cut a method where the head begins; None where no single value leads into the head."""
    body = inference(deepcopy(forward.body))
    links = [*chain(body)][::-1]
    begin = _border(links, marks) if links else None
    if begin is None:
        return None
    border = links[begin]
    features = [*deepcopy(body[: border.statement]), ast.Return(deepcopy(border.value))]
    vars(border.value)["is_border"] = True
    head = [AtBorder().replaced(s) for s in deepcopy(body[border.statement :])]
    return Halves(_tidy(features), head, len(body) == len(forward.body))


def inference(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return statements without those for training alone."""
    found: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "self.training":
            found += inference(statement.orelse)
        else:
            found.append(statement)
    return found


class AtBorder(ast.NodeTransformer):
    """Puts `x` in the place of the value at the border."""

    def replaced(self, statement: ast.stmt) -> ast.stmt:
        """Return a statement that reads `x` there."""
        changed = self.visit(statement)
        assert isinstance(changed, ast.stmt)
        return changed

    def visit(self, node: ast.AST) -> ast.AST:
        """Replace the value, or what is in a node."""
        if getattr(node, "is_border", False):
            return ast.Name("x", ast.Load())
        replaced: ast.AST = self.generic_visit(node)
        return replaced


def chain(body: Sequence[ast.stmt]) -> Iterator[Link]:
    """Yield the values that statements end with, the last first, as far as each has one source."""
    own = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name)}
    own = {name for name in own if name == "x" or _is_assigned(name, body)}
    last = len(body) - 1
    wanted: str | None = None
    for k in range(last, -1, -1):
        statement = body[k]
        value = getattr(statement, "value", None)
        if not isinstance(value, ast.expr) or not _gives(statement, wanted):
            return
        step, current = None, value
        below = _operand(current, own)
        if k == last:
            made = current if below is not None else _step_of(current, body, k, own)
            yield Link(k, current, made)
        while below is not None:
            step, current = current, below
            below = _operand(current, own)
            yield Link(k, current, _step_of(current, body, k, own) if below is None else current)
        if not isinstance(current, ast.Name) or (step is None and k < last):
            return
        wanted = current.id


def _is_assigned(name: str, body: Sequence[ast.stmt]) -> bool:
    stores = (n for s in body for n in ast.walk(s) if isinstance(n, ast.Name))
    return any(n.id == name and isinstance(n.ctx, ast.Store) for n in stores)


def _step_of(current: ast.expr, body: Sequence[ast.stmt], k: int, own: set[str]) -> ast.expr | None:
    """Return what makes the value of a name: the statement before, where that makes it alone."""
    if k == 0 or not isinstance(current, ast.Name) or not _gives(body[k - 1], current.id):
        return None
    value = getattr(body[k - 1], "value", None)
    return value if isinstance(value, ast.expr) and _operand(value, own) is not None else None


def _gives(statement: ast.stmt, wanted: str | None) -> bool:
    """Whether a statement gives one value: the method's, or that of a name."""
    if wanted is None:
        return isinstance(statement, ast.Return)
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name == wanted
        case _:
            return False


def _operand(value: ast.expr, own: set[str]) -> ast.expr | None:
    """Return the one value that an expression is made of; None where it is several, or a name."""
    if isinstance(value, ast.Name):
        return None
    parts = [p for p in ast.iter_child_nodes(value) if _reads(p, own)]
    if len(parts) != 1:
        return None
    part = parts[0]
    if isinstance(value, ast.Call) and part is value.func:
        return part.value if isinstance(part, ast.Attribute) else None
    return part if isinstance(part, ast.Name | ast.Call | ast.Subscript) else None


def _reads(node: ast.AST, own: set[str]) -> bool:
    return any(isinstance(n, ast.Name) and n.id in own for n in ast.walk(node))


def _border(links: Sequence[Link], marks: Landmarks) -> int | None:
    """Return which link the head takes; they are in the order in which they run."""
    kinds = [_kind(link.step, marks) for link in links]
    begin = max((k for k, kind in enumerate(kinds) if kind == "body"), default=0)
    ends = [k for k in range(begin + 1, len(links)) if kinds[k] in ("head", "loses")]
    if not ends:
        return None
    border = ends[0] - 1
    while border > begin and kinds[border] == "drops":
        border -= 1
    return border


def _kind(step: ast.expr | None, marks: Landmarks) -> str:
    """Say whose step it is: of the body or the head; or that it drops, or loses positions."""
    if step is None:
        return "body"
    if isinstance(step, ast.Subscript):
        return "loses"
    function = step.func if isinstance(step, ast.Call) else step
    path = path_of(function)
    if path is not None:
        inside = {p for p in (*marks.head, *marks.body) if p == path or p.startswith(f"{path}.")}
        return "body" if inside & marks.body else "head" if inside else "free"
    text = ast.unparse(function).rpartition(".")[2]
    if DROPS in text:
        return "drops"
    return "loses" if any(word in text for word in LOSES_POSITIONS) else "free"


def path_of(function: ast.expr) -> str | None:
    """Return the path of a module that is called: `self.classifier[0]` is `classifier.0`."""
    match function:
        case ast.Name(id="self"):
            return ""
        case ast.Attribute(value=holder, attr=name):
            above = path_of(holder)
        case ast.Subscript(value=holder, slice=ast.Constant(value=index)):
            above, name = path_of(holder), str(index)
        case _:
            return None
    return None if above is None else f"{above}.{name}".removeprefix(".")


def _tidy(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return a body without a name that is only returned."""
    match body[-2:]:
        case [ast.Assign(targets=[ast.Name(id=made)], value=value), ast.Return(ast.Name(id=name))]:
            return [*body[:-2], ast.Return(value)] if made == name else body
        case _:
            return body
