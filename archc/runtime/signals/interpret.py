"""A network run op by op, every value at hand: the emitted module's tensors and functions.

An emitted forward has names for few of its values and works in place. Here the same ops, as
their declarations spell them, are applied one at a time and out of place to the modules of
the emitted network itself. `trace` holds the outcome to what that network gives.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as all do
from torch import nn

from archc.graph import Network, Node, join
from archc.ops import HELPERS, Op, Py, Use
from archc.passes.steps import Step, Tape, unroll

Tensors = list[torch.Tensor]
Edit = Callable[[Step, Tensors], Tensors]
"""Changes what an op is given, such as the shortcut of a sum: it returns the new operands."""


class Interpreter:
    """A lowered network over a live one; `skip` names ops that are left out, such as `bn`."""

    def __init__(self, network: Network, model: nn.Module, skip: Iterable[str] = ()) -> None:
        self.tape: Tape = unroll(network)
        self.model, self.skip = model, frozenset(skip)
        self.names: dict[str, Any] = {"math": math, "torch": torch, "nn": nn, "F": F}
        for text in HELPERS.values():
            exec(text, self.names)  # noqa: S102 - what emitted files hold
        self.names |= vars(sys.modules[type(model).__module__])  # and what plug-ins brought in
        self.calls: dict[int, Callable[..., Any]] = {}

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
        if step.node.name in self.skip:
            return given[:1]
        key = id(step)
        if key not in self.calls:
            self.calls[key] = self._callable(step)
        made = self.calls[key](*batched(step.node, given))
        return [made] if isinstance(made, torch.Tensor) else list(made)

    def _callable(self, step: Step) -> Callable[..., Any]:
        """Return an op of the network as a function of tensors."""
        node, op = step.node, _op(step.node)
        use = use_of(node)
        names = [f"x{k}" for k in range(len(node.inputs))]
        buffers = [owned(self.model, join(step.owner, name)) for name in type(op).buffers(use)]
        scope = {**self.names, **{f"own{k}": buffer for k, buffer in enumerate(buffers)}}
        own = [f"own{k}" for k in range(len(buffers))]
        text = "" if node.held or op.has_mode else type(op).function(use, *names, *own)
        if not text:
            scope["module"] = self.module(step, use)
            text = type(op).call("module", *names)
        made: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {text}", scope)  # noqa: S307 - what an op emits, as in the file that was loaded
        return made

    def module(self, step: Step, use: Use) -> Any:
        """Return the module of an op: the network's own, or a new one where it has no tensors."""
        if step.node.tensors:
            return owned(self.model, step.owner)
        with torch.random.fork_rng(devices=[]):  # its initialisation draws nothing of ours
            made = eval(type(_op(step.node)).module(use), self.names)  # noqa: S307 - as above
        assert isinstance(made, nn.Module)
        first = next(self.model.parameters(), None)
        made.train(self.model.training)
        return made if first is None else made.to(first.device)

    def train(self, mode: bool) -> Interpreter:
        """Set the mode of the network; modules made here follow when they are next needed."""
        self.model.train(mode)
        self.calls.clear()
        return self


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
    lifted = [t[None] if shape.batch == "" else t for t, shape in pairs]
    if how != "repeated":
        return lifted
    return [
        t if shape.batch == "b" else t.expand(size, *t.shape[1:])
        for t, shape in zip(lifted, node.shapes, strict=True)
    ]


def use_of(node: Node) -> Use:
    """Return what the spelling of an op may look at, all of it constant."""
    op = _op(node)
    args = {name: Py.of(getattr(op, name)) for name in type(op).model_fields}
    channels = tuple(Py.of(shape.channels) for shape in node.shapes)
    return Use(args, channels, node.shapes)


def owned(model: nn.Module, path: str) -> Any:
    """Return the module or the parameter that a network has at a path."""
    found: Any = model
    for part in path.split(".") if path else ():
        found = getattr(found, part)
    return found


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
