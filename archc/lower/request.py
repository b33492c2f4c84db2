"""What a user asks for beside a spec: settings, outputs and the sizes of the input."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.diagnostics import SpecError
from archc.language.expr import Expr
from archc.language.given import numbers, places, setting, sizes, written
from archc.language.source import Text
from archc.language.spec import Document
from archc.lower.foreign import unknown_settings
from archc.lower.headless import CLASSES, is_zero, without_classifier


@dataclass(frozen=True)
class Request:
    """Settings of params, places whose values are given, and sizes of the input; each may be empty."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[Text] = ()
    input: tuple[Expr, ...] = ()

    @classmethod
    def of(
        cls, settings: Mapping[str, Any], outputs: Sequence[str], input: Iterable[int] | None
    ) -> Request:
        """Read what a user gives; raises SpecError, or TypeError for what is no data of a spec."""
        given = {name: setting(name, value) for name, value in settings.items()}
        return cls(given, places(outputs), sizes(numbers(input)))

    @property
    def plain(self) -> bool:
        """Whether the network is that of the spec, as its author published it."""
        return not (self.settings or self.outputs or self.input)

    def applied(self, document: Document, variant: str) -> tuple[Document, Mapping[str, Any]]:
        """Return the document that a variant is lowered from, and the settings of its params.

        Raises SpecError.
        """
        if unknown := unknown_settings(document, self.settings):
            raise SpecError(unknown)
        document, settings = self._sized(document)
        chosen: Mapping[Any, Any] = next(
            (v for n, v in document.variants.items() if n == variant), {}
        )
        classes = {**document.params, **chosen, **settings}.get(CLASSES)
        if not is_zero(classes):
            return document, settings
        left = {name: value for name, value in settings.items() if name != CLASSES}
        place = classes if isinstance(classes, Expr) else written("--set", CLASSES, "0")
        return without_classifier(document, place.text.span), left

    def _sized(self, document: Document) -> tuple[Document, Mapping[str, Any]]:
        """Set the sizes of the input: by the params that it is written with, where that will do."""
        if not self.input:
            return document, self.settings
        if len(self.input) != len(document.input):
            return document.model_copy(update={"input": self.input}), self.settings
        pairs = list(zip(document.input, self.input, strict=True))
        by_param: dict[str, dict[str, Expr]] = {}
        for own, new in pairs:
            if isinstance(own.tree, ast.Name) and own.tree.id not in self.settings:
                by_param.setdefault(own.tree.id, {})[str(new)] = new
        known = {str(name) for name in document.params}
        settings = {
            name: next(iter(given.values()))
            for name, given in by_param.items()
            if name in known and len(given) == 1
        }
        kept = [
            o if isinstance(o.tree, ast.Name) and o.tree.id in settings else n for o, n in pairs
        ]
        changed = document.model_copy(update={"input": tuple(kept)})
        return changed, {**self.settings, **settings}


PLAIN = Request()
"""The network as its spec has it."""
