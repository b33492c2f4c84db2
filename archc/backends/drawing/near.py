"""Which ops have no box of their own: they go with the box before, or on the arrow out of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archc.backends.drawing.labels import Label
from archc.backends.drawing.scene import Box
from archc.ops import Op
from archc.ops.wiring import Identity

CLOSED = ("fork", "port", "block")


@dataclass(frozen=True)
class Tap:
    """Where an arrow begins; `open` while what follows may still go with the box.

    `gate` says that the value comes from an activation that opens and closes, `port` which of
    the box's outputs it is.
    """

    box: Box
    via: str = ""
    open: bool = False
    gate: bool = False
    port: int = 0


def follow(tap: Tap, op: Op, said: Label, near: bool, on_arrow: bool) -> Tap | None:
    """Put an op beside the box before it, or on the arrow out of it; None where it can't be.

    `near` says that the box is in the same frame and feeds nothing else.
    """
    if isinstance(op, Identity) or said.rate == 0:
        return tap
    if not near or not tap.open or tap.box.kind in CLOSED:
        return None
    found = _followed(tap, op, said, on_arrow)
    return found and replace(found, gate=op.facts.gate == "opens")


def _followed(tap: Tap, op: Op, said: Label, on_arrow: bool) -> Tap | None:
    box = tap.box
    quiet = op.activation or op.facts.follows
    if tap.via:
        return replace(tap, via=f"{tap.via}, {said.text}") if quiet else None
    if box.kind == "merge":
        return replace(tap, via=said.text) if op.activation and on_arrow else None
    if box.kind == "norm" and op.activation:
        box.title += f", {said.text}"
        return tap
    if quiet or (said.kind == "norm" and box.kind in ("conv", "linear")):
        box.notes.append(said.text)
        return tap
    return None
