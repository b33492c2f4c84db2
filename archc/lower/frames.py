"""Where lowering stands: the place of a step, and what the names of a body mean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from archc.graph import Module, Node
from archc.language.scalars import Key, identifier
from archc.lower.scope import Callee, Scope
from archc.tree import Item


@dataclass
class Place:
    """Where a step stands: the path of its module, and how its copies are named.

    Inside a list `numbers` is the list's counter, shared by the lists spliced into it.
    """

    prefix: str
    key: Key | None = None
    numbers: list[int] | None = None
    copy: str = ""

    @property
    def silent(self) -> bool:
        """Whether the step adds nothing to the path."""
        return self.key is not None and self.key.silent


@dataclass
class Frame:
    """A body while it is lowered: what its names mean, and the value that runs through it."""

    module: Module
    scope: Scope
    values: dict[str, Any]
    running: Any
    turns: tuple[int, ...] = ()
    stage: str = ""
    defaults_init: Any = None
    copies: dict[str, list[Any]] = field(default_factory=dict)
    named: dict[str, Node] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)

    def name_copy(self, key: str, value: Any) -> None:
        """Bind what a copy gives to a name of its own: `layer2`, of a key `layer{i}`."""
        if identifier(key) not in self.scope:  # a param goes first, as it does where it is read
            self.values[identifier(key)] = value

    def inner(self, **changes: Any) -> Frame:
        """Return the frame of a nested body, whose names end with it."""
        inner = replace(
            self, values=dict(self.values), copies=dict(self.copies), named=dict(self.named)
        )
        return replace(inner, **changes)


def freeze(value: Any) -> Any:
    """Return a hashable equal of a value: lists as tuples, mappings as tuples of pairs.

    Ops of two files are two, since each file has its own defaults.
    """
    if isinstance(value, Callee):
        return (value.name, id(value.target), id(value.file), freeze(dict(value.arguments)))
    if isinstance(value, dict):
        return tuple((k, freeze(v)) for k, v in value.items())
    if isinstance(value, list):
        return tuple(freeze(v) for v in value)
    return (type(value).__name__, value) if isinstance(value, (bool, int, float)) else value
