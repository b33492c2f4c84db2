"""A network as a model of ONNX."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import ModelProto, helper

from archc.backends.onnx.format import BATCH, info, model_of, sizes_of
from archc.backends.onnx.options import Options
from archc.backends.onnx.sizes import free_sizes
from archc.backends.onnx.steps import Free, Writing, Written
from archc.backends.onnx.tensors import Weights, initialisers
from archc.escaping import json_text, protobuf
from archc.graph import Network, flat
from archc.language.expr import Expr
from archc.ops.arguments import spelled
from archc.passes.costs import inference
from archc.passes.steps import Tape, unroll

PRODUCER = "archc"
SIDES = {"h": "height", "w": "width"}


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
        protobuf(network.name),
        [*(info(written.names[v], sizes[v]) for v in tape.inputs), *asked],
        [info(name, sizes[v]) for name, v in outputs.items()],
        tensors,
        value_info=[info(name, sizes[v]) for name, v in within.items()],
    )
    made = model_of(
        graph,
        producer_name=PRODUCER,
        producer_version=version,
        doc_string=protobuf(_description(network)),
    )
    helper.set_model_props(made, {name: protobuf(text) for name, text in _facts(network).items()})
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
    shape, unknown = tape.shapes[value], free.get(value, frozenset())
    sizes = sizes_of(shape, batch or BATCH)
    for axis, dim in enumerate(shape.layout, len(sizes) - len(shape.layout)):
        if dim in unknown:
            sizes[axis] = SIDES.get(dim, dim) if value in tape.inputs else None
    return sizes


def _description(network: Network) -> str:
    """Say what the network is, where it is from, and what was counted."""
    paper = network.document.paper
    title = f"{network.name}: {paper.title}" if paper else network.name
    title += f" (arXiv:{paper.arxiv})." if paper and paper.arxiv else "."
    counts = inference(network)
    size = "×".join(map(str, network.input.sizes))
    return f"{title}\n{counts.params:,} params; {counts.macs:,} MACs at {size}."


def _facts(network: Network) -> dict[str, str]:
    """Return what tells which network it is; settings as a spec would say them."""
    spec = network.document.name.span.source.name.rsplit("/", 1)[-1]
    settings = {
        str(name): str(value) if isinstance(value, Expr) else spelled(value)
        for name, value in network.settings.items()
    }
    return {
        "archc.spec": spec,
        "archc.variant": network.variant,
        "archc.settings": json_text(settings, indent=None),
        "archc.input": json_text(network.input.sizes, indent=None),
        "archc.outputs": json_text(network.chosen, indent=None),
    }
