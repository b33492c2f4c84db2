"""The nodes that an expression made get their names: one may own tensors, and has the step's path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc.diagnostics import Diagnostic, SpecError
from archc.graph import join
from archc.lower import keeping
from archc.lower.frames import Frame, Place
from archc.lower.nesting import hold_dotted
from archc.lower.reader import Reader

if TYPE_CHECKING:
    from archc.lower.steps import Steps


def finish(lowering: Steps, frame: Frame, place: Place, reader: Reader) -> None:
    """Name the nodes that an expression made: one may own tensors, and has the step's path."""
    nodes = reader.made
    heavy = [n for n in nodes if (n.tensors if n.module is None else n.module.owns)]
    if len(heavy) > 1:
        names = " and ".join(f"`{n.name}`" for n in heavy[:2])
        raise SpecError(
            [
                Diagnostic(
                    "two-modules",
                    f"{names} both own tensors, but the step has one name",
                    reader.expr.text.span,
                    help="give each a step of its own",
                )
            ]
        )
    path = lowering.path(frame, place)
    if place.silent and any(n.op is not None and not n.op.registered for n in heavy):
        what = "is itself a tensor" if "" in heavy[0].tensors else "owns tensors"
        message = f"the step `{place.key}` {what}, but a key with `_` names none"
        remedy = f"name it `{str(place.key).lstrip('_')}`"
        raise SpecError(
            [Diagnostic("nameless-parameter", message, reader.expr.text.span, help=remedy)]
        )
    shown = path if not place.silent else join(place.prefix, str(place.key).lstrip("_"))
    blocks = [n for n in nodes if n.module is not None]
    main = next(iter(heavy or blocks[-1:] or nodes[-1:]), None)
    for node in nodes:
        if node.again:
            pass  # its module stands where it was first applied
        elif node is main:
            node.path = path if heavy else shown
            keeping.name(reader.items, main, keeping.segments(lowering, frame, place), place.key)
            hold_dotted(frame, place, node.path, [node])
        else:
            node.path = (
                f"{shown}_{node.name}" if node.module is not None else join(shown, node.name)
            )
        node.init = {**(frame.defaults_init or {}), **dict(getattr(node.callee, "init", ()))}
        node.stage = frame.stage
        frame.module.nodes.append(node)
