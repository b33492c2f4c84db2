"""One template as text: a class with its constructor and forward, or a function."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archc.backends.pytorch.arranging import Arranger, arranged
from archc.backends.pytorch.chaining import IDENTITY, chained, collected, has_init, sequential
from archc.backends.pytorch.context import Split, channel_names, frozen_form, input_names
from archc.backends.pytorch.forward import Forward, Statement, counted, variable
from archc.backends.pytorch.init import model_lines
from archc.backends.pytorch.items import Group, Item, Val, reads
from archc.backends.pytorch.layout import WIDTH, choice, fit, statement
from archc.backends.pytorch.reading import Reading
from archc.backends.pytorch.render import Names, parsed
from archc.backends.pytorch.settings import model_arguments
from archc.backends.pytorch.spell import substitute
from archc.graph import Value, flat
from archc.language.expr import Expr
from archc.language.spec import Chain
from archc.lower.scope import BlockDef
from archc.ops import Py

if TYPE_CHECKING:
    from archc.backends.pytorch.templates import Template, Templates

STEP, BODY = " " * 4, " " * 8


def written(templates: Templates, template: Template, kept: set[str]) -> None:
    """Write a template until it keeps no further argument."""
    root = template.modules[0] is templates.network.root
    if root:
        kept |= model_arguments(templates.network)
    while True:
        writer = ClassWriter(templates, template, kept)
        lines = writer.lines()
        if root and kept & writer.names.sizes:  # other layers would have to follow
            kept -= writer.names.sizes
            continue
        if writer.names.kept <= kept:
            template.lines = lines
            return
        kept |= writer.names.kept


@dataclass(eq=False)
class Ends:
    """The values that a body gives; with their names where they are a mapping."""

    vals: list[Val]
    names: list[str]
    training: list[bool]


class ClassWriter:
    """Writes one template with a given set of kept arguments."""

    def __init__(self, templates: Templates, template: Template, kept: set[str]) -> None:
        self.templates, self.template = templates, template
        self.modules = template.modules
        self.names = Names(set(kept), varying_names(template))
        self.reading = Reading(templates, self.names, self.modules)
        self.contexts = [templates.context(m) for m in self.modules]
        self.inputs = self.bind_inputs()
        self.root = self.modules[0] is templates.network.root

    def bind_inputs(self) -> list[Val]:
        """Give the inputs their names and channels."""
        first = self.modules[0]
        sizes = channel_names(first)
        if not isinstance(first.block, BlockDef):
            sizes = [str(first.inputs[0].shape.channels)]
        vals = [Val(n, (s,)) for n, s in zip(input_names(first), sizes, strict=True)]
        for val, values in zip(
            vals, zip(*(m.inputs for m in self.modules), strict=True), strict=True
        ):
            self.reading.bind(val, values)
        return vals

    def lines(self) -> list[str]:
        """Write the template."""
        items = Arranger(Counter()).prepare(self.items())
        ends = self.ends()
        uses = reads(items)
        uses.update(ends.vals)
        block = self.modules[0].block
        if (
            isinstance(block, BlockDef)
            and block.block.outputs is None
            and len(ends.vals) == 1 == len(self.inputs)
        ):
            made = self.function(items, ends.vals[0]) if is_list(block) else None
            if made is not None:
                return made
        self.templates.expect_class(self.template)
        arranger, statements = arranged(items, uses)
        return self.class_lines(arranger, statements, ends)

    def items(self) -> list[Item]:
        """Read the body: its text, or its graph where the text can't tell its one use."""
        if self.template.literal:
            return self.reading.graph(self.modules[0], self.contexts[0])
        items = self.reading.block(self.contexts)
        if any(id(n) not in self.reading.seen for m in self.modules for n in m.nodes):
            raise Split({})
        return items

    def ends(self) -> Ends:
        """Return what the body gives."""
        outputs = [m.outputs for m in self.modules]
        shapes = [[len(values_of(o.value)) for o in found] for found in outputs]
        if any(s != shapes[0] for s in shapes):
            raise Split({id(m): frozen_form(s) for m, s in zip(self.modules, shapes, strict=True)})
        vals = [
            self.reading.lookup(vs) for vs in zip(*(m.values for m in self.modules), strict=True)
        ]
        names = [
            o.name if n == 1 else f"{o.name}_{k}"
            for o in outputs[0]
            for n in [len(values_of(o.value))]
            for k in range(n)
        ]
        training = [o.training for o in outputs[0] for _ in values_of(o.value)]
        self.template.result = self.result_channels(vals[0]) if len(vals) == 1 else ()
        return Ends(vals, names, training)

    def result_channels(self, val: Val) -> tuple[str, ...]:
        """Return expressions of the channels of the result that callers can read."""
        lets = {n: Py(text) for n, text in self.let_texts().items()}
        known = {
            n: Py(n)
            for n in [*channel_names(self.modules[0]), *self.template.parameters, *self.names.kept]
        }
        found = []
        for text in val.candidates:
            for _ in range(len(lets) + 1):
                text = substitute(text, {**{n: Py(n) for n in names_in(text)}, **lets})  # noqa: PLW2901
            if names_in(text) <= set(known):
                found.append(text)
        scope = self.modules[0].scope
        self.template.kept = {
            n: Py.of(scope[n])
            for n in self.names.kept
            if n not in self.template.parameters and n in scope
        }
        return tuple(dict.fromkeys(found))

    def let_texts(self) -> dict[str, str]:
        """Return the derived values that the constructor reads, as Python."""
        block = self.modules[0].block
        written_lets = block.block.let if isinstance(block, BlockDef) else {}
        lets = {str(n): e for n, e in written_lets.items()}
        texts: dict[str, str] = {}
        while missing := [n for n in lets if n in self.wanted() and n not in texts]:
            for name in missing:
                expr = lets[name]
                if not isinstance(expr, Expr):
                    raise Split({id(m): frozen_form(m.scope[name]) for m in self.modules})
                texts[name] = self.reading.speller.render.py(expr, expr.tree, self.contexts).text
        return ordered(texts)

    def wanted(self) -> set[str]:
        """Return every name that the constructor reads."""
        stored = {n for text in self.names.stored.values() for n in names_in(text)}
        return self.names.used | stored

    # Functions

    def function(self, items: list[Item], result: Val) -> list[str] | None:
        """Write a block as a function that returns a module, None where it is none."""
        own, text = self.module_text(items, result)
        if text is None or text.startswith("*"):
            return None
        self.names.stored.clear()
        head = f"def {self.template.name}({', '.join(self.signature())}):"
        lines = [*fit(head), *self.docstring(STEP), *self.locals(STEP, [*own, text])]
        lines += [line for raw in own for line in statement(STEP, raw)]
        if parts := choice(text):
            lines += [f"{STEP}if {parts[1]}:", *fit(f"{STEP}    return {parts[0]}")]
            return [*lines, *fit(f"{STEP}return {parts[2]}")]
        return [*lines, *fit(f"{STEP}return {text}")]

    def module_text(self, items: list[Item], result: Val) -> tuple[list[str], str | None]:
        """Return lines that collect modules, and the module that a whole block is, if it is one."""
        uses = reads(items)
        uses[result] += 1
        if has_init(items) or not items:
            return [], None
        group = items[0]
        if isinstance(group, Group) and len(items) == 1 and group.numbered and not group.path:
            pieces = chained(group.items, self.inputs[0], result, uses) if group.plain else None
            if pieces is None:
                return [], None
            text = sequential(pieces, numbered=True)
            return ([], text) if text else (collected(pieces, "layers"), "nn.Sequential(*layers)")
        pieces = chained(items, self.inputs[0], result, uses)
        if pieces is None or len(pieces) != 1 or len(pieces[0].texts) != 1:
            return [], None
        test, text = pieces[0].test, pieces[0].texts[0]
        return [], f"{text} if {test} else {IDENTITY}" if test else text

    # Classes

    def class_lines(self, arranger: Arranger, statements: list[Statement], ends: Ends) -> list[str]:
        """Write a class."""
        forward = self.forward(statements, ends)
        text = "\n".join([*forward, *arranger.own_init])
        self.names.stored = {
            n: t for n, t in self.names.stored.items() if re.search(rf"self\.{n}\b", text)
        }
        said = self.docstring(STEP)
        lines = [f"class {self.template.name}(nn.Module):", *said, *([""] if said else [])]
        lines += [
            *fit(f"    def __init__({', '.join(['self', *self.signature()])}):"),
            f"{BODY}super().__init__()",
        ]
        lines += self.locals(BODY, arranger.init)
        lines += [line for raw in arranger.init for line in statement(BODY, raw)]
        lines += self.init_lines(arranger)
        names = ", ".join(["self", *(variable(v.name) for v in self.inputs)])
        return [*lines, "", f"    def forward({names}):", *forward]

    def init_lines(self, arranger: Arranger) -> list[str]:
        """Write initialisers: a step's own come after the rules of the file."""
        own = arranger.own_init
        network = self.templates.network
        if not self.root:
            self.template.has_init = bool(own) and bool(network.document.init)
            if not self.template.has_init:
                return [line for raw in own for line in fit(BODY + raw)]
            return [
                "",
                f"{STEP}def init_weights(self):",
                *(line for raw in own for line in fit(BODY + raw)),
            ]
        rules = model_lines(network)
        if any(t.has_init for t in self.templates.by_module.values()):
            rules += [
                "for m in self.modules():",
                '    if hasattr(m, "init_weights"):',
                "        m.init_weights()",
            ]
        rules += own
        return ["", *(line for raw in rules for line in fit(BODY + raw))] if rules else []

    def forward(self, statements: list[Statement], ends: Ends) -> list[str]:
        """Write the forward method."""
        if any(ends.training):
            mark_training(
                statements, [v for v, t in zip(ends.vals, ends.training, strict=True) if not t]
            )
        left = counted(statements)
        left.update(ends.vals)
        if any(ends.training):
            left.update(v for v, t in zip(ends.vals, ends.training, strict=True) if not t)
        forward = Forward(left)
        for val in self.inputs:
            forward.start(val, variable(val.name))
        forward.write(statements)
        named = self.root and any(ends.names)
        if any(ends.training) and self.root:
            forward.settle_all()
            forward.emit("if self.training:")
            forward.indent += STEP
            forward.returns(ends.vals, mapping(ends.names))
            forward.indent = BODY
        always = [k for k, t in enumerate(ends.training) if not t or not self.root]
        names = [ends.names[k] for k in always]
        spell = mapping(names) if named and len(always) > 1 else ", ".join
        forward.returns([ends.vals[k] for k in always], spell)
        return forward.lines

    # Parts of both

    def signature(self) -> list[str]:
        """Return the arguments: channels, what differs between uses, and kept numbers."""
        kept = [
            n for n in self.names.kept if n in self.wanted() and n not in self.template.parameters
        ]
        scope = self.modules[0].scope
        if self.root:
            order = [str(n) for n in self.templates.network.document.params]
            return [f"{n}={Py.of(scope[n]).text}" for n in sorted(kept, key=order.index)]
        parts = [variable(n) for n in channel_names(self.modules[0])]
        defaults = {n: self.template.default(n) for n in self.template.parameters}
        parts += [n for n, d in defaults.items() if d is None]
        parts += [f"{n}={d}" for n, d in defaults.items() if d is not None]
        return [
            *parts,
            *(["*"] if kept else []),
            *(f"{n}={Py.of(scope[n]).text}" for n in sorted(kept)),
        ]

    def locals(self, indent: str, readers: Sequence[str]) -> list[str]:
        """Write the derived values that the constructor reads, and what it stores for forward."""
        lets, stored = self.let_texts(), dict(self.names.stored)
        for name in [n for n in lets if stored.get(n) == n]:
            others = [t for n, t in {**lets, **stored}.items() if n != name]
            if not any(re.search(rf"\b{name}\b", text) for text in [*readers, *others]):
                stored[name] = lets.pop(name)
        derived = [f"{name} = {text}" for name, text in lets.items()]
        return [
            line
            for raw in [*derived, *(f"self.{n} = {t}" for n, t in stored.items())]
            for line in fit(indent + raw)
        ]

    def docstring(self, indent: str) -> list[str]:
        """Say where a block is first used, with shapes."""
        module = self.modules[0]
        if not module.inputs:
            return []
        x = sized(module.inputs[0])
        if self.root:
            outs = ", ".join(sized(v) for v in module.values)
            said = f"{x} -> {outs}."
            text = said if len(said) < WIDTH - 10 else f"{said[: WIDTH - 14]}..."
            return [f'{indent}"""{text}"""']
        if not module.trail or not isinstance(module.result, Value):
            return []
        text = f'{indent}"""{module.trail}: {x} -> {sized(module.result)}."""'
        return [text] if len(text) <= WIDTH else []


def sized(value: Value) -> str:
    """Spell a shape: `(N, 64, 56, 56)`."""
    return f"({', '.join(map(str, ('N', *value.shape.sizes)))})"


def is_list(block: BlockDef) -> bool:
    """Whether a block is a list or a single step."""
    return isinstance(block.block.body, Chain) or not hasattr(block.block.body, "root")


def values_of(value: Any) -> tuple[Value, ...]:
    """Return the values of an output, as the graph lays them flat."""
    return flat(value)


def names_in(text: str) -> set[str]:
    """Return the names that a Python expression reads."""
    return {n.id for n in ast.walk(parsed(text)) if isinstance(n, ast.Name)}


def ordered(texts: Mapping[str, str]) -> dict[str, str]:
    """Return derived values so that each stands after those that it reads."""
    out: dict[str, str] = {}

    def define(name: str) -> None:
        if name in out:
            return
        for other in sorted(names_in(texts[name]) & set(texts)):
            define(other)
        out[name] = texts[name]

    for name in texts:
        define(name)
    return out


def mapping(names: Sequence[str]) -> Any:
    """Return how values are spelled as a mapping."""
    return lambda texts: (
        "{" + ", ".join(f'"{n}": {t}' for n, t in zip(names, texts, strict=True)) + "}"
    )


def mark_training(statements: list[Statement], always: Sequence[Val]) -> None:
    """Mark the statements that no output of inference needs."""
    needed = set(always)
    for s in reversed(statements):
        s.training = not any(v in needed for v in s.outputs)
        if not s.training:
            needed |= set(s.reads())


def varying_names(template: Template) -> set[str]:
    """Return the arguments and derived values that differ between the uses of a class."""
    block = template.modules[0].block
    if not isinstance(block, BlockDef):
        return set()
    lets = [str(n) for n in block.block.let]
    differ = {n for n in lets if len({frozen_form(m.scope[n]) for m in template.modules}) > 1}
    return set(template.parameters) | differ
