"""Each op, as it is said in ONNX, run by ONNX Runtime and held to what its spelling gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from op_cases import CASES, MAP, Case, apply, batch, buffers, module_of, name_of, one, use_of
from torch import nn

from archc.backends.onnx import tensors
from archc.backends.onnx.call import Call, batched
from archc.backends.onnx.format import model_of as whole_model
from archc.backends.onnx.graph import Graph
from archc.backends.onnx.table import WRITERS
from archc.ops import OPS, Shape
from archc.runtime.kernels import expected_buffers

LINE = Shape.of("c h w", 2, 14, 1)
MORE: list[Case] = [
    one("max_pool", Shape.of("c h w", 6, 12, 2), kernel=[4, 2], stride=[1, 4], dilation=3, ceil_mode=True),
    one("max_pool", MAP, kernel=3, stride=2, padding=1, ceil_mode=True),
    one("max_pool", MAP, kernel=1, stride=3, ceil_mode=True),
    one("avg_pool", MAP, kernel=3, stride=2, padding=1, ceil_mode=True),
    one("avg_pool", MAP, kernel=[2, 3], stride=[3, 2], ceil_mode=True, count_include_pad=False),
    one("conv_transpose", MAP, out=4, kernel=3, stride=[1, 2], dilation=3, padding=2, output_padding=[2, 1]),
    one("local_response_norm", MAP, size=4, alpha=1.0),
    one("adaptive_avg_pool", MAP, size=[7, 3]),
    one("adaptive_max_pool", MAP, size=[3, 4]),
    *(one("resize", LINE, size=[n, 1]) for n in (1, 2, 4, 8, 16)),
    *(one("resize", LINE, size=[n, 3], mode="bilinear") for n in (1, 5)),
    *(one("resize", LINE, size=[n, 3], mode="bicubic", align_corners=True) for n in (1, 5)),
]  # fmt: skip
"""What runtimes refuse, or reckon otherwise, as it is said at first: windows that hang over, sizes
that do not divide, places that round otherwise."""


def test_every_op_is_said() -> None:
    """The ops of plug-ins say themselves how, or not at all."""
    assert sorted(set(OPS) ^ set(WRITERS)) == []


def test_fixed_buffers() -> None:
    """What an op fills itself is what PyTorch fills it with; no other op fills anything."""
    for op, _ in CASES:
        ours, theirs = tensors.expected_buffers(op), expected_buffers(op)
        assert {*ours} == {*theirs}
        for key, value in ours.items():
            np.testing.assert_allclose(value, theirs[key].numpy(), rtol=1e-6)
            assert str(value.dtype) == str(theirs[key].dtype).removeprefix("torch.")


def own_of(op: Any, module: Any, xs: Sequence[Shape]) -> dict[str, torch.Tensor]:
    if isinstance(module, nn.Parameter):
        return {"": module.detach()}
    if op.registered:
        return buffers(op, *xs)
    return {name: module.state_dict()[name] for name in op.tensors(*xs)}


def expected(op: Any, module: Any, xs: tuple[Shape, ...], values: list[torch.Tensor]) -> Any:
    if isinstance(module, nn.Parameter):
        return module.detach()
    names = [f"x{k}" for k in range(len(xs))]
    function = op.function(use_of(op, *xs), *names, *buffers(op, *xs))
    if module is None or (function and not op.has_mode):
        return apply(op, xs, values)
    return eval(op.call("module", *names), {"module": module.eval(), **dict(zip(names, values))})  # noqa: B905, S307


def dims(shape: Shape) -> list[int | str]:
    return [*{"b": ["batch"], "1": [1], "": []}[shape.batch], *shape.sizes]


def info(name: str, shape: Sequence[int | str] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def model_of(case: Case, own: dict[str, torch.Tensor]) -> tuple[onnx.ModelProto, list[Shape]]:
    """Return a model of the op alone; what it owns are its initialisers."""
    op, xs = case
    names = tuple(f"x{k}" for k in range(len(xs)))
    graph = Graph([*names, *(f"own.{name}" for name in own)])
    graph.scope = op.name
    result = op.shape(*xs)
    results = list(result) if isinstance(result, tuple) else [result]
    results = [replace(r, batch=op.batch(*xs)) for r in results]
    call = Call(graph, names, xs, {name: f"own.{name}" for name in own}, results[0])
    made = WRITERS[op.name](op, batched(op, call))
    made = [made] if isinstance(made, str) else list(made)
    nodes = [
        *graph.nodes,
        *(helper.make_node("Identity", [y], [f"y{k}"]) for k, y in enumerate(made)),
    ]
    tensors = [onnx.numpy_helper.from_array(t.numpy(), f"own.{n}") for n, t in own.items()]
    proto = helper.make_graph(
        nodes,
        "alone",
        [info(n, dims(x)) for n, x in zip(names, xs, strict=True)],
        [info(f"y{k}", dims(shape)) for k, shape in enumerate(results)],
        tensors,
    )
    return whole_model(proto), results


def run(model: onnx.ModelProto, values: dict[str, Any]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, values)


@pytest.mark.parametrize("case", [*CASES, *MORE], ids=name_of)
def test_op(case: Case) -> None:
    """ONNX Runtime computes what PyTorch does, and ONNX infers the shape that the op says."""
    op, xs = case
    torch.manual_seed(0)
    module: Any = module_of(op, *xs)
    own = own_of(op, module, xs)
    model, shapes = model_of(case, own)

    onnx.checker.check_model(model, full_check=True)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    )
    for y, shape in zip(inferred.graph.output, shapes, strict=True):
        found = [d.dim_param or d.dim_value for d in y.type.tensor_type.shape.dim]
        pairs = zip(found, dims(shape), strict=True)
        assert all(a == b or str(a).startswith("unk__") for a, b in pairs), (found, shape)
    for size in (2, 3):
        values = batch(*xs, size=size)
        theirs = expected(op, module, xs, values)
        named = {f"x{k}": v.numpy() for k, v in enumerate(values)}
        ours = run(model, named)
        for a, b in zip(ours, [theirs] if torch.is_tensor(theirs) else theirs, strict=True):
            wanted = b.detach().numpy()
            near = 1e-6 * float(np.abs(wanted).max())
            np.testing.assert_allclose(a, wanted, rtol=1e-5, atol=near)
