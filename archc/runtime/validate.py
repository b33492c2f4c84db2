"""Translation validation: whether an emitted file is the network that its spec says.

The graph is run op by op, by kernels that share nothing with the emitter, beside the emitted
module, on the same perturbed weights. What both give must be equal to the last bit. Where it
is not, both run once more in double precision: rounding, which comes of another order of the
same sums, is far smaller there; a fault is as large as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

import torch
from torch import nn

from archc.graph import Network, join
from archc.lower.resizing import another_size, resized
from archc.passes.steps import unroll
from archc.runtime.calls import Calls
from archc.runtime.kernels import expected_buffers
from archc.runtime.load import load
from archc.runtime.locate import first_difference
from archc.runtime.perturb import perturb
from archc.runtime.report import Report, Row, compare, listed, sizes
from archc.runtime.sides import Emitted, Failed, Interpreted, attempted, outcome, place
from archc.runtime.static import Predicts, verify_static

ROUNDING = 1e-9
"""The largest relative error that is rounding in double precision, amplified by a deep network."""

SINGLE = 1e-6
"""The same of a table that was made in single precision."""


class Compiled(Predicts, Protocol):
    """What of an Architecture is held against its file."""

    @property
    def network(self) -> Network:
        """The lowered network."""


def validate(
    architecture: Compiled,
    samples: Sequence[tuple[int, ...]] = (),
    *,
    batch: int = 2,
    seed: int = 0,
) -> Report:
    """Hold an emitted file to its graph, at sizes that are given, or its own and another one.

    What archc predicts of it comes first. Raises ValueError for a size that the spec does not
    take. The state of torch's generator is left as it was.
    """
    rows = list(_static(architecture))
    behaviour = validate_behaviour(architecture, samples, batch=batch, seed=seed)
    failures = [row for row in behaviour.rows if row.what == "file"]
    kept = [row for row in rows if row.what != "file" or not failures]
    return Report((*kept, *behaviour.rows), behaviour.tolerance)


def validate_behaviour(
    architecture: Compiled,
    samples: Sequence[tuple[int, ...]] = (),
    *,
    batch: int = 2,
    seed: int = 0,
) -> Report:
    """Hold what an emitted file does to its graph, without what archc predicts of its counts."""
    network = architecture.network
    networks = _sized(network, samples) if samples else (network, *another_size(network))
    fresh = partial(attempted, lambda: load(architecture), network)
    validation = Validation(fresh, batch, seed)
    rows: list[Row] = []
    with torch.random.fork_rng(devices=[]):
        try:
            for other in networks:
                if other is networks[0]:
                    rows += validation.state(other)
                rows += validation.rows(other) if validation.comparable else ()
        except Failed as failure:
            rows.append(Row("file", "", 1, math.inf, note=f"fails: {failure}"))
    return Report(tuple(rows), ROUNDING if validation.rounded else 0.0)


def _static(architecture: Compiled) -> Iterator[Row]:
    """Hold what archc predicts to what is built, without numbers."""
    try:
        yield from attempted(lambda: verify_static(architecture), architecture.network).rows
    except Failed as failure:
        yield Row("file", "", 1, math.inf, note=f"fails: {failure}")


def _sized(network: Network, samples: Sequence[tuple[int, ...]]) -> tuple[Network, ...]:
    found = []
    for sample in samples:
        other = resized(network, sample)
        if other is None:
            raise ValueError(f"{network.name} does not take {sizes(sample)}, or has other weights")
        found.append(other)
    return tuple(found)


class Validation:
    """Compares a module with its graph, at one size after the other."""

    def __init__(self, fresh: Callable[[], nn.Module], batch: int, seed: int) -> None:
        self.fresh, self.batch, self.seed = fresh, batch, seed
        self.comparable = self.rounded = self.located = False
        self.models: dict[torch.dtype, nn.Module] = {}

    def state(self, network: Network) -> Iterator[Row]:
        """Compare the buffers that hold no measurement, and say whether the rest can be compared.

        It can't where tensors are missing: the first step without its own is named then.
        """
        state, shapes = self._model(self._batch(network)).state_dict(), network.state_dict_shapes()
        wrong = {k for k, shape in shapes.items() if k not in state or state[k].shape != shape}
        self.comparable = not wrong and len(state) == len(shapes)
        wanted: dict[str, torch.Tensor] = {}
        for step in unroll(network).steps:
            keys = {join(step.owner, name) for name in step.node.tensors}
            if keys & wrong:
                yield Row("first difference", "", 1, math.inf, note=f"{place(step)}: its tensors")
                return
            buffers = expected_buffers(step.node.op)
            wanted |= {join(step.owner, name): tensor for name, tensor in buffers.items()}
        if wanted:
            row = compare("buffers", "", {k: state[k] for k in wanted}, wanted)
            yield replace(row, error=0.0, where="") if row.error < SINGLE else row

    def rows(self, network: Network) -> Iterator[Row]:
        """Compare at the size of the graph."""
        rows = self._compared(network, torch.float32)
        if any(row.error for row in rows):
            with doubled():
                rows = self._compared(network, torch.float64)
            self.rounded = self.rounded or any(0 < row.error <= ROUNDING for row in rows)
        yield from rows

    def _compared(self, network: Network, dtype: torch.dtype) -> list[Row]:
        x = self._batch(network, dtype)
        emitted = Emitted(network, self._model(x))
        sides = emitted, Interpreted(network, emitted.tensors)
        rows: list[Row] = []
        for training in (False, True):
            found = list(self._mode(*sides, x, training=training))
            rows += found
            wrong = any(not row.error <= ROUNDING for row in found)
            if wrong and dtype == torch.float64 and not self.located:
                self.located = True  # the first is enough: later ones follow from it
                where = first_difference(*sides, x, self.seed, training=training, rows=found)
                rows.append(Row("first difference", sizes(x.shape), 1, math.inf, note=where))
        return rows

    def _mode(
        self, emitted: Emitted, graph: Interpreted, x: torch.Tensor, *, training: bool
    ) -> Iterator[Row]:
        """Compare all that the two do with a batch in a mode."""
        at, output = sizes(x.shape), f"{'train' if training else 'eval'} output"
        try:
            theirs = outcome(graph, x, self.seed, training=training)
        except Failed as refusal:
            theirs, reason = {}, str(refusal)
        try:
            ours = outcome(emitted, x, self.seed, training=training)
        except Failed as failure:
            if theirs:
                note = f"only the file fails: {failure}"
                yield Row(output, at, 0, math.inf, note=note)
            else:
                yield Row(output, at, 0, refused=True, note=f"both refuse: {failure}")
            return
        if not theirs:
            yield Row(output, at, 0, math.inf, note=f"only the graph fails: {reason}")
        for what in theirs:
            if what.endswith(" ops"):
                yield _counted(what, at, ours[what], theirs[what])
            else:
                yield compare(what, at, ours.get(what, {}), theirs[what])

    def _batch(self, network: Network, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        shape = (self.batch, *network.input.sizes)
        return torch.randn(shape, generator=torch.Generator().manual_seed(self.seed), dtype=dtype)

    def _model(self, x: torch.Tensor) -> nn.Module:
        """Return the module with numbers that no layer can hide behind; once for each dtype."""
        if x.dtype not in self.models:
            torch.manual_seed(self.seed)
            model = self.fresh()
            with suppress(Exception):  # what the file can't run is told by what is compared
                perturb(model, x, self.seed)
            self.models[x.dtype] = model
        return self.models[x.dtype]


def _counted(what: str, at: str, ours: Calls, graph: Calls) -> Row:
    """Compare how often each operation of PyTorch ran."""
    a, b = ours.counts, graph.counts
    wrong = [f"{k}: {a[k]} in the file, {b[k]} in the graph" for k in {**b, **a} if a[k] != b[k]]
    return Row(what, at, b.total(), math.inf if wrong else 0.0, note=listed(wrong))


@contextmanager
def doubled() -> Iterator[None]:
    """Let new tensors be of double precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
