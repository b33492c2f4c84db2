"""What a param may be: its kind, one of a few values, a range, a length."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from archc.diagnostics import Diagnostic, SpecError, nearest
from archc.language.evaluate import describe
from archc.language.expr import Expr
from archc.language.spec import Document, Library, Param
from archc.lower.marks import Poisoned
from archc.ops import spelled


@dataclass(frozen=True)
class Misfit:
    """Why a param can't be what it is set to, and what to write instead."""

    code: str
    message: str
    help: str


def misfit(name: str, value: Any, param: Param, data: Callable[[Any], Any]) -> Misfit | None:
    """Say why a param can't have a value; `data` evaluates what its file says of it."""
    meant = _default(param, value, data)
    listed = isinstance(value, list), isinstance(meant, list)
    if None not in (value, meant) and listed[0] != listed[1]:
        message = f"`{name}` is {describe(meant)} in the spec, but here {describe(value)}"
        return Misfit("wrong-kind", message, f"the spec has `{name}: {spelled(meant)}`")
    if param.one_of is not None:
        allowed = [data(v) for v in param.one_of]
        if not any(_same(value, v) for v in allowed):
            texts = [_plain(v) for v in allowed]
            rest = "" if _is_number(value) else nearest(_plain(value), texts)
            shown = describe(value) if isinstance(value, str) else _plain(value)
            message = f"`{name}` is {shown}, but may be {_either(texts)}"
            return Misfit("bad-setting", message, rest or f"write {_nearest(value, allowed)}")
    if param.length is not None and (value is not None or meant is not None):
        length = _limit(name, "length", param.length, data)
        entries = len(value) if isinstance(value, list) else 0
        if entries != length:
            message = f"`{name}` has {entries} entries, but the network reads {length}"
            return Misfit("bad-setting", message, _remedy(name, value, meant))
    return _beyond(name, value, meant, param, data)


def _remedy(name: str, value: Any, meant: Any) -> str:
    """Say what would fit: the default, unless that is what is wrong."""
    if value == meant:
        return "change the default, or what it may be"
    return f"the default is `{name}: {spelled(meant)}`"


def _default(param: Param, value: Any, data: Callable[[Any], Any]) -> Any:
    """Return the default; the value where other settings leave it without one."""
    try:
        return data(param.default)
    except (SpecError, Poisoned):
        return value


def _beyond(
    name: str, value: Any, meant: Any, param: Param, data: Callable[[Any], Any]
) -> Misfit | None:
    """Say which number of a param is beyond its bounds."""
    least = _limit(name, "min", param.at_least, data)
    most = _limit(name, "max", param.at_most, data)
    if (least, most) == (None, None) or (value is None and meant is None):
        return None
    whole = all(type(v) is int for v in [*_numbers(meant), least, most] if v is not None)
    kind = "a whole number" if whole else "a number"
    bounds = " ".join(
        f"{word} {spelled(bound)}"
        for word, bound in (("from", least), ("up to", most))
        if bound is not None
    )
    for number in _numbers(value):
        fits = _is_number(number) and not (whole and isinstance(number, float))
        low = fits and least is not None and not number >= least
        if not fits or low or (most is not None and not number <= most):
            of = f"an entry of `{name}`" if isinstance(value, list) else f"`{name}`"
            message = f"{of} is {_plain(number)}, but must be {kind} {bounds}"
            return Misfit("bad-setting", message, _remedy(name, value, meant))
    return None


def _limit(name: str, word: str, limit: Expr | None, data: Callable[[Any], Any]) -> Any:
    """Return a limit, which must be a number."""
    value = None if limit is None else data(limit)
    if limit is not None and not _is_number(value):
        message = f"`{word}` of `{name}` is {_plain(value)}, but must be a number"
        hint = f"write a number, or leave `{word}` out"
        raise SpecError([Diagnostic("bad-limit", message, limit.text.span, help=hint)])
    return value


def late_names(document: Document | Library) -> set[str]:
    """Return the names that initialisers read, those that their derived values read too."""
    found: set[str] = set()

    def visit(value: Any, *, inside: bool) -> None:
        if isinstance(value, Expr):
            trees = [value.tree] if inside else _initial(value)
            found.update(n.id for t in trees for n in ast.walk(t) if isinstance(n, ast.Name))
        elif isinstance(value, (BaseModel, dict)):
            for name, part in value if isinstance(value, BaseModel) else value.items():
                visit(part, inside=inside or str(name).startswith("init"))
        elif isinstance(value, tuple):
            for part in value:
                visit(part, inside=inside)

    visit(document, inside=False)
    lets = {str(name): value for name, value in document.let.items()}
    pending = found & lets.keys()
    while pending:
        name = pending.pop()
        before = set(found)
        visit(lets[name], inside=True)
        pending |= (found - before) & lets.keys()
    return found


def _initial(expr: Expr) -> list[ast.expr]:
    """Return the initialisers in an expression: `conv(8, 3, init_bias=constant(prior))`."""
    words = (n for n in ast.walk(expr.tree) if isinstance(n, ast.keyword))
    return [word.value for word in words if (word.arg or "").startswith("init_")]


def allowed(param: Param) -> str:
    """Say what a param may be, as its file does: `8, 16 or 32`, `from 1`, `4 entries from 1`."""
    if param.one_of is not None:
        return _either([source(v) for v in param.one_of])
    parts = [f"{source(param.length)} entries"] if param.length is not None else []
    parts += [f"from {source(param.at_least)}"] if param.at_least is not None else []
    parts += [f"up to {source(param.at_most)}"] if param.at_most is not None else []
    return " ".join(parts)


def source(value: Any) -> str:
    """Return a value of a spec as it is written."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(source, value))}]"
    return str(value.text)


def _numbers(value: Any) -> Iterator[Any]:
    """Yield the numbers of a value: those of lists in lists too."""
    if not isinstance(value, list):
        yield value
        return
    for item in value:
        yield from _numbers(item)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _nearest(value: Any, allowed: list[Any]) -> str:
    numbers = [v for v in allowed if _is_number(v)]
    if _is_number(value) and numbers:
        return f"`{spelled(min(numbers, key=lambda v: abs(v - value)))}`"
    return f"`{_plain(allowed[0])}`"


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _plain(value: Any) -> str:
    return spelled(value).replace("`", "")


def _either(texts: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
