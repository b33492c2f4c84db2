"""Where two runs part: the first step of the graph whose value the emitted module never makes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import torch

from archc.passes.steps import Step
from archc.runtime.calls import Calls
from archc.runtime.interpret import Tensors
from archc.runtime.report import Row, compare
from archc.runtime.sides import Emitted, Failed, Interpreted, outcome, place

NEAR = 1e-7
"""How near, by the size of all numbers of a value, one is to count as the same."""


def first_difference(
    emitted: Emitted,
    graph: Interpreted,
    x: torch.Tensor,
    seed: int,
    *,
    training: bool,
    rows: Sequence[Row],
) -> str:
    """Say at which step the two part, by values, else by the ops that ran, else by gradients."""
    made, missed, ran = _watched(emitted, graph, x, seed, training=training)
    if missed is not None:
        return f"{place(missed)}: the file never has its value"
    for k, (name, step) in enumerate(ran):
        if k >= len(made.names) or made.names[k] != name:
            other = made.names[k] if k < len(made.names) else "nothing"
            return f"{place(step)}: the file runs `{other}` where the graph runs `{name}`"
    if len(made.names) > len(ran):
        return f"after the last step: the file runs `{made.names[len(ran)]}` too"
    keys = {row.where for row in rows if row.error}
    if any(row.what == "gradients" and row.error for row in rows):
        keys |= _other_gradients(emitted, graph, x, seed)
        order = reversed(graph.tape.steps)
    else:
        order = iter(graph.tape.steps)
    for step in order:
        if any(f"{step.owner}.{name}".strip(".") in keys for name in ("", *step.node.tensors)):
            return f"{place(step)}: its value is right, its gradients or statistics are not"
    return "at what it gives: every step has its value"


def _watched(
    emitted: Emitted, graph: Interpreted, x: torch.Tensor, seed: int, *, training: bool
) -> tuple[Calls, Step | None, list[tuple[str, Step]]]:
    """Run both; return what the file ran, the first step whose value it lacks, the graph's ops."""
    made = Calls(marks=True)
    for tensor in (x, *emitted.tensors.values()):
        made.remember(tensor)
    torch.manual_seed(seed)
    with torch.no_grad(), made, suppress(Failed):  # it made what it made
        emitted.forward(x.clone(), training=training)
    missed: list[Step] = []
    ran: list[tuple[str, Step]] = []
    calls = Calls()

    def watch(step: Step, values: Tensors) -> None:
        ran.extend((name, step) for name in calls.names[len(ran) :])
        with torch.utils._python_dispatch._disable_current_modes():  # noqa: SLF001
            if not missed and not all(made.knows(value, NEAR) for value in values):
                missed.append(step)

    graph.watch = watch
    torch.manual_seed(seed)
    try:
        with torch.no_grad(), calls:
            graph.forward(x.clone(), training=training)
    finally:
        graph.watch = None
    return made, missed[0] if missed else None, ran


def _other_gradients(emitted: Emitted, graph: Interpreted, x: torch.Tensor, seed: int) -> set[str]:
    """Return the keys whose gradients differ."""
    ours, theirs = (outcome(side, x, seed, training=True)["gradients"] for side in (emitted, graph))
    keys = {**ours, **theirs}
    rows = {k: compare("", "", {k: ours.get(k)}, {k: theirs.get(k)}) for k in keys}
    return {k for k, row in rows.items() if row.error > NEAR}
