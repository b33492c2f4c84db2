"""What an emitted file must do, worked out without it: the lowered graph, run op by op.

Every op is spelled alone, out of place, over the tensors of the emitted network. What the
emitter adds, classes, loops, choices, names of variables, sequence and in-place activations,
has no part in it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as all do
from torch import nn

import archc
from archc.diagnostics import Source
from archc.graph import Module, Node, Value, flat, join
from archc.ops import HELPERS, Op, Py, Use
from archc.runtime.load import module_of
from archc.shapes import Shape

torch.set_num_threads(1)  # maps are tiny, and tests share cores
TOLERANCE = {"rtol": 1e-3, "atol": 1e-4, "equal_nan": True}


class Oracle:
    """A lowered network over the tensors of a built one."""

    def __init__(self, arch: archc.Architecture, model: nn.Module) -> None:
        self.root, self.model = arch.network.root, model
        self.names: dict[str, Any] = {"math": math, "torch": torch, "nn": nn, "F": F}
        for text in HELPERS.values():
            exec(text, self.names)  # noqa: S102 - the emitter's own helpers
        self.state = {**dict(model.named_parameters()), **dict(model.named_buffers())}

    def __call__(self, x: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        """Return every output by name."""
        values = {id(self.root.inputs[0]): x}
        self.run(self.root, values, "")
        return {o.name: [values[id(v)] for v in flat(o.value)] for o in self.root.outputs}

    def run(self, module: Module, values: dict[int, torch.Tensor], prefix: str) -> None:
        for node in module.nodes:
            path = join(prefix, node.path)
            given = [values[id(v)] for v in node.inputs]
            if node.module is None:
                made = self.op(node, path, given)
                values |= {id(v): t for v, t in zip(node.outputs, made, strict=True)}
                continue
            inner = dict(zip(map(id, node.module.inputs), given, strict=True))
            self.run(node.module, inner, path)
            pairs = zip(node.outputs, node.module.values, strict=True)
            values |= {id(v): inner[id(u)] for v, u in pairs}

    def op(self, node: Node, path: str, given: list[torch.Tensor]) -> list[torch.Tensor]:
        op = node.op
        assert op is not None
        args = {n: Py.of(getattr(op, n)) for n in type(op).model_fields}
        channels = tuple(Py.of(op.features(s)) for s in node.shapes)
        use = Use(args, channels, node.shapes)
        names = [f"x{k}" for k in range(len(given))]
        own = {f"own{k}": self.state[join(path, n)] for k, n in enumerate(op.buffers(use))}
        if op.unbatched != "kept":  # as a batch of one, or of as many as the others
            size = max(
                [len(t) for t, s in zip(given, node.shapes, strict=True) if s.batch == "b"] or [1]
            )
            given = [batched(t, s, size, op) for t, s in zip(given, node.shapes, strict=True)]
        scope = {**self.names, **dict(zip(names, given, strict=True)), **own}
        text = "" if node.held or op.has_mode else type(op).function(use, *names, *own)
        if text:
            made = eval(text, scope)  # noqa: S307
        else:
            with torch.random.fork_rng():  # its initialisation draws, the emitted network's has
                fresh = eval(type(op).module(use), self.names)  # noqa: S307
            scope["module"] = self.module(node, path, fresh)
            made = eval(type(op).call("module", *names), scope)  # noqa: S307
        return [made] if isinstance(made, torch.Tensor) else list(made)

    def module(self, node: Node, path: str, module: Any) -> Any:
        """Give a fresh module the tensors of the built network."""
        if not isinstance(module, nn.Module):
            return self.state[path]
        for name in node.tensors:
            owner = module.get_submodule(name.rpartition(".")[0])
            leaf = name.rpartition(".")[2]
            if leaf in owner._parameters:
                owner._parameters[leaf] = self.state[join(path, name)]
            else:
                owner._buffers[leaf] = self.state[join(path, name)].clone()
        return module.train(self.model.training)


def batched(tensor: torch.Tensor, shape: Shape, size: int, op: Op) -> torch.Tensor:
    """Return a value with a batch, as an op wants it."""
    if shape.batch == "b":
        return tensor
    tensor = tensor[None] if shape.batch == "" else tensor
    return tensor.expand(size, *tensor.shape[1:]) if op.unbatched == "repeated" else tensor


def compiled(text: str) -> Iterator[archc.Architecture]:
    """Yield every variant of a spec that must be right."""
    source = Source("spec.yaml", text)
    parsed = archc.api.open_spec(source, None)[0]
    for variant in [str(v) for v in parsed.variants] or [None]:
        yield archc.compile(source, variant)


def built(arch: archc.Architecture) -> nn.Module:
    """Return the emitted network with no tensor at zero or one, so that each matters."""
    *_, cls = (
        v
        for v in vars(module_of(arch)).values()
        if isinstance(v, type) and issubclass(v, nn.Module)
    )
    model: nn.Module = cls()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                noise = 0.2 * torch.rand(tensor.shape, generator=generator)
                tensor.add_(noise + (0.5 if name.endswith("running_var") else 0))
    return model


def named(
    result: Any, arch: archc.Architecture, *, training: bool
) -> dict[str, list[torch.Tensor]]:
    """Return what a network gave by the names of its outputs."""
    outputs = [o for o in arch.network.root.outputs if training or not o.training]
    keys = [
        o.name if n == 1 else f"{o.name}_{k}"
        for o in outputs
        for n in [len(flat(o.value))]
        for k in range(n)
    ]
    if isinstance(result, torch.Tensor):
        result = (result,)
    tensors = [result[k] for k in keys] if isinstance(result, Mapping) else list(result)
    assert len(tensors) == len(keys)
    rest = iter(tensors)
    return {o.name: [next(rest) for _ in flat(o.value)] for o in outputs}


def assert_runs(arch: archc.Architecture) -> None:
    """Hold the emitted file to the graph: keys, shapes, values and gradients in both modes."""
    model = built(arch)
    state = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    assert state == arch.state_dict_shapes()
    moved = [p for p in zip(state, arch.state_dict_shapes(), strict=True) if p[0] != p[1]]
    assert not moved
    assert sum(p.numel() for p in model.parameters()) == arch.params
    x = torch.randn(2, *arch.input.sizes, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        agree(arch, model.eval(), x)
    model.train()
    frozen = {k: v.clone() for k, v in model.state_dict().items()}
    ours = gradients(model, agree(arch, model, x))
    model.load_state_dict(frozen)
    theirs = gradients(model, run(Oracle(arch, model), x))
    for name, gradient in ours.items():
        torch.testing.assert_close(
            gradient, theirs[name], **TOLERANCE, msg=lambda m, n=name: f"{n}: {m}"
        )


def agree(
    arch: archc.Architecture, model: nn.Module, x: torch.Tensor
) -> dict[str, list[torch.Tensor]]:
    """Run both, and compare what they give and its shapes."""
    expected = run(Oracle(arch, model), x)
    actual = named(run(model, x), arch, training=model.training)
    shapes = {o.name: [v.shape.sizes for v in flat(o.value)] for o in arch.network.root.outputs}
    for name, tensors in actual.items():
        for k, tensor in enumerate(tensors):
            assert tuple(tensor.shape[1:]) == shapes[name][k]
            torch.testing.assert_close(
                tensor, expected[name][k], **TOLERANCE, msg=lambda m, n=name: f"{n}: {m}"
            )
    return actual


def run(model: Any, x: torch.Tensor) -> Any:
    """Run with the same draws for every run."""
    torch.manual_seed(0)
    return model(x.clone())


def gradients(
    model: nn.Module, outputs: dict[str, list[torch.Tensor]]
) -> dict[str, torch.Tensor | None]:
    """Return the gradient of every parameter for the sum of the squares of all outputs."""
    model.zero_grad()
    total = sum((t.double() ** 2).mean() for ts in outputs.values() for t in ts)
    with contextlib.suppress(AttributeError):  # a network without parameters
        if total.requires_grad:
            total.backward()
    found = {n: p.grad for n, p in model.named_parameters()}
    return {n: None if g is None else g.clone() for n, g in found.items()}


__all__ = ["Value", "assert_runs", "built", "compiled"]
