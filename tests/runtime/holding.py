"""How networks are held to somebody else's: by their keys, their numbers, their new weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

import archc
from archc.runtime import load
from archc.runtime.report import Report
from archc.runtime.verify import structure, verify

Samples = Sequence[tuple[int, ...]]
SAMPLES: Samples = [(3, 32, 32), (3, 27, 35)]


def hold(
    ours: nn.Module,
    theirs: nn.Module,
    samples: Samples = SAMPLES,
    *,
    gradients: float = 0.0,
    ordered: bool = False,
) -> Report:
    """Hold a network to another: equal to the last bit, both to be run at every size.

    `gradients` is how far these may be off, where terms are added in another order; `ordered`
    says that the keys come in the other's order too.
    """
    report = verify(ours, theirs, samples)
    allowed = {"gradients": gradients}
    wrong = [r for r in report.rows if r.refused or not r.error <= allowed.get(r.what, 0.0)]

    assert [(r.what, r.at, r.result) for r in wrong] == []
    assert len({r.at for r in report.rows}) == len(samples) + 1
    if ordered:
        assert {r.result for r in report.rows} == {"equal"}
    return report


hold_ordered = partial(hold, ordered=True)


def hold_keys(name: str, theirs: Callable[[], nn.Module]) -> tuple[nn.Module, nn.Module]:
    """Hold keys and shapes, by prediction and as built, to those of another network.

    Both are built on the meta device, so at their full depth and width, and returned.
    """
    architecture = archc.compile(name)
    with torch.device("meta"):
        ours, other = load(architecture), theirs()
    shapes = {key: tuple(tensor.shape) for key, tensor in other.state_dict().items()}

    assert [(r.what, r.note) for r in structure(ours, other) if r.error] == []
    assert architecture.state_dict_shapes() == shapes
    return ours, other


def hold_new_weights(ours: nn.Module, theirs: nn.Module) -> None:
    """Hold new weights to another network's in distribution: the draws come in another order.

    Constants are equal. Means and deviations differ by less than six times the standard error
    that a normal distribution's have, of both networks together.
    """
    mine = ours.state_dict()
    for key, value in theirs.state_dict().items():
        if value.unique().numel() == 1 or not value.is_floating_point():
            assert torch.equal(mine[key], value), key
        elif value.numel() > 8:
            own, n = mine[key], value.numel()
            assert abs(float(own.std() / value.std()) - 1) < 6 / n**0.5, key
            assert abs(float((own.mean() - value.mean()) / value.std())) < 6 * (2 / n) ** 0.5, key
