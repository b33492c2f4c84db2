"""Weights of another network, or of another version of a spec, for this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.api.architecture import Architecture
from archc.api.compiling import compile  # noqa: A004
from archc.api.identifying import compiled, identify
from archc.api.surfaced import Surfaced
from archc.diagnostics import Source
from archc.weights.fates import Adoption
from archc.weights.faults import WeightsError
from archc.weights.record import has_recipe

if TYPE_CHECKING:
    import torch
    from torch import nn

    from archc.runtime.weights.sources import Weights

Origin = str | Path | Source | Architecture
"""The network that weights are of: a spec, or `torchvision:NAME`, `timm:NAME`, `FILE.py:CLASS`."""


def adopted(
    arch: Architecture,
    weights: str | Path | Mapping[str, torch.Tensor],
    origin: Origin | None = None,
    *,
    rows: Sequence[int] | None = None,
    allow_ops: bool = False,
    seed: int = 0,
) -> tuple[nn.Module, Adoption]:
    """Return a network with the weights of another one, and what became of each tensor.

    `origin` is the other network; without it, the one that the file keeps, this very one, or
    the one of the zoo that the keys are of. Both are traced and aligned as graphs, whatever their
    keys are. What the spec has more starts so that outputs stay; see docs/weights.md. A
    `FILE.py` is run, nothing of the weights is. Raises WeightsError.
    """
    from archc.runtime import handle
    from archc.runtime import load as run
    from archc.runtime.adopt.adopting import adopt
    from archc.runtime.weights.fitting import load_into
    from archc.runtime.weights.sources import opened

    source = opened(weights, arch.name)
    known = origin if origin is not None else _origin(arch, weights, source)
    old, sample, name = _old(known, arch, allow_ops=allow_ops)
    load_into(
        old,
        source.checkpoint,
        source.part,
        lambda _: f"the weights are not those of {name}: say of which network by `--from`",
    )
    model = run(Surfaced(arch))
    adoption = adopt(
        old, model, (sample, arch.input.sizes), (name, arch.name), rows=rows, seed=seed
    )
    handle.attach(model, arch.name, arch.recipe, source.name)
    return model, adoption


def _old(
    origin: Origin, arch: Architecture, *, allow_ops: bool
) -> tuple[nn.Module, tuple[int, ...], str]:
    """Return the old network as a module, an input of it, and its name."""
    from archc.runtime import load as run
    from archc.runtime.adopt.origins import is_peer, of_name

    if isinstance(origin, str) and is_peer(origin):
        return of_name(origin), arch.input.sizes, origin
    if not isinstance(origin, Architecture):
        origin = compile(origin, allow_ops=allow_ops)
    return run(origin), origin.input.sizes, origin.name


def _origin(arch: Architecture, weights: Any, source: Weights) -> Origin:
    """Find out which network weights are of."""
    from archc.runtime.weights.naming import shapes_of

    if isinstance(weights, (str, Path)) and not source.offer and has_recipe(weights):
        return compile(weights)
    if source.offer is not None:
        owner, _, name = str(weights).partition(":")
        return f"timm:{name.partition('.')[0]}" if owner == "timm" and "." in name else arch
    candidates = shapes_of(source)
    own = arch.state_dict_shapes()
    if any(own == {k: v for k, v in shapes.items() if k in own} for shapes in candidates):
        return arch
    for shapes in candidates:
        for match in identify(shapes, search=False):
            if match.exact:
                return compiled(match.name, match.settings)
    message = f"{source.name}: these are no weights of {arch.name} or of a network of the zoo; say of which network by `--from` (`origin=`): its spec, torchvision:NAME, timm:NAME or FILE.py:CLASS"
    raise WeightsError(message)
