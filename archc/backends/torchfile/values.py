"""Whether an expression of a class has the values that it stands for: it is worked out."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Mapping
from typing import Any, Protocol

from archc.backends.torchfile.algebra import substituted
from archc.backends.torchfile.host import Host
from archc.backends.torchfile.loops import Loops
from archc.backends.torchfile.merge import Body, Repeat, use_of
from archc.backends.torchfile.parameters import Parameter
from archc.backends.torchfile.spots import alike
from archc.backends.torchfile.symbols import Symbol
from archc.graph import Value
from archc.language.functions import FUNCTIONS


class Valued(Host, Protocol):
    """A class, for the values of what its constructor has."""

    @property
    def loops(self) -> Loops:
        """Its loops."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What the constructor takes, by the names of the spec."""

    @property
    def settings(self) -> Mapping[str, Parameter]:
        """The params of the file that it takes."""

    @property
    def sizes(self) -> Mapping[int, Symbol]:
        """The parameters that say the channels of inputs."""

    @property
    def lets(self) -> Mapping[str, tuple[Symbol, ast.expr]]:
        """The derived values."""


class Values:
    """The values of the expressions of a class."""

    def __init__(self, owner: Valued) -> None:
        self.owner = owner

    def gives(self, tree: ast.expr, body: Body, sizes: Mapping[int, int]) -> bool:
        """Whether an expression has these values in these rows: it is worked out."""
        if not any(isinstance(n, ast.Name) for n in ast.walk(tree)) and not alike(
            [_plain_value(v) for v in sizes.values()]
        ):
            return False
        if any(not _is_number(v) for v in sizes.values()):
            return True  # an op, which is no number
        source = ast.Expression(ast.fix_missing_locations(substituted(tree, {})))
        try:
            code = compile(source, "numbers", "eval")
        except (TypeError, ValueError):
            return False
        known = {s.id: FUNCTIONS[n].compute for n, s in self.owner.classes.helpers.items()}
        for p, size in sizes.items():
            names = {**vars(builtins), "math": math, "nn": None, **known, **self.bound(body, p)}
            try:
                found = eval(code, names)  # noqa: S307 - our own tree, of numbers
            except (NameError, TypeError, KeyError, IndexError, ArithmeticError, AttributeError):
                return False
            if _plain_value(found) != _plain_value(size):
                return False
        return True

    def bound(self, body: Body, row: int) -> dict[str, Any]:
        """Return what the symbols of an expression are in a row."""
        scope: dict[str, Any] = {}
        use = use_of(body, row)
        for parameter in self.owner.parameters.values():
            given = self.owner.modules[use].arguments.get(parameter.name)
            scope[parameter.symbol.id] = given
        for k, symbol in self.owner.sizes.items():
            given = self.owner.taken[use][k]
            scope[symbol.id] = (
                given.shape.channels
                if isinstance(given, Value)
                else [v.shape.channels for v in given]
            )
        for name, (symbol, _) in self.owner.lets.items():
            scope[symbol.id] = self.owner.modules[use].scope.values_.get(name)
        for setting in self.owner.settings.values():
            scope[setting.symbol.id] = self.owner.modules[0].scope[setting.name]
        at, p = body, row
        while at.around is not None:
            if isinstance(at.owner, Repeat):
                for (loop, name), symbol in self.owner.loops.variables.items():
                    if loop == id(at.owner):
                        scope[symbol.id] = at.scopes[p].values_.get(name)
                if id(at.owner) in self.owner.loops.counters and at.turn:
                    scope[self.owner.loops.counters[id(at.owner)].id] = at.turn[p]
                for carry in self.owner.carries.get(id(at.owner), []):
                    value = carry.want.get(p)
                    if isinstance(value, Value):
                        scope[self.owner.carrying[id(carry)].id] = value.shape.channels
            at, p = at.around, at.up[p]
        return scope | self.owner.extents.bound(body, row)


def _plain_value(value: Any) -> Any:
    """Return a value with lists as tuples, to be compared."""
    return tuple(map(_plain_value, value)) if isinstance(value, list | tuple) else value


def _is_number(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_number, value))
    return value is None or isinstance(value, int | float | bool | str)
