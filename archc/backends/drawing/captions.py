"""What is counted beside a box or frame: parameters and multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence

from archc.graph import Node
from archc.passes.conventions import CONVENTIONS

UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "K"))


def caption(nodes: Sequence[Node]) -> str:
    """Say how many parameters and multiply-adds nodes have; nothing where they have neither."""
    counts = ((CONVENTIONS[name].total(nodes), word) for name, word in WORDS.items())
    return ", ".join(f"{short(count)} {word}" for count, word in counts if count)


WORDS = {"params": "params", "macs": "MACs"}


def short(count: int) -> str:
    """Write a count by three digits: `1.22 M`."""
    for unit, letter in UNITS:
        if count >= unit * 0.9995:
            number = count / unit
            digits = max(0, 3 - len(str(int(number + 0.5 * (number >= 999.5)))))
            return f"{number:.{digits}f} {letter}"
    return str(count)
