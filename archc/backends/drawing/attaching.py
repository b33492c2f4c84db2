"""Which ops have no box of their own: they go with the box before, or on the arrow out of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archc.backends.drawing.labels import Label
from archc.backends.drawing.scene import Box
from archc.ops import Op
from archc.ops.wiring import Identity

CLOSED = ("fork", "port", "block")


@dataclass(frozen=True)
class ArrowStart:
    """Where an arrow begins; `open` while what follows may still go with the box.

    `gate` says that the value comes from an activation that opens and closes, `port` which of
    the box's outputs it is.
    """

    box: Box
    via: str = ""
    open: bool = False
    gate: bool = False
    port: int = 0


def attach(
    start: ArrowStart, op: Op, label: Label, adjacent: bool, on_arrow: bool
) -> ArrowStart | None:
    """Put an op beside the box before it, or on the arrow out of it; None where it can't be.

    `adjacent` says that the box is in the same frame and feeds nothing else.
    """
    if isinstance(op, Identity) or label.rate == 0:
        return start
    if not adjacent or not start.open or start.box.kind in CLOSED:
        return None
    attached = _attached(start, op, label, on_arrow)
    return attached and replace(attached, gate=op.facts.gate == "opens")


def _attached(start: ArrowStart, op: Op, label: Label, on_arrow: bool) -> ArrowStart | None:
    box = start.box
    quiet = op.activation or op.facts.follows
    if start.via:
        return replace(start, via=f"{start.via}, {label.text}") if quiet else None
    if box.kind == "merge":
        return replace(start, via=label.text) if op.activation and on_arrow else None
    if box.kind == "norm" and op.activation:
        box.title += f", {label.text}"
        return start
    if quiet or (label.kind == "norm" and box.kind in ("conv", "linear")):
        box.notes.append(label.text)
        return start
    return None
