"""What holds models of ONNX: ONNX Runtime beside PyTorch, and ONNX's own inference of shapes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

AGREED = 1e-5
"""How far outputs may be apart, relative to the largest number."""

SLACK = 3
"""How much further than PyTorch's own rounding."""
TELLING = 3e-4
"""Rounding from which on single precision tells nothing."""


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


def error(model: nn.Module, data: bytes, x: torch.Tensor) -> float:
    """Return how far ONNX Runtime's results are from PyTorch's, beyond what rounding makes of them.

    In deep networks of random weights rounding grows: results that are about as far from
    PyTorch's as those are from double precision are no worse. Where it grows so far that single
    precision tells nothing, both are run in double, the model by ONNX's own reference in NumPy.
    """
    name = onnx.load_from_string(data).graph.input[0].name
    with torch.no_grad():
        theirs = flat(model(x))
        exact = flat(in_double(model)(x.double()))
    found = distance(run(data, {name: x.numpy()}), theirs)
    rounded = distance([y.detach().numpy() for y in theirs], exact)
    if found < AGREED or rounded < TELLING:
        return max(0.0, found - SLACK * rounded) if found >= AGREED else found
    results = ReferenceEvaluator(doubled(data)).run(None, {name: x.double().numpy()})
    return distance(results, exact)


def in_double(model: nn.Module) -> nn.Module:
    """Return a network in double precision; an epsilon is what an attribute of ONNX holds."""
    exact = copy.deepcopy(model).double()
    for module in exact.modules():
        if isinstance(eps := getattr(module, "eps", None), float):
            module.eps = float(np.float32(eps))
    return exact


def doubled(data: bytes) -> ModelProto:
    """Return a model in double precision."""
    model = onnx.load_from_string(data)
    constants = [n.attribute[0].t for n in model.graph.node if n.op_type == "Constant"]
    for tensor in (*model.graph.initializer, *constants):
        if tensor.data_type == TensorProto.FLOAT:
            array = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
    return model


def distance(results: list[Any], wanted: list[torch.Tensor]) -> float:
    """Return the largest error of a list of results, relative to the largest number of each."""
    pairs = zip(results, (y.detach().numpy() for y in wanted), strict=True)
    return max(float(np.abs(a - b).max()) / max(float(np.abs(b).max()), 1e-30) for a, b in pairs)


def disagreements(model: ModelProto, **sizes: int) -> list[tuple[str, Any, Any]]:
    """Return values whose shapes, as the model says them, are not those that ONNX infers.

    Nothing that the model says of them is shown to it, nor are its numbers, where they are
    weights. `sizes` are put for those that are free, such as the batch: it has no name for them
    behind some ops.
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
    for value in bare.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(
        bare, check_type=True, strict_mode=True, data_prop=True
    ).graph
    found = {v.name: dims(v) for v in (*inferred.value_info, *inferred.output)}
    values = (*model.graph.value_info, *model.graph.output)
    said = {v.name: [sizes.get(str(d), d) for d in dims(v)] for v in values}
    return [(n, d, found.get(n)) for n, d in said.items() if not agree(d, found.get(n))]


def dims(value: Any) -> list[int | str]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def agree(said: list[int | str], found: list[int | str] | None) -> bool:
    """Whether shapes are one, as far as the model says them."""
    if found is None or len(said) != len(found):
        return False
    return all(a in (0, b) for a, b in zip(said, found, strict=True))
