"""A trace as text, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from archc.backends.signals.model import MODES, NormRow, SplitRow, Statistics, Trace
from archc.backends.signals.write import Rows, as_json, number, report, sizes


def text(trace: Trace, form: str = "text") -> str:
    """Write a trace as tables: forwards, batch norms, backwards, weights, and the forks."""
    part = f", {trace.at}" if trace.at else ""
    head = [
        f"{trace.network}{part}; input {trace.input}; seed {trace.seed}",
        f"values against the emitted module: {trace.verified}",
        "L = Σ r·y with r from N(0, 1) at the outputs y; ‖·‖ is the norm over all elements",
    ]
    sections: list[tuple[str, Rows]] = [
        ("Forwards", [_forward(row) for row in trace.values]),
        ("Batch norms, means over channels", [_norm(row) for row in trace.norms]),
        ("Backwards: ∂L/∂value", [_backward(row) for row in reversed(trace.values)]),
        ("Backwards: ∂L/∂weight", [_weight(row) for row in reversed(trace.weights)]),
        ("Where branches leave: ∂L/∂fork, part by part", [_split(row) for row in trace.splits]),
    ]
    return report(head, sections, form)


def _columns(pairs: Iterable[tuple[str, float | None]]) -> dict[str, str]:
    return {name: number(x) for name, x in pairs}


def _forward(row: Any) -> dict[str, str]:
    numbers = [
        (f"{what}, {mode}", getattr(row.forward[mode], what))
        for mode in MODES
        for what in ("mean", "std")
    ]
    return {"value": row.name, "op": row.op, "shape": sizes(row.shape), **_columns(numbers)}


def _backward(row: Any) -> dict[str, str]:
    numbers = [
        (f"{label}, {mode}", _of(row.gradient[mode], what))
        for mode in MODES
        for label, what in (("‖∂‖", "norm"), ("std", "std"))
    ]
    return {"value": row.name, **_columns(numbers)}


def _weight(row: Any) -> dict[str, str]:
    numbers = [
        ("‖w‖", row.value.norm),
        *((f"‖∂‖, {m}", _of(row.gradient[m], "norm")) for m in MODES),
    ]
    return {"weight": row.name, "shape": sizes(row.shape), **_columns(numbers)}


def _of(numbers: Statistics | None, what: str) -> float | None:
    return None if numbers is None else getattr(numbers, what)


def _mean(xs: tuple[float, ...]) -> float:
    return sum(xs) / len(xs)


def _norm(row: NormRow) -> dict[str, str]:
    means, variances = ((row.mean_before, row.mean_after), (row.var_before, row.var_after))
    numbers = [("batch mean", row.batch_mean), ("batch variance", row.batch_var)]
    shown = {name: number(_mean(xs)) for name, xs in numbers}
    shown["running mean"] = " → ".join(number(_mean(xs)) for xs in means)
    shown["running variance"] = " → ".join(number(_mean(xs)) for xs in variances)
    share = number(row.momentum)
    kept = "kept" if row.kept_in_eval else "CHANGED"
    return {"norm": row.name, "channels": str(len(row.batch_mean)), **shown,
            "train": f"{share} of the batch", "eval": kept}  # fmt: skip


def _split(row: SplitRow) -> dict[str, str]:
    parts = " + ".join(f"{number(p.numbers.norm)} ({p.role} {p.operand})" for p in row.parts)
    beside = f" + {number(row.elsewhere)} (elsewhere)" if row.elsewhere else ""
    return {
        "fork": row.fork,
        "join": row.join,
        "mode": row.mode,
        "‖parts‖": parts + beside,
        "‖∂L/∂fork‖": number(row.total.norm),
        "adds up within": number(row.error),
        "shortcut": "hands ∂L/∂join on" if row.unchanged else "",
    }


def json(trace: Trace) -> str:
    """Write everything; batch norms channel by channel."""
    return as_json(asdict(trace))


FORMATS: dict[str, Callable[[Trace], str]] = {
    "text": text,
    "markdown": lambda trace: text(trace, "markdown"),
    "json": json,
}
