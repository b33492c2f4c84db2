"""What a walk over the text finds: definitions, who reads them, calls, and names of nothing."""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from archc.diagnostics import Diagnostic, Span
from archc.language.expr import Expr
from archc.language.scalars import Signature
from archc.language.spec import AnyStep, Row
from archc.limits import MAX_SHOWN
from archc.ops import OPS, Op
from archc.ops.translating import Fields, fields_of


class Kind(Enum):
    """What an expression can be, as far as its text tells."""

    VALUE = auto()
    """A tensor or a list of them."""
    OP = auto()
    """An op or block that is not applied yet."""
    DATA = auto()
    """A number, a text or a list of them."""
    PARAM = auto()
    """Data, an op or none: what params, lets and loops over them may hold."""
    ANY = auto()
    """Anything, as the variable of a loop over values and numbers."""

    def join(self, other: Kind) -> Kind:
        """Return what a choice between two kinds can be."""
        if self is other:
            return self
        return Kind.ANY if Kind.VALUE in (self, other) or Kind.ANY in (self, other) else Kind.PARAM


@dataclass(frozen=True, eq=False)
class Step:
    """A step on the way down to where something is read; an item of a list has no name."""

    name: str
    span: Span
    node: AnyStep | None = None


@dataclass(frozen=True, eq=False)
class Reference:
    """A place that names a value; `path` are the steps around it, from the outermost."""

    name: str
    span: Span
    path: tuple[Step, ...]


Origin = Literal["step", "row", "source", "input"]


@dataclass(eq=False)
class Def:
    """A value: which step gives it, who names it, who takes it without a word."""

    name: str
    span: Span
    owner: str
    origin: Origin
    depth: int
    copies: re.Pattern[str] | None = None
    """What the names of its copies look like, where these have names of their own."""
    shown: str = ""
    """Its key as written."""
    named: list[Reference] = field(default_factory=list)
    taken: list[tuple[Step, ...]] = field(default_factory=list)
    read: bool = False


@dataclass(eq=False)
class Entry:
    """What a name means in a scope."""

    role: Literal["param", "let", "variable", "input", "step"]
    kind: Kind
    span: Span
    value: Def | None = None


Names = ChainMap[str, Entry]
"""The names in scope: the innermost body's first."""


@dataclass(frozen=True, eq=False)
class Binding:
    """A name that comes into scope, and what it would hide: in the same body, or farther out.

    `shown` is the key as written, `declared` whether it has a key of its own, as params have.
    """

    owner: str
    name: str
    shown: str
    entry: Entry
    same: Entry | None
    outer: Entry | None
    declared: bool


Purpose = Literal["step", "condition", "loop", "depth", "key", "data", "default"]


@dataclass(frozen=True, eq=False)
class Reading:
    """An expression that was read: what for, and which names it was read with."""

    expr: Expr
    node: ast.expr
    purpose: Purpose
    owner: str
    names: Names


@dataclass(eq=False)
class Call:
    """An op or block in the text; `node` is its name, or the call that gives it arguments."""

    expr: Expr
    node: ast.expr
    name: str
    target: type[Op] | Signature
    owner: str
    names: Names
    arguments: tuple[ast.expr, ...] = ()
    keywords: tuple[ast.keyword, ...] = ()
    row: Row | None = None
    applied: bool = False

    @property
    def parameters(self) -> list[str]:
        """The names of the arguments that the op or block takes."""
        if isinstance(self.target, Signature):
            return self.target.names
        return list(self.target.model_fields)

    @property
    def takes(self) -> bool:
        """Whether it takes values: a source takes none."""
        return isinstance(self.target, Signature) or self.target.inputs != 0

    @property
    def required(self) -> list[str]:
        """The arguments without a default."""
        if isinstance(self.target, Signature):
            return [p.name for p in self.target.parameters if p.default is None]
        return [name for name, f in self.target.model_fields.items() if f.is_required()]


@dataclass(eq=False)
class Analysis:
    """Everything that the rules judge by. Owners are names of blocks, "" for the file itself.

    It is not `complete` where Python files with ops could not be read, or may not be: a name
    that means nothing is then that of an op of theirs.

    `imports` has the blocks of each imported file, None for one that can't be read.
    """

    signatures: Mapping[str, Signature]
    ops: Mapping[str, type[Op]] = field(default_factory=lambda: OPS)
    complete: bool = True
    lost: frozenset[str] = frozenset()
    """Words of what was wrong and is left out: a name that means nothing may be one of them."""
    doubtful: list[tuple[str, Span | None]] = field(default_factory=list)
    """Texts whose meaning is not known, since they are wrong, or name what is lost; None for all of an owner."""
    imports: dict[str, Mapping[str, Signature] | None] = field(default_factory=dict)
    defs: list[Def] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    calls: dict[int, Call] = field(default_factory=dict)
    mentions: dict[str, set[str]] = field(default_factory=dict)
    used: dict[int, Entry] = field(default_factory=dict)  # by identity, and so kept alive
    found: list[tuple[str, Diagnostic]] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)

    @property
    def helps(self) -> bool:
        """Whether help is still worth its time: beyond so many faults none is shown."""
        return len(self.found) <= MAX_SHOWN

    def fields(self, name: str) -> Fields:
        """Return the arguments of an op or block, with their defaults."""
        signature = self.signatures.get(name)
        if signature is None:
            return fields_of(self.ops[name])
        return {
            p.name: None if p.default is None else ast.unparse(p.default)
            for p in signature.parameters
        }

    @property
    def wrong(self) -> set[str]:
        """Owners of what is wrong: what those names are used for is not known."""
        return {owner for owner, _ in (*self.found, *self.doubtful)}

    @property
    def unknown_kind(self) -> Kind:
        """What a name that means nothing can be."""
        return Kind.ANY if self.complete else Kind.OP

    def report(self, owner: str, diagnostic: Diagnostic) -> None:
        """Note a fault of a block, or of the file's own part, that a name is the cause of."""
        self.found.append((owner, diagnostic))
