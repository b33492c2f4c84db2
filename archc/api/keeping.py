"""A network with its weights in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archc.api.compiling import recompiled
from archc.output.files import OutputError, write
from archc.weights.faults import WeightsError

if TYPE_CHECKING:
    from torch import nn

BY_ARGUMENT = "give another name, or replace it by `force=True`"


def save(model: nn.Module, path: str | Path, *, force: bool = False) -> None:
    """Write a network that `archc.load` made as one file of safetensors.

    Beside its weights the file has the spec, the settings and the versions of archc and PyTorch;
    `archc.load(path)` gives the same module again, in any process, and runs nothing of the file.
    A file that archc did not write is replaced with `force` only. Raises WeightsError where the
    module is no longer what its spec makes, or the file can't be written.
    """
    put(Path(path), _packed(model), "safetensors", force=force)


def _packed(model: nn.Module) -> bytes:
    from archc.runtime.weights.keeping import handle_of, packed

    return packed(model, recompiled(handle_of(model).recipe))


def put(path: Path, content: str | bytes, form: str, *, force: bool) -> None:
    """Write a file, or raise WeightsError."""
    try:
        write(path, content, form, force=force, remedy=BY_ARGUMENT)
    except OutputError as error:
        raise WeightsError(str(error)) from None
