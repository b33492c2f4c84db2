"""The gradient where a shortcut leaves: its parts, and that they add up.

A join is linear in its operands, so what comes back to the fork is the sum of what comes
through each of them: with y = x + F(x), ∂L/∂x = ∂L/∂y + ∂L/∂y · ∂F/∂x (He et al. 2016,
arXiv:1603.05027, equation 5, for one block).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import torch

from archc.backends.signals.model import SplitPart, SplitRow
from archc.passes.steps import Step, Tape
from archc.runtime.interpret import Interpreter
from archc.runtime.report import difference
from archc.runtime.signals.numbers import numbers


class Walked(Protocol):
    """What of a run is needed: its values and gradients by number."""

    mode: str
    values: dict[int, torch.Tensor]
    gradients: dict[int, torch.Tensor | None]


def splits(
    interpreter: Interpreter, window: range, entering: list[int], walk: Walked
) -> Iterator[SplitRow]:
    """Yield the parts at the fork of every join, and at the input for the last one."""
    tape = interpreter.tape
    joined = [tape.steps[k] for k in window if tape.steps[k].join is not None]
    for step in joined:
        forks = [v for v in (step.fork,) if v is not None and v in walk.gradients]
        if step is joined[-1] and len(entering) == 1 and entering[0] != step.fork:
            forks += [v for v in entering if not _around(tape, window, v, step)]
        for fork in forks:
            row = _split(interpreter, window, walk, step, fork)
            if row is not None:
                yield row


def _split(
    interpreter: Interpreter, window: range, walk: Walked, step: Step, fork: int
) -> SplitRow | None:
    tape, values = interpreter.tape, walk.values
    arriving, total = walk.gradients.get(step.outputs[0]), walk.gradients.get(fork)
    if arriving is None or total is None or step.join is None:
        return None
    parts = []
    edges = _edges(interpreter, step, values, arriving)
    for k, (operand, edge) in enumerate(zip(step.inputs, edges, strict=True)):
        part = _pulled(values[operand], values[fork], edge) if operand != fork else edge
        parts.append((k, operand, part))
    added = sum((p.double() for _, _, p in parts), torch.zeros_like(total, dtype=torch.double))
    beside = 0.0
    wanted = total
    if _around(tape, window, fork, step):
        wanted = _pulled(values[step.outputs[0]], values[fork], arriving)
        beside = float((total.double() - wanted.double()).norm())
    short = step.join.shortcut
    told = tuple(SplitPart(step.join.role(k), tape.names[v], numbers(p)) for k, v, p in parts)
    return SplitRow(
        tape.names[step.outputs[0]], tape.names[fork], walk.mode, told, numbers(total),
        difference(added, wanted.double()),
        short is not None and torch.equal(parts[short][2], arriving), beside,
    )  # fmt: skip


def _edges(
    interpreter: Interpreter, step: Step, values: Mapping[int, torch.Tensor], arriving: torch.Tensor
) -> list[torch.Tensor]:
    """Return what the join hands back to each operand."""
    alone = [values[v].detach().requires_grad_() for v in step.inputs]
    (made,) = interpreter.apply(step, alone)
    return list(torch.autograd.grad(made, alone, arriving))


def _pulled(y: torch.Tensor, x: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return the gradient at x for one at y; zeros where y does not depend on x."""
    if not y.requires_grad:
        return torch.zeros_like(x)
    if y is x:
        return gradient
    found: tuple[torch.Tensor | None, ...] = torch.autograd.grad(
        y, x, gradient, retain_graph=True, allow_unused=True
    )
    return torch.zeros_like(x) if found[0] is None else found[0]


def _around(tape: Tape, window: range, fork: int, join: Step) -> bool:
    """Say whether something goes from a fork to the end without passing a join."""
    tainted = {fork}
    for k in window:
        step = tape.steps[k]
        if step is not join and tainted.intersection(step.inputs):
            tainted.update(step.outputs)
    last = {v for k in range(window.stop, len(tape.steps)) for v in tape.steps[k].inputs}
    return bool(tainted & (last | {*tape.outputs}))
