"""What signals and gradients do in a network: every value by its name in the spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from archc.graph import Network
from archc.recipe import Recipe
from archc.runtime.faults import blaming
from archc.runtime.load import Emits, load
from archc.weights.faults import WeightsError

if TYPE_CHECKING:
    from archc.backends.signals.model import Trace
    from archc.backends.signals.probe import Probe


class Compiled(Emits, Protocol):
    """What of an Architecture is needed to run it and to know its values."""

    @property
    def network(self) -> Network:
        """The lowered network."""

    @property
    def recipe(self) -> Recipe:
        """What it was compiled from."""


def traced(
    architecture: Compiled,
    at: str,
    *,
    weights: str | Path | None = None,
    seed: int = 0,
    **options: Any,
) -> Trace:
    """Load a network with seeded or saved weights and trace it; see `trace`."""
    from archc.runtime.signals.inputs import InputError
    from archc.runtime.signals.trace import NoSuchPlace, trace

    refused = (InputError, WeightsError)
    with torch.random.fork_rng(devices=[]), blaming(architecture.network, *refused):
        torch.manual_seed(seed)
        model = loader(architecture, weights)()
    with blaming(architecture.network, InputError, NoSuchPlace):
        return trace(architecture.network, model, at, seed=seed, **options)


def probed(
    architecture: Compiled,
    *,
    lambdas: Sequence[float] = (),
    blocks: int | None = None,
    weights: str | Path | None = None,
    tick: Callable[[], None] = lambda: None,
    **options: Any,
) -> Probe:
    """Probe a network by depth; or, where there are lambdas, its gains through blocks."""
    from archc.runtime.perturb import REFUSALS
    from archc.runtime.signals.gains import TooFewBlocks, gains
    from archc.runtime.signals.inputs import InputError
    from archc.runtime.signals.probe import Settings, probe

    settings = Settings(**options, measured=weights is None)
    network, fresh = architecture.network, loader(architecture, weights)
    try:
        with blaming(network, InputError, WeightsError, TooFewBlocks):
            if lambdas:
                return gains(network, fresh, lambdas, blocks, settings, tick)
            return probe(network, fresh, settings, tick)
    except (InputError, WeightsError, TooFewBlocks):
        raise
    except REFUSALS as error:
        said = str(error).partition("\n")[0]
        raise InputError(f"{architecture.name} can't be run so: {said}") from error


def loader(architecture: Compiled, weights: str | Path | None) -> Callable[[], nn.Module]:
    """Return what makes a network, with new weights from torch's generator or saved ones.

    Those of a file that keeps the network are taken if no others are given.
    """
    weights = weights or architecture.recipe.weights
    if weights is None:
        return lambda: load(architecture)
    from archc.runtime.signals.inputs import expect_finite
    from archc.runtime.weights.loading import give
    from archc.runtime.weights.sources import opened

    source = opened(weights, architecture.name)

    def fresh() -> nn.Module:
        model = load(architecture)
        give(model, architecture.network, source)
        expect_finite(model, source.name)
        return model

    return fresh
