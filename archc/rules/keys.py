"""Keys that must name something: what variants set, what defaults, init and claims are about."""

from __future__ import annotations

from collections.abc import Iterator

from archc.diagnostics import Diagnostic, nearest
from archc.language.source import Text
from archc.language.spec import Document, Library
from archc.ops.translating import Written, argument, meant
from archc.rules.analysis import Analysis


def keys(document: Document | Library, analysis: Analysis) -> list[Diagnostic]:
    """Return a diagnostic for every key that names no param, variant, op or block."""
    faults = list(_defaults(document, analysis))
    if isinstance(document, Document):
        faults = [*_variants(document), *faults, *_init(document, analysis)]
    return faults


def _unknown(code: str, name: Text, message: str, help_: str) -> Diagnostic:
    return Diagnostic(code, message, name.span, help=help_)


def _op(name: Text, known: list[str]) -> str:
    """Say which op or block a key is about that names none."""
    return meant(Written(name), known, lambda _: {})


def _variants(document: Document) -> Iterator[Diagnostic]:
    params = [str(p) for p in document.params]
    variants = [str(v) for v in document.variants] or [str(document.name)]
    for variant, settings in document.variants.items():
        for name in settings:
            if name not in params:
                help_ = (
                    nearest(name, params)
                    or f"declare it under `params:` with its default: `{name}: ...`"
                )
                yield Diagnostic(
                    "unknown-param",
                    f"`{variant}` sets `{name}`, which is no param",
                    name.span,
                    help=help_,
                )
    for name in [document.default] if document.default else []:
        if name not in variants:
            yield _unknown(
                "unknown-variant",
                name,
                f"`{document.name}` has no variant `{name}`",
                nearest(name, variants),
            )


def _defaults(document: Document | Library, analysis: Analysis) -> Iterator[Diagnostic]:
    for name, values in document.defaults.items():
        if name in analysis.signatures:
            parameters = analysis.signatures[name].names
        elif name in analysis.ops:
            parameters = list(analysis.ops[name].model_fields)
        else:
            if analysis.complete:
                known = [*analysis.ops, *analysis.signatures]
                yield _unknown(
                    "unknown-op", name, f"`{name}` is no op and no block", _op(name, known)
                )
            continue
        for key in values:
            if key not in parameters:
                yield _unknown(
                    "unknown-argument",
                    key,
                    f"`{name}` has no argument `{key}`",
                    argument(key, parameters) or nearest(key, parameters),
                )


def _init(document: Document, analysis: Analysis) -> Iterator[Diagnostic]:
    for name in document.init:
        if name not in analysis.ops and analysis.complete:
            yield _unknown("unknown-op", name, f"`{name}` is no op", _op(name, list(analysis.ops)))
