"""One walk over a document: every body with its scopes, both branches of every choice."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from archc.diagnostics import Span
from archc.language.expr import Expr
from archc.language.scalars import Key, Signature
from archc.language.source import Unsound
from archc.language.spec import Block, Body, Chain, Document, Library, Modified, Outputs, Row
from archc.lower.linking import Linked
from archc.ops import Op
from archc.rules.analysis import Analysis, Entry, Kind, Names, Origin, Purpose, Step
from archc.rules.reading import Frame
from archc.rules.scoping import Scoper


class Walker(Scoper):
    """Walks a document; `analysis` holds what it finds."""

    def __init__(self, document: Document | Library, linked: Linked) -> None:
        signatures = {n: b.signature for n, b in linked.blocks.items()}
        super().__init__(Analysis(signatures, linked.ops, complete=not linked.plugin_faults))
        self.analysis.lost = document._lost or frozenset()  # noqa: SLF001 - the document keeps it for the rules
        for name, file in linked.imports.items():
            self.analysis.imports[name] = {s.name: s for s in file.blocks} if file else None
        self.document = document
        self.file = Names()

    def walk(self) -> Analysis:
        """Walk over the file's values, its blocks and its network."""
        document = self.document
        self.bind("", self.file, "param", document.params)
        self.bind("", self.file, "let", document.let)
        frame = Frame("", self.file)
        for values in [document.params, document.let, *document.defaults.values()]:
            for value in values.values():
                self.data(frame, value)
        for param in document.declared.values():
            self.data(frame, param.limits)
        for signature, block in document.blocks.items():
            self.block(signature, block)
        if isinstance(document, Document):
            self.network(document)
        return self.analysis

    def block(self, signature: Signature, block: Block) -> None:
        """Walk over a block."""
        for parameter in signature.parameters:
            if parameter.default is not None:
                self.read(
                    Frame(signature.name, self.file), signature.expr, "default", parameter.default
                )
        names = self.file.new_child()
        for parameter in signature.parameters:
            entry = Entry("param", Kind.PARAM, signature.expr.text.span)
            self.introduce(Frame(signature.name, names), parameter.name, entry)
        self.bind(signature.name, names, "let", block.let)
        frame = Frame(signature.name, names.new_child())
        for name in block.inputs:
            span = getattr(name, "span", signature.expr.text.span)
            frame.running = self.define(frame, str(name).removeprefix("..."), span, "input")
        for value in block.let.values():
            self.data(frame, value)
        self.body(frame, block.body)
        self.outputs(frame, block.outputs)

    def network(self, document: Document) -> None:
        """Walk over variants, and stem, stages and head, or the body: one scope."""
        file = Frame("", self.file)
        for settings in document.variants.values():
            for value in settings.values():
                self.data(file, value)
        self.data(file, document.input)
        self.init(file, document.init)
        frame = Frame("", self.file.new_child())
        frame.running = self.define(frame, "x", document.input[0].text.span, "input")
        for part in (document.stem, document.stages, document.head, document.body):
            steps = part.root if isinstance(part, Body) else part or {}
            for key, step in steps.items():
                self.entry(frame, key, step, stage=part is document.stages)
        self.outputs(frame, document.outputs)

    def outputs(self, frame: Frame, outputs: Outputs | None) -> None:
        """Read what a body gives; it is no naming of a step that may not be handed on."""
        if outputs is None and frame.running is not None:
            frame.running.read = True
        named = [len(d.named) for d in self.analysis.defs] if outputs else []
        for output in (outputs or {}).values():
            self.read(frame, output.value)
        for definition, count in zip(self.analysis.defs, named, strict=False):
            del definition.named[count:]

    # Steps

    def body(self, frame: Frame, step: Any) -> None:
        """Walk over what a step consists of; the frame's running value is its result."""
        match step:
            case Expr():
                self.read(frame, step, "step")
                frame.running = None
            case Chain():
                for item in step.root:
                    self.item(frame, item)
            case Body():
                for key, inner in step.root.items():
                    self.entry(frame, key, inner)
            case Modified():
                self.modified(frame, step)
            case Row():
                self.row(frame, step)

    def item(self, frame: Frame, step: Any) -> None:
        """Walk over a step of a list, which has no name."""
        span = start(step)
        inner = frame.inner(Step("", span, step))
        self.nested(inner, step)
        frame.running = self.define(frame, "", span, "step")

    def entry(self, frame: Frame, key: Key, step: Any, *, stage: bool = False) -> None:
        """Walk over a named step; its name is known from here on."""
        inner = frame.inner(Step(str(key), key.text.span, step))
        self.nested(inner, step, key)
        source = is_source(step, frame.names, self.analysis.ops)
        origin: Origin = "row" if stage else "source" if source else "step"
        value = self.define(frame, key.identifier, key.text.span, origin, str(key))
        if isinstance(key.text, Unsound):  # it stands there twice: which one is meant, nobody knows
            self.analysis.doubtful.append((frame.owner, None))
        if key.names_copies(getattr(step, "repeat", None) or getattr(step, "each", None)):
            value.copies = key.copies
            self.analysis.copied.append(key.identifier)
        if not source:
            frame.running = value

    def nested(self, inner: Frame, step: Any, key: Key | None = None) -> None:
        """Walk over a step in a frame of its own; its result is read by whoever reads the step."""
        names = inner.names
        self.body(inner, step)
        if inner.running is not None:
            inner.running.read = True
        if isinstance(step, (Modified, Row)):
            names = inner.names  # with the variables of its loop
        for expr in key.exprs if key else []:
            self.read(Frame(inner.owner, names), expr, "key")

    def modified(self, frame: Frame, step: Modified) -> None:
        """Walk over `do:` with its loop, its choice and what it takes."""
        for expr in step.stage.exprs if step.stage else []:
            self.read(frame, expr, "key")
        if step.each:
            self.loop(frame, step.each)
        if step.source is not None:
            self.read(frame, step.source)
            frame.running = None
        if step.repeat:
            self.loop(frame, step.repeat)
        if step.condition is not None:
            self.read(frame, step.condition, "condition")
            if step.otherwise is None and not is_source(step, frame.names, self.analysis.ops):
                frame.take()
        self.init(frame, step.init)
        names, running, last = frame.names, frame.running, []
        for choice in (step.do, step.otherwise):
            if choice is not None:
                frame.names, frame.running = names.new_child(), running
                self.body(frame, choice)
                last.append(frame.running)
        for made in last:
            if made is not None:
                made.read = True
        frame.names = names

    def row(self, frame: Frame, row: Row) -> None:
        """Walk over a row of `stages:`; its block's arguments may use `i`."""
        if row.repeat is not None:
            self.loop(frame, row.repeat)
        frame.take()
        decisive: list[tuple[Expr | None, Purpose]] = [
            (row.condition, "condition"),
            (row.depth, "depth"),
        ]
        for expr, purpose in decisive:
            if expr is not None:
                self.read(frame, expr, purpose)
        for expr in row.stage.exprs if row.stage else []:
            self.read(frame, expr, "key")
        copy = frame.inner()
        copy.running = None
        self.introduce(copy, "i", Entry("variable", Kind.PARAM, row.block.text.span))
        for special in (row.first or {}, row.last or {}):
            for name, value in special.items():
                if name == "block":
                    self.row_block(copy, row, value)
                else:
                    self.data(copy, value)
        self.row_block(copy, row, row.block)
        for value in row.arguments.values():
            self.data(copy, value)
        self.init(frame, row.init)

    def row_block(self, frame: Frame, row: Row, expr: Expr) -> None:
        """Read the block of a row, which gets its arguments by name from the row."""
        self.read(frame, expr, "step")
        call = self.analysis.calls.get(id(expr.tree))
        if call is not None:
            call.row = row


def start(step: Any) -> Span:
    """Return a place for a step of a list: its expression, or the first one in it."""
    match step:
        case Expr():
            return step.text.span
        case Chain():
            return start(step.root[0])
        case Body():
            span: Span = next(iter(step.root)).text.span
            return span
        case _:
            return start(step.do)


def is_source(step: Any, names: Names, ops: Mapping[str, type[Op]]) -> bool:
    """Whether a step is an op that takes nothing, such as `parameter(...)`."""
    step = step.do if isinstance(step, Modified) else step
    tree = step.tree if isinstance(step, Expr) else None
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)):
        return False
    op = ops.get(tree.func.id)
    return op is not None and op.inputs == 0 and tree.func.id not in names
