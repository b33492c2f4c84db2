"""Reading and writing what an op takes of a state_dict, through views and joins."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from math import prod

import torch
from torch import nn

from archc.runtime.adopt.graph import Operand, Piece

Tensors = Mapping[str, torch.Tensor]


def value(operand: Operand, tensors: Tensors) -> torch.Tensor:
    """Return what an op takes, in the op's own layout."""
    parts = [_viewed(tensors[p.key], p) if p.key else torch.zeros(p.sizes) for p in operand.pieces]
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def put(operand: Operand, new: torch.Tensor, tensors: MutableMapping[str, torch.Tensor]) -> None:
    """Let an op take other numbers: write them where its tensors are kept."""
    numbers, start = new.reshape(-1), 0
    for piece in operand.pieces:
        length = prod(piece.sizes)
        part = numbers[start : start + length]
        start += length
        if piece.key and all(method == "reshape" for method, _ in piece.views):
            tensors[piece.key] = part.reshape(tensors[piece.key].shape).clone()
        elif piece.key:
            kept = tensors[piece.key]
            places = _viewed(torch.arange(kept.numel()).reshape(kept.shape), piece)
            flat = kept.clone().reshape(-1)
            flat[places.reshape(-1)] = part.to(flat.dtype)
            tensors[piece.key] = flat.reshape(kept.shape)


def _viewed(tensor: torch.Tensor, piece: Piece) -> torch.Tensor:
    for method, sizes in piece.views:
        tensor = getattr(tensor, method)(sizes)
    return tensor


def filled(model: nn.Module, tensors: Tensors) -> dict[str, torch.Tensor]:
    """Return tensors with those under the further keys of one that several keys lead to."""
    first: dict[int, str] = {}
    state = model.state_dict(keep_vars=True)
    return {key: tensors[first.setdefault(id(t), key)] for key, t in state.items()}
