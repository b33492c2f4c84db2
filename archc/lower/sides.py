"""Two values that don't fit: the ways to them, and what their widths and strides are called."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Edit, Remedy, SpecError
from archc.graph import Node, Value
from archc.language.expr import parse
from archc.language.source import Text
from archc.lower.blame import changeable
from archc.lower.edits import added, call_of, call_text, put, text_at
from archc.lower.marks import Poisoned
from archc.lower.origins import Written, has_place, origin
from archc.lower.ways import Way, shortcut, ways
from archc.ops import Op
from archc.shapes import Shape

if TYPE_CHECKING:
    from archc.lower.reader import Reader

SUMS = ("add", "sub", "sum", "mean")


@dataclass(frozen=True)
class Operand:
    """A value that does not fit another: the way to it, and its text, where it has one of its own."""

    way: Way
    text: Written | None

    @property
    def value(self) -> Value:
        """The value."""
        return self.way.value


class Sides:
    """The two sides of an op whose values don't fit, while it is read."""

    def __init__(self, reader: Reader, op: Op, inputs: Sequence[Value], node: ast.expr) -> None:
        self.reader, self.op, self.node = reader, op, node
        self.source = reader.lowering.document.source
        places = pair_of(inputs, op)
        two = ways([inputs[k] for k in places], reader.lowering.stack, self.source)
        texts = operands(node, len(inputs))
        self.sides = [
            Operand(way, reader.written(texts[k]) if texts else None)
            for way, k in zip(two, places, strict=True)
        ]
        self.short = shortcut(two) if op.name in SUMS else None

    def width_texts(self, side: Operand) -> list[str]:
        """Return what the channels of a value may be called here, the likeliest first."""
        channels = side.value.shape.channels
        texts: list[str] = []
        for node in side.way.nodes:
            places = dict(getattr(node.callee, "places", ()))
            named = [ast.unparse(p) for p in places.values()]
            texts += [t for t in named if not t.isdigit() and self.value(t) == channels]
            if "out" in places or (node.module is not None and channels in node.arguments.values()):
                break
        scope = self.reader.frame.module.arguments if self.reader.frame else {}
        texts += [str(n) for n, v in scope.items() if type(v) is int and v == channels]
        if side.text is not None and isinstance(side.text.tree, ast.Name) and scope:
            texts.append(f"{side.text.tree.id}.channels")
        return list(dict.fromkeys([*texts, str(channels)]))[:3]

    def named(self, side: Operand) -> bool:
        """Whether the channels of a value are told by names, not by a number alone."""
        for node in side.way.nodes:
            given = dict(getattr(node.callee, "places", ()))
            place = given.get("out") or given.get("channels")
            if place is not None:
                return not isinstance(place, ast.Constant)
        return False

    def strided(self, side: Operand) -> bool:
        """Whether a stride on a way is told by names."""
        given = (dict(getattr(n.callee, "places", ())).get("stride") for n in side.way.nodes)
        return any(place is not None and not isinstance(place, ast.Constant) for place in given)

    def stride_texts(self, short: Operand, main: Operand) -> list[str]:
        """Return what the stride of a way may be called here, the likeliest first."""
        fork = fork_of(short)
        size, made = fork.shape.spatial[:1], main.value.shape.spatial[:1]
        ratio = max(1, round(size[0] / made[0])) if size and made and made[0] else 1
        texts = []
        for node in main.way.nodes:
            given = {
                k: w for k, w in dict(getattr(node.callee, "origins", ())).items() if "stride" in k
            }
            for at in given.values():
                tree = _chosen(at)
                if tree is not None and not isinstance(tree, ast.Constant):
                    texts.append(ast.unparse(tree))
        scope = self.reader.frame.module.arguments if self.reader.frame else {}
        texts += [n for n in scope if "stride" in n]
        fit = [t for t in dict.fromkeys(texts) if self.value(t) == ratio]
        return [*fit, str(ratio)][:3]

    def changed(self, node: Node, wanted: dict[str, str]) -> Iterator[Remedy]:
        """Give a step other arguments; those that it lacks are added."""
        parameters = node.callee.parameters if node.callee is not None else []
        edits: list[Edit] = []
        at: Written | None = None
        missing: list[str] = []
        for name, text in wanted.items():
            if name not in parameters:
                if text == "1":
                    continue
                return
            here = next(iter(self.arguments(node, name)), None)
            if here is None:
                missing += [f"{name}={text}"] * (text != "1")
                continue
            at = here
            if here.tree is None or ast.unparse(here.tree) != text:
                edits += put(here, text)
        at = at or next((w for p in parameters for w in self.arguments(node, p)), None)
        if at is not None and missing:
            edits += added(at, ", ".join(missing))
        if at is not None and edits:
            yield self.remedy(at, edits, node)

    def arguments(self, node: Node, name: str) -> list[Written]:
        """Return where an argument of a step is written, where a user can change it."""
        at = dict(getattr(node.callee, "origins", ())).get(name)
        if at is None or not has_place(at):
            return []
        if not changeable(at.span, self.source):
            at = origin(at)
        return [at] if changeable(at.span, self.source) else []

    def remedy(
        self, at: Written, edits: list[Edit], node: Node, how: str = "", why: str = ""
    ) -> Remedy:
        """Say what to write for the call of an argument, or for an argument that stands alone."""
        if not edits:
            return Remedy("")
        step = f" for `{node.path}`" if node.path else ""
        because = f"{why}: " if why else ""
        if call_of(at) is None:
            words = f"write `{edits[0].text}` for `{text_at(edits[0].span)}`"
        else:
            words = f"write `{call_text(at, edits)}`{step}"
        return Remedy(f"{because}{words}{how and ', ' + how}", tuple(edits))

    def value(self, text: str | Written) -> Any:
        """Return what a text means here; None where it means nothing."""
        try:
            if isinstance(text, str):
                expr = parse(Text.at(text, self.reader.expr.text.span))
                return type(self.reader)(
                    self.reader.lowering, expr, self.reader.scope, self.reader.frame
                ).read(expr.tree)
            if text.tree is None:
                return None
            return type(self.reader)(
                self.reader.lowering, text.text, text.scope, self.reader.frame
            ).read(text.tree)
        except (SpecError, Poisoned, AttributeError):
            return None


def pair_of(inputs: Sequence[Value], op: Op) -> tuple[int, int]:
    """Return the places of two values that don't fit."""
    dim = getattr(op, "dim", "") if op.name == "concat" else ""

    def form(shape: Shape) -> Shape:
        return shape.replace(**{dim: 1}) if dim in shape.layout else shape

    odd = (k for k, v in enumerate(inputs) if form(v.shape) != form(inputs[0].shape))
    return 0, next(odd, len(inputs) - 1)


def operands(node: ast.expr, count: int) -> list[ast.expr]:
    """Return the texts of the values of an op; nothing where they have none of their own."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    given = node.args if isinstance(node, ast.Call) else []
    return given if len(given) == count else []


def fork_of(side: Operand) -> Value:
    """Return the value that a way begins with."""
    return (
        side.way.nodes[-1].inputs[0] if side.way.nodes and side.way.nodes[-1].inputs else side.value
    )


def _chosen(at: Written) -> ast.expr | None:
    """Return an expression, or the branch that has names where it is a choice."""
    tree = at.tree
    if isinstance(tree, ast.IfExp):
        parts = [p for p in (tree.body, tree.orelse) if not isinstance(p, ast.Constant)]
        return parts[0] if parts else tree.body
    return tree
