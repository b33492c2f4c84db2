"""Ops on elements: activations, arithmetic, and what drops something in training."""

from __future__ import annotations

from functools import reduce
from operator import add, mul, sub, truediv
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as all do

from archc.runtime.kernels.call import Kernel, KernelCall


def _of_x(function: Any, *names: str) -> Kernel:
    """Return the kernel of a function that takes the value and arguments by the op's names."""

    def kernel(op: Any, call: KernelCall) -> torch.Tensor:
        made: torch.Tensor = function(call.x, **{name: getattr(op, name) for name in names})
        return made

    return kernel


def _along(function: Any, *names: str) -> Kernel:
    """Return the kernel of a function along a dimension that the op names."""

    def kernel(op: Any, call: KernelCall) -> torch.Tensor:
        more = {name: getattr(op, name) for name in names}
        made: torch.Tensor = function(call.x, dim=call.axis(op.dim), **more)
        return made

    return kernel


def _folded(function: Any) -> Kernel:
    """Return the kernel of an operator, applied from the left to any number of values."""
    return lambda _op, call: reduce(function, call.xs)


def power(op: Any, call: KernelCall) -> torch.Tensor:
    return call.x.pow(op.exponent)


def total(_op: object, call: KernelCall) -> torch.Tensor:
    return reduce(add, call.xs) if len(call.xs) > 1 else call.x.clone()


def mean(op: object, call: KernelCall) -> torch.Tensor:
    summed = total(op, call)
    return summed / len(call.xs) if len(call.xs) > 1 else summed


def scale(op: Any, call: KernelCall) -> torch.Tensor:
    made: torch.Tensor = call.x * op.factor
    return made


def shift(op: Any, call: KernelCall) -> torch.Tensor:
    made: torch.Tensor = call.x + op.offset
    return made


def minus(op: Any, call: KernelCall) -> torch.Tensor:
    made: torch.Tensor = op.minuend - call.x
    return made


def over(op: Any, call: KernelCall) -> torch.Tensor:
    made: torch.Tensor = op.number / call.x if op.inverse else call.x / op.number
    return made


def negate(_op: object, call: KernelCall) -> torch.Tensor:
    return -call.x


def identity(_op: object, call: KernelCall) -> torch.Tensor:
    return call.x


def channel_affine(op: Any, call: KernelCall) -> torch.Tensor:
    numbers = (call.x.new_tensor(n)[:, None, None] for n in (op.scale, op.shift))
    factor, offset = numbers
    return call.x * factor + offset


# What drops draws from torch's generator as the modules do, so that one seed is one outcome.


def dropout(op: Any, call: KernelCall) -> torch.Tensor:
    return F.dropout(call.x, op.p, call.training)


def dropout2d(op: Any, call: KernelCall) -> torch.Tensor:
    return F.dropout2d(call.x, op.p, call.training)


def drop_path(op: Any, call: KernelCall) -> torch.Tensor:
    if not call.training or not op.p:
        return call.x
    x, kept = call.x, 1 - op.p
    alive = x.new_empty((len(x), *[1] * (x.dim() - 1))).bernoulli_(kept)
    return x * (alive / kept if kept else alive)


def stochastic_depth(op: Any, call: KernelCall) -> torch.Tensor:
    kept = 1 - op.p
    return call.x * (call.x.new_empty(()).bernoulli_(kept) if call.training else kept)


def live_mean(op: Any, call: KernelCall) -> torch.Tensor:
    xs = list(call.xs)
    if call.training and op.p > 0:
        drawn = torch.rand(len(xs))
        alive = [k for k, number in enumerate(drawn.tolist()) if number >= op.p]
        alive = alive or [int(torch.randint(len(xs), ()))]
        xs = [xs[k] for k in alive]
    return reduce(add, xs) / len(xs)


PLAIN: dict[str, Kernel] = {
    "relu": _of_x(F.relu),
    "relu6": _of_x(F.relu6),
    "leaky_relu": _of_x(F.leaky_relu, "negative_slope"),
    "elu": _of_x(F.elu, "alpha"),
    "selu": _of_x(F.selu),
    "celu": _of_x(F.celu, "alpha"),
    "gelu": _of_x(F.gelu, "approximate"),
    "silu": _of_x(F.silu),
    "mish": _of_x(F.mish),
    "sigmoid": _of_x(torch.sigmoid),
    "tanh": _of_x(torch.tanh),
    "hardswish": _of_x(F.hardswish),
    "hardsigmoid": _of_x(F.hardsigmoid),
    "softplus": _of_x(F.softplus, "beta", "threshold"),
    "softmax": _along(torch.softmax),
    "log_softmax": _along(torch.log_softmax),
    "abs": _of_x(torch.abs),
    "exp": _of_x(torch.exp),
    "power": power,
    "clamp": _of_x(torch.clamp, "min", "max"),
    "maximum": _folded(torch.maximum),
    "minimum": _folded(torch.minimum),
    "l2_normalize": _along(F.normalize, "eps"),
    "identity": identity,
    "add": _folded(add),
    "sub": _folded(sub),
    "mul": _folded(mul),
    "div": _folded(truediv),
    "scale": scale,
    "shift": shift,
    "minus": minus,
    "over": over,
    "negate": negate,
    "sum": total,
    "mean": mean,
    "channel_affine": channel_affine,
    "dropout": dropout,
    "dropout2d": dropout2d,
    "drop_path": drop_path,
    "stochastic_depth": stochastic_depth,
    "live_mean": live_mean,
}
