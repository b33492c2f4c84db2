"""What a loop binds in each of its turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archc.language.evaluate import EvalFault, describe, listed, unpack
from archc.language.scalars import Loop
from archc.limits import MAX_LENGTH
from archc.lower.frames import Frame
from archc.lower.reader import Reader

if TYPE_CHECKING:
    from archc.lower.steps import Steps


def turns(
    lowering: Steps, frame: Frame, loop: Loop, values: dict[int, Any] | None = None
) -> list[dict[str, Any]]:
    """Return what a loop binds in each of its turns; `values` takes what its parts are."""
    reader = Reader(lowering, loop.expr, frame.scope, frame, values)

    def bind() -> list[dict[str, Any]]:
        value = reader.evaluate(loop.node)
        if loop.counted:
            if (
                isinstance(value, bool)
                or not isinstance(value, int)
                or not 0 <= value <= MAX_LENGTH
            ):
                raise EvalFault(
                    "bad-loop",
                    f"`{loop.text}` counts to {describe(value)}",
                    loop.node,
                    f"a count is a whole number from 0 to {MAX_LENGTH}",
                )
            value = list(range(value))
        return [unpack(loop.target, item) for item in listed(value, loop.node)]

    bound: list[dict[str, Any]] = reader.guard(bind)
    lowering.expect_nothing_made(reader)
    return bound
