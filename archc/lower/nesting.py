"""The modules that steps make by their keys: what a filled-in key may be, and who holds what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archc.diagnostics import Diagnostic, Span, SpecError
from archc.graph import Module, Node, join
from archc.language.naming import is_key, taken
from archc.language.scalars import Key
from archc.limits import MAX_NAME
from archc.lower.frames import Frame, Place

DOTTED = ("dotted",)
"""The owner of a module that stands for the dots in keys, which may be those of many steps."""


@dataclass(frozen=True)
class Holder:
    """A step whose module holds those of the steps in it; `owner` tells it from all others."""

    path: str
    owner: tuple[Any, ...]
    span: Span
    nodes: Sequence[Node]


def hold(frame: Frame, place: Place, path: str, step: Any, first: int) -> None:
    """Note that a step holds the nodes from the first on, where it has a module of its own."""
    if (key := place.key) is not None and not key.silent and place.numbers is None:
        nodes = frame.module.nodes[first:]
        owner = (id(step), frame.turns)
        frame.module.holders.append(Holder(path, owner, key.text.span, nodes))
        hold_dotted(frame, place, path, nodes)


def hold_dotted(frame: Frame, place: Place, path: str, nodes: Sequence[Node]) -> None:
    """Note that the dots in the key of a step make modules around what it holds."""
    if (key := place.key) is not None and not key.silent and place.numbers is None:
        own = path.removesuffix(f".{place.copy}") if place.copy else path
        inside = own.removeprefix(f"{place.prefix}.") if place.prefix else own
        *parts, _ = inside.split(".")
        for k in range(1, len(parts) + 1):
            held = join(place.prefix, ".".join(parts[:k]))
            frame.module.holders.append(Holder(held, DOTTED, key.text.span, nodes))


def expect_fit(key: Key, filled: str) -> None:
    """Hold what a key becomes to the rules of a key that is written; raises SpecError."""
    if key.exprs and (wrong := unfit(key, filled)):
        code, message, help_ = wrong
        raise SpecError([Diagnostic(code, message, key.text.span, help=help_)])


def unfit(key: Key, filled: str) -> tuple[str, str, str] | None:
    """Return why no step can have the key that another one becomes: code, message and help."""
    shown = filled if len(filled) <= MAX_NAME else f"{filled[:MAX_NAME]}..."
    if not is_key(filled):
        help_ = f"letters, digits, `_`, `-` and dots between parts do, {MAX_NAME} at most"
        return "bad-key", f"`{key}` becomes `{shown}`, which can't name a step", help_
    if filled.startswith("_") and not key.silent:
        help_ = "begin the key itself with `_`, or the name with a letter"
        return "bad-key", f"`{key}` becomes `{filled}`, but a key with `_` names no module", help_
    if wrong := taken(filled):
        return "reserved-name", f"`{key}` becomes `{filled}`: {wrong[0]}", wrong[1]
    return None


def spliced(module: Module, node: Node) -> bool:
    """Whether a block's modules are among those around it, its key being silent."""
    return node.module is not None and (
        not node.path or any(h.path == node.path and node in h.nodes for h in module.holders)
    )
