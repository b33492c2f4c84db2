"""What the emitted network itself gives at one of its modules, stopped right after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


class Reached(Exception):
    """The module that was waited for has run; the network need not go on."""


def emitted_values(model: nn.Module, at: str, x: torch.Tensor) -> list[torch.Tensor] | None:
    """Return the outputs of a network, or of its module `at`; None where it has none such."""
    if not at:
        return tensors(model(x.clone()))
    try:
        module = model.get_submodule(at)
    except AttributeError:
        return None
    found: list[torch.Tensor] = []

    def reached(_module: nn.Module, _given: Any, made: Any) -> None:
        found.extend(t.detach().clone() for t in tensors(made))
        raise Reached

    handle = module.register_forward_hook(reached)
    try:
        model(x.clone())
    except Reached:
        return found
    finally:
        handle.remove()
    return None


def tensors(value: Any) -> list[torch.Tensor]:
    """Return the tensors that a module gives, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    items = value.values() if isinstance(value, Mapping) else (value or ())
    return [t for item in items for t in tensors(item)]
