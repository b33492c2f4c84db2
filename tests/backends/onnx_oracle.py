"""What holds models of ONNX: ONNX Runtime beside PyTorch, and ONNX's own inference of shapes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import ModelProto, TensorProto, helper
from torch import nn

AGREED = 1e-5
"""How far outputs may be apart, relative to the largest number."""


def run(data: bytes | str, inputs: Mapping[str, Any]) -> list[Any]:
    """Run a model, from memory or from a file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(inputs))


def flat(value: Any) -> list[torch.Tensor]:
    """Return the tensors that a network gives, in their order."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [
        t for item in (value.values() if isinstance(value, dict) else value) for t in flat(item)
    ]


def error(model: nn.Module, results: list[Any], x: torch.Tensor) -> float:
    """Return how far results are from PyTorch's.

    Where that is further than rounding goes, both are held to double precision: results that
    are no further from it than PyTorch's own are right.
    """
    with torch.no_grad():
        theirs = flat(model(x))
        found = distance(results, theirs)
        if found < AGREED:
            return found
        exact = flat(copy.deepcopy(model).double()(x.double()))
    own = distance([y.numpy() for y in theirs], exact)
    return max(0.0, distance(results, exact) - own) if own < 100 * AGREED else found


def distance(results: list[Any], wanted: list[torch.Tensor]) -> float:
    """Return the largest error of a list of results, relative to the largest number of each."""
    pairs = zip(results, wanted, strict=True)
    return max(float(np.abs(a - b.numpy()).max() / max(b.abs().max(), 1e-30)) for a, b in pairs)


def disagreements(model: ModelProto) -> list[tuple[str, Any, Any]]:
    """Return values whose shapes, as the model says them, are not those that ONNX infers.

    Nothing that the model says of them is shown to it, nor are its numbers, where they are weights.
    """
    bare = ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:], bare.graph.initializer[:]
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            kind = helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, list(tensor.dims))
            bare.graph.input.append(kind)
        else:
            bare.graph.initializer.append(tensor)
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(
        bare, check_type=True, strict_mode=True, data_prop=True
    ).graph
    found = {v.name: dims(v) for v in (*inferred.value_info, *inferred.output)}
    said = {v.name: dims(v) for v in (*model.graph.value_info, *model.graph.output)}
    return [(n, d, found.get(n)) for n, d in said.items() if not agree(d, found.get(n))]


def dims(value: Any) -> list[int | str]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def agree(said: list[int | str], found: list[int | str] | None) -> bool:
    """Whether shapes are one; what neither knows, or ONNX gives a name of its own, is no difference."""
    if found is None or len(said) != len(found):
        return False
    unknown = (
        b == 0 or a == 0 or str(b).startswith("unk__") for a, b in zip(said, found, strict=True)
    )
    return all(a == b or u for a, b, u in zip(said, found, unknown, strict=True))
