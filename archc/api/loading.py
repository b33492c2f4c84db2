"""From a spec to a live module."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.api.adopting import Origin, adopted
from archc.api.architecture import Architecture
from archc.api.compiling import compile, recompiled  # noqa: A004
from archc.api.surfaced import Surfaced
from archc.diagnostics import Source
from archc.language.given import numbers
from archc.lower.headless import CLASSES
from archc.weights.faults import WeightsError

if TYPE_CHECKING:
    import torch
    from torch import nn


def load(
    spec: str | Path | Source | Architecture,
    variant: str | None = None,
    *,
    input: Iterable[int] | None = None,
    weights: str | Path | Mapping[str, torch.Tensor] | None = None,
    adapt: bool = False,
    origin: Origin | None = None,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
    **settings: Any,
) -> nn.Module:
    """Compile a spec and return the torch.nn.Module that its emitted source defines.

    An Architecture is taken as it was compiled, and over its own settings those given here.
    `weights` are a file of safetensors or of `torch.save` (`w.pth#model_ema` where it holds
    several state_dicts), `torchvision:IMAGENET1K_V2`, `timm:resnet50.a1_in1k`, or a state_dict;
    nothing of a file is run. Raises WeightsError where they don't fit or can't be had.
    With `adapt` weights of another network are fitted to this one, see archc.adopt; `origin`
    says of which, where they are not those of the zoo.
    It has the methods that timm's networks have: `forward_features`, `reset_classifier`, ...
    Its attribute `archc` knows the spec and the settings, see archc.runtime.handle.
    `spec` may be a file that `archc.save` wrote, or its folder: then its own weights are loaded.
    With several `outputs` its result is a dictionary by their names, with one that value itself.
    """
    from archc.runtime import handle
    from archc.runtime import load as run

    arch = _compiled(spec, variant, numbers(input), outputs, allow_ops, settings)
    kept = arch.recipe.weights if weights is None else None
    if weights is None and kept is None:
        model = run(Surfaced(arch))
        handle.attach(model, arch.name, arch.recipe)
        return model
    from archc.runtime.weights.loading import loaded
    from archc.runtime.weights.sources import opened

    given = weights if kept is None else kept
    assert given is not None
    if adapt:
        return _adapted(arch, given, origin, allow_ops=allow_ops)
    source = opened(given, arch.name)
    if of_owner := source.settings(arch.network, arch.recipe.settings):
        arch = recompiled(arch.recipe, **of_owner)
    model = loaded(Surfaced(arch), source, _left_out(arch), as_kept=kept is not None)
    handle.attach(model, arch.name, arch.recipe, source.name)
    return model


def _left_out(arch: Architecture) -> Collection[str]:
    """Return the keys of the whole network, where others than its own outputs were asked for."""
    headless = str(arch.recipe.settings.get(CLASSES)) == "0"
    if not (arch.recipe.outputs or headless):
        return ()
    settings = {k: v for k, v in arch.recipe.settings.items() if not (headless and k == CLASSES)}
    whole = recompiled(replace(arch.recipe, outputs=(), settings=settings))
    return whole.state_dict_shapes().keys()


def _adapted(
    arch: Architecture,
    weights: str | Path | Mapping[str, torch.Tensor],
    origin: Origin | None,
    *,
    allow_ops: bool,
) -> nn.Module:
    """Return a network with adopted weights; what outputs prove wrong is no network."""
    model, adoption = adopted(arch, weights, origin, allow_ops=allow_ops)
    if not adoption.judgement.ok:
        message = f"weights of {adoption.old} for {adoption.new}: {adoption.judgement.verdict}"
        raise WeightsError(f"{message}; `archc adopt` writes them all the same")
    return model


def _compiled(
    spec: str | Path | Source | Architecture,
    variant: str | None,
    sample: tuple[int, ...],
    outputs: Sequence[str],
    allow_ops: bool,
    settings: Mapping[str, Any],
) -> Architecture:
    if not isinstance(spec, Architecture):
        sizes = sample or None
        return compile(spec, variant, input=sizes, outputs=outputs, allow_ops=allow_ops, **settings)
    recipe = spec.recipe.changed(variant=variant, input=sample, outputs=outputs)
    return spec if recipe == spec.recipe and not settings else recompiled(recipe, **settings)
