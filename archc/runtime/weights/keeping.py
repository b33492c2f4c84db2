"""A network with its weights as one file: safetensors, with the spec in their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import nn

from archc.escaping import one_line
from archc.graph import Network
from archc.runtime.handle import Handle
from archc.runtime.load import Emits, load
from archc.weights.faults import Misfit, WeightsError, listed
from archc.weights.record import KEY, written


class Compiled(Emits, Protocol):
    """What of an Architecture a module is held to before it is kept."""

    @property
    def network(self) -> Network:
        """The lowered network."""


def bare(model: object) -> nn.Module:
    """Return a network without what wraps it: `torch.compile`, parallel training."""
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise TypeError(f"archc.save takes a module that archc.load made, and this is {kind}")
    while not isinstance(vars(model).get("archc"), Handle):
        inner = [m for n, m in model.named_children() if n in ("_orig_mod", "module")]
        if len(inner) != 1:
            if "archc" in dict(model.named_children()):
                raise WeightsError(
                    "the network has a step called `archc`, where its spec would be kept"
                )
            message = (
                "this module was not made by `archc.load`, so its spec is not known: "
                "torch.save(model.state_dict(), ...) keeps its weights"
            )
            raise WeightsError(message)
        (model,) = inner
    return model


def handle_of(model: object) -> Handle:
    """Return what a network knows of where it comes from; raises WeightsError."""
    handle = vars(bare(model))["archc"]
    assert isinstance(handle, Handle)
    return handle


def packed(model: object, architecture: Compiled) -> bytes:
    """Return a network as a file of safetensors; raises WeightsError where it is not its spec's.

    `architecture` is what the spec compiles to now.
    """
    try:
        from safetensors.torch import save
    except ModuleNotFoundError:
        raise WeightsError("archc.save needs safetensors: pip install safetensors") from None
    inner, handle = bare(model), handle_of(model)
    _expect_as_made(inner, architecture)
    tensors = _tensors(inner)
    return save(tensors, {"format": "pt", KEY: record_of(handle, architecture.network)})


def record_of(handle: Handle, network: Network) -> str:
    """Return what is kept of a network beside its weights."""
    return written(network, handle.recipe, {"torch": torch.__version__}, handle.weights)


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return all tensors, each with memory of its own."""
    seen: set[int] = set()
    tensors = {}
    for key, value in model.state_dict().items():
        plain = value.detach().to("cpu").contiguous()
        if plain.untyped_storage().data_ptr() in seen:
            plain = plain.clone()
        seen.add(plain.untyped_storage().data_ptr())
        tensors[key] = plain
    return tensors


def _expect_as_made(model: nn.Module, architecture: Compiled) -> None:
    """Hold a module to its spec: its tensors, and the modules that it consists of."""
    if "feature_info" in vars(model):
        message = (
            "a network of `features_only` gives a list, which no spec says: keep the whole network"
        )
        raise WeightsError(message)
    state = model.state_dict()
    if meta := [key for key, value in state.items() if not _is_stored(value)]:
        message = f"{listed([f'`{k}`' for k in meta])} has no numbers of its own to keep"
        raise WeightsError(message)
    shapes = architecture.network.state_dict_shapes()
    wrong = Misfit(
        [k for k in shapes if k not in state],
        [k for k in state if k not in shapes],
        [
            (k, s, tuple(state[k].shape))
            for k, s in shapes.items()
            if k in state and state[k].shape != s
        ],
    )
    with torch.device("meta"):
        fresh = load(architecture)
    if changed := _changed(model, fresh) or wrong.lines:
        head = "the module is no longer what its spec makes, and nothing was written"
        remedy = "set what differs as a setting (`num_classes=10`) or in the spec, and train that network"
        raise WeightsError("\n  ".join([head, *changed, f"help: {remedy}"]))


def _is_stored(tensor: torch.Tensor) -> bool:
    return not tensor.is_meta and tensor.layout == torch.strided and not tensor.is_quantized


def _changed(model: nn.Module, fresh: nn.Module) -> list[str]:
    """Say which modules others have taken the place of, or arguments were changed."""
    ours, theirs = (_described(m) for m in (model, fresh))
    names = [name for name in {**theirs, **ours} if ours.get(name) != theirs.get(name)]
    return [
        f"`{name}` is {one_line(ours.get(name, 'not there'))}, the spec makes {theirs.get(name, 'none')}"
        for name in names[:4]
    ]


def _described(model: nn.Module) -> dict[str, str]:
    return {
        name: f"{type(module).__name__}({module.extra_repr()})"
        for name, module in model.named_modules()
        if name
    }


@torch.no_grad()
def retype(model: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Let the tensors of a network be of the types of others, by key."""
    for key, value in model.state_dict().items():
        if key not in tensors or tensors[key].dtype == value.dtype:
            continue
        owner, _, name = key.rpartition(".")
        module = model.get_submodule(owner)
        if name in dict(module.named_parameters(recurse=False)):
            old = module.get_parameter(name)
            new = nn.Parameter(old.to(tensors[key].dtype), requires_grad=old.requires_grad)
            module.register_parameter(name, new)
        else:
            module.register_buffer(name, value.to(tensors[key].dtype))
