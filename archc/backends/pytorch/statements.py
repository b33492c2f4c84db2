"""What a forward method consists of, before it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

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
            gives = ([v] for v in merged or (None, None))
            sides = list(zip((statement.yes, statement.no), gives, strict=True))
            if not all(complete(s, set(known), [v for v in e if v is not None]) for s, e in sides):
                return False
            known |= {v for s, _ in sides for v in given(s)} if statement.merged is None else set()
        elif not {v.whole for v in statement.reads()} <= known:
            return False
        known |= set(statement.outputs)
    return {v.whole for v in ends} <= known


def given(statements: Sequence[Statement]) -> list[Val]:
    """Return what statements give, those under a test too where both sides give nothing."""
    found: list[Val] = []
    for s in statements:
        sides = (s.yes, s.no) if isinstance(s, Branch) and s.merged is None else ()
        found += [*s.outputs, *(v for side in sides for v in given(side))]
    return found


def joined(statements: Sequence[Statement], ends: Sequence[Val]) -> list[Statement]:
    """Put neighbours under one flag together, where nothing else reads what the first gives."""
    uses = counted(statements)
    uses.update(ends)
    out: list[Statement] = []
    for s in reversed(statements):
        after = out[0] if out else None
        if isinstance(s, Branch) and isinstance(after, Branch) and follows(s, after, uses):
            out[0] = one_branch(s, after)
        else:
            out.insert(0, s)
    return out


def follows(first: Branch, second: Branch, uses: Counter[Val]) -> bool:
    """Whether all that a branch gives is only for the next one, under the same flag."""
    reads = second.reads()
    alike = (first.flag, first.training) == (second.flag, second.training)
    items = {v.whole for v in uses if v.of is not None}
    return alike and all(uses[v] == reads[v] and v not in items for v in given([first]))


def one_branch(first: Branch, second: Branch) -> Branch:
    """Write two branches under one flag as one."""
    made, *ends = first.merged or (None, None, None)
    puts = [{made: end} if made is not None and end is not None else {} for end in ends]
    sides = [
        [*before, *(with_values(s, put) for s in after)]
        for before, after, put in zip(
            (first.yes, first.no), (second.yes, second.no), puts, strict=True
        )
    ]
    merged = None
    if second.merged is not None:
        val, yes, no = second.merged
        merged = (val, puts[0].get(yes, yes), puts[1].get(no, no))
    return Branch(first.flag, sides[0], sides[1], merged, first.training)


def with_values(s: Statement, put: Mapping[Val, Val]) -> Statement:
    """Return a statement with values in the place of others."""
    match s:
        case Call():
            return replace(s, inputs=tuple(put.get(v, v) for v in s.inputs))
        case Each():
            return replace(s, sources=tuple(put.get(v, v) for v in s.sources))
        case Collect():
            return replace(s, source=put.get(s.source, s.source))
    yes, no = ([with_values(inner, put) for inner in side] for side in (s.yes, s.no))
    merged = s.merged
    if merged is not None:
        merged = (merged[0], put.get(merged[1], merged[1]), put.get(merged[2], merged[2]))
    return replace(s, yes=yes, no=no, merged=merged)


def mark_training(statements: list[Statement], always: Sequence[Val]) -> None:
    """Mark the statements that no output of inference needs."""
    needed = set(always)
    for s in reversed(statements):
        s.training = not any(v in needed for v in s.outputs)
        if not s.training:
            needed |= set(s.reads())
