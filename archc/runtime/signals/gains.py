"""λ: how the gradient grows or fades through k blocks of y = F(x) + λx.

He et al. 2016 (arXiv:1603.05027, section 3.1): through k blocks the shortcuts alone multiply
the gradient by λ^k, so that it vanishes for λ < 1 and explodes for λ > 1. Here the shortcuts
of any network are scaled, and the gain is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn

from archc.backends.signals.probe import Probe, Record
from archc.graph import Network
from archc.passes.steps import Step, Tape
from archc.runtime.interpret import Edit, Interpreter, Tensors, tensors_of
from archc.runtime.signals.inputs import random_batch
from archc.runtime.signals.probe import Settings, ready, told


class TooFewBlocks(ValueError):
    """A network that has no such stretch of blocks with identity shortcuts."""


def gains(
    network: Network,
    fresh: Callable[[], nn.Module],
    lambdas: Sequence[float],
    blocks: int | None,
    settings: Settings,
    tick: Callable[[], None] = lambda: None,
) -> Probe:
    """Measure the gain of the gradient through 1 to k blocks for each λ.

    The blocks are the last k of the longest stretch whose shortcuts keep the shape and have
    no weights; the gradient that enters behind them is drawn from N(0, 1).
    """
    records: list[Record] = []
    for seed in range(settings.seeds):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = ready(fresh(), network, settings, seed)
            interpreter = Interpreter(network, tensors_of(model), norms=settings.norms)
            interpreter.training = model.training
            joined = chosen(network.name, interpreter.tape, blocks)
            for factor in lambdas:
                records += _measured(interpreter, network, joined, factor, settings, seed)
        tick()
    return Probe(told(settings), tuple(records))


def chosen(name: str, tape: Tape, blocks: int | None) -> list[Step]:
    """Return the sums of the blocks to measure: the last k of the longest stretch."""
    stretch = longest(tape)
    if not stretch or (blocks or 1) > len(stretch):
        raise TooFewBlocks(
            f"{name} has at most {len(stretch)} blocks in a row whose shortcuts keep the shape"
            + (f", not {blocks}" if blocks else "")
        )
    return stretch[-blocks:] if blocks else stretch


def longest(tape: Tape) -> list[Step]:
    """Return the longest row of sums, each of whose forks comes right from the sum before."""
    best: list[Step] = []
    row: list[Step] = []
    makers = {v: step for step in tape.steps for v in step.outputs}
    for step in tape.steps:
        if step.join is None or not step.join.is_sum or step.join.shortcut is None:
            continue
        if step.fork is None or not _carries(makers, step.inputs[step.join.shortcut], step.fork):
            row = []
            continue
        goes_on = row and _carries(makers, step.fork, row[-1].outputs[0])
        row = [*row, step] if goes_on else [step]
        best = max(best, row, key=len)
    return best


def _carries(makers: dict[int, Step], value: int, source: int) -> bool:
    """Say whether a value is another one but for ops without weights that keep the shape."""
    while value != source:
        step = makers.get(value)
        if step is None or step.node.tensors or len(step.inputs) != 1:
            return False
        if step.node.inputs[0].shape != step.node.outputs[0].shape:
            return False
        value = step.inputs[0]
    return True


def _measured(
    interpreter: Interpreter, network: Network, joined: Sequence[Step], factor: float,
    settings: Settings, seed: int,
) -> Iterator[Record]:  # fmt: skip
    label = f"{network.name}, λ = {factor:g}"
    for measure, branches in (("gain", True), ("shortcut_gain", False)):
        x = random_batch(network.input, settings.batch, seed).to(settings.device)
        for k, value in enumerate(
            _through(interpreter, joined, x, _edit(joined, factor, branches))
        ):
            yield Record(label, measure, seed, float(k), joined[-1 - max(k - 1, 0)].owner, value)


def _edit(joined: Sequence[Step], factor: float, branches: bool) -> Edit:
    """Scale the shortcuts of some sums, and let no gradient into their branches unless wanted."""
    meant = {id(step) for step in joined}

    def edit(step: Step, given: Tensors) -> Tensors:
        if id(step) not in meant or step.join is None:
            return given
        short = step.join.shortcut
        return [
            factor * t if k == short else t if branches else t.detach() for k, t in enumerate(given)
        ]

    return edit


def _through(
    interpreter: Interpreter, joined: Sequence[Step], x: torch.Tensor, edit: Edit
) -> list[float]:
    """Return the norm of the gradient before the last 0, 1, ..., k blocks by that behind them."""
    tape = interpreter.tape
    forks = [step.fork for step in joined if step.fork is not None]
    end = joined[-1].outputs[0]
    stop = next(k for k, step in enumerate(tape.steps) if step is joined[-1]) + 1
    keep = {*forks, end}
    values = interpreter.run(
        {tape.inputs[0]: x.requires_grad_()}, range(stop), {*keep, *tape.inputs}, edit
    )
    r = torch.randn(values[end].shape, generator=torch.Generator().manual_seed(1)).to(x)
    found = torch.autograd.grad(values[end], [values[v] for v in forks[::-1]], r)
    whole = float(r.double().norm())
    return [1.0, *(float(g.double().norm()) / whole for g in found)]
