"""One template as text: a class with its constructor and forward, or a function."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archc.backends.pytorch.arranging import Arranger, arranged
from archc.backends.pytorch.chaining import (
    IDENTITY,
    chained,
    collected,
    has_init,
    inits,
    sequential,
)
from archc.backends.pytorch.channels import substitute
from archc.backends.pytorch.context import (
    Split,
    channel_names,
    channels,
    frozen_form,
    input_names,
    is_alone,
    is_function,
    taken,
)
from archc.backends.pytorch.derived import names_in, ordered, through_self
from archc.backends.pytorch.describing import described
from archc.backends.pytorch.forward import Forward, variable
from archc.backends.pytorch.items import Group, Item, Val, mapping, reads
from archc.backends.pytorch.layout import choice, fit, statement
from archc.backends.pytorch.reading import Reading
from archc.backends.pytorch.render import Names, parsed
from archc.backends.pytorch.resetting import init_lines
from archc.backends.pytorch.settings import model_arguments
from archc.backends.pytorch.statements import Statement, complete, counted, joined, mark_training
from archc.backends.pytorch.tables import said, schedules, tables
from archc.graph import flat
from archc.language.expr import Expr
from archc.lower.scope import BlockDef
from archc.ops import Py

if TYPE_CHECKING:
    from archc.backends.pytorch.templates import Template, Templates

LONG = 30
"""An expression of channels that is longer gives way to another."""
STEP, BODY = " " * 4, " " * 8


def written(templates: Templates, template: Template, kept: set[str]) -> None:
    """Write a template until it keeps no further argument."""
    root = template.modules[0] is templates.network.root
    if root:
        kept |= model_arguments(templates.network, schedules(templates.network))
    while True:
        writer = ClassWriter(templates, template, kept)
        lines = writer.lines()
        if root and kept & writer.names.sizes:  # other layers would have to follow
            kept -= writer.names.sizes
            continue
        wanted = writer.wanted()
        read = [p for p in template.parameters if p in wanted]
        sizes = [n for k, n in enumerate(template.sizes) if k == 0 or n in wanted]
        if writer.names.kept <= kept and (read, sizes) == (template.parameters, template.sizes):
            template.lines = lines
            return
        template.parameters, template.sizes = read, sizes
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
        self.root = self.modules[0] is templates.network.root
        self.names.tables = tables(templates.network) if self.root else set()
        self.reading = Reading(templates, self.names, self.modules)
        self.contexts = [templates.context(m) for m in self.modules]
        self.inputs = self.bind_inputs()

    def bind_inputs(self) -> list[Val]:
        """Give the inputs their names and channels."""
        first, packed = self.modules[0], self.template.packed
        sizes = channel_names(first, packed=packed)
        if not isinstance(first.block, BlockDef):
            sizes = [str(first.inputs[0].shape.channels)]
        names = input_names(first, packed=packed)
        vals = [Val(n, (s,)) for n, s in zip(names, sizes, strict=True)]
        vals[-1].many = packed
        rows = zip(*(taken(m, packed=packed) for m in self.modules), strict=True)
        for val, values in zip(vals, rows, strict=True):
            if val.many:
                self.reading.bind_list(val, self.contexts, values)
            else:
                self.reading.bind(val, values)
        return vals

    def lines(self) -> list[str]:
        """Write the template."""
        items = Arranger().prepare(self.items())
        ends = self.ends()
        uses = reads(items)
        uses.update(ends.vals)
        block = self.modules[0].block
        passed_on = not self.template.packed and ends.vals == self.inputs[:1] == self.inputs
        self.template.nothing = not items and not self.root and passed_on
        if self.template.nothing:
            return []
        if (
            isinstance(block, BlockDef)
            and block.block.outputs is None
            and len(ends.vals) == 1 == len(self.inputs)
        ):
            made = self.function(items, ends.vals[0]) if is_function(self.modules[0]) else None
            if made is not None:
                return made
        self.templates.expect_class(self.template)
        arranger, statements = arranged(items, uses)
        if not complete(statements, set(self.inputs), ends.vals):
            raise Split({})  # a value is read that stands inside what the text makes one module
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
        shapes = [[len(flat(o.value)) for o in found] for found in outputs]
        if self.template.gives_list and len(outputs[0]) == 1 and not outputs[0][0].name:
            rows = [m.values for m in self.modules]
            vals = list(self.reading.lookup_all(self.contexts, rows))
            return Ends(vals, [""] * len(vals), [outputs[0][0].training] * len(vals))
        if any(s != shapes[0] for s in shapes):
            raise Split({id(m): frozen_form(s) for m, s in zip(self.modules, shapes, strict=True)})
        vals = [
            self.reading.lookup(vs) for vs in zip(*(m.values for m in self.modules), strict=True)
        ]
        names = [
            o.name if n == 1 else f"{o.name}_{k}"
            for o in outputs[0]
            for n in [len(flat(o.value))]
            for k in range(n)
        ]
        training = [o.training for o in outputs[0] for _ in flat(o.value)]
        self.template.results = [self.result_channels(val) for val in vals]
        return Ends(vals, names, training)

    def result_channels(self, val: Val) -> tuple[str, ...]:
        """Return expressions of the channels of the result that callers can read."""
        lets = {n: Py(text) for n, text in self.let_texts().items()}
        known = {
            n: Py(n) for n in [*self.template.sizes, *self.template.parameters, *self.names.kept]
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
        found += self.equal_inputs(val)
        return tuple(sorted(dict.fromkeys(found), key=lambda text: len(text) > LONG))

    def equal_inputs(self, val: Val) -> list[str]:
        """Return the inputs that have as many channels as a value in every use."""
        values = zip(*(m.values for m in self.modules), strict=True)
        numbers = next(
            ([v.shape.channels for v in vs] for vs in values if self.reading.lookup(vs) is val), []
        )
        packed = self.template.packed
        names = channel_names(self.modules[0], packed=packed)
        inputs = zip(
            names, zip(*(taken(m, packed=packed) for m in self.modules), strict=True), strict=True
        )
        return [
            n
            for n, vs in inputs
            if n in self.template.sizes and [channels(v) for v in vs] == numbers
        ]

    def let_texts(self) -> dict[str, str]:
        """Return the derived values that the constructor reads, as Python."""
        block = self.modules[0].block
        if self.root:
            texts = said(self.templates.network, self.wanted() & self.names.tables, self.names.kept)
            self.names.used |= {n for text in texts.values() for n in names_in(text)}
            return ordered(texts)
        written_lets = block.block.let if isinstance(block, BlockDef) else {}
        lets = {str(n): e for n, e in written_lets.items()}
        texts = {}
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
        lines = [
            *fit(head),
            *described(self.modules[0], STEP, root=self.root),
            *self.locals(STEP, [*own, text]),
        ]
        lines += [line for raw in own for line in statement(STEP, raw)]
        if parts := choice(text):
            lines += [f"{STEP}if {parts[1]}:", *fit(f"{STEP}    return {parts[0]}")]
            return [*lines, *fit(f"{STEP}return {parts[2]}")]
        return [*lines, *fit(f"{STEP}return {text}")]

    def module_text(self, items: list[Item], result: Val) -> tuple[list[str], str | None]:
        """Return lines that collect modules, and the module that a whole block is, if it is one."""
        uses = reads(items)
        uses[result] += 1
        if not items or (has_init(items) and not is_alone(self.modules[0])):
            return [], None
        self.template.init = tuple(inits(items, "") or ())
        group = items[0]
        if isinstance(group, Group) and len(items) == 1 and group.numbered and not group.path:
            pieces = chained(group.items, self.inputs[0], result, uses) if group.plain else None
            if pieces is None:
                return [], None
            text = sequential(pieces, numbered=True)
            return ([], text) if text else (collected(pieces, "layers"), "nn.Sequential(*layers)")
        pieces = chained(items, self.inputs[0], result, uses)
        named = any(i.path for i in items)
        if pieces is None or named or len(pieces) != 1 or len(pieces[0].texts) != 1:
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
        said = described(self.modules[0], STEP, root=self.root)
        lines = [f"class {self.template.name}(nn.Module):", *said, *([""] if said else [])]
        lines += [
            *fit(f"    def __init__({', '.join(['self', *self.signature()])}):"),
            f"{BODY}super().__init__()",
        ]
        flags = self.flags()
        asked = {f"if {t}:": f"if self.{n}:" for n, t in self.names.stored.items() if n != t}
        made = [through_self(asked.get(raw, raw), flags) for raw in arranger.init]
        lines += self.locals(BODY, made)
        lines += [line for raw in made for line in statement(BODY, raw)]
        lines += init_lines(self.templates, self.template, arranger.own_init)
        inputs = [f"{'*' * v.many}{variable(v.name)}" for v in self.inputs]
        names = ", ".join(["self", *inputs])
        return [*lines, "", *fit(f"    def forward({names}):"), *forward]

    def forward(self, statements: list[Statement], ends: Ends) -> list[str]:
        """Write the forward method."""
        if any(ends.training):
            mark_training(
                statements, [v for v, t in zip(ends.vals, ends.training, strict=True) if not t]
            )
        statements = joined(statements, ends.vals)
        left = counted(statements)
        left.update(ends.vals)
        if any(ends.training):
            left.update(v for v, t in zip(ends.vals, ends.training, strict=True) if not t)
        forward = Forward(left)
        for val in [v for v in left if v.of is not None and left[v]]:
            left[val.whole] += 2  # it stays in a variable
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
        parts = list(self.template.sizes)
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
            if not any(re.search(rf"(?<!\.)\b{name}\b", text) for text in [*readers, *others]):
                stored[name] = lets.pop(name)
        derived = [f"{name} = {text}" for name, text in lets.items()]
        return [
            line
            for raw in [*derived, *(f"self.{n} = {t}" for n, t in stored.items())]
            for line in fit(indent + raw)
        ]

    def flags(self) -> list[str]:
        """Return the tests that forward reads too: the constructor asks the attribute as well."""
        lets = self.let_texts()
        tests = (ast.Compare, ast.BoolOp, ast.Not)
        return [
            n
            for n, text in self.names.stored.items()
            if text == n
            and any(isinstance(node, tests) for node in ast.walk(parsed(lets.get(n, n))))
            and not any(n in names_in(t) for other, t in lets.items() if other != n)
        ]


def varying_names(template: Template) -> set[str]:
    """Return the arguments and derived values that differ between the uses of a class."""
    block = template.modules[0].block
    if not isinstance(block, BlockDef):
        return set()
    lets = [str(n) for n in block.block.let]
    differ = {n for n in lets if len({frozen_form(m.scope[n]) for m in template.modules}) > 1}
    return set(template.parameters) | differ
