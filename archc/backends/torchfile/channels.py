"""The channels of a value as an expression over what a class takes: abstract interpretation."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archc.backends.torchfile.algebra import simplified, substituted
from archc.backends.torchfile.merge import Apply, Body, Choice, Group, Repeat, use_of
from archc.backends.torchfile.operands import (
    Carry,
    Collect,
    Def,
    Elem,
    Input,
    Operand,
    Out,
    Pack,
    Phi,
    Unwired,
)
from archc.backends.torchfile.spots import Unspelled, alike, literal
from archc.graph import Value

if TYPE_CHECKING:
    from archc.backends.torchfile.host import Host


class Channels:
    """The channels of the operands of one class."""

    def __init__(self, owner: Host) -> None:
        self.owner = owner
        self.ending: set[int] = set()

    def of(self, body: Body, k: int, want: Mapping[int, Any]) -> ast.expr:
        """Return the channels of what is needed before item k of a body."""
        wiring = self.owner.wiring
        operand = wiring.value(body, k, dict(want))
        return self.operand(operand, [*want.values()])

    def operand(self, operand: Operand, values: Sequence[Value]) -> ast.expr:
        """Return the channels of an operand; `values` are those that it was asked for."""
        if any(not isinstance(v, Value) for v in values):
            raise Unspelled("the channels of a list")
        sizes = [v.shape.channels for v in values]
        if alike(sizes) and self.is_static(operand):
            return literal(sizes[0])
        try:
            return self.spelled(operand, values)
        except (Unspelled, Unwired):
            if alike(sizes):
                return literal(sizes[0])
            raise

    def is_static(self, operand: Operand) -> bool:
        """Whether an operand has as many channels in all uses and turns, not in these alone."""
        match operand:
            case Input(index=k):
                given = [self.owner.taken[u][k] for u in range(len(self.owner.modules))]
                return all(isinstance(v, Value) for v in given) and alike(
                    [v.shape.channels for v in given]
                )
            case Def(item=Apply() as item):
                return alike([n.outputs[0].shape.channels for n in item.nodes]) and (
                    not _in_choice(operand.body)
                )
            case Carry():
                return alike(
                    [v.shape.channels for v in operand.want.values() if isinstance(v, Value)]
                )
        return True

    def all_of(self, operand: Operand) -> list[Value]:
        """Return all values that an operand may be."""
        if isinstance(operand, Input):
            return [taken[operand.index] for taken in self.owner.taken]
        return _known(operand)

    def spelled(self, operand: Operand, values: Sequence[Value]) -> ast.expr:
        """Return the channels of an operand that differ; raises Unspelled."""
        owner = self.owner
        match operand:
            case Input():
                return owner.use(owner.channel_symbol(operand.index))
            case Def(item=Apply() as item):
                return self.applied(item, operand.body)
            case Def(item=Group() as item):
                ends = owner.straight[id(item)]
                want = {p: end for p, (_, end) in enumerate(ends)}
                return self.of(item.body, len(item.body.items), want)
            case Def(item=Repeat() as item):
                return self.loop_end(item)
            case Phi():
                return self.phi(operand)
            case Carry():
                return self.carried(operand)
            case Out():
                return self.after(operand, values)
            case Collect():
                return self.each(operand)
            case Elem():
                return self.entry(operand, values)
        raise Unspelled("the channels of a list")

    def loop_end(self, item: Repeat) -> ast.expr:
        """Return the channels of what a straight loop gives."""
        owner = self.owner
        ends = {p: end for p, (_, end) in enumerate(owner.straight[id(item)])}
        around = owner.around[id(item)]
        wired = owner.wiring.repeated(item, around, around.items.index(item), ends)
        return self.operand(wired, [*ends.values()])

    def applied(self, item: Apply, body: Body) -> ast.expr:
        """Return the channels of what an application gives."""
        owner, node = self.owner, item.nodes[0]
        k = body.items.index(item)
        if node.op is None:
            return owner.summary(item, body)
        if "out" in type(node.op).model_fields:
            return owner.op_argument(item, body, k, "out")
        kept = all(
            n.inputs and n.outputs[0].shape.channels == n.inputs[0].shape.channels
            for n in item.nodes
        )
        if kept:
            return self.of(body, k, {p: n.inputs[0] for p, n in enumerate(item.nodes)})
        counts = {len(n.inputs) for n in item.nodes}
        joined = all(
            sum(v.shape.channels for v in n.inputs) == n.outputs[0].shape.channels
            for n in item.nodes
        )
        if joined:
            return self.joined(item, body, k, counts)
        return self.scaled(item, body, k)

    def joined(self, item: Apply, body: Body, k: int, counts: set[int]) -> ast.expr:
        """Return the channels of a concatenation."""
        if len(counts) != 1:
            wired = self.owner.wiring.values(
                body, k, {p: n.inputs for p, n in enumerate(item.nodes)}
            )
            return self.summed(wired)
        parts = [
            self.of(body, k, {p: n.inputs[j] for p, n in enumerate(item.nodes)})
            for j in range(counts.pop())
        ]
        total = parts[0]
        for part in parts[1:]:
            total = simplified(ast.BinOp(total, ast.Add(), part))
        return total

    def summed(self, operand: Operand) -> ast.expr:
        """Return the sum of the channels of a list."""
        match operand:
            case Input():
                symbol = self.owner.channel_symbol(operand.index)
                return ast.Call(ast.Name("sum", ast.Load()), [self.owner.use(symbol)], [])
            case Collect():
                each = self.operand(operand.each, [v for r in operand.loop.results for v in r])
                if isinstance(each, ast.Constant):
                    count = self.owner.count_of(operand.loop)
                    return ast.BinOp(each, ast.Mult(), count)
        raise Unspelled("the sum of a list's channels")

    def scaled(self, item: Apply, body: Body, k: int) -> ast.expr:
        """Return channels that are a multiple or a part of those of the input."""
        ratios = {
            (n.outputs[0].shape.channels, n.inputs[0].shape.channels)
            for n in item.nodes
            if n.inputs
        }
        source = {p: n.inputs[0] for p, n in enumerate(item.nodes) if n.inputs}
        more = {a // b for a, b in ratios if b and a % b == 0}
        if len(more) == 1 and all(b and a % b == 0 for a, b in ratios):
            whole = self.of(body, k, source)
            return simplified(ast.BinOp(literal(more.pop()), ast.Mult(), whole))
        less = {b // a for a, b in ratios if a and b % a == 0}
        if len(less) == 1 and all(a and b % a == 0 for a, b in ratios):
            return divided(self.of(body, k, source), less.pop())
        raise Unspelled("channels that no rule says")

    def phi(self, phi: Phi) -> ast.expr:
        """Return the channels after a choice: those of one side where they say both."""
        sides = []
        for operand, taken in ((phi.yes, True), (phi.no, False)):
            assert operand is not None
            values = [v for p, v in phi.want.items() if phi.choice.taken[p] is taken]
            sides.append(self.operand(operand, values))
        if ast.dump(sides[0]) == ast.dump(sides[1]):
            return sides[0]
        sizes = {p: v.shape.channels for p, v in phi.want.items()}
        for side in sides:
            if self.owner.gives(side, phi.body, sizes):
                return side
        return ast.IfExp(self.owner.test(phi.choice, phi.body), *sides)

    def carried(self, carry: Carry) -> ast.expr:
        """Return the channels of what runs through a loop."""
        owner = self.owner
        if any(not isinstance(v, Value) for v in carry.want.values()):
            raise Unspelled("the channels of a list that a loop carries")
        first = [v for q, v in carry.want.items() if carry.body.turn[q] == 0]
        later = {q: v for q, v in carry.want.items() if carry.body.turn[q]}
        sizes = {q: v.shape.channels for q, v in carry.want.items()}
        before: ast.expr | None = None
        if carry.init is not None and id(carry) not in owner.carrying:
            before = self.operand(carry.init, first)
            if owner.gives(before, carry.body, sizes):
                return before
        if not later:
            if before is None:
                raise Unspelled("a loop of no turn")
            return before
        if before is None and (end := self.end_of(carry, [*later.values()])) is not None:
            return end
        return owner.use(owner.channel_variable(carry))

    def end_of(self, carry: Carry, later: Sequence[Value]) -> ast.expr | None:
        """Return the channels at the end of each turn, where nothing of the turn before says them."""
        if carry.next is None or id(carry) in self.ending:
            return None
        self.ending.add(id(carry))
        try:
            end = self.operand(carry.next, later)
        finally:
            self.ending.discard(id(carry))
        sizes = {q: v.shape.channels for q, v in carry.want.items()}
        return end if self.owner.gives(end, carry.body, sizes) else None

    def after(self, out: Out, values: Sequence[Value]) -> ast.expr:
        """Return the channels of what a loop leaves."""
        owner = self.owner
        last = self.operand(out.last, [*_known(out.last)] or values)
        loops = {s.id for s in owner.loop_symbols(out.loop)}
        inside = {n.id for n in ast.walk(last) if isinstance(n, ast.Name)}
        if not inside & loops:
            return last
        for carry in owner.carries.get(id(out.loop), []):
            if carry.next is out.last:
                return owner.use(owner.channel_variable(carry))
        raise Unspelled("channels after a loop")

    def each(self, collect: Collect) -> ast.expr:
        """Return the channels that all entries of a list have."""
        each = self.operand(collect.each, [v for r in collect.loop.results for v in r])
        loops = {s.id for s in self.owner.loop_symbols(collect.loop)}
        if {n.id for n in ast.walk(each) if isinstance(n, ast.Name)} & loops:
            raise Unspelled("entries of other channels")
        return each

    def entry(self, elem: Elem, values: Sequence[Value]) -> ast.expr:
        """Return the channels of an entry of a list."""
        owner, of = self.owner, elem.of
        match of:
            case Input():
                listed = owner.use(owner.channel_symbol(of.index))
                return ast.Subscript(listed, owner.index(elem.index, elem.body), ast.Load())
            case Collect():
                each = self.operand(of.each, [v for r in of.loop.results for v in r])
                variable = owner.loop_symbols(of.loop)[0]
                if variable.id in {n.id for n in ast.walk(each) if isinstance(n, ast.Name)}:
                    if not (of.loop.loop.counted):
                        raise Unspelled("entries of a list that is no count")
                    return substituted(each, {variable.id: owner.index(elem.index, elem.body)})
                return each
            case Def(item=Apply() as item):
                return self.part(item, of.body, elem)
            case Out(last=Def(item=Apply() as item) as last):
                return self.part(item, last.body, elem)
            case Pack():
                index = set(elem.index.values())
                if len(index) == 1 and not any(star for _, star in of.parts):
                    return self.operand(of.parts[index.pop()][0], values)
        raise Unspelled("the channels of an entry")

    def part(self, item: Apply, body: Body, elem: Elem) -> ast.expr:
        """Return the channels of one of several results."""
        owner, node = self.owner, item.nodes[0]
        if node.module is not None:
            return owner.element(item, body, owner.index(elem.index, elem.body), elem.index)
        k = body.items.index(item)
        sizes = {
            (n.inputs[0].shape.channels, v.shape.channels) for n in item.nodes for v in n.outputs
        }
        parts = {a // b for a, b in sizes if b and a % b == 0}
        if len(parts) == 1 and all(b and a % b == 0 for a, b in sizes):
            whole = self.of(body, k, {p: n.inputs[0] for p, n in enumerate(item.nodes)})
            return divided(whole, parts.pop())
        assert node.op is not None
        for name in type(node.op).model_fields:
            listed = [getattr(n.op, name) for n in item.nodes]
            fits = all(
                isinstance(s, tuple) and s == tuple(v.shape.channels for v in n.outputs)
                for s, n in zip(listed, item.nodes, strict=True)
            )
            if fits:
                sizes_text = owner.op_argument(item, body, k, name)
                at = owner.index(elem.index, elem.body)
                if isinstance(sizes_text, ast.Tuple | ast.List) and isinstance(at, ast.Constant):
                    assert isinstance(at.value, int)
                    return sizes_text.elts[at.value]
                return ast.Subscript(sizes_text, at, ast.Load())
        raise Unspelled("the channels of a part")


def divided(tree: ast.expr, by: int) -> ast.expr:
    """Return an expression divided by a whole number."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult):
        for one, other in ((tree.left, tree.right), (tree.right, tree.left)):
            if isinstance(one, ast.Constant) and one.value == by:
                return other
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int) and tree.value % by == 0:
        return literal(tree.value // by)
    return simplified(ast.BinOp(tree, ast.FloorDiv(), literal(by)))


def _in_choice(body: Body) -> bool:
    while body.around is not None:
        if isinstance(body.owner, Choice) and len({*body.owner.taken}) > 1:
            return True
        body = body.around
    return False


def _known(operand: Operand) -> list[Value]:
    match operand:
        case Def(item=Apply() as item):
            return [n.outputs[0] for n in item.nodes]
        case Phi() | Carry():
            return [*operand.want.values()]
    return []


__all__ = ["Channels", "use_of"]
