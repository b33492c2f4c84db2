"""What a spec may ask for at most, so that everything ends soon; docs/language.md lists it.

Each is far above what networks need: the largest of the zoo, a stochastic depth network of
1202 layers, has 4,809 ops, takes 10,827 steps and reckons 23,671.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

_LISTS = (list, tuple, dict)

# The text
MAX_BYTES = 1_000_000
"""Characters of a file."""
MAX_DEPTH = 40
"""Levels of nesting: of the text, and of lists in lists."""
MAX_TEXT = 2_000
"""Characters of an expression."""
MAX_NAME = 200
"""Characters of a name or a key."""

# Expressions
MAX_BITS = 256
"""Bits of a whole number."""
MAX_LENGTH = 10_000
"""Entries of a list, and turns of a loop."""
MAX_ENTRIES = 100_000
"""Entries of a list with those of the lists inside, each as often as it is seen there."""
MAX_RECKONING = 200_000
"""Steps of one expression."""
MAX_WORK = 2_000_000
"""Steps of all expressions of a network."""

MAX_ALL_WORK = 10_000_000
"""Steps of the expressions of all variants of a file; a step that is lowered counts as fifty."""

# Networks
MAX_STEPS = 50_000
"""Steps that are lowered; the copies of a block with the same arguments count once."""
MAX_OPS = 20_000
"""Ops of a network with every copy of every block written out."""
MAX_NESTING = 40
"""Blocks inside blocks."""
MAX_SIZE = 1_000_000
"""A size of the input, exclusive."""

# What is said of it
MAX_SHOWN = 100
"""Diagnostics of a report, errors before warnings; those beyond are counted."""
MAX_MESSAGE = 1_000
"""Characters of a message, a note or a help."""
MAX_NOTES = 12
"""Notes of a diagnostic."""
MAX_CANDIDATES = 500
"""Known names that an unknown one is compared with."""
MAX_LINE = 160
"""Characters of a source line that is shown with carets."""


class Excess(Exception):
    """A value that is beyond a limit."""


def measure(value: Any) -> int:
    """Return the weight of a value; raises Excess where it is too large to go on with.

    Lists are shared by what names them: a few lines can make one that has more entries than
    there is memory. So a list is measured when it is built, and what is built of it later
    is too: none beyond the limits ever exists.
    """
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise Excess(f"a number has at most {MAX_BITS} bits")
    if isinstance(value, _LISTS) and len(value) > MAX_LENGTH:
        raise Excess(f"a list has at most {MAX_LENGTH} entries")
    if not isinstance(value, _LISTS):
        return 0
    entries = 0
    for depth, count in enumerate(levels(value)):
        entries += count
        if depth == MAX_DEPTH:
            raise Excess(f"lists are nested at most {MAX_DEPTH} deep")
        if entries > MAX_ENTRIES:
            raise Excess(f"a list has at most {MAX_ENTRIES} entries, those of inner lists counted")
    return entries


def weight(value: Any) -> int:
    """Return the number of entries of a list, those of inner lists counted too."""
    return sum(levels(value))


def levels(value: Any) -> Iterator[int]:
    """Yield how many entries lists have on each level of nesting."""
    level = [value] if isinstance(value, _LISTS) else []
    while level:
        yield sum(map(len, level))
        level = [item for part in level for item in inside(part) if isinstance(item, _LISTS)]


def inside(value: list[Any] | tuple[Any, ...] | dict[Any, Any]) -> Iterable[Any]:
    """Return what is in a list, or in several named values."""
    return value.values() if isinstance(value, dict) else value
