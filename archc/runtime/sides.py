"""The two that are held together: an emitted module, and the graph that it was emitted from."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from archc.diagnostics import SpecError
from archc.graph import Network, Output, flat
from archc.ops.guard import exception_line
from archc.passes.steps import Step, Tape
from archc.runtime.calls import Calls
from archc.runtime.faults import raised
from archc.runtime.interpret import Interpreter, Tensors, tensors_of
from archc.runtime.report import sizes

Named = dict[str, torch.Tensor]

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


class Failed(Exception):
    """A side that does not run, and why, in one line."""


class Emitted:
    """A module as it was loaded."""

    def __init__(self, network: Network, model: nn.Module) -> None:
        self.network, self.outputs, self.model = network, network.root.outputs, model
        self.tensors = tensors_of(model)
        self.buffers = dict(model.named_buffers(remove_duplicate=False))
        self.before = {k: v.clone() for k, v in self.buffers.items()}

    def forward(self, x: torch.Tensor, *, training: bool) -> Named:
        """Return what it gives by the names of the network's outputs."""
        for key, tensor in self.before.items():
            self.buffers[key].copy_(tensor)
        result = attempted(lambda: self.model.train(training)(x), self.network)
        return _named(result, [o for o in self.outputs if training or not o.training])


class Interpreted:
    """A graph over copies of the tensors of a module; it has a shape to keep at every step."""

    def __init__(self, network: Network, tensors: Mapping[str, torch.Tensor]) -> None:
        self.before = {k: t.detach().clone() for k, t in tensors.items() if not _trained(t)}
        trained = {k: t.detach().requires_grad_() for k, t in tensors.items() if _trained(t)}
        self.tensors = {**trained, **{k: t.clone() for k, t in self.before.items()}}
        self.interpreter = Interpreter(network, self.tensors)
        self.tape = self.interpreter.tape
        self.outputs = network.root.outputs
        self.training_only = set(_training_only(self.tape))
        self.watch: Callable[[Step, Tensors], None] | None = None

    def forward(self, x: torch.Tensor, *, training: bool) -> Named:
        """Return what it gives by the names of the network's outputs."""
        for key, tensor in self.before.items():
            self.tensors[key].copy_(tensor)
        self.interpreter.training = training
        values = {self.tape.inputs[0]: x}
        keep = {*self.tape.outputs, *self.tape.inputs}
        last = {v: k for k, step in enumerate(self.tape.steps) for v in step.inputs}
        for k, step in enumerate(self.tape.steps):
            if training or k not in self.training_only:
                made = self._applied(step, [values[v] for v in step.inputs])
                values.update(zip(step.outputs, made, strict=True))
            done = {v for v in (*step.inputs, *step.outputs) if last.get(v, -1) <= k}
            for v in done - keep:
                values.pop(v, None)
        given = zip(self.tape.outputs, self.tape.training, strict=True)
        left = [values[v] for v, only in given if training or not only]
        names = _names([o for o in self.outputs if training or not o.training])
        return dict(zip(names, left, strict=True))

    def _applied(self, step: Step, given: Tensors) -> Tensors:
        try:
            made = self.interpreter.apply(step, given)
        except Exception as error:
            raise Failed(f"at {place(step)}: {exception_line(error)}") from error
        for value, tensor in zip(step.node.outputs, made, strict=True):
            own = tensor.shape if value.shape.batch == "" else tensor.shape[1:]
            if tuple(own) != value.shape.sizes:
                shapes = f"{sizes(own)}, and not {value.shape}"
                raise Failed(f"at {place(step)}: it gives {shapes}, which archc predicts")
        if self.watch is not None:
            self.watch(step, made)
        return made


def _training_only(tape: Tape) -> Iterator[int]:
    """Yield the steps that only outputs for training need."""
    ends = list(zip(tape.outputs, tape.training, strict=True))
    always, only = ({v for v, training in ends if training is mode} for mode in (False, True))
    for k in reversed(range(len(tape.steps))):
        step = tape.steps[k]
        if always.intersection(step.outputs):
            always.update(step.inputs)
        elif only.intersection(step.outputs):
            only.update(step.inputs)
            yield k


def _trained(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, nn.Parameter)


def outcome(
    side: Emitted | Interpreted, x: torch.Tensor, seed: int, *, training: bool
) -> dict[str, Any]:
    """Run a side from one seed, in training backwards too; return all that is compared."""
    torch.manual_seed(seed)
    leaf = x.clone().requires_grad_(training)
    with torch.set_grad_enabled(training), Calls() as calls:
        outputs = side.forward(leaf.clone(), training=training)
    mode = "train" if training else "eval"
    found: dict[str, Any] = {f"{mode} output": outputs}
    tensors = side.tensors
    statistics = {k: t.clone() for k, t in tensors.items() if k.endswith(STATISTICS)}
    found |= {f"{mode} statistics": statistics} if statistics else {}
    if training:
        found["gradients"] = _gradients(leaf, outputs, tensors, seed)
    found[f"{mode} ops"] = calls
    return found


def _gradients(
    leaf: torch.Tensor, outputs: Named, tensors: Mapping[str, torch.Tensor], seed: int
) -> dict[str, torch.Tensor | None]:
    """Go backwards from random gradients of all outputs."""
    noise = torch.Generator().manual_seed(seed + 1)
    draws = {k: torch.randn(y.shape, generator=noise, dtype=y.dtype) for k, y in outputs.items()}
    ends = [k for k, y in outputs.items() if y.requires_grad]
    leaves = {"the input": leaf, **{k: t for k, t in tensors.items() if _is_leaf(t)}}
    if not ends:
        return dict.fromkeys(leaves)
    torch.autograd.backward([outputs[k] for k in ends], [draws[k] for k in ends])
    found = {k: t.grad for k, t in leaves.items()}
    for tensor in leaves.values():
        tensor.grad = None
    return found


def _is_leaf(tensor: torch.Tensor) -> bool:
    return tensor.requires_grad and tensor.is_leaf


def _names(outputs: list[Output]) -> list[str]:
    counts = [(o.name or "output", len(flat(o.value))) for o in outputs]
    return [name if n == 1 else f"{name}_{k}" for name, n in counts for k in range(n)]


def _named(result: Any, outputs: list[Output]) -> Named:
    """Return what a module gives by name; a list has no names of its own."""
    if isinstance(result, Mapping):
        return {str(k): v for k, v in result.items() if isinstance(v, torch.Tensor)}
    values = [result] if isinstance(result, torch.Tensor) else list(result)
    names = _names(outputs)
    names += [f"output {k}" for k in range(len(names), len(values))]
    return dict(zip(names, values, strict=False))


def attempted(run: Callable[[], Any], network: Network) -> Any:
    """Run an emitted file; raises Failed with the line of it where that raises.

    What a user's own code raises is a SpecError at its line.
    """
    try:
        return run()
    except Exception as error:
        if (fault := raised(error, network)) is not None:
            raise SpecError([fault]) from error
        raise Failed(said(error)) from error


def said(error: Exception) -> str:
    """Say which line of an emitted file raises what."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno} of the file: `{(error.text or '').strip()}`: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith("<archc ")]
    where = f"line {own[-1].lineno} of the file: `{own[-1].line}`: " if own else ""
    return f"{where}{exception_line(error)}"


def place(step: Step) -> str:
    """Name a step: its path, its op, and where the spec has it."""
    return f"`{step.owner or step.node.name}` ({step.node.name}), {step.node.span}"
