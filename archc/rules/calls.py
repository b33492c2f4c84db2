"""Arguments of ops and blocks that the text names: known, given once, not too many, not missing."""

from __future__ import annotations

import ast

from archc.diagnostics import Diagnostic, Span
from archc.language.expr import Expr
from archc.language.scalars import ROW_WORDS, Signature
from archc.language.source import Text
from archc.language.spec import Document, Library
from archc.ops.translating import argument
from archc.ops.wiring import Identity
from archc.rules.analysis import Analysis, Call


def arguments(document: Document | Library, analysis: Analysis) -> list[tuple[str, Diagnostic]]:
    """Return, with its block, what is wrong with the arguments of a call."""
    return [
        (c.owner, d)
        for c in analysis.calls.values()
        if c.name != Identity.name
        for d in _judge(document, c)
    ]


def _judge(document: Document | Library, call: Call) -> list[Diagnostic]:
    faults = [*_positional(call), *_keywords(call), *_row(call)]
    return faults or _missing(document, call)


def _takes(call: Call) -> str:
    listed = ", ".join(f"`{p}`" for p in call.parameters)
    return f"its arguments: {listed}" if listed else "it takes none"


def _variadic(call: Call) -> bool:
    return not isinstance(call.target, Signature) and bool(call.target.variadic)


def _positional(call: Call) -> list[Diagnostic]:
    count = len(call.parameters)
    if _variadic(call) or len(call.arguments) <= count:
        return []
    message = (
        f"`{call.name}` takes {count} argument{'s' * (count != 1)}, here are {len(call.arguments)}"
    )
    return [
        Diagnostic(
            "too-many-arguments", message, call.expr.span(call.arguments[count]), help=_takes(call)
        )
    ]


def _keywords(call: Call) -> list[Diagnostic]:
    faults: list[Diagnostic] = []
    given = set(call.parameters[: 1 if _variadic(call) and call.arguments else len(call.arguments)])
    for keyword in call.keywords:
        name = str(keyword.arg)
        if name not in call.parameters and not (_initialises(call, name) or _any_keyword(call)):
            faults.append(_unknown(call, name, call.expr.span(keyword)))
        elif name in given:
            faults.append(
                Diagnostic(
                    "argument-twice",
                    f"`{call.name}` gets `{name}` twice",
                    call.expr.span(keyword),
                    help="give it once, by place or by name",
                )
            )
        given.add(name)
    return faults


def _any_keyword(call: Call) -> bool:
    """Whether an op takes keywords that name none of its fields."""
    return not isinstance(call.target, Signature) and bool(call.target.keywords)


def _initialises(call: Call, name: str) -> bool:
    """Whether an argument such as `init_bias` is an initialiser of an op's tensor."""
    return name.startswith("init_") and not isinstance(call.target, Signature)


def _unknown(call: Call, name: str, span: Span) -> Diagnostic:
    words = [*call.parameters, *(ROW_WORDS if call.row is not None else ())]
    return Diagnostic(
        "unknown-argument",
        f"`{call.name}` has no argument `{name}`",
        span,
        help=argument(name, words) or _takes(call),
    )


def _row(call: Call) -> list[Diagnostic]:
    """Judge what a row of `stages:` gives its block by name."""
    row = call.row
    if row is None:
        return []
    word = next((p for p in call.parameters if p in ROW_WORDS), "")
    if word:
        message = f"`{call.name}` has a parameter `{word}`, which is a word of rows"
        hint = f"rename the parameter, or write the stage as a step: `{call.name}(...)` under `do:`"
        return [Diagnostic("row-word", message, call.expr.span(call.node), help=hint)]
    return [
        _unknown(call, name, name.span)
        for name, value in row.arguments.items()
        if name not in call.parameters and not (name == "stride" and _is_one(value))
    ]


def _is_one(value: object) -> bool:
    return (
        isinstance(value, Expr) and isinstance(value.tree, ast.Constant) and value.tree.value == 1
    )


def _missing(document: Document | Library, call: Call) -> list[Diagnostic]:
    if not call.applied:
        return []
    given = {*call.parameters[: len(call.arguments)], *(str(k.arg) for k in call.keywords)}
    given |= {str(k) for k in document.defaults.get(Text(call.name), {})}
    if call.row is not None:
        given |= {
            str(k)
            for d in (call.row.arguments, call.row.first or {}, call.row.last or {})
            for k in d
        }
    missing = [p for p in call.required if p not in given]
    if not missing:
        return []
    listed = " and ".join(f"`{p}`" for p in missing)
    return [
        Diagnostic(
            "missing-argument",
            f"`{call.name}` needs {listed}",
            call.expr.span(call.node),
            help=_takes(call),
        )
    ]
