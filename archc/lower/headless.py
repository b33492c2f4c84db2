"""A network without its classifier: what `num_classes=0` asks for.

As in timm the layer that makes the classes becomes the identity, so that the features before
it come out. Which layer that is the text says: it is made for `num_classes` channels.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, RootModel

from archc.diagnostics import Span, spec_error
from archc.language.expr import Expr
from archc.language.spec import Document, Modified
from archc.lower.linking import link
from archc.ops import OPS
from archc.ops.wiring import Identity

CLASSES = "num_classes"
LAYERS = frozenset(
    name for name, op in OPS.items() if op.weighted and next(iter(op.model_fields), "") == "out"
)
"""The ops with weights that make so many channels as their first argument says."""

PARTS = ("let", "blocks", "stem", "stages", "head", "body")


def is_zero(value: Any) -> bool:
    """Whether a setting is written as 0."""
    if isinstance(value, Expr):
        value = value.tree.value if isinstance(value.tree, ast.Constant) else None
    return type(value) is int and value == 0


def without_classifier(document: Document, place: Span) -> Document:
    """Return a document whose classifier is the identity; the classes are set to 0 at a place.

    Raises SpecError where no layer is made for the classes alone.
    """
    parts = {name: _changed(getattr(document, name)) for name in PARTS}
    if all(parts[name] is getattr(document, name) for name in PARTS):
        message = f"no layer of `{document.name}` is made for `{CLASSES}` channels"
        hint = "0 leaves the classifier out: give a number, or say by `outputs` what comes out"
        raise spec_error("no-classifier", message, place, hint)
    changed = document.model_copy(update=parts)
    old = document._linked  # noqa: SLF001 - who allowed its files, allows them here
    changed._linked = None  # noqa: SLF001 - its blocks may be others
    link(changed, allow_ops=old is not None and not old.plugin_faults)
    return changed


def _changed(part: Any) -> Any:
    """Return a part of a document with the classifiers in it replaced; itself where it has none."""
    changed: Any = part
    if isinstance(part, Expr):
        changed = _of_expression(part)
    elif isinstance(part, RootModel):
        root = _changed(part.root)
        changed = part if root is part.root else part.model_copy(update={"root": root})
    elif isinstance(part, BaseModel):
        changed = _of_model(part)
    elif isinstance(part, Mapping):
        items = {key: _changed(value) for key, value in part.items()}
        changed = items if any(items[key] is not part[key] for key in items) else part
    elif isinstance(part, tuple):
        values = tuple(map(_changed, part))
        changed = values if any(a is not b for a, b in zip(values, part, strict=True)) else part
    return changed


def _of_model(part: BaseModel) -> BaseModel:
    fields = {name: getattr(part, name) for name in type(part).model_fields}
    other = {n: new for n, old in fields.items() if (new := _changed(old)) is not old}
    if isinstance(part, Modified) and isinstance(new := other.get("do"), Expr) and _is_none(new):
        other["init"] = None  # its weights are gone
    return part.model_copy(update=other) if other else part


def _of_expression(expr: Expr) -> Expr:
    finder = Replacing()
    tree = finder.visit(deepcopy(expr.tree))
    return Expr(expr.text, tree, expr.shift) if finder.found else expr


def _is_none(expr: Expr) -> bool:
    return isinstance(expr.tree, ast.Name) and expr.tree.id == Identity.name


class Replacing(ast.NodeTransformer):
    """Puts the identity in the place of a layer that is made for the classes."""

    found = False

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Replace the call, or what is in it."""
        widths = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "out")]
        for_classes = any(isinstance(w, ast.Name) and w.id == CLASSES for w in widths)
        if isinstance(node.func, ast.Name) and node.func.id in LAYERS and for_classes:
            self.found = True
            return ast.copy_location(ast.Name(Identity.name, ast.Load()), node)
        self.generic_visit(node)
        return node
