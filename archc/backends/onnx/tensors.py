"""The numbers of a network: in the file, beside it, or handed in when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
from onnx import TensorProto, ValueInfoProto, helper

from archc.backends.onnx.faults import OnnxError
from archc.backends.onnx.fitting import misfit
from archc.backends.onnx.steps import Written, op_of
from archc.backends.onnx.stored import Array, Stored
from archc.graph import Network, join
from archc.ops import Op
from archc.ops.arguments import pair
from archc.ops.window import RelativeCoordinates, RelativePositionBias
from archc.weights.faults import WeightsError
from archc.weights.faults import key as spelled

Weights = Stored | Mapping[str, Any]
"""A file, or tensors by their keys: arrays, or whatever PyTorch has."""

LARGEST = 2**31 - 1
"""Bytes of a file of ONNX, which is one message of Protocol Buffers."""
SPARE = 32_000_000
"""Bytes that are left for all that is no weight."""


def initialisers(
    network: Network, written: Written, weights: Weights | None, *, beside: bool
) -> tuple[list[TensorProto], list[ValueInfoProto]]:
    """Return the tensors that a network reads, and those that it is handed when it runs.

    With `beside` they stay in the file of the weights, which has to lie beside the model.
    """
    fixed = _fixed(written)
    shapes = network.state_dict_shapes()
    if weights is None:
        known = [_tensor(key, fixed[key]) for key in written.tensors if key in fixed]
        kind = TensorProto.FLOAT
        asked = [key for key in written.tensors if key not in fixed]
        return known, [helper.make_tensor_value_info(k, kind, shapes[k]) for k in asked]
    _expect_fit(network, weights)
    buffers = _may_be_whole(written)
    if beside and not isinstance(weights, Stored):
        raise OnnxError(
            "`external_data` leaves numbers in a file of safetensors with the keys of the network"
        )
    if beside and isinstance(weights, Stored):
        return [_reference(key, weights, whole=key in buffers) for key in written.tensors], []
    _expect_room(sum(4 * int(np.prod(shapes[key])) for key in written.tensors))
    return [_tensor(key, _array(weights, key, whole=key in buffers)) for key in written.tensors], []


def _may_be_whole(written: Written) -> set[str]:
    """Return the keys of buffers, which may hold whole numbers: an index does."""
    return {
        join(step.owner, name)
        for step in written.steps
        for name, tensor in step.node.tensors.items()
        if not tensor.trainable
    }


def _fixed(written: Written) -> dict[str, Array]:
    """Return the buffers that no data changes, by their keys."""
    return {
        join(step.owner, name): array
        for step in written.steps
        for name, array in expected_buffers(op_of(step)).items()
    }


def expected_buffers(op: Op) -> dict[str, Array]:
    """Return the buffers that an op fills itself, by name."""
    if isinstance(op, RelativePositionBias):
        h, w = pair(op.size)
        rows, columns = np.divmod(np.arange(h * w), w)
        down, across = (side[:, None] - side[None, :] for side in (rows, columns))
        index = (down + h - 1) * (2 * w - 1) + across + w - 1
        return {"relative_position_index": index.reshape(-1) if op.flat else index}
    if isinstance(op, RelativeCoordinates):
        sides = [8 * np.arange(1 - n, n) / max(n - 1, 1) for n in pair(op.size)]
        offsets = np.stack(np.meshgrid(*sides, indexing="ij"), -1)[None]
        table = np.sign(offsets) * np.log2(np.abs(offsets) + 1) / 3
        return {"relative_coords_table": table.astype(np.float32)}
    return {}


def _tensor(key: str, array: Array) -> TensorProto:
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return TensorProto(name=key, data_type=kind, dims=array.shape, raw_data=array.tobytes())


def _reference(key: str, weights: Stored, *, whole: bool) -> TensorProto:
    """Return a tensor that says where in the file of the weights its numbers are."""
    place = weights.places[key]
    kinds = {"F32": TensorProto.FLOAT} | ({"I64": TensorProto.INT64} if whole else {})
    if place.kind not in kinds:
        raise OnnxError(
            f"`{key}` has numbers of {place.kind} in {weights.path}, which can't stay there: "
            "the network takes F32"
        )
    tensor = TensorProto(
        name=key, data_type=kinds[place.kind], dims=place.shape, data_location=TensorProto.EXTERNAL
    )
    where = {
        "location": weights.path.name,
        "offset": place.start,
        "length": place.end - place.start,
    }
    for name, value in where.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = name, str(value)
    return tensor


def _array(weights: Weights, key: str, *, whole: bool) -> Array:
    """Return the numbers of a tensor; those of PyTorch come from wherever they are."""
    value: Any = weights.array(key) if isinstance(weights, Stored) else weights[key]
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" and array.dtype != ml_dtypes.bfloat16:
        raise WeightsError(f"the weights don't fit the network: {spelled(key)} has no real numbers")
    kind = np.int64 if whole and array.dtype.kind in "iu" else np.float32
    return np.ascontiguousarray(array, kind).reshape(array.shape)


def _shapes(weights: Weights) -> dict[str, tuple[int, ...]]:
    if isinstance(weights, Stored):
        return weights.shapes
    return {key: tuple(getattr(value, "shape", np.shape(value))) for key, value in weights.items()}


def _expect_fit(network: Network, weights: Weights) -> None:
    """Raise WeightsError unless the weights have the keys and shapes of the network."""
    if wrong := misfit(network, _shapes(weights)):
        lines = ["the weights don't fit the network, and nothing is written", *wrong.lines]
        raise WeightsError("\n  ".join(lines))


def _expect_room(size: int) -> None:
    if size > LARGEST - SPARE:
        raise OnnxError(
            f"the weights have {size:,} bytes, and a file of ONNX holds {LARGEST:,}: "
            "`--external-data`, in Python `external_data=True`, leaves them in their file of safetensors"
        )
