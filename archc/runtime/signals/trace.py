"""A walk through a network or a part of it: every value and every gradient, in both modes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archc.backends.signals.model import (
    MODES,
    NormRow,
    SplitRow,
    Trace,
    ValueRow,
    WeightRow,
)
from archc.graph import Network
from archc.passes.conventions import is_batch_norm
from archc.passes.steps import Tape, read_from_outside, read_outside
from archc.runtime.interpret import Interpreter, tensors_of, trainable
from archc.runtime.perturb import REFUSALS
from archc.runtime.report import difference, sizes
from archc.runtime.signals.emitted import emitted_values
from archc.runtime.signals.inputs import InputError, batch_of, random_batch
from archc.runtime.signals.numbers import numbers, or_none
from archc.runtime.signals.splitting import splits

TOLERANCE = 1e-4
"""The largest relative error between what runs here and what the emitted module gives."""


class NoSuchPlace(LookupError):
    """A name that is no stage, block or op of the network; `known` are those that are."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(name)
        self.known = known


class Differs(Exception):
    """A defect of archc: what runs here is not what the emitted module does."""


@dataclass
class ModeRun:
    """One mode's run: values and gradients by number, weights' gradients by key."""

    mode: str
    values: dict[int, torch.Tensor] = field(default_factory=dict)
    gradients: dict[int, torch.Tensor | None] = field(default_factory=dict)
    weights: dict[str, torch.Tensor | None] = field(default_factory=dict)
    splits: list[SplitRow] = field(default_factory=list)
    before: dict[str, torch.Tensor] = field(default_factory=dict)
    after: dict[str, torch.Tensor] = field(default_factory=dict)
    error: float | None = None


def trace(
    network: Network,
    model: nn.Module,
    at: str = "",
    *,
    batch: int = 2,
    files: Sequence[str | Path] = (),
    seed: int = 0,
    device: str = "cpu",
) -> Trace:
    """Trace a network, or the stage, block or op `at`, on files or on a seeded random batch.

    The network runs as far as the part that is traced, so that this sees what it sees in the
    network; a tensor file of the part's own input shape goes into it directly. The model is
    not changed. Raises NoSuchPlace, and InputError where an input does not fit.
    """
    model, paths = copy.deepcopy(model).to(device), [Path(file) for file in files]
    interpreter = Interpreter(network, tensors_of(model))
    tape = interpreter.tape
    try:
        window = tape.window(at)
    except LookupError:
        raise NoSuchPlace(at, tape.places()) from None
    entering = [v for v in read_from_outside(tape, window) if v not in _sources(tape)]
    shapes = [network.input, *(tape.shapes[v] for v in entering[:1] if len(entering) == 1)]
    x = batch_of(paths, *shapes) if paths else random_batch(network.input, batch, seed)
    direct = tuple(x.shape[1:]) != network.input.sizes
    runner = Runner(interpreter, model, window, entering, at, seed)
    with torch.random.fork_rng(devices=[]):
        try:
            walks = {mode: runner.walk(x.to(device), mode, direct) for mode in ("eval", "train")}
        except REFUSALS as error:
            said = str(error).partition("\n")[0]
            raise InputError(f"the network refuses {sizes(x.shape)}: {said}") from error
    return _told(network, runner, walks, (at, _named(x, paths, direct, at)))


def _named(x: torch.Tensor, files: Sequence[Path], direct: bool, at: str) -> str:
    what = ", ".join(path.name for path in files) or "drawn from N(0, 1)"
    return f"{sizes(x.shape)}, {what}{f', given to {at} itself' if direct else ''}"


def _sources(tape: Tape) -> set[int]:
    return {v for step in tape.steps if not step.inputs for v in step.outputs}


class Runner:
    """Runs a stretch of a network forwards and backwards."""

    def __init__(
        self,
        interpreter: Interpreter,
        model: nn.Module,
        window: range,
        entering: list[int],
        at: str,
        seed: int,
    ) -> None:
        self.interpreter, self.tape, self.model = interpreter, interpreter.tape, model
        self.window, self.entering, self.at, self.seed = window, entering, at, seed
        self.leaving = self._leaving(at)
        self.weights = trainable(self.tape, window, self.model)
        self.shown = [*entering, *(v for k in window for v in self.tape.steps[k].outputs)]

    def walk(self, x: torch.Tensor, mode: str, direct: bool) -> ModeRun:
        """Run forwards and backwards in a mode, and hold the outcome to the emitted module's."""
        walk = ModeRun(mode)
        emitted = None if direct else self._emitted(x, mode)
        walk.before = self._buffers()
        self.interpreter.training = mode == "train"
        torch.manual_seed(self.seed)
        known = {**self._sources(), self.entering[0]: x} if direct else self._ahead(x)
        values = {
            v: t.detach().clone().requires_grad_() if v in self.entering else t
            for v, t in known.items()
        }
        walk.values = self.interpreter.run(values, self.window)
        walk.after = self._buffers()
        walk.error = self._error(walk, emitted)
        self._backward(walk)
        return walk

    def _leaving(self, at: str) -> dict[str, tuple[int, ...]]:
        """Return what the stretch gives in each mode: in inference not what is for training."""
        if at:
            return dict.fromkeys(MODES, read_outside(self.tape, self.window))
        pairs = zip(self.tape.outputs, self.tape.training, strict=True)
        always = tuple(v for v, training in pairs if not training)
        return {"train": self.tape.outputs, "eval": always}

    def _sources(self) -> dict[int, torch.Tensor]:
        """Return the parameters that are values, made before the stretch."""
        before = [step for step in self.tape.steps[: self.window.start] if not step.inputs]
        return {step.outputs[0]: self.interpreter.apply(step, [])[0] for step in before}

    def _ahead(self, x: torch.Tensor) -> dict[int, torch.Tensor]:
        """Run what comes before the stretch; return what the stretch reads of it."""
        needed = {*read_from_outside(self.tape, self.window), *self.entering}
        before = range(self.window.start)
        with torch.no_grad():
            return self.interpreter.run({self.tape.inputs[0]: x}, before, needed)

    def _buffers(self) -> dict[str, torch.Tensor]:
        return {name: t.detach().clone() for name, t in self.model.named_buffers()}

    def _emitted(self, x: torch.Tensor, mode: str) -> list[torch.Tensor] | None:
        """Return what the emitted network gives here, running statistics left as they were."""
        kept = copy.deepcopy(self.model.state_dict())
        self.model.train(mode == "train")
        torch.manual_seed(self.seed)
        with torch.no_grad():
            found = emitted_values(self.model, self.at, x)
        self.model.load_state_dict(kept)
        return found

    def _error(self, walk: ModeRun, emitted: list[torch.Tensor] | None) -> float | None:
        ours = [walk.values[v].detach() for v in self.leaving[walk.mode]]
        if emitted is None or len(emitted) < len(ours):
            return None
        error = max(difference(a, b) for a, b in zip(ours, emitted, strict=False))
        if not all(bool(a.isfinite().all()) for a in ours):
            where = self.at or "the network"
            raise InputError(f"the values of {where} are no finite numbers in {walk.mode} mode")
        if error > TOLERANCE:
            raise Differs(f"{self.at or 'it'}, op by op, is {error:.1e} off in {walk.mode} mode")
        return error

    def _backward(self, walk: ModeRun) -> None:
        ends = [v for v in self.leaving[walk.mode] if walk.values[v].requires_grad]
        noise = torch.Generator().manual_seed(self.seed + 1)
        draws = [_like(walk.values[v], noise) for v in ends]
        live = [v for v in self.shown if walk.values[v].requires_grad]
        wanted = [*(walk.values[v] for v in live), *self.weights.values()]
        found = torch.autograd.grad(
            [walk.values[v] for v in ends], wanted, draws, retain_graph=True, allow_unused=True
        )
        walk.gradients = dict(zip(live, found, strict=False))
        walk.weights = dict(zip(self.weights, found[len(live) :], strict=True))
        walk.splits = list(splits(self.interpreter, self.window, self.entering, walk))


def _like(x: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    return torch.randn(x.shape, generator=noise).to(x)


def _told(
    network: Network, runner: Runner, walks: dict[str, ModeRun], said: tuple[str, str]
) -> Trace:
    tape = runner.tape
    makers = {v: step.node.name for step in tape.steps for v in step.outputs}
    rows = [
        ValueRow(
            tape.names[v], makers.get(v, "input"), tuple(walks["train"].values[v].shape),
            {mode: numbers(walks[mode].values[v]) for mode in MODES},
            {mode: or_none(walks[mode].gradients.get(v)) for mode in MODES},
        )
        for v in runner.shown
    ]  # fmt: skip
    weights = [
        WeightRow(
            name, tuple(p.shape), numbers(p),
            {mode: or_none(walks[mode].weights[name]) for mode in MODES},
        )
        for name, p in runner.weights.items()
    ]  # fmt: skip
    return Trace(
        network.name, said[0], said[1], runner.seed, tuple(rows), tuple(weights),
        tuple(_norms(runner, walks)), tuple(s for mode in MODES for s in walks[mode].splits),
        _verdict([walk.error for walk in walks.values()]),
    )  # fmt: skip


def _verdict(errors: list[float | None]) -> str:
    known = [error for error in errors if error is not None]
    if len(known) < len(errors):
        return "not compared: the emitted file has no module of this name"
    return "equal, to the last bit" if not max(known) else f"equal within {max(known):.1e}"


def _norms(runner: Runner, walks: dict[str, ModeRun]) -> Iterator[NormRow]:
    """Tell of every batch norm that keeps running statistics."""
    train, evaluated = walks["train"], walks["eval"]
    for k in runner.window:
        step = runner.tape.steps[k]
        mean, var = f"{step.owner}.running_mean", f"{step.owner}.running_var"
        if not is_batch_norm(step.node) or mean not in train.before:
            continue
        x = train.values[step.inputs[0]].detach().double().transpose(0, 1).flatten(1)
        batch = x.mean(1), x.var(1, correction=0), x.var(1)
        kept = all(torch.equal(evaluated.before[key], evaluated.after[key]) for key in (mean, var))
        module = runner.model.get_submodule(step.owner)
        share = _momentum(module, train.after.get(f"{step.owner}.num_batches_tracked"))
        expected = [
            (1 - share) * train.before[key].double() + share * measured
            for key, measured in ((mean, batch[0]), (var, batch[2]))
        ]
        error = max(
            difference(train.after[key].double(), wanted)
            for key, wanted in zip((mean, var), expected, strict=True)
        )
        yield NormRow(
            step.owner, share, _list(batch[0]), _list(batch[1]),
            _list(train.before[mean]), _list(train.before[var]),
            _list(train.after[mean]), _list(train.after[var]), error, kept,
        )  # fmt: skip


def _list(x: torch.Tensor) -> tuple[float, ...]:
    return tuple(map(float, x))


def _momentum(module: Any, batches: torch.Tensor | None) -> float:
    """Return the share of the new batch: momentum, or of all batches seen where it is none."""
    return float(module.momentum) if module.momentum is not None else 1 / float(batches or 1)
