"""Document, variant and settings to a Network: loops unrolled, names resolved, shapes known.

Lowering runs the text once over shapes instead of tensors. Every block is lowered once for
its arguments and input shapes, and shared by all its uses. A step that is wrong is reported
and its value is unknown from there on, so that one cause is reported once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from archc.lower.apply import Applier
from archc.diagnostics import Diagnostic, Span, SpecError, nearest
from archc.language.expr import CONSTANTS, EvalFault, Expr, describe, listed, unpack
from archc.graph import Module, Network, Node, Output, Stage, Value, flat, is_source, join
from archc.ops import spelled
from archc.lower.reader import ABSENT, NOTHING, UNKNOWN, Poisoned, Reader
from archc.lower.scope import BlockDef, Callee, Scope, blocks_of, place
from archc.shapes import Shape
from archc.language.spec import Block, Body, Chain, Document, Key, Loop, Modified, Outputs, Row

MAX_NESTING = 40
MAX_STEPS = 50_000


class TooLarge(Exception):  # noqa: N818 - the way out of a network that has too many steps
    """The network has more than MAX_STEPS distinct steps."""


@dataclass
class Place:
    """Where a step stands: the path of its module, and how its copies are named.

    Inside a list `numbers` is the list's counter, shared by the lists spliced into it.
    """

    prefix: str
    key: Key | None = None
    numbers: list[int] | None = None
    copy: str = ""

    @property
    def silent(self) -> bool:
        """Whether the step adds nothing to the path."""
        return self.key is not None and self.key.silent


@dataclass
class Frame:
    """A body while it is lowered: what its names mean, and the value that runs through it."""

    module: Module
    scope: Scope
    values: dict[str, Any]
    running: Any
    turns: tuple[int, ...] = ()
    stage: str = ""
    defaults_init: Any = None
    copies: dict[str, list[Any]] = field(default_factory=dict)
    named: dict[str, Node] = field(default_factory=dict)

    def inner(self, **changes: Any) -> Frame:
        """Return the frame of a nested body, whose names end with it."""
        inner = replace(
            self, values=dict(self.values), copies=dict(self.copies), named=dict(self.named)
        )
        return replace(inner, **changes)


class Lowering:
    """One run over a document; `network` is the result, `diagnostics` what is wrong."""

    def __init__(
        self,
        document: Document,
        name: str,
        variant: str,
        settings: Mapping[str, Any],
        faulty: frozenset[str] = frozenset(),
    ) -> None:
        self.document = document
        self.diagnostics: list[Diagnostic] = []
        self.blocks = blocks_of(document)
        self.faulty = faulty
        self.spent = 0
        self.modules: dict[Any, Module] = {}
        self.stack: list[tuple[BlockDef, Mapping[str, Any]]] = []
        self.name, self.variant, self.settings = name, variant, settings
        self.file = self._file_scope(settings)
        self.applier = Applier(self)
        self.parts: dict[int, str] = {}

    def _file_scope(self, settings: Mapping[str, Any]) -> Scope:
        document = self.document
        chosen = document.variants.get(self.variant, {})  # type: ignore[call-overload]
        given = {**document.params, **chosen, **settings}
        plain = {k: v for k, v in given.items() if not isinstance(v, (Expr, tuple))}
        lets = {str(k): v for k, v in {**document.let, **given}.items() if str(k) not in plain}
        return Scope({str(k): v for k, v in plain.items()}, None, lets, self.data)

    def data(self, scope: Scope, value: Any, frame: Frame | None = None) -> Any:
        """Evaluate a value of the spec, an expression or a list of them, in a scope."""
        if isinstance(value, tuple):
            return [self.data(scope, item, frame) for item in value]
        reader = Reader(self, value, scope, frame)
        return reader.read(value.tree)

    def run(self) -> Network | None:
        """Lower the network; None where it is too wrong to have one."""
        try:
            self.overrides()
            sizes = [self.data(self.file, e) for e in self.document.input]
        except SpecError as error:
            self.diagnostics += error.diagnostics
            return None
        first, last = self.document.input[0].text.span, self.document.input[-1].text.span
        span = replace(first, end_line=last.end_line, end_column=last.end_column)
        if "" in self.faulty:
            return None
        if not all(
            isinstance(s, int) and not isinstance(s, bool) and 0 < s < 1_000_000 for s in sizes
        ) or len(sizes) not in (1, 3):
            self.report(
                "bad-input",
                f"the input has the sizes {', '.join(map(str, sizes))}",
                span,
                help="give channels, height and width, such as `[3, 224, 224]`, or one number of features",
            )
            return None
        layout = "c h w" if len(sizes) == 3 else "c"
        x = Value(Shape.of(layout, *sizes), span, "the network's input")
        root = Module(self.name, self.document, dict(self.settings), (x,))
        frame = Frame(root, Scope({}, self.file), {"x": x}, x)
        root.scope = frame.scope
        try:
            result = self.network_body(frame)
        except TooLarge:
            self.report(
                "too-large",
                f"the network has more than {MAX_STEPS} steps",
                self.document.name.span,
                help="the copies of a block with the same arguments count once",
            )
            return None
        root.outputs = self.outputs(self.document.outputs, frame, result)
        known = bool(root.outputs) and all(
            isinstance(v, Value) for o in root.outputs for v in flat(o.value)
        )
        if not known or any(d.severity == "error" for d in self.diagnostics):
            return None
        if not root.values:
            self.report(
                "no-output",
                "the network gives nothing",
                span,
                help="its last step is absent or `none(...)(...)`",
            )
            return None
        return Network(
            self.name, self.variant, self.document, self.settings, root, self.stages(root)
        )

    def overrides(self) -> None:
        """Refuse a list where the param is a single thing, and the other way round: said here
        once, and not at every use.
        """
        chosen = self.document.variants.get(self.variant, {})  # type: ignore[call-overload]
        wrong: list[Diagnostic] = []
        for name, value in {**chosen, **self.settings}.items():
            declared = self.document.params.get(name)
            given = self.file[str(name)]
            meant = self.data(self.file, declared) if declared is not None else None
            if None not in (given, meant) and isinstance(given, list) != isinstance(meant, list):
                span = (
                    place(value)
                    if isinstance(value, (Expr, tuple)) and value
                    else self.document.name.span
                )
                message = f"`{name}` is {describe(meant)} in the spec, but here {describe(given)}"
                wrong.append(
                    Diagnostic(
                        "wrong-kind", message, span, help=f"the spec has `{name}: {spelled(meant)}`"
                    )
                )
        if wrong:
            raise SpecError(wrong)

    def network_body(self, frame: Frame) -> Any:
        """Lower stem, stages and head, or the body, marking what belongs to which stage."""
        document = self.document
        for part in ("stem", "stages", "head", "body"):
            steps = getattr(document, part)
            for key, step in (steps.root if isinstance(steps, Body) else steps or {}).items():
                first = len(frame.module.nodes)
                self.entry(frame, key, step, part)
                for node in frame.module.nodes[first:]:
                    self.parts[id(node)] = part
        return frame.running

    def stages(self, root: Module) -> tuple[Stage, ...]:
        """Cut the network's nodes into stages: marked ones, rows, stem and head."""
        stages: list[Stage] = []
        for node in root.nodes:
            part = self.parts[id(node)]
            name = node.stage or (part if part in ("stem", "head") else node.path.split(".")[0])
            if stages and stages[-1].name == name:
                stages[-1] = replace(stages[-1], nodes=(*stages[-1].nodes, node))
            else:
                stages.append(Stage(name, part, (node,)))
        return tuple(stages)

    # Bodies

    def body(self, frame: Frame, prefix: str, steps: Mapping[Key, Any]) -> Any:
        """Lower named steps in order; the result is the last one's."""
        for key, step in steps.items():
            self.entry(frame, key, step, prefix=prefix)
        return frame.running

    def entry(self, frame: Frame, key: Key, step: Any, part: str = "", prefix: str = "") -> None:
        """Lower a named step and bind its value to its name."""
        first = len(frame.module.nodes)
        outer = frame.stage
        if part == "stages" and not frame.stage:
            frame.stage = str(key)
        result = self.step(frame, Place(prefix, key), step)
        frame.stage = outer
        if result is ABSENT and frame.running is NOTHING:
            result = UNKNOWN
        value = frame.running if result is ABSENT else result
        frame.values[key.identifier] = value
        if not is_source(value):
            frame.running = value
        if len(frame.module.nodes) > first:
            frame.named[key.identifier] = frame.module.nodes[-1]

    def chain(
        self, frame: Frame, prefix: str, steps: tuple[Any, ...], numbers: list[int] | None = None
    ) -> Any:
        """Lower a list of steps, numbering those that are there."""
        numbers = [0] if numbers is None else numbers
        there = False
        for step in steps:
            result = self.step(frame, Place(prefix, None, numbers), step)
            if result is not ABSENT:
                frame.running, there = result, True
        return frame.running if there else ABSENT

    def spend(self) -> None:
        """Count what is lowered: a network that is too large is given up."""
        self.spent += 1
        if self.spent > MAX_STEPS:
            raise TooLarge

    def step(self, frame: Frame, place: Place, step: Any) -> Any:
        """Lower a step; the result is its value, ABSENT where it is not there."""
        self.spend()
        match step:
            case Expr():
                result = self.expression(frame, place, step)
                if place.numbers is not None and result is not ABSENT:
                    place.numbers[0] += 1
            case Chain():
                result = self.nested(frame, place, step)
            case Body():
                path = self.path(frame, place)
                if place.numbers is not None:
                    place.numbers[0] += 1
                result = self.body(frame.inner(), path, step.root)
            case Modified():
                result = self.modified(frame, place, step)
            case Row():
                result = self.applier.rows(frame, place, step)
            case _:
                raise AssertionError(step)
        frame.module.results[id(step), frame.turns] = result
        return result

    def nested(self, frame: Frame, place: Place, step: Chain, *, splice: bool = False) -> Any:
        """Lower a list: spliced into the list around it under `do`, else one of its own."""
        if splice and place.numbers is not None:
            return self.chain(frame.inner(), place.prefix, step.root, place.numbers)
        path = self.path(frame, place)
        if place.numbers is not None:
            place.numbers[0] += 1
        inner = frame.inner()
        result = self.chain(inner, path, step.root)
        return inner.running if result is ABSENT and not splice else result

    def path(self, frame: Frame, place: Place) -> str:
        """Return the path of the module that a step at a place makes."""
        if place.numbers is not None:
            return join(place.prefix, str(place.numbers[0]))
        if place.key is None or place.key.silent:
            return place.prefix
        return join(join(place.prefix, self.fill(frame, place.key)), place.copy)

    def fill(self, frame: Frame, key: Key) -> str:
        """Fill in the expressions of a key."""
        return "".join(
            p if isinstance(p, str) else str(self.data(frame.scope, p, frame)) for p in key.parts
        )

    # Modifiers

    def modified(self, frame: Frame, place: Place, step: Modified) -> Any:
        """Lower a step under `do:`, with its loop, its choice and what it takes."""
        outer_stage = frame.stage
        try:
            loop = step.repeat or step.each
            if loop is None:
                if step.stage is not None:
                    frame.stage = self.fill(frame, step.stage)
                return self.once(frame, place, step)
            return self.loop(frame, place, step, loop)
        except SpecError as error:
            self.diagnostics += error.diagnostics
            return UNKNOWN
        except Poisoned:
            return UNKNOWN
        finally:
            frame.stage = outer_stage

    def once(self, frame: Frame, place: Place, step: Modified, *, take: bool = True) -> Any:
        """Lower one copy."""
        chosen: Any = step.do
        if step.condition is not None and not self.data(frame.scope, step.condition, frame):
            if step.otherwise is None:
                taken = step.source is not None and take
                return self.data(frame.scope, step.source, frame) if taken else ABSENT
            chosen = step.otherwise
        inner = frame.inner()
        if step.source is not None and take:
            inner.running = self.data(frame.scope, step.source, frame)
        if step.init is not None:
            inner.defaults_init = step.init
        if isinstance(chosen, Chain):
            return self.nested(inner, place, chosen, splice=True)
        return self.step(inner, place, chosen)

    def loop(self, frame: Frame, place: Place, step: Modified, loop: Loop) -> Any:
        """Lower the copies of a `repeat`, chained, or of a `for`, side by side."""
        chained = step.repeat is not None
        inner = frame.inner()
        if chained and step.source is not None:
            inner.running = self.data(frame.scope, step.source, frame)
        results: list[Any] = []
        start = inner.running
        for turn, bound in enumerate(self.turns(frame, loop)):
            copy = inner.inner(scope=frame.scope.child(**bound), turns=(*frame.turns, turn))
            copy.running = inner.running if chained else start
            at = self.copy(place, loop, len(results))
            if step.stage is not None:
                copy.stage = self.fill(copy, step.stage)
            elif place.key is not None and place.key.exprs and frame.stage == str(place.key):
                copy.stage = self.path(copy, at)  # copies that are siblings are stages of their own
            result = self.once(copy, at, step, take=not chained)
            if result is not ABSENT:
                results.append(result)
                inner.running = result
        if place.key is not None:
            frame.copies[place.key.identifier] = results
        if not chained:
            return results
        return results[-1] if results else ABSENT

    def turns(self, frame: Frame, loop: Loop) -> list[dict[str, Any]]:
        """Return what a loop binds in each of its turns."""
        reader = Reader(self, loop.expr, frame.scope, frame)

        def bind() -> list[dict[str, Any]]:
            value = reader.evaluate(loop.node)
            if loop.counted:
                if (
                    isinstance(value, bool)
                    or not isinstance(value, int)
                    or not 0 <= value <= 10_000
                ):
                    raise EvalFault(
                        "bad-loop",
                        f"`{loop.text}` counts to {describe(value)}",
                        loop.node,
                        "a count is a whole number from 0 to 10000",
                    )
                value = list(range(value))
            return [unpack(loop.target, item) for item in listed(value, loop.node)]

        bound: list[dict[str, Any]] = reader.guard(bind)
        return bound

    def copy(self, place: Place, loop: Loop, number: int) -> Place:
        """Return the place of a copy: a sibling where the key mentions the loop variable."""
        if place.key is None or place.numbers is not None:
            return place
        sibling = any(e.names & set(loop.names) for e in place.key.exprs)
        return (
            place
            if sibling or place.key.silent
            else replace(place, copy=join(place.copy, str(number)))
        )

    # Expressions and blocks

    def expression(self, frame: Frame, place: Place, step: Expr) -> Any:
        """Lower an expression: apply what it names to the running value, or take what it gives."""
        reader = Reader(self, step, frame.scope, frame)
        try:
            reader.trail = self.path(frame, place)
            chosen = reader.guard(lambda: reader.choose(step.tree))
            result = reader.guard(
                lambda: reader.whole(chosen) if chosen is step.tree else reader.evaluate(chosen)
            )
            if isinstance(result, (Callee, type(None))):
                if result is None:
                    return ABSENT
                result = reader.guard(lambda: reader.apply(result, [frame.running], chosen))
            if result is NOTHING or isinstance(result, (Value, list, dict)):
                self.finish(frame, place, reader)
                return result
            message = f"`{step}` is {describe(result)}, not a step"
            raise SpecError(
                [
                    Diagnostic(
                        "not-a-step",
                        message,
                        step.text.span,
                        help="a step is an op, a block, or an expression of values",
                    )
                ]
            )
        except SpecError as error:
            self.diagnostics += error.diagnostics
        except Poisoned:
            pass
        return UNKNOWN

    def finish(self, frame: Frame, place: Place, reader: Reader) -> None:
        """Name the nodes that an expression made: one may own tensors, and has the step's path."""
        nodes = reader.made
        heavy = [n for n in nodes if (n.tensors if n.module is None else n.module.owns)]
        if len(heavy) > 1:
            names = " and ".join(f"`{n.name}`" for n in heavy[:2])
            raise SpecError(
                [
                    Diagnostic(
                        "two-modules",
                        f"{names} both own tensors, but the step has one name",
                        reader.expr.text.span,
                        help="give each a step of its own",
                    )
                ]
            )
        path = self.path(frame, place)
        shown = path if not place.silent else join(place.prefix, str(place.key).lstrip("_"))
        blocks = [n for n in nodes if n.module is not None]
        main = next(iter(heavy or blocks[-1:] or nodes[-1:]), None)
        for node in nodes:
            if node.again:
                pass  # its module stands where it was first applied
            elif node is main:
                node.path = path if heavy else shown
            else:
                node.path = (
                    f"{shown}_{node.name}" if node.module is not None else join(shown, node.name)
                )
            node.init = {**(frame.defaults_init or {}), **dict(getattr(node.callee, "init", ()))}
            node.stage = frame.stage
            frame.module.nodes.append(node)

    def block(
        self, definition: BlockDef, arguments: dict[str, Any], inputs: tuple[Any, ...], trail: str
    ) -> Module | None:
        """Return the module of a block for arguments and inputs, lowering it the first time."""
        shapes = tuple(
            freeze([v.shape for v in value]) if isinstance(value, list) else value.shape
            for value in inputs
        )
        key = (id(definition.block), freeze(arguments), shapes)
        if key not in self.modules:
            self.stack.append((definition, arguments))
            try:
                self.modules[key] = self._block(definition, arguments, inputs, trail)
            finally:
                self.stack.pop()
        module = self.modules[key]
        return module if module.outputs else None

    def _block(
        self, definition: BlockDef, arguments: dict[str, Any], inputs: tuple[Any, ...], trail: str
    ) -> Module:
        block = definition.block
        span = definition.signature.expr.text.span
        own: list[Any] = []
        for value in inputs:
            copies = [Value(v.shape, span, "the block's input") for v in flat(value)]
            own.append(copies if isinstance(value, list) else copies[0])
        module = Module(
            definition.name,
            definition,
            arguments,
            tuple(v for item in own for v in flat(item)),
            trail,
        )
        names = [str(name) for name in block.inputs]
        values: dict[str, Any] = {}
        for k, name in enumerate(names):
            values[name.removeprefix("...")] = own[k] if not name.startswith("...") else own[k:]
        frame = Frame(module, Scope({}), values, own[0] if len(own) == 1 else own)
        frame.scope = Scope(
            arguments,
            self.file,
            dict(block.let),
            lambda scope, value: self.data(scope, value, frame),
        )
        module.scope = frame.scope
        if definition.name in self.faulty and not definition.library:
            return module
        if isinstance(block.body, Body):
            result = self.body(frame, "", block.body.root)
        elif isinstance(block.body, Chain):
            result = self.chain(frame, "", block.body.root)
        else:
            result = self.step(frame, Place(""), block.body)
        result = frame.running if result is ABSENT else result
        if result is not UNKNOWN:
            module.outputs = self.outputs(block.outputs, frame, result)
        return module

    def outputs(self, declared: Outputs | None, frame: Frame, result: Any) -> tuple[Output, ...]:
        """Return what a body gives: its last value, or those named under `outputs:`."""
        if declared is None:
            return () if result is UNKNOWN else (Output("", result),)
        outputs: list[Output] = []
        for name, output in declared.items():
            reader = Reader(self, output.value, frame.scope, frame)
            try:
                value = reader.read(output.value.tree)
            except SpecError as error:
                self.diagnostics += error.diagnostics
                return ()
            except Poisoned:
                return ()
            if value is not NOTHING:
                outputs.append(Output(str(name), value, output.when == "training"))
        return tuple(outputs)

    def report(self, code: str, message: str, span: Span, **more: Any) -> None:
        """Note what is wrong."""
        self.diagnostics.append(Diagnostic(code, message, span, **more))


def freeze(value: Any) -> Any:
    """Return a hashable equal of a value: lists as tuples, mappings as tuples of pairs."""
    if isinstance(value, dict):
        return tuple((k, freeze(v)) for k, v in value.items())
    if isinstance(value, list):
        return tuple(freeze(v) for v in value)
    return (type(value).__name__, value) if isinstance(value, (bool, int, float)) else value


def lower(
    document: Document,
    variant: str,
    settings: Mapping[str, Any] | None = None,
    faulty: frozenset[str] = frozenset(),
) -> tuple[Network | None, list[Diagnostic]]:
    """Lower a document's variant; the network is None where the diagnostics hold an error."""
    name = variant or str(document.name)
    known = {str(k) for k in document.params}
    for key in settings or {}:
        if key not in known:
            span = document.name.span
            return None, [
                Diagnostic(
                    "unknown-setting",
                    f"`{key}` is no param of `{document.name}`",
                    span,
                    help=nearest(key, known) or f"params: {', '.join(sorted(known))}",
                )
            ]
    lowering = Lowering(document, name, variant, settings or {}, faulty)
    network = lowering.run()
    return network, lowering.diagnostics


__all__ = ["CONSTANTS", "Block", "Frame", "Lowering", "Place", "lower"]
