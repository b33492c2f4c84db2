"""Arithmetic on values, held against the same arithmetic on tensors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import archc
from archc.diagnostics import Source

SPEC = "archc: 1\nname: tiny\ninput: [4, 6, 5]\nPARAMSbody:\n  a: bn\n  b: sigmoid(x)\n  out: EXPRESSION\n"

CASES: dict[str, Callable] = {
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "b - a": lambda a, b: b - a,
    "a * b": lambda a, b: a * b,
    "a / b": lambda a, b: a / b,
    "2 * a + b": lambda a, b: 2 * a + b,
    "a + lam * b": lambda a, b: a + 3 * b,
    "(1 - b) * a + b * a": lambda a, b: (1 - b) * a + b * a,
    "1 - b - a": lambda a, b: 1 - b - a,
    "1 - (b - a)": lambda a, b: 1 - (b - a),
    "a - 1 + b": lambda a, b: a - 1 + b,
    "a - (1 + b)": lambda a, b: a - (1 + b),
    "a / 3 - b": lambda a, b: a / 3 - b,
    "1 / b + a": lambda a, b: 1 / b + a,
    "-a * b": lambda a, b: -a * b,
    "-(a + b)": lambda a, b: -(a + b),
    "a * (b + 0.5)": lambda a, b: a * (b + 0.5),
    "relu(a - b) * 2": lambda a, b: (a - b).relu() * 2,
    "a + b if lam > 2 else a - b": lambda a, b: a + b,
    "concat(a, 2 * b)": lambda a, b: __import__("torch").cat([a, 2 * b], 1),
    "mean(a, b, a)": lambda a, b: (a + b + a) / 3,
}


@pytest.mark.parametrize("expression", CASES)
def test_arithmetic(expression: str) -> None:
    """The emitted file computes what the spec says, in training too."""
    import torch

    params = "params: {lam: 3}\n" if "lam" in expression else ""
    text = SPEC.replace("EXPRESSION", f'"{expression}"').replace("PARAMS", params)
    model = archc.load(Source("tiny.yaml", text))
    x = torch.randn(3, 4, 6, 5)

    a, b = torch.nn.BatchNorm2d(4)(x), x.sigmoid()
    torch.testing.assert_close(model(x.clone()), CASES[expression](a, b))
