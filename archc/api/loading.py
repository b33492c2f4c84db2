"""From a spec to a live module."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.api.compiling import compile  # noqa: A004
from archc.diagnostics import Source

if TYPE_CHECKING:
    from torch import nn


def load(
    spec: str | Path | Source,
    variant: str | None = None,
    *,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
    **settings: Any,
) -> nn.Module:
    """Compile a spec and return the torch.nn.Module that its emitted source defines.

    Its attribute `archc` knows the spec and the settings, see archc.runtime.handle.
    With several `outputs` its result is a dictionary by their names, with one that value itself.
    """
    from archc.runtime import handle
    from archc.runtime import load as run

    arch = compile(spec, variant, outputs=outputs, allow_ops=allow_ops, **settings)
    model = run(arch)
    handle.attach(model, arch.name, arch.recipe)
    return model
