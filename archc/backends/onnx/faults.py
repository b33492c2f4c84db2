"""Why a network can't be written as ONNX."""

from __future__ import annotations

NO_ONNX = "nothing to write ONNX with: `pip install archc[onnx]` brings it"


class OnnxError(ValueError):
    """A network, or weights, that can't be written so: the message says why, and what to do."""


class NoOnnxError(OnnxError):
    """The library that writes the format is not there."""

    def __init__(self) -> None:
        super().__init__(NO_ONNX)
