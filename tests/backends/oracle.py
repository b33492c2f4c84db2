"""What an emitted file must do, worked out without it: the lowered graph, run op by op."""

from __future__ import annotations

from collections.abc import Iterator

import torch

import archc
from archc.diagnostics import Source
from archc.runtime.load import load
from archc.runtime.validate import validate_behaviour

torch.set_num_threads(1)  # maps are tiny, and tests share cores


def compiled(text: str) -> Iterator[archc.Architecture]:
    """Yield every variant of a spec that must be right."""
    source = Source("spec.yaml", text)
    parsed = archc.api.open_spec(source, None)[0]
    for variant in [str(v) for v in parsed.variants] or [None]:
        yield archc.compile(source, variant)


def assert_runs(arch: archc.Architecture, *, sizes: bool = False) -> None:
    """Hold the emitted file to the graph: keys in their order, shapes, and all that it does.

    At the spec's own size, and with `sizes` at another one.
    """
    model = load(arch)
    state = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    assert list(state.items()) == list(arch.state_dict_shapes().items())
    assert sum(p.numel() for p in model.parameters()) == arch.training.params
    report = validate_behaviour(arch, () if sizes else [arch.input.sizes])
    wrong = [f"{row.what} {row.at} {row.result}" for row in report.wrong]
    assert not wrong, "\n".join([*wrong, arch.source()])
