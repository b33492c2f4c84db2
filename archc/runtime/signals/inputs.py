"""What a network is shown: seeded random numbers, an image, or a saved tensor."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archc.language.reading import note
from archc.runtime.report import sizes
from archc.shapes import Shape

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm"})

# of the three colours over ImageNet, by which torchvision's networks are fed
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class InputError(ValueError):
    """A file or a shape that can't be shown to the network, and why."""


def random_batch(shape: Shape, batch: int, seed: int) -> torch.Tensor:
    """Return samples drawn from N(0, 1); the state of torch's generator is left as it was."""
    return torch.randn((batch, *shape.sizes), generator=torch.Generator().manual_seed(seed))


def batch_of(files: Sequence[Path], *shapes: Shape) -> torch.Tensor:
    """Return the samples of files as one batch, of the first of some shapes that they fit.

    Images take the height and width of the first shape. Raises InputError.
    """
    parts = [_samples(path, shapes) for path in files]
    if len({part.shape[1:] for part in parts}) > 1:
        found = ", ".join(
            f"{path} {sizes(part.shape[1:])}" for path, part in zip(files, parts, strict=True)
        )
        raise InputError(f"samples of one batch have one shape, got {found}")
    return torch.cat(parts)


def _samples(path: Path, shapes: Sequence[Shape]) -> torch.Tensor:
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.suffix.lower() in IMAGES:
        return _image(path, shapes[0])
    x = _tensor(path)
    if not x.is_floating_point():
        raise InputError(f"{path}: a network takes floating point numbers, got {_kind(x)}")
    if not bool(x.isfinite().all()):
        raise InputError(f"{path}: not all numbers are finite")
    for shape in shapes:
        if tuple(x.shape[-len(shape.sizes) :]) == shape.sizes and x.dim() <= len(shape.sizes) + 1:
            return x.reshape((-1, *shape.sizes)).float()
    wanted = " or ".join(f"{shape} or a batch of them" for shape in shapes)
    raise InputError(f"{path}: expected {wanted}, got {sizes(x.shape) or 'one number'}")


def _kind(x: torch.Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def _image(path: Path, shape: Shape) -> torch.Tensor:
    """Return an image as the network takes it: resized, in [0, 1], then normalised."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError:
        raise InputError("images need Pillow: pip install 'archc[image]'") from None
    channels = {1: "L", 3: "RGB"}.get(shape.channels)
    if len(shape.spatial) != 2 or channels is None:
        raise InputError(f"{path}: an image has 1 or 3 channels, and the input is {shape}")
    height, width = shape.spatial
    note(path)
    try:
        with Image.open(path) as image:
            small = image.convert(channels).resize((width, height), Image.Resampling.BILINEAR)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        SyntaxError,
        ValueError,
        OSError,
    ) as error:
        raise InputError(f"{path}: {error}") from None
    numbers = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).float() / 255
    x = numbers.reshape(height, width, shape.channels).permute(2, 0, 1)
    if channels == "RGB":
        x = (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    return x[None].contiguous()


def _tensor(path: Path) -> torch.Tensor:
    read = READERS.get(path.suffix.lower())
    if read is None:
        known = ", ".join([*READERS, *sorted(IMAGES)])
        raise InputError(f"{path}: the suffix says what a file holds, one of {known}")
    found = _read(path, read)
    if isinstance(found, dict) and len(found) == 1:
        (found,) = found.values()
    if not isinstance(found, torch.Tensor):
        raise InputError(f"{path} holds no tensor but {type(found).__name__}")
    return found


def _read(path: Path, read: Callable[[Path], Any]) -> Any:
    note(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on old pickles, and on archives of TorchScript
            return read(path)
    except ModuleNotFoundError as error:
        raise InputError(f"{path} needs {error.name}: pip install {error.name}") from None
    except MemoryError:
        raise InputError(f"{path} is too large for the memory there is") from None
    except Exception as error:
        said = str(error).partition("\n")[0]
        if "weights_only" in said or "Weights only" in said:
            said = "it holds more than tensors, and nothing in a file is run; save a state_dict"
        elif read is _torch and not isinstance(error, OSError):
            said = "it is damaged, or no file that torch.save writes"
        raise InputError(f"{path}: {said or type(error).__name__}") from error


def _numpy(path: Path) -> torch.Tensor:
    import numpy as np

    with path.open("rb") as file:
        return torch.from_numpy(np.load(file, allow_pickle=False))


def _torch(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(path)


READERS: dict[str, Callable[[Path], Any]] = {
    ".npy": _numpy,
    ".pt": _torch,
    ".pth": _torch,
    ".safetensors": _safetensors,
}


def expect_finite(model: nn.Module, name: str) -> None:
    """Raise InputError where a network has numbers with which nothing can be computed."""
    for key, tensor in model.state_dict().items():
        if not bool(tensor.isfinite().all()):
            raise InputError(f"{name}: not all numbers of `{key}` are finite")
