"""The file of a network in ONNX, written from its graph: no PyTorch is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archc.backends.onnx.faults import NoOnnxError, OnnxError
from archc.backends.onnx.fitting import misfit
from archc.backends.onnx.options import Options
from archc.graph import Network

__all__ = ["NoOnnxError", "OnnxError", "Options", "onnx_file", "readable"]


def readable(network: Network, weights: Any) -> bool:
    """Whether weights can be read without PyTorch: a file of safetensors that fits.

    A state_dict needs no reading. Raises NoOnnxError, WeightsError for a damaged file.
    """
    if weights is None or isinstance(weights, Mapping):
        return True
    try:
        from archc.backends.onnx.stored import stored
    except ModuleNotFoundError:
        raise NoOnnxError from None
    path = Path(str(weights))
    if not path.is_file():
        return False
    there = stored(path)
    return there is not None and not misfit(network, there.shapes)


def onnx_file(
    network: Network,
    weights: str | Path | Mapping[str, Any] | None,
    version: str,
    options: Options,
) -> bytes:
    """Return the file; see `Architecture.onnx`."""
    try:
        from archc.backends.onnx.model import model
        from archc.backends.onnx.stored import stored
    except ModuleNotFoundError:
        raise NoOnnxError from None
    numbers = stored(Path(weights)) if isinstance(weights, str | Path) else weights
    made = model(network, numbers, version, options)
    data: bytes = made.SerializeToString(deterministic=True)
    return data
