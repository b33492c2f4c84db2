"""What names mean: nested scopes with derived values, and ops and blocks as values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic, Source, Span, SpecError
from archc.language.expr import Expr
from archc.language.initialisers import INITIALISERS
from archc.language.scalars import Signature
from archc.language.source import parse
from archc.language.spec import Block, Library
from archc.lower.origins import Written
from archc.ops import Op

if TYPE_CHECKING:
    from archc.lower.files import File


@dataclass(frozen=True, eq=False)
class BlockDef:
    """A block's definition: its signature, its text, and whether it is a library's."""

    signature: Signature
    block: Block
    library: bool = False

    @property
    def name(self) -> str:
        """The block's name."""
        return self.signature.name


@dataclass(frozen=True)
class Callee:
    """An op or block, bare or with some arguments: what can be applied to values.

    `file` is the one whose text names it: its defaults are meant, and its params in the text
    of the block. `places` are the expressions of the arguments, `origins` also know what the
    names in them mean. Two are equal where name and arguments are, so `unit is preact` can be asked.
    """

    name: str
    target: BlockDef | type[Op]
    file: File = field(compare=False, repr=False)
    arguments: tuple[tuple[str, Any], ...] = ()
    places: tuple[tuple[str, ast.expr], ...] = field(default=(), compare=False)
    origins: tuple[tuple[str, Written], ...] = field(default=(), compare=False, repr=False)
    init: tuple[tuple[str, Expr], ...] = field(default=(), compare=False)

    @property
    def parameters(self) -> list[str]:
        """The names of the arguments that it takes, in order."""
        if isinstance(self.target, BlockDef):
            return self.target.signature.names
        return list(self.target.model_fields)

    @property
    def required(self) -> list[str]:
        """The arguments without a default."""
        if isinstance(self.target, BlockDef):
            return [p.name for p in self.target.signature.parameters if p.default is None]
        return [name for name, f in self.target.model_fields.items() if f.is_required()]

    def __str__(self) -> str:
        return f"`{self.name}`"


def takes(callee: Callee) -> str:
    """Spell the arguments of an op or block for a message."""
    return ", ".join(f"`{p}`" for p in callee.parameters) or "none"


def is_op(callee: Callee) -> bool:
    """Whether a callee is an op and not a block."""
    return isinstance(callee.target, type) and issubclass(callee.target, Op)


def initialises(callee: Any, keyword: ast.keyword) -> bool:
    """Whether a keyword is an initialiser of an op's tensor, such as `init_bias=-6`.

    `init=normal(0.02)` is one of an op that is itself a tensor, `init=0.5` its number.
    """
    if not (isinstance(callee, Callee) and is_op(callee)):
        return False
    if keyword.arg == "init":
        head = keyword.value.func if isinstance(keyword.value, ast.Call) else keyword.value
        return isinstance(head, ast.Name) and head.id in INITIALISERS
    return keyword.arg not in callee.parameters and str(keyword.arg).startswith("init_")


class Scope(Mapping[str, Any]):
    """Names and their values; `lets` are evaluated when first asked for.

    `file` is the one whose text they stand in. `origins` say where values are written that are
    not derived here, `asked` which names were read.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        parent: Scope | None = None,
        lets: Mapping[str, Any] | None = None,
        evaluate: Callable[..., Any] | None = None,
        *,
        file: File | None = None,
        origins: Mapping[str, Written] | None = None,
    ) -> None:
        self._file = file if file is not None or parent is None else parent.file
        self.values_ = dict(values)
        self.parent = parent
        self.lets = dict(lets or {})
        self.origins = origins or {}
        self._evaluate = evaluate
        self._pending: list[str] = []
        self.asked: set[str] = set()
        self.readings: dict[str, dict[int, Any]] = {}

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        if name in self.values_:
            return self.values_[name]
        if name in self.lets and self._evaluate is not None:
            self._enter(name)
            try:
                values = self.readings.setdefault(name, {})
                self.values_[name] = self._evaluate(self, self.lets[name], values=values)
            finally:
                self._pending.pop()
            return self.values_[name]
        if self.parent is None:
            raise KeyError(name)
        return self.parent[name]

    @property
    def file(self) -> File:
        """The file whose text the names stand in."""
        assert self._file is not None
        return self._file

    def _enter(self, name: str) -> None:
        if name in self._pending:
            circle = " → ".join([*self._pending[self._pending.index(name) :], name])
            message = f"`{name}` is defined by itself: {circle}"
            span = place(self.lets[name])
            assert span is not None  # it has a name in it
            raise SpecError(
                [
                    Diagnostic(
                        "cyclic-let",
                        message,
                        span,
                        help="a derived value may use others, but not in a circle",
                    )
                ]
            )
        self._pending.append(name)

    def __contains__(self, name: object) -> bool:
        return (
            name in self.values_
            or name in self.lets
            or (self.parent is not None and name in self.parent)
        )

    def __iter__(self) -> Iterator[str]:
        return iter(
            {**dict.fromkeys(self.parent or ()), **dict.fromkeys(self.lets), **self.values_}
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def child(self, origins: Mapping[str, Written] | None = None, /, **values: Any) -> Scope:
        """Return a scope inside this one."""
        return Scope(values, self, origins=origins)

    def written(self, name: str) -> Written | None:
        """Return where the value of a name is written; None where no text says it."""
        if name in self.origins:
            return self.origins[name]
        if name in self.lets:
            return Written(self.lets[name], self)
        if name in self.values_ or self.parent is None:
            return None
        return self.parent.written(name)


@cache
def library() -> Mapping[str, BlockDef]:
    """Return the blocks that every spec may use, by name."""
    text = files("archc").joinpath("library/prelude.yaml").read_text(encoding="utf-8")
    read = Library.model_validate(parse(Source("prelude.yaml", text, shipped=True)))
    return {s.name: BlockDef(s, b, library=True) for s, b in read.blocks.items()}


def place(value: Any) -> Span | None:
    """Return where a value of a spec, an expression or a list of them, begins; empty lists have no place."""
    if isinstance(value, Expr):
        return value.text.span
    return next((span for item in value if (span := place(item)) is not None), None)
