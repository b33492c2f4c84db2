"""A difference as data: stages and blocks in pairs, what each pair says, keys and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from archc.graph import Module, Network, Node, Stage, Value
from archc.ops import Op, spelled
from archc.passes.conventions import CONVENTIONS

if TYPE_CHECKING:
    from archc.passes.difference.text import TextChange

Kind = Literal["same", "follows", "changed", "rewired", "renamed", "added", "removed"]
"""What became of a step, block or stage; `follows` says that only its sizes differ, with those
of what it takes."""

Sizes = tuple[int, ...]

COUNTED = ("params", "macs")


@dataclass(frozen=True)
class Pair:
    """A step before and after; one of the two may be missing."""

    before: Node | None
    after: Node | None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Those that there are."""
        return tuple(n for n in (self.before, self.after) if n is not None)

    @property
    def path(self) -> str:
        """How the step is called in its module, under both names where it has two."""
        return arrow([n.path or n.name for n in self.nodes])


@dataclass(frozen=True)
class StepChange:
    """A pair and what became of it; `text` says it in words."""

    pair: Pair
    kind: Kind
    text: str

    @property
    def inside(self) -> bool:
        """Whether it is a block of which nothing differs but what is in it."""
        a, b = self.pair.before, self.pair.after
        if self.kind != "changed" or a is None or b is None or a.module is None or b.module is None:
            return False
        return (a.name, a.path) == (b.name, b.path) and not list(_arguments(a, b))

    @property
    def has_line(self) -> bool:
        """Whether it is worth a line of its own; a mere other number in a list is not."""
        last = [node.path.rpartition(".")[2] for node in self.pair.nodes]
        numbered = self.kind == "renamed" and all(map(str.isdecimal, last))
        return self.kind not in ("same", "follows") and not self.inside and not numbered


@dataclass(frozen=True)
class BlockChange:
    """A block whose steps differ, and where it stands before and after."""

    before: Module
    after: Module
    steps: tuple[StepChange, ...]
    places: list[tuple[str, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the block, both where it has two."""
        return arrow([self.before.name, self.after.name])


@dataclass(frozen=True)
class StageChange:
    """A stage before and after, with its steps in pairs."""

    before: Stage | None
    after: Stage | None
    kind: Kind
    steps: tuple[StepChange, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Those that there are."""
        return tuple(s for s in (self.before, self.after) if s is not None)

    @property
    def name(self) -> str:
        """The name of the stage, both where it has two."""
        return arrow([s.name for s in self.stages])

    def counts(self, convention: str) -> tuple[int, int]:
        """Return what a convention counts before and after."""
        count = CONVENTIONS[convention].total
        before, after = (count(s.nodes) if s else 0 for s in (self.before, self.after))
        return before, after


@dataclass(frozen=True)
class Setting:
    """A param whose value differs though the text of it may not; None where there is none."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Keys:
    """Keys of two state_dicts; each key of either is in one of these, once.

    `renamed` has the new key of each old one, `reshaped` the shapes before and after.
    """

    kept: tuple[str, ...]
    reshaped: Mapping[str, tuple[Sizes, Sizes]]
    renamed: Mapping[str, str]
    lost: Mapping[str, Sizes]
    new: Mapping[str, Sizes]

    @property
    def differ(self) -> bool:
        """Whether a state_dict of one is none of the other."""
        return bool(self.reshaped or self.renamed or self.lost or self.new)

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {
            "kept": len(self.kept),
            "reshaped": len(self.reshaped),
            "renamed": len(self.renamed),
            "lost": len(self.lost),
            "new": len(self.new),
        }


@dataclass(frozen=True, eq=False)
class Difference:
    """What differs between two networks."""

    before: Network
    after: Network
    texts: tuple[TextChange, ...]
    settings: tuple[Setting, ...]
    stages: tuple[StageChange, ...]
    blocks: tuple[BlockChange, ...]
    keys: Keys
    outputs_differ: bool = False
    """Whether other values are given, or under other names."""

    def __bool__(self) -> bool:
        return bool(self.texts or self.settings) or self.network_differs

    @property
    def network_differs(self) -> bool:
        """Whether the networks themselves differ, whatever their text is."""
        differ = any(s.kind != "same" for s in self.stages) or self.keys.differ
        return differ or self.before.input != self.after.input or self.outputs_differ

    def totals(self, convention: str) -> tuple[int, int]:
        """Return what a convention counts of the networks, before and after."""
        count = CONVENTIONS[convention].total
        return count(self.before.root.nodes), count(self.after.root.nodes)


def arrow(names: list[str]) -> str:
    """Write one name, or two that differ."""
    return " → ".join(dict.fromkeys(names))


def described(kind: Kind, pair: Pair) -> str:
    """Say what became of a step."""
    before, after = pair.before, pair.after
    if kind == "rewired":
        return f"reads {_read(before)} → {_read(after)}"
    if before is None or after is None:
        return call(next(iter(pair.nodes)))
    if kind in ("same", "follows", "renamed"):
        return call(after)
    if before.name != after.name:
        return f"{call(before)} → {call(after)}"
    return ", ".join(_arguments(before, after)) or call(after)


def _read(node: Node | None) -> str:
    return ", ".join(map(_producer, node.inputs if node else ()))


def _producer(value: Value) -> str:
    return value.node.path or value.node.name if value.node else "the input"


def _arguments(before: Node, after: Node) -> Iterator[str]:
    """Yield the arguments that differ, as `stride 1 → 2`."""
    old, new = arguments(before), arguments(after)
    for name in {**old, **new}:
        if name not in old or name not in new:
            yield f"{name} {rounded(new[name])}" if name in new else f"no {name}"
        elif value_of(old[name]) != value_of(new[name]):
            yield f"{name} {rounded(old[name])} → {rounded(new[name])}"


def arguments(node: Node) -> dict[str, Any]:
    """Return the arguments of an op, those that were not given too, or of a block."""
    return dict(node.target) if isinstance(node.target, Op) else dict(node.arguments)


def call(node: Node) -> str:
    """Write a step as a spec does, `conv(64, 3, stride=2)`, with numbers in place of names."""
    values = arguments(node)
    if isinstance(node.target, Op):
        fields = type(node.target).model_fields
        parts = [rounded(values[n]) for n, f in fields.items() if f.is_required()]
        chosen = {n: f for n, f in fields.items() if not f.is_required() and values[n] != f.default}
        parts += [f"{n}={rounded(values[n])}" for n in chosen]
    else:
        parts = [f"{name}={rounded(value)}" for name, value in values.items()]
    return f"{node.name}({', '.join(parts)})" if parts else node.name


def rounded(value: object) -> str:
    """Spell a value for a line of text, a number with a point by its first six digits."""
    return f"{value:.6g}" if isinstance(value, float) else value_of(value)


def value_of(value: object) -> str:
    """Spell a value, an op or a block by its name."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_of, value))}]"
    name = getattr(value, "name", None)
    return name if isinstance(name, str) else spelled(value).strip("`")
