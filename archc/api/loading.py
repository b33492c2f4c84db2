"""From a spec to a live module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.api.compiling import compile  # noqa: A004
from archc.diagnostics import Source
from archc.language.given import numbers

if TYPE_CHECKING:
    import torch
    from torch import nn


def load(
    spec: str | Path | Source,
    variant: str | None = None,
    *,
    input: Iterable[int] | None = None,
    weights: str | Path | Mapping[str, torch.Tensor] | None = None,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
    **settings: Any,
) -> nn.Module:
    """Compile a spec and return the torch.nn.Module that its emitted source defines.

    `weights` are a file of safetensors or of `torch.save` (`w.pth#model_ema` where it holds
    several state_dicts), `torchvision:IMAGENET1K_V2`, `timm:resnet50.a1_in1k`, or a state_dict;
    nothing of a file is run. Raises WeightsError where they don't fit or can't be had.
    Its attribute `archc` knows the spec and the settings, see archc.runtime.handle.
    With several `outputs` its result is a dictionary by their names, with one that value itself.
    """
    from archc.runtime import handle
    from archc.runtime import load as run

    sample = None if input is None else numbers(input)
    compiled = partial(
        compile, spec, variant, input=sample, outputs=outputs, allow_ops=allow_ops, **settings
    )
    arch = compiled()
    if weights is None:
        model = run(arch)
    else:
        from archc.runtime.weights.loading import give
        from archc.runtime.weights.sources import opened

        source = opened(weights, arch.name)
        if of_owner := source.settings(arch.network, settings):
            arch = compiled(**of_owner)
        model = run(arch)
        give(model, arch.network, source)
    handle.attach(model, arch.name, arch.recipe)
    return model
