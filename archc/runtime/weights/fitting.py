"""Giving a network the tensors of a checkpoint: all of them, or none and a list of what is off."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping

import torch
from torch import nn

from archc.runtime.weights.parts import Part, named, parts
from archc.runtime.weights.reading import Checkpoint
from archc.weights.faults import Misfit, WeightsError, key

COUNTED = "num_batches_tracked"
"""What files from before PyTorch 0.4.1 lack; PyTorch itself lets it be missing."""


Remedy = Callable[[Misfit], str]


def load_into(
    model: nn.Module, checkpoint: Checkpoint, part: str = "", remedy: Remedy = lambda _: ""
) -> None:
    """Give a network the tensors of a checkpoint, or of a part of it.

    Raises WeightsError, with the module as it was, where they don't fit; `remedy` says what
    else can be done then.
    """
    put(model, chosen(model.state_dict(), checkpoint, part, remedy))


def put(model: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Copy tensors that fit into a network."""
    result = model.load_state_dict(versioned(model, tensors), strict=False)
    assert not result.unexpected_keys


def versioned(
    model: nn.Module, tensors: Mapping[str, torch.Tensor]
) -> OrderedDict[str, torch.Tensor]:
    """Return tensors as a network's own state_dict, with the versions that its modules write.

    A module that reads none takes the tensors for those of its first version, or for none.
    """
    state = OrderedDict(tensors)
    vars(state)["_metadata"] = vars(model.state_dict()).get("_metadata", {})
    return state


def chosen(
    wanted: Mapping[str, torch.Tensor],
    checkpoint: Checkpoint,
    part: str = "",
    remedy: Remedy = lambda _: "",
    spare: Collection[str] = (),
) -> dict[str, torch.Tensor]:
    """Return the tensors of a checkpoint that are a network's, by its keys; raises WeightsError.

    `spare` are keys that may be there as well: those of what was left out of the network.
    """
    what = f"{checkpoint.name}#{part}" if part else checkpoint.name
    if part:
        inside = [
            p
            for found in named(checkpoint.content, part)
            for p in parts(dict(found.tensors), wanted)
        ]
    else:
        inside = parts(checkpoint.content, wanted)
    if not inside:
        holds = "no tensors under that name" if part else "no tensors by key"
        raise WeightsError(f"{what} holds {holds}{_known(checkpoint, wanted)}")
    misfits = [misfit(wanted, candidate, spare) for candidate in inside]
    fitting = [p for p, wrong in zip(inside, misfits, strict=True) if not wrong]
    if not fitting:
        wrong = min(misfits, key=_size)
        raise WeightsError(_told(what, wrong, remedy(wrong)))
    first, *others = fitting
    if any(not _same(first, other) for other in others):
        names = ", ".join(f"{checkpoint.name}#{p.name}" for p in fitting)
        raise WeightsError(f"{what} holds several networks that fit: name one of {names}")
    return {k: v for k, v in first.tensors.items() if k in wanted}


def misfit(wanted: Mapping[str, torch.Tensor], part: Part, spare: Collection[str] = ()) -> Misfit:
    """Say what of a state_dict does not fit the tensors of a network."""
    there = part.tensors
    shapes = [
        (k, tuple(w.shape), tuple(there[k].shape))
        for k, w in wanted.items()
        if k in there and there[k].shape != w.shape
    ]
    return Misfit(
        [k for k in wanted if k not in there and not k.endswith(COUNTED)],
        [*(k for k in there if k not in wanted and k not in spare), *part.aside],
        shapes,
        others=[
            f"{key(k)} {said}"
            for k, w in wanted.items()
            if k in there and (said := _unusable(there[k], w))
        ],
    )


def _unusable(there: torch.Tensor, wanted: torch.Tensor) -> str:
    if there.layout != torch.strided or there.is_nested:
        return "is sparse or nested"
    if there.is_meta:
        return "has no numbers: it was saved on the meta device"
    if there.is_quantized:
        return "is quantized"
    kinds = [_kind(t.dtype) for t in (there, wanted)]
    return f"holds {kinds[0]}, not {kinds[1]}" if kinds[0] != kinds[1] else ""


def _kind(dtype: torch.dtype) -> str:
    if dtype.is_complex:
        return "complex numbers"
    return "floating point numbers" if dtype.is_floating_point else "whole numbers"


def _same(a: Part, b: Part) -> bool:
    return a.tensors.keys() == b.tensors.keys() and all(
        torch.equal(v, b.tensors[k]) for k, v in a.tensors.items()
    )


def _size(wrong: Misfit) -> int:
    return len(wrong.missing) + len(wrong.unexpected) + len(wrong.shapes) + len(wrong.others)


def _known(checkpoint: Checkpoint, wanted: Mapping[str, torch.Tensor]) -> str:
    names = [p.name for p in parts(checkpoint.content, wanted) if p.name]
    return f"; it has {', '.join(map(key, names[:4]))}" if names else ""


def _told(what: str, wrong: Misfit, remedy: str) -> str:
    lines = [f"{what} does not fit the network, and nothing of it was loaded"]
    lines += [f"  {line}" for line in wrong.lines]
    lines += [f"  help: {remedy}"] * bool(remedy)
    return "\n".join(lines)
