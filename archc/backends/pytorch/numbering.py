"""Numbers in a constructor: arguments of ops and blocks, and channels of values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.backends.pytorch.context import Contexts, Split, same, split_by
from archc.backends.pytorch.items import Val
from archc.backends.pytorch.render import Names, Renderer, literal, parsed, tupled, unparse
from archc.backends.pytorch.sites import Site, gathered
from archc.graph import Value
from archc.language.expr import Expr
from archc.ops import VARIES, Py

if TYPE_CHECKING:
    from archc.backends.pytorch.templates import Templates


class Numbering:
    """The part of a speller that writes numbers."""

    def __init__(
        self,
        templates: Templates,
        names: Names,
        lookup: Callable[[list[Value]], Val],
    ) -> None:
        self.templates, self.names, self.lookup = templates, names, lookup
        self.render = Renderer(names, self.channels_of)

    # Numbers

    def channels_of(self, node: ast.Attribute, expr: Expr, contexts: Contexts) -> ast.expr:
        """Write `x.channels` for the constructor."""
        values = [c.evaluate(expr, node.value) for c in contexts]
        if node.attr != "channels" or not all(isinstance(v, Value) for v in values):
            raise split_by(contexts, lambda c: c.evaluate(expr, node))
        val = self.lookup(values)
        return parsed(self.pick(val.candidates, contexts, [v.shape.channels for v in values]).text)

    def pick(self, candidates: Sequence[str], contexts: Contexts, numbers: list[Any]) -> Py:
        """Return the first expression that gives the right number in every context.

        Where none of the candidates does, an argument may, such as `width`.
        """
        for text in candidates:
            if (found := self.fitting(text, contexts, numbers)) is not None:
                return found
        if same(numbers):
            return Py.of(numbers[0])
        for name in sorted(self.names.varying):
            if (found := self.fitting(name, contexts, numbers)) is not None:
                return found
        by_context = dict(zip(map(id, contexts), numbers, strict=True))
        raise split_by(contexts, lambda c: by_context[id(c)])

    def fitting(self, text: str, contexts: Contexts, numbers: list[Any]) -> Py | None:
        """Return an expression if it gives the right number in every context."""
        tree = parsed(text)
        if not all(c.number(tree) == n for c, n in zip(contexts, numbers, strict=True)):
            return None
        nodes = list(ast.walk(tree))
        functions = {id(n.func) for n in nodes if isinstance(n, ast.Call)}
        names = {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in functions}
        self.names.used |= names
        self.names.sizes |= names
        return Py(text, VARIES) if names else Py.of(numbers[0])

    def stored(self, py: Py) -> Py:
        """Return an expression as forward can say it: over attributes of the module."""
        if py.value is not VARIES:
            return py
        tree = parsed(py.text)
        functions = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and id(node) not in functions and node.id != "math":
                if node.id in self.names.loops:
                    raise Split({})
                self.names.stored[node.id] = node.id
                node.id = f"self.{node.id}"
        return replace(py, text=unparse(tree))

    def argument(self, site: Site, name: str, values: list[Any]) -> Py:
        """Write an argument: what the text says where that is what it was, or a literal."""
        place = gathered(site, name)
        if (
            site.expr is not None
            and place is not None
            and not self.render.fixed(site.expr, place, site.contexts)
        ):
            text = self.render.py(site.expr, place, site.contexts)
            if self.means(site, place, values):
                return text
        if same(values):
            return literal(values[0])
        by_frame = dict(zip((id(c.frame) for c in site.contexts), values, strict=True))
        raise split_by(site.contexts, lambda c: by_frame[id(c.frame)])

    def means(self, site: Site, place: ast.expr, values: list[Any]) -> bool:
        """Whether a place of the text has the values that were used; a row's stride may not."""
        if site.expr is None:
            return False
        written = self.render.values(site.expr, place, site.contexts)
        return all(tupled(a) == tupled(b) for a, b in zip(written, values, strict=True))

    def input_channels(self, site: Site) -> tuple[Py, ...]:
        """Write the channels of each input, or what an op has in their place."""
        found = []
        for k, val in enumerate(site.inputs):
            if val.many:
                if site.nodes[0].op is not None:
                    raise site.split(lambda n: len(n.inputs))
                rows = [[v.shape.channels for v in vs] for vs in site.taken(k)]
                found.append(self.pick(val.candidates, site.contexts, rows))
                continue
            shapes = [vs[0].shape for vs in site.taken(k)]
            numbers: list[Any] = [
                n.op.features(s) if n.op else s.channels
                for n, s in zip(site.nodes, shapes, strict=True)
            ]
            own = all(s.channels == n for s, n in zip(shapes, numbers, strict=True))
            found.append(self.pick(val.candidates if own else (), site.contexts, numbers))
        return tuple(found)
