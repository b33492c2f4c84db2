"""A file with its settings: what the names of its text mean, its imports included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from archc.language.evaluate import describe
from archc.language.expr import Expr
from archc.language.spec import Document, Library
from archc.lower.frames import freeze
from archc.lower.linking import Linked, NetworkDef, link
from archc.lower.origins import Written
from archc.lower.scope import BlockDef, Scope
from archc.ops import Op, spelled


@dataclass(eq=False)
class File:
    """A file, its variant and the settings of its params; `scope` has these and derived values.

    `faulty` are the blocks and imports that are too wrong to be lowered. `origins` say where
    settings stand that another file gives.
    """

    document: Document | Library
    variant: str
    settings: Mapping[str, Any]
    evaluate: Callable[[Scope, Any], Any]
    faulty: frozenset[str] = frozenset()
    opened: dict[Any, File] = field(default_factory=dict)
    origins: Mapping[str, Written] = field(default_factory=dict)
    scope: Scope = field(init=False)

    def __post_init__(self) -> None:
        given = {**self.document.params, **self.chosen, **self.settings}
        plain = {str(k): v for k, v in given.items() if not isinstance(v, (Expr, tuple))}
        texts = {**self.document.let, **given}
        lets = {str(k): v for k, v in texts.items() if str(k) not in plain}
        self.scope = Scope(plain, None, lets, self.evaluate, file=self, origins=self.origins)

    @property
    def chosen(self) -> Mapping[Any, Any]:
        """The settings of the variant."""
        variants = self.document.variants if isinstance(self.document, Document) else {}
        return next((v for name, v in variants.items() if name == self.variant), {})

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

    def opens(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        origins: Mapping[str, Written] | None = None,
    ) -> File | None:
        """Return an imported file with arguments for its params; None where it is wrong."""
        document = self.linked.imports[name]
        if document is None or name in self.faulty:
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
        return self.evaluate(self.scope, value)

    def misfit(self, name: str) -> tuple[str, str] | None:
        """Say where a setting is a list and the param a single thing, or the other way round."""
        declared = next((v for p, v in self.document.params.items() if p == name), None)
        given = self.scope[name]
        meant = self.data(declared) if declared is not None else None
        if None in (given, meant) or isinstance(given, list) == isinstance(meant, list):
            return None
        message = f"`{name}` is {describe(meant)} in the spec, but here {describe(given)}"
        return message, f"the spec has `{name}: {spelled(meant)}`"

    @property
    def own(self) -> Mapping[str, BlockDef]:
        """The blocks that stand in the file itself."""
        return {s.name: self.blocks[s.name] for s in self.document.blocks}
