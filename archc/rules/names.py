"""One name, one meaning: steps, params, derived values and loop variables keep apart."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import replace

from archc.diagnostics import Diagnostic, Note
from archc.language.given import ARGUMENTS
from archc.language.naming import LANGUAGE, METHODS, hides, taken
from archc.language.spec import Document, Library
from archc.rules.analysis import Analysis, Binding, Def, Entry

WHAT = {
    "param": "param",
    "let": "derived value",
    "variable": "loop variable",
    "input": "input",
    "step": "step",
}


def unknown(_: Document | Library, analysis: Analysis) -> list[tuple[str, Diagnostic]]:
    """Return, with its block, what the walk found; an unknown name may be that of a later step."""
    steps: dict[tuple[str, str], list[Def]] = {}
    for definition in analysis.defs:
        steps.setdefault((definition.owner, definition.name), []).append(definition)
    return [
        (owner, _later(owner, d, steps) if d.code == "unknown-name" else d)
        for owner, d in analysis.found
    ]


def _later(owner: str, found: Diagnostic, steps: Mapping[tuple[str, str], list[Def]]) -> Diagnostic:
    name = found.message.split("`")[1]
    later = next((d for d in steps.get((owner, name), ()) if found.span < d.span), None)
    if later is None:
        return found
    return replace(
        found,
        notes=(Note(later.span, "the step stands here"),),
        help="a step can be read after it, and in the body that it stands in",
    )


def clashes(_: Document | Library, analysis: Analysis) -> list[tuple[str, Diagnostic]]:
    """Return, with its block, every name that is taken or reserved."""
    inputs = [b for b in analysis.bindings if b.entry.role == "input"]
    sizes = {(b.owner, f"{b.name}_channels") for b in inputs}
    found = (
        (b.owner, reserved(b) or _sized(b, sizes) or _defined(b, analysis) or _taken(b))
        for b in analysis.bindings
    )
    return [(owner, diagnostic) for owner, diagnostic in found if diagnostic is not None]


def reserved(binding: Binding) -> Diagnostic | None:
    """Return what is wrong with a name that nothing of its kind may have."""
    role, shown = binding.entry.role, binding.shown
    what = WHAT[role]
    if role != "step" and (wrong := hides(shown)):
        return Diagnostic("reserved-name", wrong[0], binding.entry.span, help=wrong[1])
    if role == "input":
        unnamed = "`_` is no name for an input: the file names its channels after it"
        lone = Diagnostic("reserved-name", unnamed, binding.entry.span, help="give it a name")
        return None if shown.strip("_") else lone
    if role in ("param", "let") and shown in METHODS:
        return Diagnostic(
            "reserved-name",
            f"`{shown}` is an attribute of every nn.Module, and can't name a {what}",
            binding.entry.span,
            help=f"give it another name, such as `{shown}1`",
        )
    if shown in LANGUAGE:
        return Diagnostic(
            "reserved-name",
            f"`{shown}` has a meaning of its own, and can't name a {what}",
            binding.entry.span,
            help="give it another name",
        )
    if role == "param" and not binding.owner and shown in ARGUMENTS:
        return Diagnostic(
            "reserved-name",
            f"`{shown}` is an argument of `archc.compile`, which could not set a param of that name",
            binding.entry.span,
            help="give it another name",
        )
    if role == "step" and (wrong := taken(shown)):
        return Diagnostic("reserved-name", wrong[0], binding.entry.span, help=wrong[1])
    if keyword.iskeyword(shown):
        return Diagnostic(
            "reserved-name",
            f"no expression can read a {what} called `{shown}`",
            binding.entry.span,
            help="give it another name",
        )
    return None


def _sized(binding: Binding, sizes: set[tuple[str, str]]) -> Diagnostic | None:
    """Return what is wrong with a name that the emitted file has for the channels of an input."""
    if binding.entry.role in ("step", "input") or (binding.owner, binding.name) not in sizes:
        return None
    return Diagnostic(
        "reserved-name",
        f"`{binding.name}` is what the emitted file calls the channels of an input",
        binding.entry.span,
        help="give it another name",
    )


def _defined(binding: Binding, analysis: Analysis) -> Diagnostic | None:
    """Return what is wrong with a step that would hide what a plug-in brings into the file."""
    op = next((o for o in analysis.ops.values() if binding.name in o.definitions), None)
    if op is None or binding.entry.role != "step":
        return None
    return Diagnostic(
        "reserved-name",
        f"the emitted file has a `{binding.name}` from `{op.torch_file}`, for `{op.name}`",
        binding.entry.span,
        help="give the step another name",
    )


def _taken(binding: Binding) -> Diagnostic | None:
    entry, hidden = binding.entry, binding.same or _hidden(binding)
    if hidden is None or hidden is entry:
        return None
    notes = (Note(hidden.span, f"the {WHAT[hidden.role]}"),) if hidden.span != entry.span else ()
    if entry.role == hidden.role == "step":
        clash = (
            "as a step above"
            if binding.shown == binding.name
            else f"`{binding.name}`, as a step above does"
        )
        message = (
            f"the step `{binding.shown}` has the same name {clash}"
            if binding.shown == binding.name
            else f"the step `{binding.shown}` names its value {clash}"
        )
        return Diagnostic(
            "same-name",
            message,
            entry.span,
            notes=notes,
            help="every step needs a name of its own, such as `relu1` and `relu2`",
        )
    whose = (
        "an outer loop variable"
        if entry.role == hidden.role == "variable"
        else f"the {WHAT[hidden.role]} `{binding.name}`"
    )
    message = f"the {WHAT[entry.role]} `{binding.shown}` bears the name of {whose}"
    return Diagnostic(
        "name-taken",
        message,
        entry.span,
        notes=notes,
        help=f"give the {WHAT[entry.role]} another name",
    )


def _hidden(binding: Binding) -> Entry | None:
    """Return what a name may not hide: a step no data, a loop variable nothing."""
    outer = binding.outer
    if outer is None or binding.entry.role in ("param", "let"):
        return None
    if binding.entry.role == "variable":
        return outer
    return outer if outer.role in ("param", "let", "variable") else None
