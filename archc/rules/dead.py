"""No dead text: values that nothing reads, params, derived values and blocks without a use.

Where a name is wrong, what it was meant for looks unused: such a block, or for what belongs
to the file any file with a wrong name, is not judged until the name is mended.
"""

from __future__ import annotations

from collections.abc import Iterable

from archc.diagnostics import Diagnostic
from archc.language.spec import Document, Library
from archc.rules.analysis import Analysis, Binding, Def
from archc.rules.names import reserved

USELESS = {
    "param": ("unused-param", "param"),
    "let": ("unused-let", "derived value"),
}


def dead_values(_: Document | Library, analysis: Analysis) -> list[Diagnostic]:
    """Return a diagnostic for every step whose value nothing reads."""
    wrong = analysis.wrong
    return [
        _value(d)
        for d in analysis.defs
        if not d.read and d.origin != "input" and d.owner not in wrong
    ]


def _value(value: Def) -> Diagnostic:
    name = f"`{value.shown}`" if value.name else "this step"
    return Diagnostic(
        "dead-value",
        f"nothing reads the value of {name}",
        value.span,
        help="use it in a later step, or remove the step",
    )


def dead_names(document: Document | Library, analysis: Analysis) -> list[Diagnostic]:
    """Return a diagnostic for every param, derived value, block and import that nothing uses.

    The blocks of a library are there for others to use.
    """
    wrong = analysis.wrong
    wrong |= {""} if analysis.lost else set()
    declared = [
        b for b in analysis.bindings if b.entry.role in USELESS and b.declared and not reserved(b)
    ]
    faults = [
        _name(b)
        for b in declared
        if id(b.entry) not in analysis.used and not (wrong if b.owner == "" else b.owner in wrong)
    ]
    starts = [s.name for s in document.blocks] if isinstance(document, Library) else []
    reached = _reached(analysis, starts)
    for name in document.imports:
        if name not in reached and not wrong:
            hint = f"use it as a block, `{name}(...)`, or remove it"
            message = f"nothing uses the import `{name}`"
            faults.append(Diagnostic("unused-import", message, name.span, help=hint))
    for signature in document.blocks:
        if signature.name not in reached and not wrong:
            span = signature.expr.span(getattr(signature.expr.tree, "func", None))
            faults.append(
                Diagnostic(
                    "unused-block",
                    f"nothing uses the block `{signature.name}`",
                    span,
                    help="use it, name it in a variant, or remove it",
                )
            )
    return faults


def _name(binding: Binding) -> Diagnostic:
    code, what = USELESS[binding.entry.role]
    return Diagnostic(
        code,
        f"nothing uses the {what} `{binding.name}`",
        binding.entry.span,
        help="use it, or remove it",
    )


def _reached(analysis: Analysis, starts: Iterable[str]) -> set[str]:
    """Return the blocks that the network can reach, params and variants included."""
    reached = set(starts)
    pending = ["", *starts]
    while pending:
        owner = pending.pop()
        for name in analysis.mentions.get(owner, ()):
            if name not in reached:
                reached.add(name)
                pending.append(name)
    return reached
