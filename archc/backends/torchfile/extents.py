"""Height, width and tokens of values: where forward runs they are read off the values.

So a file is right at every size that it takes. What a constructor needs of them is a number.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from archc.backends.torchfile.asking import EXTENTS
from archc.backends.torchfile.merge import Body
from archc.backends.torchfile.operands import Operand
from archc.backends.torchfile.spots import Spot, Unspelled
from archc.backends.torchfile.symbols import MARK, Symbol
from archc.backends.torchfile.wiring import Wiring
from archc.graph import Value


@dataclass(eq=False)
class Extent:
    """The size of a value along an axis, counted from its last; `sizes` are those in the rows."""

    symbol: Symbol
    operand: Operand
    axis: int
    body: Body
    sizes: dict[int, int]


class Extents:
    """The sizes that a class reads where it runs."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.running = False
        self.known: dict[tuple[int, int, int], Extent] = {}
        self.of: dict[str, Extent] = {}

    @contextmanager
    def read(self) -> Iterator[None]:
        """Spell meanwhile what runs: sizes are read off values."""
        before, self.running = self.running, True
        try:
            yield
        finally:
            self.running = before

    def get(self, node: ast.Attribute, spot: Spot) -> ast.expr:
        """Return the size that a text asks for; raises Unspelled, Unwired."""
        if not self.running:
            raise Unspelled("a size, which is read where the module runs")
        key = (id(spot.body), spot.k, id(node))
        if key not in self.known:
            values = spot.values(node.value)
            letter = EXTENTS[node.attr]
            axes = {_axis(v, letter) for v in values.values()}
            axis = axes.pop() if len(axes) == 1 else None
            if axis is None:
                raise Unspelled("a size of values of other layouts")
            operand = self.wiring.value(spot.body, spot.k, dict(values))
            sizes = {p: v.shape.get(letter) for p, v in values.items()}
            extent = Extent(Symbol(node.attr), operand, axis, spot.body, sizes)
            self.known[key] = self.of[extent.symbol.id] = extent
        return self.known[key].symbol.name

    def within(self, text: str) -> list[Extent]:
        """Return the sizes that an expression reads."""
        return [self.of[s] for s in re.findall(rf"{MARK}\d+", text) if s in self.of]

    def bound(self, body: Body, row: int) -> dict[str, int]:
        """Return the sizes in a row, by symbol."""
        rows: dict[int, int] = {id(body): row}
        while body.around is not None:
            row, body = body.up[row], body.around
            rows[id(body)] = row
        return {
            name: e.sizes[rows[id(e.body)]]
            for name, e in self.of.items()
            if id(e.body) in rows and rows[id(e.body)] in e.sizes
        }


def _axis(value: Any, letter: str) -> int | None:
    if not isinstance(value, Value) or letter not in value.shape.layout:
        return None
    return value.shape.layout.index(letter) - len(value.shape.layout)
