"""Is one network the other? Compared by keys, shapes, outputs, statistics and gradients.

Equal keys don't prove equal networks: an epsilon, a stride that sits elsewhere or a padding
can differ. So both run with the same perturbed numbers, in eval and in train mode, forwards
and backwards, at more than one size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from archc.runtime.perturb import REFUSALS, perturb
from archc.runtime.report import Report, Row, Tensors, compare, listed, sizes, spelled

MEASURED = ("running_mean", "running_var", "num_batches_tracked")

Results = dict[str, Tensors]


def verify(
    ours: nn.Module,
    theirs: nn.Module,
    samples: Sequence[tuple[int, ...]],
    *,
    batch: int = 2,
    seed: int = 0,
    tolerance: float = 0.0,
    perturbed: bool = True,
) -> Report:
    """Compare two networks on batches of samples of the given shapes, `(3, 224, 224)`.

    Both are changed: `ours` is perturbed, unless its numbers are to be compared as they are, and
    `theirs` gets its numbers by key. Where keys or
    shapes differ nothing else is compared. The state of torch's generator is left as it was.
    """
    rows = list(structure(ours, theirs))
    if not Report(tuple(rows)).wrong:
        with torch.random.fork_rng(devices=[]):
            batches = [_batch((batch, *sample), seed) for sample in samples]
            if perturbed:
                perturb(ours, batches[0], seed)
            for x in batches:
                rows += _behaviour(ours, theirs, x, seed)
    return Report(tuple(rows), tolerance)


def structure(ours: nn.Module, theirs: nn.Module) -> Iterator[Row]:
    """Compare keys, the kinds of what stands under them, and buffers that nothing measures."""
    a, b = ours.state_dict(), theirs.state_dict()
    extra = {"ours": [k for k in a if k not in b], "theirs": [k for k in b if k not in a]}
    if any(extra.values()):
        note = "; ".join(
            f"only {whose} has {listed(keys)}" for whose, keys in extra.items() if keys
        )
        yield Row("keys", "", len(b), math.inf, note=note)
        return
    yield Row("keys", "", len(b), note="" if list(a) == list(b) else "in another order")
    kinds, other = _kinds(ours), _kinds(theirs)
    wrong = [f"{k} is {kinds[k]} and {other[k]}" for k in b if kinds[k] != other[k]]
    yield Row("shapes", "", len(b), math.inf if wrong else 0.0, note=listed(wrong, 2))
    fixed = [k for k, kind in kinds.items() if kind.endswith("buffer") and not k.endswith(MEASURED)]
    known = not any(a[k].is_meta or b[k].is_meta for k in fixed)
    if fixed and known and not wrong:
        yield compare("buffers", "", {k: a[k] for k in fixed}, {k: b[k] for k in fixed})


def _kinds(model: nn.Module) -> dict[str, str]:
    trained = {k for k, _ in model.named_parameters(remove_duplicate=False)}
    state = model.state_dict()
    return {k: spelled(v) + " buffer" * (k not in trained) for k, v in state.items()}


def _behaviour(ours: nn.Module, theirs: nn.Module, x: torch.Tensor, seed: int) -> Iterator[Row]:
    """Give both the same numbers and compare what they do with a batch."""
    numbers = ours.state_dict()
    for key, tensor in theirs.state_dict().items():
        tensor.copy_(numbers[key])
    at = sizes(x.shape)
    for mode, run in {"eval": _evaluate, "train": _train}.items():
        mine, other = (_attempt(run, model, x, seed) for model in (ours, theirs))
        if isinstance(mine, str) or isinstance(other, str):
            yield _refused(f"{mode} output", at, mine, other)
            continue
        for what in {**mine, **other}:
            yield compare(what, at, mine.get(what, {}), other.get(what, {}))


def _attempt(
    run: Callable[[nn.Module, torch.Tensor], Results], model: nn.Module, x: torch.Tensor, seed: int
) -> Results | str:
    """Run a model from one seed; return what it gave, or why it refused."""
    torch.manual_seed(seed)
    try:
        return run(model, x)
    except REFUSALS as error:
        return str(error).partition("\n")[0] or type(error).__name__


def _refused(what: str, at: str, mine: Results | str, other: Results | str) -> Row:
    if isinstance(mine, str) and isinstance(other, str):
        return Row(what, at, 0, refused=True, note=f"both refuse: {other}")
    whose, why = ("ours", mine) if isinstance(mine, str) else ("theirs", other)
    return Row(what, at, 0, math.inf, note=f"only {whose} refuses: {why}")


@torch.no_grad()
def _evaluate(model: nn.Module, x: torch.Tensor) -> Results:
    return {"eval output": _outputs(model.eval()(x.clone()))}


def _train(model: nn.Module, x: torch.Tensor) -> Results:
    """Run forwards and backwards from random gradients of the outputs."""
    leaf = x.clone().requires_grad_()
    outputs = _outputs(model.train()(leaf.clone()))
    ends = [y for y in outputs.values() if y.requires_grad]
    torch.autograd.backward(ends, [torch.randn(y.shape, dtype=y.dtype) for y in ends])
    gradients = {"the input": leaf.grad, **{k: p.grad for k, p in model.named_parameters()}}
    model.zero_grad(set_to_none=True)
    statistics = {k: v.clone() for k, v in model.named_buffers() if k.endswith(MEASURED)}
    results: Results = {
        "train output": outputs,
        "running statistics": statistics,
        "gradients": gradients,
    }
    return {what: tensors for what, tensors in results.items() if tensors}


def _outputs(value: Any) -> dict[str, torch.Tensor]:
    """Return the tensors that a network gives, by position: one calls an output what it likes.

    A single one is the same in a dictionary as by itself.
    """
    values = list(value.values()) if isinstance(value, Mapping) else value
    alone = isinstance(values, list | tuple) and len(values) == 1
    return dict(_tensors(values[0] if alone else values))


def _tensors(value: Any, name: str = "output") -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield name, value
    elif value is not None:
        items = value.values() if isinstance(value, Mapping) else value
        for k, item in enumerate(items):
            yield from _tensors(item, f"{name}[{k}]")


def _batch(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
