"""A file with its settings: what the names of its text mean, its imports included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from archc.diagnostics import SpecError
from archc.language.expr import Expr
from archc.language.scalars import Key
from archc.language.source import Text
from archc.language.spec import Document, Library
from archc.lower.frames import freeze
from archc.lower.linking import Linked, NetworkDef, link
from archc.lower.marks import NO_FAULTS, Faults, Poisoned
from archc.lower.origins import Written
from archc.lower.params import Misfit, late_names, misfit
from archc.lower.scope import BlockDef, Scope
from archc.ops import Op


@dataclass(eq=False)
class File:
    """A file, its variant and the settings of its params; `scope` has these and derived values.

    `faulty` are the blocks and imports that are too wrong to be lowered. `origins` say where
    settings stand that another file gives.
    """

    document: Document | Library
    variant: str
    settings: Mapping[str, Any]
    evaluate: Callable[..., Any]
    faulty: Faults = NO_FAULTS
    opened: dict[Any, File] = field(default_factory=dict)
    origins: Mapping[str, Written] = field(default_factory=dict)
    scope: Scope = field(init=False)

    def __post_init__(self) -> None:
        self.scope = self._scope()

    def _scope(self) -> Scope:
        given = {**self.document.params, **self.chosen, **self.settings}
        plain = {str(k): v for k, v in given.items() if not isinstance(v, (Expr, tuple))}
        texts = {**self.document.let, **given}
        lets = {str(k): v for k, v in texts.items() if str(k) not in plain}
        return Scope(plain, None, lets, self.evaluate, file=self, origins=self.origins)

    @property
    def chosen(self) -> Mapping[Any, Any]:
        """The settings of the variant."""
        variants = self.document.variants if isinstance(self.document, Document) else {}
        return next((v for name, v in variants.items() if name == self.variant), {})

    def unsound(self, written: Expr | Key) -> bool:
        """Whether a text has been found faulty, so that what it gives is unknown."""
        places = self.faulty.places
        wrong = bool(places) and written.text.span.key in places
        return wrong or (isinstance(written, Expr) and not written.sound)

    @property
    def linked(self) -> Linked:
        """What the names of blocks and imports mean."""
        return link(self.document)

    @property
    def blocks(self) -> Mapping[str, BlockDef]:
        """The blocks that the file knows: its own, the library's, the networks it imports."""
        return self.linked.blocks

    @property
    def ops(self) -> Mapping[str, type[Op]]:
        """The ops that the file knows: those of archc, and of its plug-ins."""
        return self.linked.ops

    def declared(self, name: str) -> Mapping[Any, Any]:
        """Return the arguments that `defaults:` has for an op or block."""
        return self.document.defaults.get(Text(name), {})

    def opens(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        origins: Mapping[str, Written] | None = None,
    ) -> File | None:
        """Return an imported file with arguments for its params; None where it is wrong."""
        document = self.linked.imports[name]
        if document is None or name in self.faulty.owners:
            return None
        given = dict(arguments or {})
        key = (name, freeze(given))
        if key not in self.opened:
            network = self.blocks.get(name)
            variant = network.variant if isinstance(network, NetworkDef) else ""
            self.opened[key] = File(document, variant, given, self.evaluate, origins=origins or {})
        return self.opened[key]

    def data(self, value: Any) -> Any:
        """Evaluate a value of the file, an expression or a list of them."""
        return self.evaluate(self.scope, value, values={})

    def misfit(self, name: str) -> Misfit | None:
        """Say why a param can't be what it is set to."""
        declared = next((p for n, p in self.document.declared.items() if n == name), None)
        if declared is None:
            return None
        try:
            value = self.judged[name]
            return misfit(name, value, declared, lambda v: self.evaluate(self.judged, v, values={}))
        except Poisoned:  # what it is set to is unknown, which has been reported
            return None

    @cached_property
    def judged(self) -> Scope:
        """The names once more, so that what judges a setting is not taken for what reads it."""
        return self._scope()

    def idle(self, settings: Mapping[Any, Any], instead: Mapping[Any, Any]) -> tuple[Any, ...]:
        """Return the names of settings that nothing has read; `instead` is what they replace.

        A setting that changes nothing is none, and initialisers are read later.
        """
        usual = {str(k): v for k, v in instead.items()}
        names = [n for n in settings if str(n) in usual and str(n) not in self.scope.asked]
        late = late_names(self.document) if names else set()
        return tuple(n for n in names if str(n) not in late and self._differs(n, usual[str(n)]))

    def _differs(self, name: Any, usual: Any) -> bool:
        """Whether a setting is another value than what it replaces, which may have none."""
        try:
            return bool(self.judged[str(name)] != self.evaluate(self.judged, usual, values={}))
        except (SpecError, Poisoned):
            return True

    @property
    def own(self) -> Mapping[str, BlockDef]:
        """The blocks that stand in the file itself."""
        return {s.name: self.blocks[s.name] for s in self.document.blocks}
