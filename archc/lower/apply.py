"""Applies ops and blocks to values: arguments checked, shapes worked out, nodes made."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from archc.diagnostics import Diagnostic, Note, SpecError
from archc.graph import Node, Value, flat, join
from archc.language.evaluate import EvalFault, describe
from archc.lower.marks import NOTHING, Poisoned
from archc.lower.reader import Reader, is_op, is_tensor, takes
from archc.lower.reuse import Reused
from archc.lower.scope import BlockDef, Callee
from archc.ops import Op, ShapeFault
from archc.shapes import Shape

if TYPE_CHECKING:
    from archc.lower.lowering import Lowering

LEAVES_OUT = ("add", "sum", "mean", "concat")
MAX_NESTING = 40


class Applier:
    """The part of lowering that turns calls into nodes."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.built: dict[Any, Op] = {}

    def apply(self, reader: Reader, callee: Any, values: list[Any], node: ast.expr) -> Any:
        """Apply a callee to values and return what it gives."""
        if callee is None:
            return NOTHING
        if isinstance(callee, Reused):
            return callee.apply(self, reader, values, node)
        if not isinstance(callee, Callee):
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
        """Return the file's default arguments of an op or block, evaluated."""
        declared = self.lowering.document.defaults.get(callee.name, {})  # type: ignore[call-overload]
        lowering = self.lowering
        known = set(callee.parameters)
        return {str(k): lowering.data(lowering.file, v) for k, v in declared.items() if k in known}

    # Ops

    def op(self, reader: Reader, callee: Callee, values: list[Any], node: ast.expr) -> Any:
        """Apply an op."""
        op = self.build(reader, callee, node)
        inputs = (
            flat(values) if op.inputs is None else self.exactly(op.inputs, op.name, values, node)
        )
        shapes = [v.shape for v in inputs]
        try:
            given = op.shape(*shapes)
        except ShapeFault as fault:
            self.fault(reader, fault, inputs, node)
            if op.name not in LEAVES_OUT or not shapes:
                raise Poisoned from None
            given = shapes[0]
        outputs = tuple(
            self.output(reader, callee, shape, inputs, node)
            for shape in ((given,) if isinstance(given, Shape) else given)
        )
        self.made(
            reader,
            Node("", op, inputs, outputs, reader.expr.span(node), reader.expr, callee=callee),
            node,
        )
        return outputs[0] if isinstance(given, Shape) else list(outputs)

    def made(self, reader: Reader, made: Node, node: ast.expr) -> None:
        """Record a node under the piece of text that made it."""
        self.lowering.spend()
        for value in made.outputs:
            value.node = made
        reader.made.append(made)
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
        try:
            op: Op = target(
                **{k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
            )
        except ValidationError as error:
            raise SpecError(
                self.complaint(reader, callee, e, node) for e in error.errors()
            ) from None
        self.built[key] = op
        return op

    def complaint(self, reader: Reader, callee: Callee, error: Any, node: ast.expr) -> Diagnostic:
        """Say at the argument what pydantic says of it."""
        name = str(error["loc"][0]) if error["loc"] else ""
        place = dict(callee.places).get(name, node)
        value = dict(callee.arguments).get(name)
        index = next((i for i in error["loc"][1:] if isinstance(i, int)), None)
        parts = place.args if isinstance(place, ast.Call) else getattr(place, "elts", [])
        if (
            index is not None
            and isinstance(value, (list, tuple))
            and len(parts) == len(value) > index
        ):
            place, value = parts[index], value[index]
        text = ast.unparse(place)
        literal = isinstance(place, ast.Constant) or describe(value).endswith(f" {text}")
        shown = (
            f"`{text}`"
            if literal
            else f"`{text}` = {value}"
            if name in dict(callee.arguments)
            else describe(value)
        )
        if error["type"] == "float_channels":
            whole = (
                text.replace(" / ", " // ") if "/" in text and "//" not in text else f"int({text})"
            )
            return Diagnostic(
                "float-argument",
                f"`{callee.name}`: `{name}` must be an integer, but {shown} is a float",
                reader.expr.span(place),
                self.label(reader),
                help=f"write `{whole}`",
            )
        said = (
            error["msg"].removeprefix("Input ").removeprefix("Value error, ").removeprefix("should")
        )
        said = said.replace("be greater than or equal to", "be at least").replace(
            "be less than or equal to", "be at most"
        )
        said = said if said.startswith(("must", "is")) else f"must{said}"
        message = f"`{callee.name}`: `{name}` {said.split(', got')[0]}, got {shown}"
        return Diagnostic("bad-argument", message, reader.expr.span(place), self.label(reader))

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
        if len(inputs) == 1 and inputs[0].shape == shape:
            span = reader.expr.span(node) if callee.name == "identity" else inputs[0].span
            return Value(shape, span, inputs[0].text)
        place = dict(callee.places).get("out")
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

    def label(self, reader: Reader) -> str:
        """Say in which use of a block something is wrong."""
        trail = reader.frame.module.trail if reader.frame else ""
        return f"in {trail}" if trail else ""

    def fault(
        self, reader: Reader, fault: ShapeFault, inputs: tuple[Value, ...], node: ast.expr
    ) -> None:
        """Report that an op can't take its inputs, with the origin of each shape."""
        notes: list[Note] = []
        text = ast.unparse(node)
        for value in inputs:
            said = f"{value.shape}: {value.text}" if value.text else str(value.shape)
            notes.append(Note(value.span, said))
        message = fault.message if fault.message.startswith("`") else f"`{text}` {fault.message}"
        self.lowering.report(
            fault.code,
            message,
            reader.expr.span(node),
            label=self.label(reader),
            notes=tuple(dict.fromkeys(notes)),
            help=fault.help,
        )

    # Blocks

    def block(self, reader: Reader, callee: Callee, values: list[Any], node: ast.expr) -> Any:
        """Apply a block."""
        definition = callee.target
        assert isinstance(definition, BlockDef)
        assert reader.frame is not None
        arguments = self.arguments(callee, definition)
        self.shrinks(definition, arguments, node)
        names = [str(n) for n in definition.block.inputs]
        values = self.block_inputs(definition.name, names, values, node)
        trail = join(reader.frame.module.trail, reader.trail)
        module = self.lowering.block(definition, arguments, tuple(values), trail)
        if module is None:
            raise Poisoned
        if all(o.value is NOTHING for o in module.outputs):
            return NOTHING
        span = reader.expr.span(node)
        fresh = [(o.name, self.mirrored(o.value, span, definition.name)) for o in module.outputs]
        flat_values = tuple(v for _, value in fresh for v in flat(value))
        self.made(
            reader,
            Node(
                "",
                module,
                flat(values),
                flat_values,
                span,
                reader.expr,
                arguments=arguments,
                callee=callee,
            ),
            node,
        )
        if definition.block.outputs is None:
            return fresh[0][1]
        listed = all(name.startswith("_") for name, _ in fresh)
        return [value for _, value in fresh] if listed else dict(fresh)

    def arguments(self, callee: Callee, definition: BlockDef) -> dict[str, Any]:
        """Return all arguments of a block: given ones, the file's defaults, the signature's."""
        lowering = self.lowering
        given = {**self.defaults(callee), **dict(callee.arguments)}
        arguments: dict[str, Any] = {}
        for p in definition.signature.parameters:
            if p.name in given:
                arguments[p.name] = given[p.name]
            elif p.default is not None:
                reader = Reader(lowering, definition.signature.expr, lowering.file, None)
                arguments[p.name] = reader.read(p.default)
        return arguments

    def block_inputs(
        self, name: str, names: list[str], values: list[Any], node: ast.expr
    ) -> list[Any]:
        """Fit values to the inputs that a block names; `...rest` takes what is left."""
        if len(values) == 1 and isinstance(values[0], list) and len(names) > 1:
            values = values[0]
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
        return values

    def mirrored(self, value: Any, span: Any, name: str) -> Any:
        """Return fresh values in the form of a block's result."""
        if isinstance(value, list):
            return [self.mirrored(v, span, name) for v in value]
        return Value(value.shape, span, f"what `{name}` gives")

    def shrinks(self, definition: BlockDef, arguments: dict[str, Any], node: ast.expr) -> None:
        """Hold a block inside itself to an integer that is smaller than in the enclosing use."""
        stack = self.lowering.stack
        outer = next((a for d, a in reversed(stack) if d.block is definition.block), None)
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
