"""The versions of ONNX that are written, and how a value's shape is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper

from archc.shapes import Shape

OPSET = 20
"""The version of the operators that torch.onnx writes unless it is told; runtimes have it."""
IR_VERSION = 9
"""The oldest version of the format that has this opset."""
BATCH = "batch"

Sizes = Sequence[int | str | None]


def sizes_of(shape: Shape, batch: int | str = BATCH) -> list[int | str | None]:
    """Return the sizes of a value with its batch."""
    lead: list[int | str | None] = [batch] if shape.batch == "b" else [1] * bool(shape.batch)
    return [*lead, *shape.sizes]


def info(name: str, sizes: Sizes, kind: int = TensorProto.FLOAT) -> ValueInfoProto:
    """Say the kind and the sizes of a value: a name for one that is free, None for unknown ones."""
    return helper.make_tensor_value_info(name, kind, sizes)


def model_of(graph: GraphProto, **facts: Any) -> ModelProto:
    """Return a graph as a model."""
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, **facts)
