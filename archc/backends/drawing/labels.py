"""What an op is called in a picture, as papers write it: `3×3 conv, 64, /2`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from archc.graph import Node
from archc.ops import Op
from archc.ops.facts import Kind


@dataclass(frozen=True)
class Label:
    """The kind of an op's box, its text, and a short one for where it stands in a list.

    `rate` is that of an op which drops something while training. It is no part of what an op
    looks like, so that blocks fold whose rate grows with depth.
    """

    kind: Kind
    text: str
    short: str
    rate: float | None = field(default=None, compare=False)


def label(node: Node, op: Op) -> Label:
    """Return what a picture says of an op."""
    text = op.drawn(*node.shapes)
    if node.again:
        text += " (shared)"
    rate = getattr(op, "p", None) if op.has_mode else None
    return Label(kind(op), text, text.replace(" conv,", ","), rate)


def rated(text: str, rates: Collection[float]) -> str:
    """Write what an op does with the rate at which it does so, or their range: `dropout 0.5`."""
    low, high = min(rates), max(rates)
    return f"{text} {low:.2g}" + (f" to {high:.2g}" if high > low else "")


def kind(op: Op) -> Kind:
    """Return which kind of box an op is drawn as."""
    if op.activation:
        return "activation"
    return "source" if op.inputs == 0 else op.facts.kind
