"""Kernels and spellings were written apart: what the interpreter runs is what files say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from op_cases import CASES, Case, apply, batch, buffers, module_of, name_of, use_of
from torch import nn

from archc.ops import OPS
from archc.runtime.kernels import KERNELS, KernelCall, expected_buffers


def test_every_op_has_a_kernel() -> None:
    """The ops of plug-ins have none: they are run by what they declare."""
    assert list(set(OPS) ^ set(KERNELS)) == []


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_kernel(case: Case, training: bool) -> None:
    """Of one seed both make the same, to the last bit."""
    op, xs = case
    torch.manual_seed(0)
    module: Any = module_of(op, *xs)
    values = batch(*xs)
    own = tensors(op, module, xs)

    torch.manual_seed(1)
    made = KERNELS[op.name](op, KernelCall(values, own, xs, training))
    torch.manual_seed(1)
    expected = spelled(op, module, xs, values, training=training)

    for ours, theirs in zip(listed(made), listed(expected), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6, equal_nan=True)


def tensors(op: Any, module: Any, xs: Any) -> dict[str, torch.Tensor]:
    """Return what the op owns: copies, since a norm writes into its statistics."""
    names = op.tensors(*xs)
    if isinstance(module, nn.Parameter):
        return {"": module}
    if op.registered:
        return expected_buffers(op)
    return {name: module.state_dict()[name].clone() for name in names}


def spelled(op: Any, module: Any, xs: Any, values: Any, *, training: bool) -> Any:
    """Apply what the op spells: its module where it owns something or has a mode."""
    if isinstance(module, nn.Parameter):
        return module
    names = [f"x{k}" for k in range(len(xs))]
    function = op.function(use_of(op, *xs), *names, *buffers(op, *xs))
    if module is None or (function and not op.has_mode):
        return apply(op, xs, values)
    module.train(training)
    names = [f"x{k}" for k in range(len(values))]
    scope = {"module": module, **dict(zip(names, values, strict=True))}
    return eval(op.call("module", *names), scope)  # noqa: S307 - what an emitted file has


def listed(made: Any) -> list[torch.Tensor]:
    return [made] if isinstance(made, torch.Tensor) else list(made)


def test_expected_buffers() -> None:
    """What no data changes is worked out apart too."""
    checked = 0
    for op, xs in CASES:
        for name, tensor in expected_buffers(op).items():
            torch.testing.assert_close(buffers(op, *xs)[name], tensor)
            checked += 1
    assert checked
