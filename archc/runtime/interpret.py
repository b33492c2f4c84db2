"""A network run op by op, every value at hand, by the kernels and not by the emitted file.

The emitted file gives few of its values a name and works in place. Here the ops of the graph
are applied one at a time and out of place, over whatever tensors are given by their keys:
those of a live network for `trace` and `probe`, copies of them for `verify`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as all do
from torch import nn
from torch.func import functional_call

from archc.graph import Network, Node, join
from archc.ops import HELPERS, OPS, Op, Py, Use
from archc.passes.steps import Step, Tape, unroll
from archc.runtime.faults import label
from archc.runtime.kernels import KERNELS, KernelCall, KernelResult

Tensors = list[torch.Tensor]
Edit = Callable[[Step, Tensors], Tensors]
"""Changes what an op is given, such as the shortcut of a sum: it returns the new operands."""


class Interpreter:
    """A lowered network over tensors, with its norms or without."""

    def __init__(
        self, network: Network, tensors: Mapping[str, torch.Tensor], *, norms: bool = True
    ) -> None:
        self.tape: Tape = unroll(network)
        self.tensors, self.norms = tensors, norms
        self.training = True

    def run(
        self,
        values: Mapping[int, torch.Tensor],
        steps: range | None = None,
        keep: set[int] | None = None,
        edit: Edit | None = None,
    ) -> dict[int, torch.Tensor]:
        """Apply a stretch of steps to known values; return those that `keep` names, or all."""
        held = dict(values)
        stretch = self.tape.steps if steps is None else self.tape.steps[steps.start : steps.stop]
        last = {v: k for k, step in enumerate(stretch) for v in step.inputs}
        for k, step in enumerate(stretch):
            given = [held[v] for v in step.inputs]
            made = self.apply(step, edit(step, given) if edit else given)
            held.update(zip(step.outputs, made, strict=True))
            if keep is not None:
                done = {v for v in (*step.inputs, *step.outputs) if last.get(v, -1) <= k}
                for v in done - keep:
                    del held[v]
        return held

    def apply(self, step: Step, given: Tensors) -> Tensors:
        """Apply the op of a step to tensors."""
        node, op = step.node, _op(step.node)
        if op.facts.normalizes and not self.norms:
            return given[:1]
        own = {name: self.tensors[join(step.owner, name)] for name in node.tensors}
        call = KernelCall(batched(node, given), own, node.shapes, self.training)
        known = OPS.get(op.name) is type(op) and KERNELS.get(op.name)
        made = known(op, call) if known else _declared(node, call)
        return [made] if isinstance(made, torch.Tensor) else list(made)


def tensors_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors of a live network by their keys."""
    parameters = model.named_parameters(remove_duplicate=False)
    return {**dict(parameters), **dict(model.named_buffers(remove_duplicate=False))}


def _op(node: Node) -> Op:
    assert node.op is not None
    return node.op


def batched(node: Node, given: Tensors) -> Tensors:
    """Return operands with a batch where an op wants one: a parameter has none."""
    how = _op(node).unbatched
    if how == "kept" or all(shape.batch == "b" for shape in node.shapes):
        return given
    pairs = list(zip(given, node.shapes, strict=True))
    size = max((len(t) for t, shape in pairs if shape.batch == "b"), default=1)
    lifted: dict[int, torch.Tensor] = {}  # what is given twice stays one: attention asks
    for t, shape in pairs:
        one = t[None] if shape.batch == "" else t
        repeat = how == "repeated" and shape.batch != "b"
        lifted.setdefault(id(t), one.expand(size, *one.shape[1:]) if repeat else one)
    return [lifted[id(t)] for t in given]


def _declared(node: Node, call: KernelCall) -> KernelResult:
    """Apply an op of a plug-in as it declares itself: its PyTorch class, or its function."""
    op, names = _op(node), [f"x{k}" for k in range(len(call.xs))]
    args = {name: Py.of(getattr(op, name)) for name in type(op).model_fields}
    use = Use(args, tuple(Py.of(op.features(shape)) for shape in node.shapes), node.shapes)
    scope: dict[str, Any] = {"math": math, "torch": torch, "nn": nn, "F": F}
    for name, text in {**HELPERS, **op.definitions}.items():
        code = compile(text, label(name), "exec")
        exec(code, scope)  # noqa: S102 - what a user's file defines, which they allowed to run
    scope |= dict(zip(names, call.xs, strict=True))
    own = {f"own{k}": call.own[name] for k, name in enumerate(type(op).buffers(use))}
    text = "" if node.held or op.has_mode else type(op).function(use, *names, *own)
    if not text:
        scope["module"] = _module(type(op).module(use), scope, call)
        text = type(op).call("module", *names)
    made: KernelResult = eval(text, scope | own)  # noqa: S307 - as above
    return made


def _module(text: str, scope: Mapping[str, Any], call: KernelCall) -> Callable[..., Any]:
    """Return a declared module as a function over the tensors that the network holds for it."""
    with torch.random.fork_rng(devices=[]):  # its initialisation draws nothing of ours
        module = eval(text, dict(scope))  # noqa: S307 - as above
    assert isinstance(module, nn.Module)
    module.train(call.training).to(call.x.device if call.xs else "cpu")
    return lambda *xs: functional_call(module, dict(call.own), xs)


def trainable(tape: Tape, window: Sequence[int], model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters of a stretch of steps by their state_dict keys, each once."""
    owners = {tape.steps[k].owner for k in window if tape.steps[k].node.tensors}
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if name in owners or name.rpartition(".")[0] in owners or _inside(name, owners)
    }


def _inside(name: str, owners: set[str]) -> bool:
    """Say whether a key lies deeper in an op, as those of attention do."""
    return any(not owner or name.startswith(f"{owner}.") for owner in owners)
