"""No dead text: values that nothing reads, params, derived values and blocks without a use."""

from __future__ import annotations

from archc.diagnostics import Diagnostic
from archc.rules.table import Def, Table
from archc.spec import Document


def dead_values(_: Document, table: Table) -> list[Diagnostic]:
    """Return a diagnostic for every step whose value nothing reads."""
    return [_value(d) for d in table.defs if not d.read and d.origin != "input"]


def _value(value: Def) -> Diagnostic:
    name = f"`{value.name}`" if value.name else "this step"
    return Diagnostic("dead-value", f"nothing reads the value of {name}", value.span, help="use it in a later step, or remove the step")


def dead_names(document: Document, table: Table) -> list[Diagnostic]:
    """Return a diagnostic for every param, derived value and block that nothing uses."""
    found: list[Diagnostic] = []
    for entry, name, what in table.declared:
        if id(entry) not in table.used:
            found.append(Diagnostic(f"unused-{entry.role}", f"nothing uses the {what} `{name}`", entry.span, help="use it, or remove it"))
    reached = _reached(table)
    for signature in document.blocks:
        if signature.name not in reached:
            span = signature.expr.span(getattr(signature.expr.tree, "func", None))
            found.append(Diagnostic("unused-block", f"nothing uses the block `{signature.name}`", span, help="use it, name it in a variant, or remove it"))
    return found


def _reached(table: Table) -> set[str]:
    """Return the blocks that the network can reach, params and variants included."""
    reached: set[str] = set()
    pending = [""]
    while pending:
        owner = pending.pop()
        for name in table.mentions.get(owner, ()):
            if name not in reached:
                reached.add(name)
                pending.append(name)
    return reached
