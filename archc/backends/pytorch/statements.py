"""What a forward method consists of, before it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archc.backends.pytorch.items import Spelling, Val


@dataclass(eq=False)
class Call:
    """An expression over values.

    It starts or ends a line of its own where it says so; with `training` it runs in train mode
    only.
    """

    outputs: tuple[Val, ...]
    inputs: tuple[Val, ...]
    spell: Spelling
    ends: bool = False
    starts: bool = False
    training: bool = False

    def reads(self) -> Counter[Val]:
        """Count the inputs."""
        return Counter(self.inputs)


@dataclass(eq=False)
class Branch:
    """Statements that run where a flag of the module says so, and what both sides give."""

    flag: str
    yes: list[Statement]
    no: list[Statement]
    merged: tuple[Val, Val, Val] | None
    training: bool = False

    @property
    def outputs(self) -> tuple[Val, ...]:
        """The merged value."""
        return self.merged[:1] if self.merged is not None else ()

    def reads(self) -> Counter[Val]:
        """Count what both sides read and give."""
        found = counted([*self.yes, *self.no])
        found.update(self.merged[1:] if self.merged is not None else ())
        return found


@dataclass(eq=False)
class Each:
    """A loop that sends values through modules, of which each gives as many as it takes."""

    head: str
    module: str
    sources: tuple[Val, ...]
    outputs: tuple[Val, ...]
    training: bool = False

    def reads(self) -> Counter[Val]:
        """Count the sources."""
        return Counter(self.sources)


@dataclass(eq=False)
class Collect:
    """A loop that sends a value through modules, and keeps what each gives."""

    modules: str
    name: str
    source: Val
    results: list[Val]
    training: bool = False

    @property
    def outputs(self) -> tuple[Val, ...]:
        """What the modules give."""
        return tuple(self.results)

    def reads(self) -> Counter[Val]:
        """Count the source; what runs from one module to the next is inside."""
        return Counter([self.source])


Statement = Call | Branch | Each | Collect


def counted(statements: Iterable[Statement]) -> Counter[Val]:
    """Count how often statements read each value."""
    found: Counter[Val] = Counter()
    for statement in statements:
        found.update(statement.reads())
    return found


def complete(statements: Sequence[Statement], known: set[Val], ends: Sequence[Val]) -> bool:
    """Whether statements read only what is known or was given before, and give all ends."""
    for statement in statements:
        if isinstance(statement, Branch):
            merged = statement.merged[1:] if statement.merged is not None else ()
            sides = zip(
                (statement.yes, statement.no), ([v] for v in merged or (None, None)), strict=True
            )
            if not all(complete(s, set(known), [v for v in e if v is not None]) for s, e in sides):
                return False
        elif not set(statement.reads()) <= known:
            return False
        known |= set(statement.outputs)
    return set(ends) <= known


def mark_training(statements: list[Statement], always: Sequence[Val]) -> None:
    """Mark the statements that no output of inference needs."""
    needed = set(always)
    for s in reversed(statements):
        s.training = not any(v in needed for v in s.outputs)
        if not s.training:
            needed |= set(s.reads())
