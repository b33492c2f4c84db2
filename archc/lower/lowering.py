"""Document, variant and settings to a Network: loops unrolled, names resolved, shapes known.

Lowering runs the text once over shapes instead of tensors. Every block is lowered once for
its arguments and input shapes, and shared by all its uses. A step that is wrong is reported
and its value is unknown from there on, so that one cause is reported once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archc.diagnostics import Diagnostic, Span, SpecError, nearest
from archc.graph import Module, Network, Output, Stage, Value, flat
from archc.language.given import written
from archc.language.source import Text
from archc.language.spec import Body, Chain, Document, Outputs
from archc.limits import MAX_SIZE, MAX_WORK
from archc.lower.apply import Applier
from archc.lower.blame import Use, at_use
from archc.lower.bounds import TooLarge
from archc.lower.choosing import choose
from archc.lower.files import File
from archc.lower.frames import Frame, Place, freeze
from archc.lower.linking import NetworkDef
from archc.lower.marks import ABSENT, NO_FAULTS, NOTHING, UNKNOWN, Faults, Poisoned, is_known
from archc.lower.origins import Written, has_place
from archc.lower.pruning import prune, without_dead
from archc.lower.rows import Rows
from archc.lower.scope import BlockDef, Scope
from archc.lower.steps import Steps
from archc.ops import spelled
from archc.shapes import Shape, channels_first

MAX_ADVICE = 50
"""Faults for which a run looks for remedies."""
LAYOUTS = {3: "c h w", 1: "c"}


class Lowering(Steps):
    """One run over a document; `network` is the result, `diagnostics` what is wrong."""

    def __init__(
        self,
        document: Document,
        name: str,
        variant: str,
        settings: Mapping[str, Any],
        faulty: Faults = NO_FAULTS,
        chosen: Sequence[Text] = (),
    ) -> None:
        super().__init__()
        self.document = document
        self.diagnostics: list[Diagnostic] = []
        self.modules: dict[Any, Module] = {}
        self.stack: list[Use] = []
        self.name, self.variant, self.settings = name, variant, settings
        self.chosen = chosen
        self.root: Module | None = None
        self.advice = MAX_ADVICE
        self.file = File(document, variant, settings, self.data, faulty)
        self.applier = Applier(self)
        self.rows = Rows(self)
        self.parts: dict[int, str] = {}

    def run(self) -> Network | None:
        """Lower the network; None where it is too wrong or too large to have one."""
        linked = self.file.linked
        try:
            self.expect_time(linked.work)
            return self.lowered()
        except TooLarge as fault:
            self.report("too-large", fault.message, self.document.name.span, help=fault.help)
            return None
        finally:
            linked.work += self.work
            self.reckoned = -MAX_WORK  # what backends read again was counted here

    def lowered(self) -> Network | None:
        """Lower the network; raises TooLarge where it is beyond a limit."""
        x = self.input()
        if x is None or "" in self.file.faulty.owners:
            return None
        root = Module(self.name, self.document, dict(self.settings), (x,), places={}, takes=(x,))
        self.root = root
        frame = Frame(root, Scope({}, self.file.scope), {"x": x}, x, items=root.tree)
        root.scope = frame.scope
        result = self.network_body(frame, self.document)
        root.outputs = self.network_outputs(self.document.outputs, frame, result, self.chosen)
        self.expect_room(root)
        known = (
            not self.file.faulty.places
            and bool(root.outputs)
            and all(isinstance(v, Value) for o in root.outputs for v in flat(o.value))
        )
        if not known or any(d.severity == "error" for d in self.diagnostics):
            return None
        if not root.values:
            self.report(
                "no-output",
                "the network gives nothing",
                x.span,
                help="its last step is absent or `none(...)(...)`",
            )
            return None
        self.diagnostics += without_dead(root)
        return Network(
            self.name,
            self.variant,
            self.document,
            self.settings,
            root,
            self.stages(root),
            tuple(map(str, self.chosen)),
            self.idle(),
        )

    def input(self) -> Value | None:
        """Return the network's input; None where its sizes or the settings are wrong."""
        try:
            self.overrides()
            sizes = [self.file.data(e) for e in self.document.input]
        except SpecError as error:
            self.diagnostics += error.diagnostics
            return None
        except Poisoned:
            return None
        first, last = self.document.input[0].text.span, self.document.input[-1].text.span
        span = replace(first, end_line=last.end_line, end_column=last.end_column)
        whole = all(type(s) is int and 0 < s < MAX_SIZE for s in sizes)
        if whole and len(sizes) in LAYOUTS:
            if meant := channels_first(sizes):
                self.report(
                    "channels-last",
                    f"the input has {sizes[0]} channels, and a map of {sizes[1]}×{sizes[2]}",
                    span,
                    help=f"channels come first: `[{', '.join(map(str, meant))}]`",
                    severity="warning",
                )
            return Value(Shape.of(LAYOUTS[len(sizes)], *sizes), span, "the network's input")
        self.report(
            "bad-input",
            f"the input has the sizes {', '.join(map(str, sizes))}",
            span,
            help="give channels, height and width, such as `[3, 224, 224]`, or one number of features",
        )
        return None

    def overrides(self) -> None:
        """Refuse what a param can't be, at the place where it is set.

        It is said here once, and not at every use.
        """
        wrong: list[Diagnostic] = []
        limited = {k: p.default for k, p in self.document.declared.items() if p.limits}
        sources = (limited, self.file.chosen, self.settings)
        places = {str(k): (k, v) for source in sources for k, v in source.items()}
        for name, (key, value) in places.items():
            try:
                misfit = self.file.misfit(name)
            except SpecError as error:
                wrong += error.diagnostics
                continue
            if misfit is not None:
                span = self.place_of(key, value)
                wrong.append(Diagnostic(misfit.code, misfit.message, span, help=misfit.help))
        if wrong:
            raise SpecError(wrong)

    def place_of(self, name: str, value: Any) -> Span:
        """Return where a param is set: in the text, or as `--set` would set it."""
        if has_place(Written(value, None)):
            return Written(value, None).span
        if isinstance(name, Text):
            return name.span
        try:
            return written("--set", name, spelled(value)).text.span
        except SpecError:  # something of Python's, which no expression spells
            return self.document.name.span

    def idle(self) -> dict[str, Span]:
        """Return the settings that mean nothing; warn of those of the variant."""
        chosen, defaults = self.file.chosen, self.document.params
        own = {name: v for name, v in chosen.items() if name not in self.settings}
        for name in self.file.idle(own, defaults):
            self.report(
                "idle-setting",
                f"`{self.variant}` sets `{name}`, but nothing in it reads that",
                self.place_of(name, own[name]),
                help="leave it out",
                severity="warning",
            )
        given = self.file.idle(self.settings, {**defaults, **chosen})
        return {str(name): self.place_of(name, self.settings[name]) for name in given}

    def network_body(self, frame: Frame, document: Document) -> Any:
        """Lower stem, stages and head, or the body, marking what belongs to which stage."""
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

    def block(
        self, use: Use, file: File, trail: str, origins: Mapping[str, Written] | None = None
    ) -> Module | None:
        """Return the module of a use of a block, lowering it the first time.

        `file` is the one in which its text is read, `origins` say where arguments are written.
        """
        shapes = tuple(
            freeze([v.shape for v in value]) if isinstance(value, list) else value.shape
            for value in use.inputs
        )
        batches = tuple((v.shape.batch, v.guess) for v in flat(list(use.inputs)))
        key = (id(use.definition.block), id(file), freeze(use.arguments), shapes, batches)
        if key not in self.modules:
            first = len(self.diagnostics)
            depth = len(self.stack)
            try:
                self.modules[key] = self._block(use, file, trail, origins or {})
            finally:
                del self.stack[depth:]
                moved = at_use(
                    self.diagnostics[first:], use.span, use.definition.name, self.document.source
                )
                self.diagnostics[first:] = moved
            self.expect_room(self.modules[key])
        module = self.modules[key]
        return module if module.outputs else None

    def _block(self, use: Use, file: File, trail: str, origins: Mapping[str, Written]) -> Module:
        definition, arguments = use.definition, use.arguments
        block, own = definition.block, self._copies(definition, use.inputs)
        given = tuple(v for item in own for v in flat(item))
        self.stack.append(replace(use, own=given))
        places: dict[str, Any] | None = {} if isinstance(definition, NetworkDef) else None
        module = Module(definition.name, definition, arguments, given, trail, places=places)
        module.takes = tuple(own)
        frame = self._frame(definition, file, module, own, origins)
        if definition.name in file.faulty.owners and not definition.library:
            return module
        result = self._body(definition, frame)
        if isinstance(definition, NetworkDef):
            module.outputs = self.network_outputs(
                block.outputs, frame, result, definition.outputs, training=False
            )
        elif is_known(result):
            module.outputs = self.outputs(block.outputs, frame, result)
        return module

    @staticmethod
    def _copies(definition: BlockDef, inputs: tuple[Any, ...]) -> list[Any]:
        """Return values of the block's own for what it takes, lists as lists."""
        span = definition.signature.expr.text.span
        own: list[Any] = []
        for value in inputs:
            copies = [Value(v.shape, span, "the block's input", guess=v.guess) for v in flat(value)]
            own.append(copies if isinstance(value, list) else copies[0])
        return own

    def _frame(
        self,
        definition: BlockDef,
        file: File,
        module: Module,
        own: Sequence[Any],
        origins: Mapping[str, Written],
    ) -> Frame:
        """Return the frame in which a block's body is read: its inputs, arguments and lets."""
        block = definition.block
        values: dict[str, Any] = {}
        for k, name in enumerate(map(str, block.inputs)):
            rest = name.startswith("...")
            values[name.removeprefix("...")] = list(own[k:]) if rest else own[k]
        x = own[0] if len(own) == 1 else list(own)
        frame = Frame(module, Scope({}), values, x, items=module.tree)
        frame.scope = module.scope = Scope(
            module.arguments,
            file.scope,
            {str(k): v for k, v in block.let.items()},
            lambda scope, value, values: self.data(scope, value, frame, values),
            origins=origins,
        )
        return frame

    def _body(self, definition: BlockDef, frame: Frame) -> Any:
        """Lower the body of a block and return what it gives."""
        body = definition.block.body
        if isinstance(definition, NetworkDef):
            result = self.network_body(frame, definition.document)
        elif isinstance(body, Body):
            result = self.body(frame, "", body.root)
        elif isinstance(body, Chain):
            result = self.chain(frame, "", body.root)
        else:
            result = self.step(frame, Place(""), body)
        return frame.running if result is ABSENT else result

    def network_outputs(
        self,
        declared: Outputs | None,
        frame: Frame,
        result: Any,
        chosen: Sequence[Text],
        *,
        training: bool = True,
    ) -> tuple[Output, ...]:
        """Return what a network gives: what it declares, or what stands at chosen places.

        What only other outputs need is left out. `training` says whether training outputs may
        be there: inside another network they are not.
        """
        module = frame.module
        given = (
            () if result is UNKNOWN and declared is None else self.outputs(declared, frame, result)
        )
        if not chosen and (training or not any(o.training for o in given)):
            return given
        module.outputs = given
        try:
            if chosen:
                module.outputs = choose(frame, self.stages(module), chosen)
            else:
                module.outputs = tuple(o for o in given if not o.training)
        except SpecError as error:
            self.diagnostics += error.diagnostics
            return ()
        except Poisoned:
            return ()
        prune(module)
        return module.outputs

    def outputs(self, declared: Outputs | None, frame: Frame, result: Any) -> tuple[Output, ...]:
        """Return what a body gives: its last value, or those named under `outputs:`."""
        if declared is None:
            return () if result is UNKNOWN else (Output("", result),)
        outputs: list[Output] = []
        for name, output in declared.items():
            value = UNKNOWN
            try:
                value = self.value(frame, output.value, "`outputs:` names values")
            except SpecError as error:
                self.diagnostics += error.diagnostics
            except Poisoned:
                pass
            outputs.append(Output(str(name), value, output.when == "training"))
        if not all(is_known(o.value) for o in outputs):
            return ()
        return tuple(o for o in outputs if o.value is not NOTHING)

    def report(self, code: str, message: str, span: Span, **more: Any) -> None:
        """Note what is wrong."""
        self.diagnostics.append(Diagnostic(code, message, span, **more))


def lower(
    document: Document,
    variant: str,
    settings: Mapping[str, Any] | None = None,
    faulty: Faults = NO_FAULTS,
    outputs: Sequence[Text] = (),
) -> tuple[Network | None, list[Diagnostic]]:
    """Lower a document's variant; the network is None where the diagnostics hold an error.

    `outputs` name the places whose values the network gives, where not those that it declares.
    """
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
    lowering = Lowering(document, name, variant, settings or {}, faulty, outputs)
    network = lowering.run()
    return network, lowering.diagnostics
