"""A network as a model of ONNX."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from archc.backends.onnx.options import Options
from archc.backends.onnx.sizes import free_sizes
from archc.backends.onnx.steps import Free, Writing, Written
from archc.backends.onnx.tensors import Weights, initialisers
from archc.graph import Network, flat
from archc.passes.costs import inference
from archc.passes.steps import Tape, unroll
from archc.shapes import Shape

OPSET = 20
"""The version of the operators that torch.onnx writes unless it is told; runtimes have it."""
IR_VERSION = 9
"""The oldest version of the format that has this opset."""
PRODUCER = "archc"
BATCH = "batch"


def model(
    network: Network,
    weights: Weights | None,
    version: str,
    options: Options,
) -> ModelProto:
    """Return the model; raises SpecError for an op that can't be said, OnnxError for weights."""
    tape = unroll(network)
    outputs = outputs_of(network, tape)
    free: Free = free_sizes(network, outputs) if options.any_size else {}
    written = Writing(tape, outputs, free).write()
    tensors, asked = initialisers(network, written, weights, beside=options.external_data)
    sizes = {v: _sizes(tape, v, options.batch, free) for v in written.names}
    within = _within(written, outputs)
    graph = helper.make_graph(
        written.nodes,
        network.name,
        [*(_info(written.names[v], sizes[v]) for v in tape.inputs), *asked],
        [_info(name, sizes[v]) for name, v in outputs.items()],
        tensors,
        value_info=[_info(name, sizes[v]) for name, v in within.items()],
    )
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name=PRODUCER,
        producer_version=version,
        doc_string=_description(network),
    )
    helper.set_model_props(made, _facts(network))
    return made


def outputs_of(network: Network, tape: Tape) -> dict[str, int]:
    """Return the values that the network gives in inference, by the names that they get."""
    names: list[str] = []
    for output in network.root.outputs:
        name = output.name or "output"
        several = isinstance(output.value, list | tuple | dict)
        each = [f"{name}[{k}]" for k in range(len(flat(output.value)))] if several else [name]
        names += [] if output.training else each
    values = [v for v, training in zip(tape.outputs, tape.training, strict=True) if not training]
    return dict(zip(names, values, strict=True))


def _within(written: Written, outputs: Mapping[str, int]) -> dict[str, int]:
    """Return the values between inputs and outputs that nodes make, by their names."""
    made = {x for node in written.nodes for x in node.output if node.op_type != "Constant"}
    return {
        written.names[v]: v
        for step in written.steps
        for v in step.outputs
        if written.names[v] in made and written.names[v] not in outputs
    }


def _sizes(tape: Tape, value: int, batch: int | None, free: Free) -> list[int | str | None]:
    """Return the sizes of a value: a name for those of the input that are free, None elsewhere."""
    shape: Shape = tape.shapes[value]
    lead: list[int | str | None] = (
        [batch or BATCH] if shape.batch == "b" else [1] * bool(shape.batch)
    )
    unknown = free.get(value, frozenset())
    named = {"h": "height", "w": "width"} if value in tape.inputs else {}
    return lead + [
        (named.get(dim, dim) if value in tape.inputs else None) if dim in unknown else size
        for dim, size in zip(shape.layout, shape.sizes, strict=True)
    ]


def _info(name: str, sizes: Sequence[int | str | None]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)


def _description(network: Network) -> str:
    """Say what the network is, where it is from, and what was counted."""
    paper = network.document.paper
    title = f"{network.name}: {paper.title}" if paper else network.name
    title += f" (arXiv:{paper.arxiv})." if paper and paper.arxiv else "."
    counts = inference(network)
    size = "×".join(map(str, network.input.sizes))
    return f"{title}\n{counts.params:,} params; {counts.macs:,} MACs at {size}."


def _facts(network: Network) -> dict[str, str]:
    """Return what tells which network it is."""
    spec = network.document.name.span.source.name.rsplit("/", 1)[-1]
    settings = {str(name): value for name, value in network.settings.items()}
    return {
        "archc.spec": spec,
        "archc.variant": network.variant,
        "archc.settings": json.dumps(settings, default=str, ensure_ascii=False),
        "archc.input": json.dumps(network.input.sizes),
        "archc.outputs": json.dumps(network.chosen, ensure_ascii=False),
    }
