"""Networks as timm's `create_model` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.api.architecture import Architecture
from archc.api.compiling import compile, recompiled  # noqa: A004
from archc.api.loading import load
from archc.api.surfaced import FeatureMaps
from archc.passes.landmarks import landmarks
from archc.weights.faults import WeightsError

if TYPE_CHECKING:
    from torch import nn


def create_model(
    name: str,
    pretrained: bool | str = False,
    *,
    num_classes: int | None = None,
    in_chans: int | None = None,
    img_size: int | Sequence[int] | None = None,
    global_pool: str | None = None,
    features_only: bool = False,
    out_indices: int | Sequence[int] | None = None,
    checkpoint_path: str | Path | None = None,
    **settings: Any,
) -> nn.Module:
    """Return a network by its name with the arguments, and the methods, of timm's networks.

    `pretrained` loads the weights of torchvision, or of timm where that has none by the name;
    a text names them as for `archc.load`. With other `num_classes` the classifier is new, 0
    leaves it out; kernels for other `in_chans` are made of those for three. `features_only`
    gives the maps of `feature_info`, all or those of `out_indices`, as a list; how timm finds
    them, its `feature_cls`, is all the same. Other arguments are params of the spec; those that
    are None count as not given. Outputs for training alone are left out, as timm does, unless
    `aux_logits` asks for them.
    """
    settings.pop("feature_cls", None)
    settings = {key: value for key, value in settings.items() if value is not None}
    own = compile(name, **settings)
    has_aux = {"aux_logits"} & {str(param) for param in own.network.document.params} - set(settings)
    arch = _asked(
        compile(name, aux_logits=False, **settings) if has_aux else own,
        num_classes,
        in_chans,
        img_size,
    )
    full = load(own, weights=_weights(name, pretrained)) if pretrained else None
    model = _features(arch, out_indices) if features_only else load(arch, weights=checkpoint_path)
    if full is not None:
        from archc.runtime.carrying import carry

        carry(full.state_dict(), model, landmarks(arch.network))
    if not features_only and (num_classes == 0 or global_pool is not None):
        _without_head(model, num_classes, global_pool)
    return model


def _asked(
    own: Architecture,
    num_classes: int | None,
    in_chans: int | None,
    img_size: int | Sequence[int] | None,
) -> Architecture:
    """Return the network for other classes and another input."""
    sides = [img_size] * len(own.input.spatial) if isinstance(img_size, int) else img_size
    channels, *spatial = own.input.sizes
    sample = (channels if in_chans is None else in_chans, *(spatial if sides is None else sides))
    classes = {"num_classes": num_classes} if num_classes else {}
    changed = own.recipe.changed(input=sample if sample != own.input.sizes else ())
    return recompiled(changed, **classes) if classes or changed != own.recipe else own


def _weights(name: str, pretrained: bool | str) -> str:
    """Return whose weights are meant; raises WeightsError where there are none."""
    if isinstance(pretrained, str):
        return pretrained
    from archc.runtime.weights.owners import OWNERS

    for owner, default in (("torchvision", "DEFAULT"), ("timm", name)):
        if OWNERS[owner].offers(name):
            return f"{owner}:{default}"
    message = f"neither torchvision nor timm has weights for `{name}`"
    raise WeightsError(message)


def _features(arch: Architecture, wanted: int | Sequence[int] | None) -> nn.Module:
    """Return a network that gives maps; raises ValueError where it has none such."""
    from archc.runtime import handle
    from archc.runtime import load as run
    from archc.runtime.features import FeatureInfo, indices

    levels = landmarks(arch.network).levels
    if not levels:
        raise ValueError(f"{arch.name} has no maps of features that all its paths lead through")
    chosen = indices(wanted, len(levels))
    ordered = sorted(set(chosen))
    outputs = [levels[k].output for k in ordered]
    maps = recompiled(arch.recipe.changed(outputs=outputs))
    model = run(FeatureMaps(maps))
    handle.attach(model, maps.name, maps.recipe)
    info: list[dict[str, str | int]] = [
        {"num_chs": v.channels, "reduction": v.reduction, "module": v.module, "index": k}
        for k, v in enumerate(levels)
    ]
    said = FeatureInfo(info, tuple(ordered))
    config = {"input_size": arch.input.sizes}
    vars(model).update(feature_info=said, default_cfg=config, pretrained_cfg=config)
    return model


def _without_head(model: nn.Module, num_classes: int | None, global_pool: str | None) -> None:
    reset = getattr(model, "reset_classifier", None)
    if reset is None:
        message = f"{type(model).__name__} has no classifier to leave out"
        raise ValueError(message)
    if num_classes != 0 and global_pool == "":
        message = 'global_pool="" goes with num_classes=0: a classifier takes what is pooled'
        raise ValueError(message)
    if num_classes == 0:
        reset(0, global_pool)
