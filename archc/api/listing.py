"""The networks of the zoo by name, and what one asks of each before choosing it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property

from archc import zoo
from archc.api.architecture import Architecture
from archc.api.compiling import compile  # noqa: A004
from archc.shapes import Shape


class Name(str):
    """The name of a network of the zoo; its counts are those of inference, found when asked for."""

    __slots__ = ("__dict__",)

    @cached_property
    def _architecture(self) -> Architecture:
        return compile(self)

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return self._architecture.params

    @property
    def macs(self) -> int:
        """Multiply-adds for one sample."""
        return self._architecture.macs

    @property
    def input(self) -> Shape:
        """The shape of one input sample."""
        return self._architecture.input


def names(pattern: str = "*") -> list[Name]:
    """Return the names of the networks of the zoo, those that match a pattern such as `resnet*`.

    Each is a text that knows `params`, `macs` and `input` of its network.
    """
    return [Name(name) for name in zoo.names() if fnmatchcase(name, pattern)]
