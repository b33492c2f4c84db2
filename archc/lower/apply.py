"""Applies ops and blocks to values: arguments checked, shapes worked out, nodes made."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from archc.diagnostics import Diagnostic, Note, Span, SpecError
from archc.graph import Module, Node, Value, flat, join
from archc.language.evaluate import EvalFault, describe
from archc.limits import MAX_NESTING, weight
from archc.lower.blame import Use, judged, label, written
from archc.lower.complaints import complaint, huge
from archc.lower.linking import NetworkDef
from archc.lower.marks import NOTHING, Poisoned
from archc.lower.mending import mends
from archc.lower.origins import Written
from archc.lower.reader import Reader
from archc.lower.reuse import Reused
from archc.lower.scope import BlockDef, Callee, is_op, takes
from archc.lower.wiring import is_tensor
from archc.ops import Op, ShapeFault
from archc.ops.guard import OpFault
from archc.shapes import Shape
from archc.tree import Apply

if TYPE_CHECKING:
    from archc.lower.files import File
    from archc.lower.lowering import Lowering

LEAVES_OUT = ("add", "sum", "mean", "concat")


def _present(value: Any) -> Any:
    """Return a list without what is nothing."""
    return [v for v in value if v is not NOTHING] if isinstance(value, list) else value


class Applier:
    """The part of lowering that turns calls into nodes."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.built: dict[Any, Op] = {}

    def apply(self, reader: Reader, callee: Any, values: list[Any], node: ast.expr) -> Any:
        """Apply a callee to values and return what it gives."""
        if callee is None:
            return NOTHING
        if not isinstance(callee, Callee | Reused):
            raise EvalFault(
                "not-an-op",
                f"`{ast.unparse(node)}` applies {describe(callee)}, which is no op",
                node,
            )
        if any(v is NOTHING for v in values):
            if callee.name not in LEAVES_OUT:
                raise EvalFault(
                    "nothing-used",
                    f"`{ast.unparse(node)}` needs a value, but {self.empty(reader, node)} nothing",
                    node,
                    "`none(...)(x)` gives nothing, which only `+`, `concat`, `sum` and `mean` leave out",
                )
            values = [v for v in values if v is not NOTHING]
            if not values:
                return NOTHING
        if isinstance(callee, Reused):
            return callee.apply(self, reader, values, node)
        self.lowering.reckon(sum(weight(v) for _, v in callee.arguments) // 10)
        for parameter in callee.required:
            if parameter not in dict(callee.arguments) and parameter not in self.defaults(callee):
                raise EvalFault(
                    "missing-argument",
                    f"`{callee.name}` needs `{parameter}`",
                    node,
                    f"its arguments: {takes(callee)}",
                )
        return (
            self.op(reader, callee, values, node)
            if is_op(callee)
            else self.block(reader, callee, values, node)
        )

    def empty(self, reader: Reader, node: ast.expr) -> str:
        """Say which step is nothing, of those that an expression names."""
        values = reader.frame.values if reader.frame else {}
        names = [
            n.id for n in ast.walk(node) if isinstance(n, ast.Name) and values.get(n.id) is NOTHING
        ]
        return f"the step `{names[0]}` gives" if names else "gets"

    def defaults(self, callee: Callee) -> dict[str, Any]:
        """Return the default arguments of an op or block in the file that names it, evaluated."""
        file = callee.file
        declared = file.declared(callee.name)
        known = set(callee.parameters)
        data = self.lowering.data
        return {str(k): data(file.scope, v) for k, v in declared.items() if k in known}

    # Ops

    def op(self, reader: Reader, callee: Callee, values: list[Any], node: ast.expr) -> Any:
        """Apply an op; a fault of its own, which a plug-in may have, is reported with its use."""
        try:
            return self.applied(reader, callee, values, node)
        except OpFault as fault:
            used = Note(reader.expr.span(node), "it is used here")
            raise SpecError(replace(d, notes=(used,)) for d in fault.diagnostics) from None

    def applied(self, reader: Reader, callee: Callee, values: list[Any], node: ast.expr) -> Any:
        """Apply an op."""
        op = self.build(reader, callee, node)
        if op.spread and len(values) == 1 and isinstance(values[0], Value):
            values *= op.inputs or 1
        inputs = (
            flat(values) if op.inputs is None else self.exactly(op.inputs, op.name, values, node)
        )
        shapes = [v.shape for v in inputs]
        guess = any(v.guess for v in inputs)
        try:
            given = op.shape(*shapes)
        except ShapeFault as fault:
            if not guess:
                found = judged(reader, callee, fault, inputs, node)
                remedies = tuple(mends(reader, callee, op, fault, inputs, node))
                self.lowering.diagnostics.append(replace(found, remedies=remedies))
            if op.name not in LEAVES_OUT or not shapes:
                raise Poisoned from None
            given, guess = shapes[0], True
        op.rehearse(*shapes)
        batch = op.batch(*shapes)
        outputs = tuple(
            self.output(reader, callee, replace(shape, batch=batch), inputs, node)
            for shape in ((given,) if isinstance(given, Shape) else given)
        )
        for value in outputs:
            value.guess = guess
        self.made(
            reader,
            Node("", op, inputs, outputs, reader.expr.span(node), reader.expr, callee=callee),
            node,
            values if inputs else [],
            listed=not isinstance(given, Shape),
        )
        return outputs[0] if isinstance(given, Shape) else list(outputs)

    def made(
        self, reader: Reader, made: Node, node: ast.expr, given: Sequence[Any], *, listed: bool
    ) -> None:
        """Record a node under the piece of text that made it."""
        self.lowering.spend()
        self.lowering.reckon(len(made.inputs) + len(made.outputs))
        for value in made.outputs:
            value.node = made
        reader.made.append(made)
        reader.items.append(Apply(made, node, reader.reading, given, listed))
        assert reader.frame is not None
        reader.frame.module.applied[id(node), reader.frame.turns] = made

    def build(self, reader: Reader, callee: Callee, node: ast.expr) -> Op:
        """Make the op, its arguments checked by its model."""
        target: Any = callee.target
        arguments = {**self.defaults(callee), **dict(callee.arguments)}
        key = (target, repr(arguments))
        if key in self.built:
            return self.built[key]
        for name, value in arguments.items():
            if is_tensor(value) or isinstance(value, Callee):
                raise EvalFault(
                    "tensor-argument",
                    f"`{callee.name}`: `{name}` must be a number, got {describe(value)}",
                    node,
                )
            if (wide := huge(value)) is not None:
                place = written(callee, name) or reader.written(node)
                message = f"`{callee.name}`: `{name}` must be below 2 ** 63, got {wide}"
                raise SpecError([Diagnostic("bad-argument", message, place.span, label(reader))])
        try:
            op: Op = target(
                **{k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
            )
        except ValidationError as error:
            raise SpecError(
                complaint(reader, callee, e, node, label(reader)) for e in error.errors()
            ) from None
        self.built[key] = op
        return op

    def exactly(
        self, count: int, name: str, values: list[Any], node: ast.expr
    ) -> tuple[Value, ...]:
        """Return the values of an op or block that takes a fixed number."""
        if len(values) == 1 and isinstance(values[0], list) and count != 1:
            values = values[0]
        odd = next((v for v in values if not isinstance(v, Value)), None)
        if odd is not None and count > 0:
            what = (
                f"a list of {len(odd)} values" if isinstance(odd, list) else "several named values"
            )
            raise EvalFault(
                "wrong-inputs",
                f"`{name}` takes one value, but gets {what}",
                node,
                "pick one by its index or name, such as `[0]`",
            )
        if count == 0:
            return ()
        if len(values) != count:
            raise EvalFault(
                "wrong-inputs",
                f"`{name}` takes {count} value{'s' * (count != 1)}, but gets {len(values)}",
                node,
            )
        return tuple(values)

    def output(
        self,
        reader: Reader,
        callee: Callee,
        shape: Shape,
        inputs: tuple[Value, ...],
        node: ast.expr,
    ) -> Value:
        """Make the value of an op; one that keeps the shape points at where the shape is from."""
        place = dict(callee.places).get("out")
        if len(inputs) == 1 and inputs[0].shape == shape and place is None:
            span = reader.expr.span(node) if callee.name == "identity" else inputs[0].span
            return Value(shape, span, inputs[0].text)
        return Value(
            shape, reader.expr.span(node), "" if place is None else self.origin(reader, place)
        )

    def origin(self, reader: Reader, place: ast.expr) -> str:
        """Spell where a number of channels is from: `4 * width, width = 64`."""
        text = ast.unparse(place)
        names = [n.id for n in ast.walk(place) if isinstance(n, ast.Name)]
        values = {n: reader.scope[n] for n in dict.fromkeys(names) if n in reader.scope}
        spelled = [f"{n} = {v}" for n, v in values.items() if isinstance(v, (int, float))]
        shown = spelled if spelled and isinstance(place, ast.Name) else [text, *spelled]
        return "" if text.isdigit() else ", ".join(shown)

    # Blocks

    def block(self, reader: Reader, callee: Callee, values: list[Any], node: ast.expr) -> Any:
        """Apply a block."""
        definition = callee.target
        assert isinstance(definition, BlockDef)
        assert reader.frame is not None
        file, arguments, origins = self.arguments(callee, definition, node)
        self.shrinks(definition, arguments, node)
        names = [str(n) for n in definition.block.inputs]
        given = [_present(v) for v in values]
        values = self.block_inputs(definition.name, names, values, node)
        trail = join(reader.frame.module.trail, reader.trail)
        span = reader.expr.span(node)
        use = Use(definition, arguments, tuple(values), span=span)
        module = self.lowering.block(use, file, trail, origins)
        if module is None:
            raise Poisoned
        if all(o.value is NOTHING for o in module.outputs):
            return NOTHING
        result, fresh = self.results(module, span)
        self.made(
            reader,
            Node(
                "",
                module,
                flat(values),
                fresh,
                span,
                reader.expr,
                arguments=arguments,
                callee=callee,
            ),
            node,
            given,
            listed=not isinstance(result, Value),
        )
        return result

    def arguments(
        self, callee: Callee, definition: BlockDef, node: ast.expr
    ) -> tuple[File, dict[str, Any], dict[str, Written]]:
        """Return the file that a block's text is read in, and all arguments with their origins.

        These are given ones, the file's defaults, the signature's. A network is read in a file
        of its own, of which they are the settings.
        """
        lowering, file = self.lowering, callee.file
        given = {**self.defaults(callee), **dict(callee.arguments)}
        declared = file.declared(callee.name)
        origins = {str(k): Written(v, file.scope) for k, v in declared.items()}
        origins |= dict(callee.origins)
        if isinstance(definition, NetworkDef):
            opened, params = self.network_file(callee, definition, given, origins, node)
            return opened, params, origins
        arguments: dict[str, Any] = {}
        for p in definition.signature.parameters:
            if p.name in given:
                arguments[p.name] = given[p.name]
            elif p.default is not None:
                reader = Reader(lowering, definition.signature.expr, callee.file.scope, None)
                arguments[p.name] = reader.read(p.default)
                origins[p.name] = reader.written(p.default)
        return file, arguments, origins

    def network_file(
        self,
        callee: Callee,
        definition: NetworkDef,
        given: dict[str, Any],
        origins: dict[str, Written],
        node: ast.expr,
    ) -> tuple[File, dict[str, Any]]:
        """Return the file of an imported network with arguments for its params, and all params."""
        file = callee.file.opens(definition.name, given, origins)
        if file is None:
            raise Poisoned
        for name in given:
            if (wrong := file.misfit(name)) is not None:
                where = dict(callee.places).get(name, node)
                raise EvalFault(wrong.code, wrong.message, where, wrong.help)
        return file, {str(p): file.scope[str(p)] for p in definition.document.params}

    def block_inputs(
        self, name: str, names: list[str], values: list[Any], node: ast.expr
    ) -> list[Any]:
        """Fit values to the inputs that a block names; `...rest` takes what is left."""
        values = [list(v.values()) if isinstance(v, dict) else v for v in values]
        if len(values) == 1 and isinstance(values[0], list) and len(names) > 1:
            values = values[0]
        if names[-1].startswith("..."):
            values = [*values[: len(names) - 1], *flat(values[len(names) - 1 :])]
        fits = (
            len(values) >= len(names) - 1
            if names[-1].startswith("...")
            else len(values) == len(names)
        )
        if not fits:
            raise EvalFault(
                "wrong-inputs",
                f"`{name}` takes {len(names)} value{'s' * (len(names) != 1)} ({', '.join(names)}), but gets {len(values)}",
                node,
            )
        return [self.listed(name, v, node) if isinstance(v, list) else v for v in values]

    def listed(self, name: str, values: list[Any], node: ast.expr) -> list[Value]:
        """Return a list that a block takes as one input: of values, without what is nothing."""
        present = [v for v in values if v is not NOTHING]
        if all(isinstance(v, Value) for v in present):
            return present
        raise EvalFault(
            "wrong-inputs",
            f"`{name}` takes values and lists of them, but gets a list of lists",
            node,
            "pick one by its index, such as `[0]`",
        )

    def results(self, module: Module, span: Span) -> tuple[Any, tuple[Value, ...]]:
        """Return what a use of a block gives, and all values of it."""
        definition = module.block
        fresh = {o.name: self.mirrored(o.value, span, module.name) for o in module.outputs}
        values = tuple(v for value in fresh.values() for v in flat(value))
        alone = definition.block.outputs is None or isinstance(definition, NetworkDef)
        if alone and len(fresh) == 1:
            return next(iter(fresh.values())), values
        listed = all(name.startswith("_") for name in fresh)
        return list(fresh.values()) if listed else fresh, values

    def mirrored(self, value: Any, span: Any, name: str) -> Any:
        """Return fresh values in the form of a block's result."""
        if isinstance(value, list):
            return [self.mirrored(v, span, name) for v in value if v is not NOTHING]
        if isinstance(value, dict):
            return {key: self.mirrored(v, span, name) for key, v in value.items()}
        return Value(value.shape, span, f"what `{name}` gives", guess=value.guess)

    def shrinks(self, definition: BlockDef, arguments: dict[str, Any], node: ast.expr) -> None:
        """Hold a block inside itself to an integer that is smaller than in the enclosing use."""
        stack = self.lowering.stack
        outer = next(
            (u.arguments for u in reversed(stack) if u.definition.block is definition.block), None
        )
        whole = [n for n, v in arguments.items() if isinstance(v, int) and not isinstance(v, bool)]
        if outer is not None and not any(
            0 <= arguments[n] < outer[n] for n in whole if isinstance(outer.get(n), int)
        ):
            raise EvalFault(
                "endless-recursion",
                f"`{definition.name}` uses itself, and no integer argument gets smaller",
                node,
                "give it a parameter that counts down to 0, and stop there with `if`",
            )
        if len(stack) >= MAX_NESTING:
            raise EvalFault("too-deep", f"blocks are nested more than {MAX_NESTING} deep", node)
