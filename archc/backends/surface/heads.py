"""The classifier in the text of a head: where it is called, and how a new one is made."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from archc.backends.surface.cutting import path_of
from archc.graph import Node
from archc.lower.windows import two
from archc.ops.conv import Conv
from archc.passes.landmarks import Landmarks

SCRIPTING = "torch.jit.is_scripting()"
"""Where TorchScript compiles: it has no stretches of a sequence."""


def attribute(path: str) -> str:
    """Return a module's path as Python reaches it from the network: `self.classifier[6]`."""
    parts = (f"[{part}]" if part.isdecimal() else f".{part}" for part in path.split("."))
    return "self" + "".join(parts)


def new_layer(classifier: Node) -> str:
    """Return the call that makes a layer such as the classifier, for `num_classes`."""
    op, taken = classifier.op, classifier.shapes[0].channels
    more = "" if getattr(op, "bias", True) else ", bias=False"
    place = "device=like.device, dtype=like.dtype"
    if isinstance(op, Conv):
        height, width = two(op.kernel) or (1, 1)
        size = f"{(height, width)}, padding={(height // 2, width // 2)}"
        size = "1" if (height, width) == (1, 1) else size
        return f"nn.Conv2d({taken}, num_classes, {size}{more}, {place})"
    return f"nn.Linear({taken}, num_classes{more}, {place})"


def with_logits(
    head: Sequence[ast.stmt], marks: Landmarks, model: ast.ClassDef
) -> list[ast.stmt] | None:
    """Return a head that leaves the classifier out for `pre_logits`; None where it can't tell it."""
    classifier = marks.classifier
    assert classifier is not None
    for k, statement in enumerate(head):
        for node in ast.walk(statement):
            path = path_of(node.func) if isinstance(node, ast.Call) else None
            if not isinstance(node, ast.Call) or path is None or len(node.args) != 1:
                continue
            if path == classifier.path or classifier.path.startswith(f"{path}."):
                before = _without(node, path, marks, model)
                return None if before is None else _chosen(head, k, node, before)
    return None


def _chosen(head: Sequence[ast.stmt], k: int, call: ast.Call, before: ast.expr) -> list[ast.stmt]:
    """Return a head that chooses between a call and what goes before it, in statement `k`."""
    taken = call.args[0]
    named = isinstance(taken, ast.Name) and taken.id == "x"
    made = [] if named else [ast.Assign([ast.Name("x", ast.Store())], taken, lineno=0)]
    x = ast.Name("x", ast.Load())
    whole = ast.Call(call.func, [x], call.keywords)
    plain = isinstance(before, ast.Name)
    chosen: ast.expr = ast.IfExp(ast.Name("pre_logits", ast.Load()), x, whole) if plain else x
    vars(call)["is_classifier"] = True
    changed = AtClassifier(chosen).replaced(head[k])
    rest = [*([] if ast.unparse(changed) == "x = x" else [changed]), *head[k + 1 :]]
    if plain:
        return [*head[:k], *made, *rest]
    text = f"if pre_logits and not {SCRIPTING}:\n x = {ast.unparse(before)}\nelse:\n x = {ast.unparse(whole)}"
    return [*head[:k], *made, *ast.parse(text).body, *rest]


class AtClassifier(ast.NodeTransformer):
    """Puts a choice in the place of the classifier's call."""

    def __init__(self, chosen: ast.expr) -> None:
        self.chosen = chosen

    def replaced(self, statement: ast.stmt) -> ast.stmt:
        """Return a statement with the choice in it."""
        changed = self.visit(statement)
        assert isinstance(changed, ast.stmt)
        return changed

    def visit(self, node: ast.AST) -> ast.AST:
        """Replace the call, or what is in a node."""
        if getattr(node, "is_classifier", False):
            return self.chosen
        replaced: ast.AST = self.generic_visit(node)
        return replaced


def _without(call: ast.Call, path: str, marks: Landmarks, model: ast.ClassDef) -> ast.expr | None:
    """Return what a call gives without the classifier: of a sequence, what its other layers do."""
    assert marks.classifier is not None
    x, holder = "x", ast.unparse(call.func)
    if path != marks.classifier.path:
        inside = [p.removeprefix(f"{path}.") for p in marks.paths if p.startswith(f"{path}.")]
        names = list(dict.fromkeys(p.partition(".")[0] for p in inside))
        last = marks.classifier.path.removeprefix(f"{path}.")
        if "." in last or not _is_sequence(path, model):
            return None
        behind = len(names) - names.index(last) - 1
        if len(names) > behind + 1:
            x = f"{holder}[:{-behind - 1}]({x})"
        if behind:
            x = f"{holder}[{-behind}:]({x})"
    return ast.parse(x, mode="eval").body


def _is_sequence(path: str, model: ast.ClassDef) -> bool:
    """Whether the class makes an nn.Sequential of a path."""
    for node in ast.walk(model):
        match node:
            case ast.Assign(targets=[target], value=ast.Call(func=function)):
                if path_of(target) == path:
                    return ast.unparse(function) == "nn.Sequential"
    return False
