"""A network with its weights in one file, or a folder as of the Hugging Face hub, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.api.architecture import Architecture
from archc.api.compiling import recompiled
from archc.api.loading import load
from archc.output.files import OutputError, make_folder, write
from archc.weights.card import CARD, CONFIG, WEIGHTS, About, card, config
from archc.weights.faults import WeightsError

if TYPE_CHECKING:
    from torch import nn

    from archc.runtime.handle import Handle

BY_ARGUMENT = "give another name, or replace it by `force=True`"
PICKLES = (".pt", ".pth", ".bin", ".ckpt")
"""What others would take for a file of `torch.save`."""
FORMS = {CONFIG: "json", CARD: "markdown", WEIGHTS: "safetensors"}


def save(model: nn.Module, path: str | Path, *, force: bool = False) -> None:
    """Write a network that `archc.load` made as one file of safetensors.

    Beside its weights the file has the spec, the settings and the versions of archc and PyTorch;
    `archc.load(path)` gives the same module again, in any process, and runs nothing of the file.
    A file that archc did not write is replaced with `force` only. Raises WeightsError where the
    module is no longer what its spec makes, or the file can't be written.
    """
    from archc.runtime.weights.keeping import packed

    if Path(path).suffix.lower() in PICKLES:
        raise WeightsError(f"{path}: archc.save writes safetensors, call it so: net.safetensors")
    _, arch = _known(model)
    _put(Path(path), packed(model, arch), "safetensors", force=force)


def save_pretrained(
    model: nn.Module, folder: str | Path, *, licence: str = "", force: bool = False
) -> None:
    """Write a network as a folder like those of the Hugging Face hub, which is made if need be.

    It has `model.safetensors`, what `archc.save` writes, `config.json`, and a model card with
    `licence` in its front matter. `archc.from_pretrained(folder)` gives the network back.
    Raises WeightsError as `archc.save` does.
    """
    files = _files(model, licence, Path(folder).resolve().name)
    try:
        make_folder(Path(folder))
    except OutputError as error:
        raise WeightsError(str(error)) from None
    for name, content in files.items():
        _put(Path(folder) / name, content, FORMS[name], force=force)


def from_pretrained(name: str | Path, *, allow_ops: bool = False, **settings: Any) -> nn.Module:
    """Return a network of a folder, of a file that `archc.save` wrote, or of a repository of the hub, `owner/name@revision`.

    The hub's cache is looked into first; what is not there its own client downloads. Raises
    WeightsError, and SpecError where the spec in it is wrong.
    """
    if str(name) and Path(name).is_file():
        return load(Path(name), allow_ops=allow_ops, **settings)
    if str(name) and Path(name).is_dir():
        if not (Path(name) / WEIGHTS).is_file():
            raise WeightsError(f"the folder {name} has no {WEIGHTS}")
        return load(Path(name), allow_ops=allow_ops, **settings)
    from archc.runtime.weights.hub import fetched

    return load(fetched(str(name)), allow_ops=allow_ops, **settings)


def push_to_hub(
    model: nn.Module,
    repository: str,
    *,
    licence: str = "",
    message: str = "Upload by archc",
    private: bool = False,
    token: str | None = None,
) -> str:
    """Upload what `save_pretrained` writes to `owner/name`, and return the commit's address.

    A model card that is there already is left as it is.
    """
    from archc.runtime.weights.hub import push

    files = _files(model, licence, repository)
    return push(repository, files, message, private=private, token=token)


def _known(model: nn.Module) -> tuple[Handle, Architecture]:
    """Return what a module knows of itself, and what its spec makes."""
    from archc.runtime.weights.keeping import handle_of

    handle = handle_of(model)
    return handle, recompiled(handle.recipe)


def _files(model: nn.Module, licence: str, repository: str) -> Mapping[str, bytes]:
    """Return the files of a repository, the weights first: they say whether there can be any."""
    from archc.runtime.weights.keeping import packed, record_of

    handle, arch = _known(model)
    weights = packed(model, arch)
    about = About(
        handle.name,
        record_of(handle, arch.network),
        handle.spec,
        arch.input.sizes,
        arch.output.sizes,
        arch.params,
        arch.macs,
        arch.table(),
        handle.weights,
        licence,
    )
    return {
        WEIGHTS: weights,
        CONFIG: config(about).encode(),
        CARD: card(about, repository).encode(),
    }


def _put(path: Path, content: bytes, form: str, *, force: bool) -> None:
    """Write a file, or raise WeightsError."""
    try:
        write(path, content, form, force=force, remedy=BY_ARGUMENT)
    except OutputError as error:
        raise WeightsError(str(error)) from None
