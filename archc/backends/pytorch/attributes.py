"""Attributes of a class: where its modules are registered, and how forward reads them."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from dataclasses import dataclass, field

from archc.backends.pytorch.chaining import IDENTITY
from archc.backends.pytorch.items import Apply
from archc.escaping import python_string

FEW = 3
"""So many places of a list are filled with nn.Identity."""


@dataclass
class Attributes:
    """The modules of a class.

    `lists` are the paths of those that are an nn.ModuleList, `init` are lines of the constructor,
    `paths` has where each path of the text stands, `children` the names inside a path, and
    `places` how long a list is by now.
    """

    lists: frozenset[str] = frozenset()
    init: list[str] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def attribute(self, path: str) -> str:
        """Return how forward reads the module or parameter at a path."""
        text, parts = "self", path.split(".")
        for k, part in enumerate(parts):
            if part.isidentifier() and not keyword.iskeyword(part):
                text += f".{part}"
            elif ".".join(parts[:k]) in self.lists:
                text += f"[{part}]"
            else:
                text = f"getattr({text}, {python_string(part)})"
        return text

    def register(self, path: str, text: str, *, buffer: bool = False) -> str:
        """Write the line that makes a module an attribute; return how forward reads it."""
        parts = path.split(".")
        for k in range(1, len(parts)):
            self.container(".".join(parts[:k]))
        self.paths.setdefault(path, path)
        parent, _, name = path.rpartition(".")
        owner = self.attribute(parent) if parent else "self"
        self.children.setdefault(parent, []).append(name)
        if buffer:
            self.init.append(f"{owner}.register_buffer({python_string(name)}, {text})")
        elif name.isidentifier() and not keyword.iskeyword(name):
            self.init.append(f"{owner}.{name} = {text}")
        elif parent in self.lists:
            self.fill(parent, int(name))
            self.init.append(f"{owner}.append({text})")
        else:
            self.init.append(f"{owner}.add_module({python_string(name)}, {text})")
        return self.attribute(path)

    def fill(self, parent: str, place: int) -> None:
        """Let a list have something at every place before one."""
        for k in range(place):
            if self.places.setdefault(parent, 0) <= k:
                self.init.append(f"{self.attribute(parent)}.append({IDENTITY})")
        self.places[parent] = place + 1

    def keyed(self, item: Apply) -> str:
        """Register a module whose name depends on arguments; return how forward reads it."""
        if item.key is None:
            return ""
        parent = item.path.rpartition(".")[0]
        if parent:
            self.container(parent)
        owner = self.attribute(parent) if parent else "self"
        self.init.append(f"{owner}.add_module({item.key[0]}, {item.module})")
        return f"getattr({owner}, {item.key[1]})"

    def container(self, path: str) -> None:
        """Make the module that holds the parts of a dotted path: a list where they are numbered."""
        if path not in self.paths:
            self.register(path, "nn.ModuleList()" if path in self.lists else "nn.Module()")


def is_listed(names: Sequence[str]) -> bool:
    """Whether modules are numbered in order, so that a list can hold them; a few may be missing."""
    numbers = [int(n) for n in names if n.isdecimal() and str(int(n)) == n]
    in_order = numbers == sorted(set(numbers)) and len(numbers) == len(names)
    return in_order and numbers[-1] + 1 - len(numbers) <= min(len(numbers), FEW)
