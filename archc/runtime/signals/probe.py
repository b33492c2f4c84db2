"""Signals and gradients by depth, at initialisation or with saved weights.

Measured at the waists of a network: the values that every way from the input to the output
passes, the last one of each depth in weighted layers. L = Σ r·y(x) over the samples x, with
one r for all of them, so that at the output the gradients of all inputs are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from archc.backends.signals.probe import Probe, Record
from archc.graph import Network
from archc.passes.residual import Dominators
from archc.passes.steps import Step, Tape
from archc.runtime.interpret import Interpreter, tensors_of
from archc.runtime.perturb import statistics_of_one_batch
from archc.runtime.signals.inputs import random_batch

SPAN, LAGS = 2.0, 15
"""The grid runs from -2 to 2 along a line, and is compared with itself up to this lag
(Balduzzi et al. 2017, figures 1 and 2)."""


@dataclass(frozen=True)
class Settings:
    """How to probe: `grid` is how many inputs lie on the line, 0 for none.

    `measured` says that in inference the running statistics are taken from one batch.
    """

    seeds: int = 4
    batch: int = 32
    mode: str = "train"
    norms: bool = True
    grid: int = 256
    device: str = "cpu"
    measured: bool = True


def probe(
    network: Network,
    fresh: Callable[[], nn.Module],
    settings: Settings,
    tick: Callable[[], None] = lambda: None,
) -> Probe:
    """Measure a network with the weights that `fresh` draws for each seed; `tick` counts them."""
    records: list[Record] = []
    depth = 0
    for seed in range(settings.seeds):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            prober = Prober(network, ready(fresh(), network, settings, seed), settings, seed)
            records += prober.by_depth()
            records += prober.by_lag() if settings.grid else ()
        depth = max(prober.depths)
        tick()
    noise = [*noises(settings)] if settings.grid else []
    return Probe(told(settings), (*records, *noise), {network.name: depth})


def ready(model: nn.Module, network: Network, settings: Settings, seed: int) -> nn.Module:
    """Put a model into its mode and on its device.

    In inference a new network's running statistics are nobody's; they become those of one
    batch, as they would in training, unless they were loaded.
    """
    model = model.to(settings.device)
    if settings.mode == "eval" and settings.measured:
        x = random_batch(network.input, settings.batch, seed).to(settings.device)
        with statistics_of_one_batch(model), torch.no_grad():
            model.train()(x)
    return model.train(settings.mode == "train")


def told(settings: Settings) -> dict[str, Any]:
    """Return the settings as they are reported."""
    return {
        "seeds": settings.seeds,
        "batch": settings.batch,
        "mode": settings.mode,
        "norms": "as specified" if settings.norms else "left out",
    }


class Prober:
    """Measures one network with one draw of weights."""

    def __init__(self, network: Network, model: nn.Module, settings: Settings, seed: int) -> None:
        self.network, self.model, self.settings, self.seed = network, model, settings, seed
        self.interpreter = Interpreter(network, tensors_of(model), norms=settings.norms)
        self.interpreter.training = model.training
        self.tape = self.interpreter.tape
        self.depths = depths(self.tape)
        self.waists = waists(self.tape, self.depths)
        self.sums = [s for s in self.tape.steps if s.join and s.join.is_sum and s.join.residual]

    def record(self, measure: str, x: float, at: str, value: float) -> Record:
        """Make a record of this network and seed."""
        return Record(self.network.name, measure, self.seed, float(x), at, value)

    def run(self, x: torch.Tensor, keep: set[int]) -> tuple[dict[int, torch.Tensor], torch.Tensor]:
        """Run on inputs; return values by number, and L."""
        leaf = x.to(self.settings.device).requires_grad_()
        end = self.tape.outputs[0]
        values = self.interpreter.run(
            {self.tape.inputs[0]: leaf}, keep={*keep, end, *self.tape.inputs}
        )
        y = values[end]
        noise = torch.Generator().manual_seed(self.seed + 1)
        r = torch.randn(y.shape[1:], generator=noise).to(y)
        return values, (y * r).sum()

    def by_depth(self) -> Iterator[Record]:
        """Yield what is measured at the waists, the sums and the weights."""
        keep = {*self.waists, *(v for s in self.sums for v in s.inputs)}
        x = random_batch(self.network.input, self.settings.batch, self.seed)
        values, loss = self.run(x, keep)
        weights = self.weights()
        ends = [v for v in self.waists if values[v].requires_grad]
        found = torch.autograd.grad(
            loss, [*(values[v] for v in ends), *weights.values()], allow_unused=True
        )
        gradients = dict(zip(ends, found, strict=False))
        for v in self.waists:
            depth, at, value = self.depths[v], self.tape.names[v], values[v].detach().double()
            yield self.record("mean_square", depth, at, float(value.square().mean()))
            yield self.record("variance", depth, at, float(value.var(correction=0)))
            if gradients.get(v) is not None:
                gradient = gradients[v].detach().double()
                yield self.record("gradient_norm", depth, at, float(gradient.norm()))
                yield self.record("gradient_correlation", depth, at, correlation(gradient))
        for step in self.sums:
            yield self.share(step, values)
        for (step, name), gradient in zip(weights, found[len(ends) :], strict=True):
            if gradient is not None:
                depth = self.depths[step.outputs[0]]
                yield self.record(
                    "weight_gradient_norm", depth, name, float(gradient.double().norm())
                )

    def share(self, step: Step, values: dict[int, torch.Tensor]) -> Record:
        """Measure how much of a sum's power comes from its residual branches."""
        assert step.join is not None
        powers = [float(values[v].detach().double().square().mean()) for v in step.inputs]
        branch = sum(powers[k] for k in step.join.residual)
        total = sum(powers)
        out = step.outputs[0]
        return self.record(
            "residual_share",
            self.depths[out],
            self.tape.names[out],
            branch / total if total else 0.0,
        )

    def weights(self) -> dict[tuple[Step, str], nn.Parameter]:
        """Return the weights of convolutions and linear layers, each once."""
        found: dict[int, tuple[tuple[Step, str], nn.Parameter]] = {}
        for step in self.tape.steps:
            if step.node.op is not None and step.node.op.weighted and "weight" in step.node.tensors:
                weight = self.model.get_parameter(f"{step.owner}.weight")
                found.setdefault(id(weight), ((step, f"{step.owner}.weight"), weight))
        return dict(found.values())

    def by_lag(self) -> Iterator[Record]:
        """Yield the autocorrelation of the input gradient along a line in the input space."""
        start, way = random_batch(self.network.input, 2, self.seed + 2)
        t = torch.linspace(-SPAN, SPAN, self.settings.grid).view(-1, *[1] * start.dim())
        line = start + t * way
        values, loss = self.run(line, set())
        (gradient,) = torch.autograd.grad(loss, values[self.tape.inputs[0]])
        slope = (gradient.double() * way.to(gradient)).flatten(1).sum(1)
        for lag, value in enumerate(autocorrelation(slope)):
            yield self.record("autocorrelation", lag, "input", value)


def depths(tape: Tape) -> list[int]:
    """Return for each value the weighted layers on the longest way to it."""
    found = [0] * len(tape.names)
    for step in tape.steps:
        own = int(step.node.op is not None and step.node.op.weighted)
        depth = max((found[v] for v in step.read), default=0) + own
        for v in step.outputs:
            found[v] = depth
    return found


def waists(tape: Tape, depth: list[int]) -> list[int]:
    """Return the values that every way to the output passes, the last one of each depth."""
    above = Dominators(tape.inputs, ((s.read, s.outputs) for s in tape.steps))
    return list({depth[v]: v for v in above.above(tape.outputs[0])}.values())


def correlation(gradient: torch.Tensor) -> float:
    """Return the mean cosine between the gradients of different samples."""
    rows = gradient.flatten(1)
    unit = rows / rows.norm(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
    count = len(rows)
    if count < 2:
        return 1.0
    return float((unit.sum(0).square().sum() - unit.square().sum()) / (count * (count - 1)))


def autocorrelation(series: torch.Tensor, lags: int = LAGS) -> list[float]:
    """Return the autocorrelation of a series at lags 0, 1, ..., by the usual biased estimate."""
    x = series.double() - series.double().mean()
    power = float((x * x).sum())
    most = min(lags, len(x) - 1)
    return [
        float((x[: len(x) - k] * x[k:]).sum()) / power if power else 0.0 for k in range(most + 1)
    ]


def noises(settings: Settings, draws: int = 200) -> Iterable[Record]:
    """Yield the autocorrelation of white noise and of brown noise, its sum, on such a grid."""
    noise = torch.Generator().manual_seed(0)
    for seed in range(draws):
        white = torch.randn(settings.grid, generator=noise, dtype=torch.double)
        for name, series in (("white noise", white), ("brown noise", white.cumsum(0))):
            for lag, value in enumerate(autocorrelation(series)):
                yield Record(name, "autocorrelation", seed, float(lag), "", value)
