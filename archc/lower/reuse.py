"""`reuse(step)(value)`: a module that is applied again."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic, Note, SpecError
from archc.graph import Node, Value, flat, join
from archc.language.evaluate import EvalFault
from archc.lower.blame import Use, judged
from archc.lower.marks import Poisoned
from archc.ops import Op, ShapeFault
from archc.shapes import Shape

if TYPE_CHECKING:
    from archc.lower.apply import Applier
    from archc.lower.reader import Reader


def reuse(reader: Reader, node: ast.Call) -> Any:
    """`reuse(name)`: the module of an earlier step, to be applied again."""
    frame = reader.frame
    name = node.args[0].id if len(node.args) == 1 and isinstance(node.args[0], ast.Name) else ""
    if frame is None or name not in frame.named:
        raise EvalFault(
            "bad-reuse",
            f"`{ast.unparse(node)}` names no earlier step that is one op or block",
            node,
            "write `reuse(step)(value)`; a list or several ops become one as a block",
        )
    return Reused(frame.named[name])


def unapplied(node: ast.expr) -> tuple[str, str]:
    """Say that a module is named and not applied, and what to write."""
    text = ast.unparse(node)
    hint = f"say what it takes: `{text}(prev)` is the value of the step above, or name another"
    return f"`{text}` is a module that is applied to no value", hint


@dataclass(frozen=True)
class Reused:
    """The module of an earlier step, to be applied again."""

    node: Node

    def __str__(self) -> str:
        return f"the module of `{self.node.path}`"

    def alone(self, node: ast.expr) -> EvalFault:
        """Refuse it where it is applied to no value."""
        message, hint = unapplied(node)
        return EvalFault("bad-reuse", message, node, hint)

    def configured(self, node: ast.Call) -> EvalFault:
        """Refuse arguments for it."""
        return EvalFault(
            "bad-reuse",
            f"`{ast.unparse(node)}` gives arguments to {self}, which has had its own",
            node,
            "a module that is used again keeps the arguments of its first use",
        )

    @property
    def name(self) -> str:
        """The name of the op or block."""
        return self.node.name

    def fitted(self, applier: Applier, values: list[Any], at: ast.expr) -> list[Any]:
        """Fit values to what the module takes."""
        target: Any = self.node.target
        if not isinstance(target, Op):
            names = [str(n) for n in target.block.block.inputs]
            return applier.block_inputs(self.name, names, values, at)
        if target.spread and len(values) == 1 and isinstance(values[0], Value):
            values = values * (target.inputs or 1)
        count = target.inputs
        return [*(flat(values) if count is None else applier.exactly(count, self.name, values, at))]

    def shape(
        self, applier: Applier, reader: Reader, inputs: tuple[Value, ...], at: ast.expr
    ) -> Shape | tuple[Shape, ...]:
        """Return what an op gives for other inputs; raises Poisoned where it can't take them."""
        op, callee = self.node.op, self.node.callee
        assert op is not None
        try:
            return op.shape(*(v.shape for v in inputs))
        except ShapeFault as fault:
            if not any(v.guess for v in inputs):
                applier.lowering.diagnostics.append(judged(reader, callee, fault, inputs, at))
            raise Poisoned from None

    def apply(self, applier: Applier, reader: Reader, values: list[Any], at: ast.expr) -> Any:
        """Apply the module once more: its operations count again, its tensors do not."""
        first = self.node
        target: Any = first.target
        span = reader.expr.span(at)
        named, values = values, self.fitted(applier, values, at)
        inputs = flat(values)
        shapes = tuple(v.shape for v in inputs)
        if isinstance(target, Op):
            given = self.shape(applier, reader, inputs, at)
            text = f"what `{first.path}` gives"
            value: Any = (
                Value(given, span, text)
                if isinstance(given, Shape)
                else [Value(g, span, text) for g in given]
            )
            made = flat(value)
            for one in made:
                one.guess = any(v.guess for v in inputs)
            same = target.tensors(*shapes) == first.tensors
        else:
            use = Use(target.block, dict(first.arguments), tuple(values), span=span)
            target = applier.lowering.block(use, target.scope.file, target.trail)
            if target is None:
                raise Poisoned
            value, made = applier.results(target, span)
            same = own_shapes(target) == own_shapes(first.module)
        if not same:
            notes = (Note(first.span, "the first use"),)
            message = f"`{first.path}` can't be used again: its tensors would need other shapes"
            raise SpecError([Diagnostic("bad-reuse", message, span, notes=notes)])
        applier.made(
            reader,
            replace(
                first,
                target=target,
                inputs=inputs,
                outputs=made,
                span=span,
                again=True,
            ),
            at,
            named,
            listed=not isinstance(value, Value),
        )
        return value


def own_shapes(module: Any) -> dict[str, Any]:
    """Return the tensors of a module by key."""
    return {
        join(leaf.path, name): t
        for leaf in module.leaves()
        for name, t in leaf.node.tensors.items()
    }
