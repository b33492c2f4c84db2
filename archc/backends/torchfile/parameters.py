"""What the constructor of a class takes."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from archc.backends.torchfile.symbols import Symbol


@dataclass
class Parameter:
    """A parameter of the constructor: its symbol, its name in the spec, its default if any."""

    symbol: Symbol
    name: str
    default: ast.expr | None
