"""Where a value was last written: the row, the setting, the variant's line, the default.

Nothing is recorded with the values. A name leads to the text that gave it its value, by the
scope that it stands in, and that text to the next; so only what is wrong costs anything.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from archc.diagnostics import Span, SpecError
from archc.language.evaluate import EvalFault, Evaluator
from archc.language.expr import Expr
from archc.language.scalars import Loop

MAX_STEPS = 100


@dataclass(frozen=True, eq=False)
class Written:
    """A piece of text that a value is from, and what the names in it mean.

    `text` is an expression, of which `node` is the piece, or a list of them from the YAML.
    """

    text: Any
    scope: Any
    node: ast.expr | None = None
    values: Mapping[int, Any] = field(default_factory=dict)

    @property
    def tree(self) -> ast.expr | None:
        """The piece of the expression; None where it is a list of the YAML."""
        if self.node is not None:
            return self.node
        return self.text.tree if isinstance(self.text, Expr) else None

    @property
    def span(self) -> Span:
        """The place of the text; of an argument by name with the name."""
        if isinstance(self.text, Expr):
            tree = self.tree
            keywords = (n for n in ast.walk(self.text.tree) if isinstance(n, ast.keyword))
            return self.text.span(next((k for k in keywords if k.value is tree), tree))
        first, last = (Written(t, self.scope).span for t in (self.text[0], self.text[-1]))
        return replace(first, end_line=last.end_line, end_column=last.end_column)

    def piece(self, node: ast.expr) -> Written:
        """Return another piece of the same expression."""
        return Written(self.text, self.scope, node, self.values)

    @property
    def items(self) -> list[Written]:
        """The entries, where the text is a list."""
        if isinstance(self.text, tuple):
            return [Written(item, self.scope) for item in self.text]
        parts = self.tree.elts if isinstance(self.tree, ast.List | ast.Tuple) else []
        return [self.piece(part) for part in parts]


def origin(written: Written) -> Written:
    """Return the text that a value was last written in: names lead on, what is reckoned does not."""
    for _ in range(MAX_STEPS):
        further = _further(written)
        if further is None:
            break
        written = further
    return written


def _further(written: Written) -> Written | None:
    match written.tree:
        case ast.Name(id=name):
            lookup = getattr(written.scope, "written", None)
            found = lookup(name) if lookup is not None else None
            return found if isinstance(found, Written) and has_place(found) else None
        case ast.IfExp() as choice:
            test = _value(written, choice.test)
            return (
                None if test is None else written.piece(choice.body if test[0] else choice.orelse)
            )
        case ast.Subscript(value=listed, slice=index):
            items = origin(written.piece(listed)).items
            at = _value(written, index)
            known = at is not None and isinstance(at[0], int) and -len(items) <= at[0] < len(items)
            return items[at[0]] if at is not None and known else None
    return None


def has_place(written: Written) -> bool:
    """Whether a text has a place: an empty list has none."""
    return isinstance(written.text, Expr) or (
        isinstance(written.text, tuple)
        and bool(written.text)
        and all(has_place(Written(item, None)) for item in (written.text[0], written.text[-1]))
    )


def _value(written: Written, node: ast.expr) -> tuple[Any] | None:
    """Return the value of a piece that needs no value of the network; None where it has none."""
    try:
        return (Evaluator(written.scope).evaluate(node),)
    except (EvalFault, SpecError, KeyError):
        return None


def bound(loop: Loop, scope: Any, turn: int) -> Mapping[str, Written]:
    """Return where what a loop binds in a turn is written, as far as that is an entry of a list."""
    return (
        {}
        if loop.counted
        else dict(_bound(loop.target, Written(loop.expr, scope, loop.node), turn))
    )


def _bound(target: ast.expr, listed: Written, turn: int) -> list[tuple[str, Written]]:
    listed = origin(listed)
    call = listed.tree if isinstance(listed.tree, ast.Call) else None
    function = call.func.id if call is not None and isinstance(call.func, ast.Name) else ""
    if call is not None and isinstance(target, ast.Tuple | ast.List):
        known: dict[str, list[Any]] = {"enumerate": [None, *call.args[:1]], "zip": call.args}
        lists = known.get(function, [])
        return [
            pair
            for part, argument in zip(target.elts, lists, strict=False)
            if argument is not None
            for pair in _bound(part, listed.piece(argument), turn)
        ]
    items = listed.items
    return _unpacked(target, items[turn]) if turn < len(items) else []


def _unpacked(target: ast.expr, item: Written) -> list[tuple[str, Written]]:
    if isinstance(target, ast.Name):
        return [(target.id, item)]
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    pairs = zip(parts, origin(item).items, strict=False)
    return [pair for part, inner in pairs for pair in _unpacked(part, inner)]
