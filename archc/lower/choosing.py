"""Features: what stands at chosen places of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archc.diagnostics import Diagnostic, SpecError, nearest
from archc.graph import Module, Output, Stage, is_source
from archc.language.source import Text
from archc.lower.frames import Frame
from archc.lower.marks import NOTHING, UNKNOWN, Poisoned


def choose(frame: Frame, stages: Sequence[Stage], chosen: Sequence[Text]) -> tuple[Output, ...]:
    """Return the outputs of the names: of `outputs:`, steps, stages, or dotted paths of steps.

    Raises SpecError where a name means none of these.
    """
    known = named_values(frame, stages)
    wrong = [_unknown(name, known, frame.module) for name in chosen if name not in known]
    wrong += [_nothing(name) for name in chosen if known.get(name) is NOTHING]
    first = {name: k for k, name in reversed(list(enumerate(chosen)))}
    wrong += [_twice(name) for k, name in enumerate(chosen) if first[name] < k]
    if wrong:
        raise SpecError(wrong)
    if any(known[name] is UNKNOWN for name in chosen):
        raise Poisoned
    return tuple(Output(str(name), known[name]) for name in chosen)


def named_values(frame: Frame, stages: Sequence[Stage]) -> dict[str, Any]:
    """Return what can be an output, by name; nearer meanings go first."""
    module = frame.module
    marked = {s.name: s.nodes[-1].outputs[0] for s in stages}
    steps = {k: v for k, v in frame.values.items() if k != "x"}
    declared = {o.name: o.value for o in module.outputs if o.name and not o.name.startswith("_")}
    known = {**marked, **(module.places or {}), **steps, **declared}
    return {k: v for k, v in known.items() if not is_source(v)}


def _unknown(name: Text, known: dict[str, Any], module: Module) -> Diagnostic:
    message = f"the network has no stage and no step `{name}`"
    block = next((n for n in module.nodes if n.module and name.startswith(f"{n.path}.")), None)
    if block is not None:
        message = f"`{name}` is inside `{block.path}`, a `{block.name}`, which gives one value"
        return Diagnostic("unknown-output", message, name.span, help=f"take `{block.path}` itself")
    near = [n for n in known if n.count(".") <= name.count(".")]
    hint = nearest(name, near)
    if not hint.startswith("did"):
        hint = f"its stages and steps: {', '.join(f'`{n}`' for n in near if '.' not in n)}"
    return Diagnostic("unknown-output", message, name.span, help=hint)


def _nothing(name: Text) -> Diagnostic:
    message = f"`{name}` gives nothing in this network"
    return Diagnostic("unknown-output", message, name.span, help="leave it out, or set the param that its step depends on")  # fmt: skip


def _twice(name: Text) -> Diagnostic:
    return Diagnostic("unknown-output", f"`{name}` is chosen twice", name.span, help="name it once")
