"""What ops of plug-ins write, each held to the rules of ONNX by itself: so its fault has a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import NodeProto, TensorProto, ValueInfoProto, checker, helper, shape_inference

from archc.backends.onnx.format import info, model_of, sizes_of
from archc.diagnostics import SpecError, spec_error
from archc.escaping import one_line
from archc.graph import join
from archc.ops import Tensor
from archc.passes.steps import Step
from archc.shapes import Shape


def expect_valid(
    step: Step,
    nodes: Sequence[NodeProto],
    taken: Mapping[str, Shape],
    given: Sequence[str],
    *,
    since: int,
) -> None:
    """Raise SpecError unless nodes are valid, and give values of the shapes that the op says.

    `nodes` are those of the network so far, `since` says where the op's begin. `taken` are the
    values that it takes by their names, `given` those that it returned. A tensor that it owns
    has no kind: a buffer may hold whole numbers.
    """
    nodes = [*(n for n in nodes[:since] if n.op_type == "Constant"), *nodes[since:]]
    shapes = [value.shape for value in step.node.outputs]
    if len(given) != len(shapes):
        raise _fault(step, f"returns {len(given)} names for {len(shapes)} values")
    own = {join(step.owner, name): tensor for name, tensor in step.node.tensors.items()}
    made = {x for node in nodes for x in node.output}
    if lost := [name for name in given if name not in {*taken, *own, *made}]:
        raise _fault(step, f"returns `{one_line(lost[0])}`, which names no value")
    inputs = [info(name, sizes_of(shape)) for name, shape in taken.items()]
    pairs = zip(given, shapes, strict=True)
    outputs = [info(name, sizes_of(shape)) for name, shape in pairs if name in made]
    kinds = (TensorProto.FLOAT, TensorProto.INT64)
    refusals = [_refusal(nodes, [*inputs, *_owned(own, kind)], outputs) for kind in kinds]
    if all(refusals):
        raise _fault(step, f"writes no valid ONNX: {refusals[0]}")


def _owned(own: Mapping[str, Tensor], kind: int) -> list[ValueInfoProto]:
    """Return the tensors of an op, its buffers of a kind."""
    return [
        info(key, tensor.shape, TensorProto.FLOAT if tensor.trainable else kind)
        for key, tensor in own.items()
    ]


def _refusal(
    nodes: Sequence[NodeProto], inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]
) -> str:
    """Return what ONNX says against a graph; "" for nothing."""
    try:
        checker.check_model(model_of(helper.make_graph(nodes, "op", inputs, outputs)), True)
    except (checker.ValidationError, shape_inference.InferenceError, ValueError) as error:
        return one_line(str(error).strip().partition("\n")[0])
    return ""


def _fault(step: Step, what: str) -> SpecError:
    return spec_error("op-returns", f"`onnx` of `{step.node.name}` {what}", step.node.span)
