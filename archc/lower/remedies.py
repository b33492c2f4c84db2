"""What may mend two values that don't fit, found on the ways to them; the likeliest first.

None of it is sure: each is typed in and tried before it is said.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archc.diagnostics import Edit, Remedy
from archc.graph import Node, Value
from archc.language.expr import Expr
from archc.lower.blame import changeable
from archc.lower.edits import added, left_out, put, text_at
from archc.lower.origins import Written, has_place, origin
from archc.lower.sides import SUMS, Operand, Sides
from archc.lower.ways import SHORTCUTS, before
from archc.lower.windows import reach, rests, rounded, strides, unfit
from archc.ops.faults import times

if TYPE_CHECKING:
    pass

MAX_REMEDIES = 16
GATES = ("sigmoid", "hardsigmoid", "softmax")
NUMBERS = ("identity", "scale", "shift", "negate", "over")
"""What changes no shape and has no weights."""


class Unfit(Sides):
    """What may mend an op whose two values don't fit."""

    def remedies(self) -> tuple[Remedy, ...]:
        """Return what may mend it."""
        found: dict[tuple[Edit, ...], Remedy] = {}
        for remedy in self.candidates():
            known = all(changeable(e.span, self.source) for e in remedy.edits)
            if known and (remedy.edits or remedy.sizes):
                found.setdefault(remedy.edits, remedy)
            if len(found) == MAX_REMEDIES:
                break
        return tuple(found.values())

    def candidates(self) -> Iterator[Remedy]:
        """Yield what may mend it, the likeliest first."""
        a, b = (side.value.shape for side in self.sides)
        if a.layout != b.layout:
            yield from self.layouts()
            return
        if self.op.name == "div":
            yield from self.inverse()
        yield from self.gates()
        yield from self.owned()
        repeated = self.op.name == "mul" and 1 in (*a.spatial, *b.spatial)
        if a.spatial != b.spatial and not repeated:
            yield from self.sizes()
            yield from self.whole()
        elif a.channels != b.channels and self.op.name != "concat":
            yield from self.channels()

    def sizes(self) -> Iterator[Remedy]:
        """Yield what may make two maps alike, whose sizes differ."""
        a, b = (side.value.shape for side in self.sides)
        pairs = list(zip(a.spatial, b.spatial, strict=True))
        near = all(2 * p < 3 * q and 2 * q < 3 * p for p, q in pairs)
        ratio = max(round(max(p, q) / max(1, min(p, q))) for p, q in pairs)
        if not near:
            yield from self.upsampled(ratio)
        if self.short is not None:
            short, main = self.sides[self.short], self.sides[1 - self.short]
            if (
                not near
                and short.value.shape.spatial < main.value.shape.spatial
                and not self.strided(main)
            ):
                yield from self.strides(ratio)  # the other way forgot to stride
            yield from self.shortcuts(short, main)
        if near:
            yield from self.rounding()
        yield from self.windows()
        if not near:
            yield from self.strides(ratio)
        if a.channels == b.channels or self.op.name == "concat":
            yield from self.fitted()

    def whole(self) -> Iterator[Remedy]:
        """Project the larger of two maps, where width and size differ."""
        large, small = sorted(self.sides, key=lambda s: s.value.shape.spatial, reverse=True)
        if self.op.name in SUMS and large.text is not None:
            shown = text_at(large.text.span)
            for stride in self.stride_texts(large, small):
                wanted = f"projection({self.width_texts(small)[0]}, {stride})({shown})"
                yield Remedy(f"write `{wanted}` for `{shown}`", tuple(put(large.text, wanted)))

    def channels(self) -> Iterator[Remedy]:
        """Yield what may make two values alike, whose channels differ."""
        if self.short is not None:
            short, main = self.sides[self.short], self.sides[1 - self.short]
            if self.named(short) and not self.named(main):
                yield from self.widths()  # a number among params is the slip
            yield from self.shortcuts(short, main)
        yield from self.widths()

    # A shortcut that is not as the other way

    def shortcuts(self, short: Operand, main: Operand) -> Iterator[Remedy]:
        """Give the shortcut the width and the stride of the other way."""
        for width in self.width_texts(main):
            for stride in self.stride_texts(short, main):
                yield from self.projected(short, width, stride)

    def projected(self, short: Operand, width: str, stride: str) -> Iterator[Remedy]:
        """Make a projection of a shortcut, or mend the one that it is."""
        made = [n for n in short.way.nodes if n.name not in NUMBERS]
        call = f"projection({width}, {stride})"
        plain = len(short.value.shape.spatial) == 2
        if not made:
            target = self.identity(short)
            if target is not None and plain:
                more = self.value(width)
                wider = isinstance(more, int) and more >= short.value.shape.channels
                padded = f"zero_pad({width}, {stride})"
                for piece, text, shown in target:
                    wanted = text.replace("projection(", f"{call}(", 1)
                    words = f"`{shown}` is the shortcut{self.apart(short)}: write `{wanted}` in its place"
                    other = text.replace("projection(", f"{padded}(", 1).replace(
                        "projection", "zero_pad"
                    )
                    words += f", or `{other}`, which has no weights" * wider
                    yield Remedy(words, tuple(put(piece, wanted)))
            elif short.text is not None:
                shown = text_at(short.text.span)
                wanted = f"linear({width})({shown})"
                words = f"`{shown}` is the shortcut: write `{wanted}` in its place"
                yield Remedy(words, tuple(put(short.text, wanted)))
            return
        for node in made:
            names = ("channels", "stride") if node.name in SHORTCUTS else ("out", "stride")
            yield from self.changed(node, dict(zip(names, (width, stride), strict=True)))

    def apart(self, short: Operand) -> str:
        """Say that the strides differ, where they do."""
        here, there = short.value, self.sides[1 - (self.short or 0)].value
        sizes = here.shape.spatial[:1] + there.shape.spatial[:1]
        if len(sizes) < 2 or sizes[0] <= sizes[1]:
            return ""
        return f", and the other way strides by {round(sizes[0] / max(1, sizes[1]))}"

    def identity(self, short: Operand) -> list[tuple[Written, str, str]] | None:
        """Return where a shortcut that does nothing is written, and what to write there."""
        for node in short.way.nodes:  # `identity(x)`, maybe by a param that holds the op
            call = _call_at(node) if node.name == "identity" else None
            if call is None or not isinstance(call.func, ast.Name | ast.Call):
                continue
            head = call.func.func if isinstance(call.func, ast.Call) else call.func
            expr: Expr = node.step
            at = Written(expr, self.reader.scope, head)
            if origin(at) is not at and has_place(origin(at)):
                held = origin(at)
                return [(held, "projection", text_at(held.span))]
            whole = Written(expr, self.reader.scope, call)
            inner = call.args[0] if len(call.args) == 1 else None
            if inner is not None:
                taken = text_at(expr.span(inner))
                return [(whole, f"projection({taken})", text_at(whole.span))]
        if short.text is None:
            return None
        shown = text_at(short.text.span)
        return [(short.text, f"projection({shown})", shown)]

    # Widths

    def widths(self) -> Iterator[Remedy]:
        """Give one way the channels of the other, at the last step that sets them."""
        second, first = self.sides[1], self.sides[0]
        order = [(first, second), (second, first)]
        if self.named(first) != self.named(second):
            order = (
                [(first, second), (second, first)]
                if self.named(second)
                else [(second, first), (first, second)]
            )
        elif _is_source(second.value) or (
            second.way.layers <= first.way.layers and not _is_source(first.value)
        ):
            order.reverse()
        for side, other in order:
            for width in self.width_texts(other):
                for node in side.way.nodes:
                    changed = list(self.channelled(node, side.value.shape.channels, width))
                    yield from changed
                    if changed:
                        break

    def channelled(self, node: Node, channels: int, width: str) -> Iterator[Remedy]:
        """Give a step other channels, where its text says how many it has."""
        if node.name == "parameter":
            for at in self.arguments(node, "dims"):
                call = at.tree
                if isinstance(call, ast.Call):
                    pieces = [at.piece(arg) for arg in call.args]
                    fit = [p for p in pieces if self.value(p) == channels]
                    for piece in fit[:1]:
                        yield self.remedy(piece, put(piece, width), node)
            return
        names = (
            ["out"]
            if node.op is not None
            else [
                name
                for name, value in dict(node.arguments).items()
                if type(value) is int and value == channels
            ]
        )
        for name in names:
            yield from self.changed(node, {name: width})
        for name in names if width.isdigit() else ():
            for at in map(origin, self.arguments(node, name)):
                if has_place(at) and isinstance(at.tree, ast.Constant):
                    yield self.remedy(at, put(at, width), node)

    # Strides

    def strides(self, ratio: int) -> Iterator[Remedy]:
        """Let the ways stride alike."""
        large, small = sorted(self.sides, key=lambda s: s.value.shape.spatial, reverse=True)
        if self.op.name == "concat" and small.text is not None:
            shown = text_at(small.text.span)
            wanted = f"upsample({ratio})({shown})"
            words = f"`{shown}` is {ratio} times smaller: write `{wanted}`, or stride on both ways"
            yield Remedy(words, tuple(put(small.text, wanted)))
        texts = self.stride_texts(large, small)
        layers = [n for n in reversed(large.way.nodes) if n.name != "upsample"]
        for node in sorted(layers, key=reach, reverse=True):
            for text in texts:
                yield from self.changed(node, {"stride": text})
        for node in small.way.nodes:
            for at in self.arguments(node, "stride"):
                yield self.remedy(
                    at, left_out(at), node, "without `stride`", "the ways stride apart"
                )
                yield self.remedy(at, put(at, "1"), node, why="the ways stride apart")

    def upsampled(self, ratio: int) -> Iterator[Remedy]:
        """Enlarge a map by what is left to the size of the other."""
        large, small = sorted(self.sides, key=lambda s: s.value.shape.spatial, reverse=True)
        for node in small.way.nodes:
            for at in self.arguments(node, "scale") if node.name == "upsample" else ():
                scale = self.value(at)
                if isinstance(scale, int):
                    yield self.remedy(at, put(at, str(scale * ratio)), node)
        for node in large.way.nodes:
            for at in self.arguments(node, "scale") if node.name == "upsample" else ():
                scale = self.value(at)
                if isinstance(scale, int) and scale > ratio:
                    yield self.remedy(at, put(at, str(scale // ratio)), node)

    # Windows that don't keep the size

    def windows(self) -> Iterator[Remedy]:
        """Mend the windows that give another size than a stride alone would."""
        for node in [n for side in self.sides for n in side.way.nodes]:
            wrong = unfit(node)
            if wrong is None:
                continue
            at = next(iter(self.arguments(node, "padding")), None)
            before, after = (times(v.shape.spatial) for v in (node.inputs[0], node.outputs[0]))
            why = f"`{node.path or node.name}` makes {before} to {after}"
            if at is not None:
                yield self.remedy(at, left_out(at), node, "without `padding`", why)
                for padding in wrong.paddings:
                    yield self.remedy(at, put(at, padding), node, why=why)
            kernel = next(iter(self.arguments(node, "kernel")), None)
            if kernel is None:
                continue
            if at is None:
                for more in wrong.added:
                    yield self.remedy(kernel, added(kernel, more), node, why=why)
            for size in wrong.kernels if node.name.startswith("conv") or at is not None else ():
                yield self.remedy(kernel, put(kernel, size), node, why=why)
                if at is not None:
                    edits = [*put(kernel, size), *left_out(at)]
                    yield self.remedy(kernel, edits if len(edits) == 2 else [], node, why=why)

    def rounding(self) -> Iterator[Remedy]:
        """Choose a size of the input that all steps divide without a rest."""
        lowering = self.reader.lowering
        nodes = [n for side in self.sides for n in side.way.nodes]
        if any(strides(node) for node in nodes) and len(lowering.document.input) > 2:
            found = [Written(e, lowering.file.scope) for e in lowering.document.input[-2:]]
            literal = [origin(w) for w in found]
            numbers = all(isinstance(w.tree, ast.Constant) and has_place(w) for w in literal)
            places = tuple(w.span for w in (literal if numbers else found))
            whole = (before(s.value, lowering.stack, None) for s in self.sides)
            odd = [n for found in whole for n in found.values() if rests(n)]
            yield Remedy(rounded(odd[-1]) if odd else "", sizes=places)

    def fitted(self) -> Iterator[Remedy]:
        """Resize one map to the other, where nothing else is known."""
        large, small = sorted(self.sides, key=lambda s: s.value.shape.spatial, reverse=True)
        if large.text is not None and small.text is not None:
            to, shown = text_at(large.text.span), text_at(small.text.span)
            wanted = f"resize_to({shown}, {to})"
            yield Remedy(f"to enlarge `{shown}`, write `{wanted}`", tuple(put(small.text, wanted)))

    # Broadcasting

    def gates(self) -> Iterator[Remedy]:
        """Multiply by a gate, where a sum has one."""
        for side in self.sides:
            last = side.value.node
            if self.op.name == "add" and last is not None and last.name in GATES:
                yield from self.operator("*", "a gate is multiplied, and repeated over the map")

    def owned(self) -> Iterator[Remedy]:
        """Give a learned tensor the sizes of the other value."""
        for side, other in (self.sides, self.sides[::-1]):
            node = side.value.node
            if node is None or node.name != "parameter":
                continue
            here, there = side.value.shape.sizes, other.value.shape.sizes
            for at in self.arguments(node, "dims"):
                call = at.tree
                given = call.args[-len(here) :] if isinstance(call, ast.Call) else []
                if len(given) != len(here) or here[-1] != there[-1]:
                    continue  # channels may be called by a name, see `widths`
                odd = [
                    (g, t) for g, h, t in zip(given, here, there, strict=True) if h not in (1, t)
                ]
                edits = [e for g, size in odd for e in put(at.piece(g), str(size))]
                if odd and len(edits) == len(odd):
                    yield self.remedy(at.piece(odd[0][0]), edits, node)

    def inverse(self) -> Iterator[Remedy]:
        """Multiply by the inverse: only `*` repeats what has the size 1."""
        pairs = zip(*(s.value.shape.sizes for s in self.sides), strict=True)
        tree = self.node
        if isinstance(tree, ast.BinOp) and all(q in (1, p) for p, q in pairs):
            left, right = (text_at(self.reader.expr.span(n)) for n in (tree.left, tree.right))
            inner = f"({right})" if isinstance(tree.right, ast.BinOp) else right
            wanted = f"{left} * (1 / {inner})"
            whole = self.reader.written(tree)
            yield Remedy(
                f"only `*` repeats a size of 1: write `{wanted}`", tuple(put(whole, wanted))
            )

    def operator(self, sign: str, why: str) -> Iterator[Remedy]:
        """Write another operator between the values."""
        tree = self.node
        if isinstance(tree, ast.BinOp):
            left, right = (text_at(self.reader.expr.span(n)) for n in (tree.left, tree.right))
            wanted = f"{left} {sign} {right}"
            yield Remedy(f"{why}: write `{wanted}`", tuple(put(self.reader.written(tree), wanted)))

    def layouts(self) -> Iterator[Remedy]:
        """Make a map of a vector that stands beside a map."""
        vector, whole = sorted(self.sides, key=lambda s: len(s.value.shape.sizes))
        a, b = vector.value.shape, whole.value.shape
        if (a.layout, b.layout) == (("n", "c"), ("c", "h", "w")) and vector.text is not None:
            shown = text_at(vector.text.span)
            wanted = f'rearrange("b (h w) c -> b c h w", h={b.sizes[1]})({shown})'
            yield Remedy(f"write `{wanted}`, a map", tuple(put(vector.text, wanted)))
        if vector.value.shape.layout != ("c",) or whole.value.shape.layout != ("c", "h", "w"):
            return
        for node in vector.way.nodes[:1]:
            for at in self.arguments(node, "dims") if node.name == "parameter" else ():
                call = at.tree
                if isinstance(call, ast.Call) and len(call.args) == 1:
                    first = at.piece(call.args[0])
                    text = f"{text_at(first.span)}, 1, 1"
                    yield self.remedy(first, put(first, text), node)
        if vector.text is not None:
            shown = text_at(vector.text.span)
            wanted = f'rearrange("b c -> b c 1 1")({shown})'
            yield Remedy(f"write `{wanted}`, a map of 1×1", tuple(put(vector.text, wanted)))


def _is_source(value: Value) -> bool:
    return value.node is not None and value.node.op is not None and value.node.op.inputs == 0


def _call_at(node: Node) -> ast.Call | None:
    if not isinstance(node.step, Expr):
        return None
    calls = (n for n in ast.walk(node.step.tree) if isinstance(n, ast.Call))
    return next((c for c in calls if node.step.span(c) == node.span), None)
