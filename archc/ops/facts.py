"""What pictures, tables and passes know of an op: one record on its class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

Kind = Literal[
    "conv", "linear", "pool", "norm", "activation", "merge", "concat", "split", "attention",
    "window", "source", "other",
]  # fmt: skip
"""What an op is drawn as: the colour and the form of its box."""


@dataclass(frozen=True)
class Facts:
    """Facts of an op that don't follow from its arguments; a class inherits them as a whole.

    An activation is drawn as one, and an op without inputs as a source, whatever its `kind` is.
    """

    kind: Kind = "other"

    abbreviation: str = ""
    """What pictures call it; a class that inherits it has a name of its own."""

    follows: bool = False
    """Whether it changes no number in inference, or only the layout: it needs no box."""

    gate: Literal["", "opens", "keeps"] = ""
    """`opens`: its values say how much of another value passes. `keeps`: arithmetic with a
    number, or another form of a value; what it makes of a gate is a gate."""

    linear: bool = False
    """Whether it is linear in each of several operands: the gradient behind it is their sum."""

    normalizes: Literal["", "batch", "sample"] = ""
    """Over what a norm takes the statistics that it divides by."""

    convolves: bool = False

    def misfits(self) -> Iterator[tuple[str, str]]:
        """Yield what is no value of its fact: the fact, and what it may be."""
        for name, kind in get_type_hints(type(self)).items():
            value, words = getattr(self, name), get_args(kind)
            if words and value not in words:
                yield name, "one of " + ", ".join(f'"{word}"' for word in words)
            elif not words and type(value) is not kind:
                yield name, "a string" if kind is str else "True or False"
