"""What a step can be instead of a value: absent, nothing, unknown."""

from __future__ import annotations

from dataclasses import dataclass


class Mark:
    """A value of its own kind, told by identity."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


ABSENT = Mark("ABSENT")
"""A step that is not there: its value is its input."""
NOTHING = Mark("nothing")
"""What `none(...)(x)` gives: sums and concatenations leave it out."""
UNKNOWN = Mark("UNKNOWN")
"""The value of a step that is wrong, which has been reported."""
MISSING = Mark("MISSING")


def is_known(value: object) -> bool:
    """Whether a value is known, with all items of a list."""
    if isinstance(value, list):
        return all(is_known(item) for item in value)
    return value is not UNKNOWN


@dataclass(frozen=True)
class Faults:
    """What the rules of the text found too wrong to be lowered: there every value is unknown.

    `owners` are blocks and imports, "" for the network, `places` the texts of expressions and
    keys of steps.
    """

    owners: frozenset[str] = frozenset()
    places: frozenset[object] = frozenset()


NO_FAULTS = Faults()


class Poisoned(Exception):
    """The expression reads a value that is unknown, since its step was wrong."""
