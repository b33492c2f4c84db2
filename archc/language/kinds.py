"""What the functions of expressions take: kinds of data, and calls held to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class Misfit(Exception):
    """Data that a function or an operator does not take; `value` is the one to blame."""

    def __init__(self, message: str, value: Any = None) -> None:
        super().__init__(message)
        self.message, self.value = message, value


def number(value: Any) -> bool:
    """Whether something is a number; `true` counts as 1."""
    return isinstance(value, (int, float))


def _whole(value: Any) -> bool:
    return isinstance(value, int)


def _all(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(kind(v) for v in value)


def _count(value: Any) -> bool:
    return _whole(value) and value >= 0


KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "anything": (lambda _: True, "anything"),
    "number": (number, "a number"),
    "size": (lambda v: number(v) and v >= 0, "a number of at least 0"),
    "positive": (lambda v: number(v) and v > 0, "a number above 0"),
    "whole": (_whole, "a whole number"),
    "count": (_count, "a whole number of at least 0"),
    "divisor": (lambda v: _whole(v) and v >= 1, "a whole number of at least 1"),
    "flag": (lambda v: isinstance(v, bool), "`true` or `false`"),
    "list": (lambda v: isinstance(v, list), "a list"),
    "sequence": (lambda v: isinstance(v, (list, str, dict)), "a list or a text"),
    "numbers": (_all(number), "a list of numbers"),
    "counts": (_all(_count), "a list of whole numbers of at least 0"),
}


@dataclass(frozen=True)
class Parameter:
    """One thing that a function takes; `rest` for any number of them."""

    name: str
    kind: str
    required: bool
    rest: bool

    def check(self, function: str, value: Any) -> None:
        """Raise Misfit where a value is not of the kind."""
        fits, words = KINDS[self.kind]
        if not fits(value) and not (value is None and not self.required and not self.rest):
            message = f"`{function}` takes {words}"
            raise Misfit(message, value)


class Taking:
    """A function with what it takes: `value: number, digits: whole = none`."""

    def __init__(self, name: str, compute: Callable[..., Any], takes: str) -> None:
        self.name, self.compute = name, compute
        self.parameters: list[Parameter] = []
        for text in takes.split(", "):
            head, _, kind = text.partition(": ")
            self.parameters.append(
                Parameter(
                    head.removeprefix("*"),
                    kind.removesuffix(" = none"),
                    not kind.endswith(" = none") and not head.startswith("*"),
                    head.startswith("*"),
                )
            )

    @property
    def names(self) -> list[str]:
        """The names that arguments can be given by."""
        return [p.name for p in self.parameters if not p.rest]

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Compute; raises Misfit where an argument is not what the function takes."""
        first = self.parameters[0]
        if first.rest:
            for value in values:
                first.check(self.name, value)
            bound = self._bound((), named)
            return self.compute(*values, **bound)
        bound = self._bound(values, named)
        places: list[Any] = []
        for name in self.names:  # by place as far as there is no gap
            if name not in bound:
                break
            places.append(bound.pop(name))
        return self.compute(*places, **bound)

    def _bound(self, values: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """Bind arguments to names, leaving out each that is `none`."""
        if len(values) > len(self.names):
            most = f"{len(self.names)} argument{'s' * (len(self.names) != 1)}"
            message = f"`{self.name}` takes {most}, here are {len(values)}"
            raise Misfit(message)
        bound = dict(zip(self.names, values, strict=False))
        for name in named:
            if name in bound or name not in self.names:
                wrong = f"gets `{name}` twice" if name in bound else f"has no argument `{name}`"
                message = f"`{self.name}` {wrong}"
                raise Misfit(message)
        bound |= named
        for parameter in (p for p in self.parameters if not p.rest):
            if parameter.name in bound:
                parameter.check(self.name, bound[parameter.name])
            elif parameter.required:
                message = f"`{self.name}` needs `{parameter.name}`"
                raise Misfit(message)
        required = {p.name for p in self.parameters if p.required}
        return {n: v for n, v in bound.items() if v is not None or n in required}
