"""How each op is said in ONNX; an op of a plug-in has none here."""

from __future__ import annotations

from archc.backends.onnx.attention import ATTENTION
from archc.backends.onnx.call import Writer
from archc.backends.onnx.maps import MAPS
from archc.backends.onnx.plain import PLAIN
from archc.backends.onnx.sampling import SAMPLING
from archc.backends.onnx.weighted import WEIGHTED

WRITERS: dict[str, Writer] = {**WEIGHTED, **PLAIN, **MAPS, **SAMPLING, **ATTENTION}
