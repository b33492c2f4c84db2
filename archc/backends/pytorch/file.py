"""The emitted file: which classes it has, their order, imports, helpers and the header."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from archc.backends.pytorch.body import BodyWriter, mentioned
from archc.backends.pytorch.context import Context, Split, channel_names
from archc.backends.pytorch.forward import Flow
from archc.backends.pytorch.layout import camel, choice, fit
from archc.backends.pytorch.sequence import NotAModuleError
from archc.backends.pytorch.writer import Template, template_default
from archc.expr import Expr
from archc.graph import Module, Network, Node, Value, flat
from archc.lower import Frame, freeze
from archc.ops import HELPERS, Op, Py
from archc.scope import BlockDef, blocks_of
from archc.spec import Body, Chain, Modified, Row

STAGE = '''\
def stage(block, in_channels, channels, depth, stride=1, **args):
    first = block(in_channels, stride=stride, **args)
    return nn.Sequential(first, *(block(channels, **args) for _ in range(depth - 1)))
'''


class File:
    """All templates of a network, written until every use has a class that can say it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.blocks = blocks_of(network.document)
        self.labels: dict[int, Any] = {}
        self.templates: dict[int, Template] = {}
        self.needs: set[str] = set()
        self.kept: dict[Any, set[str]] = {}

    def write(self) -> list[Template]:
        """Write every template; split those whose uses differ too much, and start over."""
        for _ in range(200):
            try:
                return self.attempt()
            except Split as split:
                for module, label in split.labels.items():
                    self.labels[module] = (self.labels.get(module), label)
        message = "the classes of the file do not settle"
        raise AssertionError(message)

    def attempt(self) -> list[Template]:
        """Write every template once."""
        self.needs = set()
        groups: dict[Any, list[Module]] = {}
        for module in self.network.modules:
            if module is not self.network.root:
                groups.setdefault((id(module.block), freeze(self.labels.get(id(module)))), []).append(module)
        names: dict[str, int] = {}
        templates: list[Template] = []
        for group in groups.values():
            template = Template(self.fresh(names, group[0]), group)
            templates.append(template)
            self.templates.update({id(m): template for m in group})
            template.parameters = varying(group)
        for key, template in zip(groups, templates, strict=True):
            self.settle(template, key)
        root = Template(self.fresh(names, self.network.root), [self.network.root])
        self.settle(root, "root")
        return [*templates, root]

    def fresh(self, names: dict[str, int], module: Module) -> str:
        """Return a name that no other class or function has."""
        name = module.name if is_function(module) else camel(module.name)
        if module is self.network.root:
            name = camel(str(self.network.document.name))
            name = name if name.lower() not in {n.lower() for n in names} else f"{name}Net"
        names[name] = names.get(name, 0) + 1
        return name if names[name] == 1 else f"{name}{names[name]}"

    def settle(self, template: Template, key: Any) -> None:
        """Write a template until it keeps no further argument."""
        root = template.modules[0] is self.network.root
        kept = self.kept.setdefault(key, self.model_arguments() if root else set())
        while True:
            writer = BodyWriter(self, template.modules, kept, self.varying_names(template))
            lines = root_lines(writer, self, template) if root else block_lines(writer, template)
            if writer.names.kept <= kept:
                template.lines = lines
                return
            kept |= writer.names.kept

    def varying_names(self, template: Template) -> set[str]:
        """Return the arguments and derived values that differ between the uses of a class."""
        block = template.block
        if not isinstance(block, BlockDef):
            return set()
        lets = [str(n) for n in block.block.let]
        differ = {n for n in lets if len({freeze_any(m.scope[n]) for m in template.modules}) > 1}
        return set(template.parameters) | differ

    def model_arguments(self) -> set[str]:
        """Return the numbers of the file that the model class takes as arguments: those that
        stand only as whole arguments of its own steps, such as `linear(num_classes)`."""
        document = self.network.document
        inside = {n for b in document.blocks.values() for n in mentioned_in(b.body) | {m for v in b.let.values() for m in names_of(v)}}
        inside |= {n for v in document.let.values() for n in names_of(v)} | {n for v in document.params.values() for n in names_of(v)}
        inside |= {n for rules in document.defaults.values() for v in rules.values() for n in names_of(v)}
        found: set[str] = set()
        whole, other = own_names(document.steps.values())
        scope = self.network.root.scope
        for name in document.params:
            value = scope[str(name)]
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if number and name in whole and name not in other and name not in inside:
                found.add(str(name))
        return found

    # What writers ask

    def context(self, module: Module) -> Context:
        """Return the context of a use at the top of its body."""
        values: dict[str, Any] = {"x": module.inputs[0]} if module.inputs else {}
        if isinstance(module.block, BlockDef):
            names = [str(n).removeprefix("...") for n in module.block.block.inputs]
            values = dict(zip(names, module.inputs, strict=False))
        running = module.inputs[0] if len(module.inputs) == 1 else list(module.inputs)
        return Context(Frame(module, module.scope, values, running), self.blocks)

    def need(self, helper: str) -> None:
        """Note that the file needs a helper or an import."""
        self.needs.add(helper)

    def template(self, module: Module) -> Template:
        """Return the class or function of a module."""
        return self.templates[id(module)]

    def label(self, module: Module) -> Any:
        """Return what tells the classes of one block apart."""
        return self.templates[id(module)].name

    def target_name(self, node: Node | None) -> str:
        """Return what a node applies, by name."""
        return "" if node is None else node.name if node.module is None else self.label(node.module)

    def text_of(self, writer: BodyWriter) -> str:
        """Return the text of a template's block, to look for `.steps` in."""
        block = writer.modules[0].block
        body = block.block.body if isinstance(block, BlockDef) else None
        steps = [body] if body is not None else list(block.steps.values())
        return " ".join(texts_of(steps))

    def stage_call(self, context: Context, row: Row, depth: int) -> str:
        """Return a row as a call of the `stage` helper, "" where its copies differ too much."""
        nodes = [context.turn(k, {"i": k}).node(row.block.tree) for k in range(depth)]
        made = [n for n in nodes if n is not None and n.module is not None]
        if len(made) < depth or depth < 2:
            return ""
        template = self.template(made[0].module)  # type: ignore[arg-type]
        parameters = set(template.parameters)
        plain = [{k: v for k, v in n.arguments.items() if k in parameters and k != "stride"} for n in made]
        strides = [n.arguments.get("stride", 1) for n in made]
        outs = [n.outputs[0].shape.channels for n in made]
        fits = all(p == plain[0] for p in plain) and all(s == 1 for s in strides[1:]) and len(set(outs)) == 1
        fits = fits and all(self.template(n.module) is template for n in made)  # type: ignore[arg-type]
        if not fits or "stride" not in parameters or template_default(template, "stride") != "1" or len(made[0].inputs) != 1:
            return ""
        self.need("stage")
        arguments = [f"{k}={Py.of(v).text}" for k, v in plain[0].items() if template_default(template, k) != Py.of(v).text]
        stride = [f"stride={strides[0]}"] if strides[0] != 1 else []
        shape = f"{made[0].inputs[0].shape.channels}, {outs[0]}, depth={depth}"
        return f"stage({', '.join([template.name, shape, *arguments, *stride])})"

    def init_step(self, writer: BodyWriter, rules: Any, contexts: Any, step: Any, path: str) -> None:
        """Initialisers of a step are written where its module is registered."""

    def init_lines(self, writer: BodyWriter, node: Node, attribute: str) -> None:
        """Write the initialisers that a step has of its own."""
        from archc.backends.pytorch.init import step_lines  # noqa: PLC0415

        writer.step_init += step_lines(self, node, attribute)


def is_function(module: Module) -> bool:
    """Whether a block is emitted as a function: a list or a single step that gives a module."""
    body = module.block.block.body if isinstance(module.block, BlockDef) else None
    return isinstance(body, (Chain, Expr, Modified)) and not getattr(module, "as_class", False)


def varying(modules: list[Module]) -> list[str]:
    """Return the parameters of a block whose arguments differ between its uses."""
    names = modules[0].block.signature.names
    return [n for n in names if len({freeze_any(m.arguments[n]) for m in modules}) > 1]


def freeze_any(value: Any) -> Any:
    """Return a hashable stand-in for an argument."""
    return freeze(value) if not isinstance(value, (dict,)) else repr(value)


def mentioned_in(step: Any) -> set[str]:
    """Return the names in a block's body, the arguments of its rows included."""
    return mentioned(step)


def names_of(value: Any) -> set[str]:
    """Return the names in a value of the spec."""
    if isinstance(value, Expr):
        return value.names
    return {n for v in value for n in names_of(v)} if isinstance(value, tuple) else set()


def own_names(steps: Any) -> tuple[set[str], set[str]]:
    """Return the names that stand as whole arguments in the model's own steps, and all others."""
    whole: set[str] = set()
    other: set[str] = set()

    def visit(step: Any) -> None:
        match step:
            case Expr():
                arguments = [a for n in ast.walk(step.tree) if isinstance(n, ast.Call) for a in [*n.args, *(k.value for k in n.keywords)]]
                alone = {id(a) for a in arguments if isinstance(a, ast.Name)}
                for n in ast.walk(step.tree):
                    if isinstance(n, ast.Name):
                        (whole if id(n) in alone else other).add(n.id)
            case Chain():
                [visit(s) for s in step.root]
            case Body():
                [visit(s) for s in step.root.values()]
            case Modified():
                if step.repeat is not None or step.each is not None:
                    other.update(mentioned(step))
                other.update(n for e in (step.condition, step.source) if e is not None for n in e.names)
                [visit(s) for s in (step.do, step.otherwise) if s is not None]
            case Row():
                parts = [step.block, step.depth, step.condition, *step.arguments.values(), *(step.first or {}).values(), *(step.last or {}).values()]
                other.update(n for p in parts if p is not None for n in names_of(p))

    for step in steps:
        visit(step)
    return whole, other


def texts_of(steps: list[Any]) -> list[str]:
    """Return every expression of steps as text."""
    found: list[str] = []
    for step in steps:
        match step:
            case Expr():
                found.append(str(step.text))
            case Chain():
                found += texts_of(list(step.root))
            case Body():
                found += texts_of(list(step.root.values()))
            case Modified():
                found += texts_of([s for s in (step.do, step.otherwise, step.condition, step.source) if s is not None])
                found += [str(lo.text) for lo in (step.repeat, step.each) if lo is not None]
            case _:
                pass
    return found


def block_lines(writer: BodyWriter, template: Template) -> list[str]:
    """Write a block as a function that returns a module, or as a class."""
    module = template.modules[0]
    block = module.block.block
    if is_function(module):
        try:
            made = writer.module_of(block.body, writer.contexts, writer.scope.running)
            template.result = made.result.candidates
            template.overwritable = made.result.overwritable
            return function_lines(writer, template, made.text or "nn.Identity()")
        except NotAModuleError:
            for m in template.modules:
                m.as_class = True  # type: ignore[attr-defined]
            raise Split({id(m): "class" for m in template.modules}) from None
    outputs = {n for o in (block.outputs or {}).values() for n in o.value.names}
    body = block.body
    if isinstance(body, Body):
        writer.body(body.root, writer.contexts, outputs)
    else:
        from archc.backends.pytorch.body import numbered  # noqa: PLC0415

        steps = body if isinstance(body, Chain) else Chain((body,))
        writer.body(numbered(steps), writer.contexts, outputs)
    result = returned(writer, template, block.outputs)
    return class_lines(writer, template, result)


def returned(writer: BodyWriter, template: Template, outputs: Any) -> list[str]:
    """Write what a body gives, and note the channels of its result."""
    if outputs is None:
        flow = writer.scope.running
        template.result = flow.candidates
        return [*fit(f"{writer.forward.indent}return {writer.forward.take(flow)}")] if not writer.forward.waiting[:-1] else close(writer, flow)
    texts: dict[str, Flow] = {}
    for name, output in outputs.items():
        texts[str(name)] = writer.translate(output.value, output.value.tree, writer.contexts, str(name))
    for flow in texts.values():
        writer.forward.settle(flow)
    template.result = next(iter(texts.values())).candidates
    if all(name.startswith("_") for name in texts):
        return fit(f"{writer.forward.indent}return {', '.join(f.text for f in texts.values())}")
    pairs = ", ".join(f'"{n}": {f.text}' for n, f in texts.items())
    return fit(f"{writer.forward.indent}return {{{pairs}}}")


def close(writer: BodyWriter, flow: Flow) -> list[str]:
    """Write what still waits, then the result."""
    writer.forward.settle_all()
    return fit(f"{writer.forward.indent}return {flow.text}")


def function_lines(writer: BodyWriter, template: Template, text: str) -> list[str]:
    """Write a function that returns a module."""
    indent = " " * 4
    derived = locals_of(writer, indent)
    head = f"def {template.name}({', '.join(signature(writer, template))}):"
    lines = [*fit(head), *docstring(template, indent), *derived]
    lines += [line for raw in writer.init for line in fit(indent + raw)]
    if parts := choice(text):
        lines += [f"{indent}if {parts[1]}:", *fit(f"{indent}    return {parts[0]}")]
        return [*lines, *fit(f"{indent}return {parts[2]}")]
    return [*lines, *fit(f"{indent}return {text}")]


def class_lines(writer: BodyWriter, template: Template, result: list[str]) -> list[str]:
    """Write a class."""
    indent = " " * 8
    derived = locals_of(writer, indent)
    arguments = signature(writer, template)
    said = docstring(template, " " * 4)
    lines = [f"class {template.name}(nn.Module):", *said, *([""] if said else [])]
    lines += [*fit(f"    def __init__({', '.join(['self', *arguments])}):"), f"{indent}super().__init__()"]
    lines += derived
    lines += [line for name, text in writer.names.stored.items() for line in fit(f"{indent}self.{name} = {text}")]
    lines += [line for raw in writer.init for line in statement(indent, raw)]
    if writer.step_init:
        template.has_init = True
        lines += ["", "    def init_weights(self):", *(f"{indent}{line}" for line in writer.step_init)]
    inputs = [str(n).removeprefix("...") for n in template.block.block.inputs]
    return [*lines, "", f"    def forward(self, {', '.join(inputs)}):", *writer.forward.lines, *result]


def statement(indent: str, raw: str) -> list[str]:
    """Write a line of a constructor; a choice that does not fit one line becomes an `if`."""
    line = indent + raw
    if len(line) <= 88 or " = " not in raw or " if " not in raw:
        return fit(line)
    target, _, value = raw.partition(" = ")
    parts = choice(value)
    if parts is None:
        return fit(line)
    lines = [f"{indent}if {parts[1]}:", *fit(f"{indent}    {target} = {parts[0]}")]
    return [*lines, f"{indent}else:", *fit(f"{indent}    {target} = {parts[2]}")]


def docstring(template: Template, indent: str) -> list[str]:
    """Say where a block is first used, with shapes."""
    module = template.modules[0]
    if not module.trail or not isinstance(module.result, Value) or not module.inputs:
        return []
    sizes = [f"({', '.join(map(str, ('N', *v.shape.sizes)))})" for v in (module.inputs[0], module.result)]
    text = f'{indent}"""{module.trail}: {sizes[0]} -> {sizes[1]}."""'
    return [text] if len(text) <= 88 else []


def signature(writer: BodyWriter, template: Template) -> list[str]:
    """Return the arguments of a class: channels, what differs between uses, and kept numbers."""
    parts = channel_names(template.modules[0])
    for name in template.parameters:
        default = template_default(template, name)
        parts.append(name if default is None else f"{name}={default}")
    required = [p for p in parts if "=" not in p]
    optional = [p for p in parts if "=" in p]
    kept = sorted(n for n in writer.names.kept if n in writer.names.used and n not in template.parameters)
    scope = template.modules[0].scope
    return [*required, *optional, *(["*"] if kept else []), *(f"{n}={Py.of(scope[n]).text}" for n in kept)]


def locals_of(writer: BodyWriter, indent: str) -> list[str]:
    """Write the derived values that the constructor uses, in the order of their use."""
    block = writer.modules[0].block
    lets = block.block.let if isinstance(block, BlockDef) else {}
    lines: list[str] = []
    done: set[str] = set()

    def define(name: str) -> None:
        done.add(name)
        expr = lets[name]
        if not isinstance(expr, Expr):
            raise Split({id(m): freeze(m.scope[name]) for m in writer.modules})
        before = set(writer.names.used)
        text = writer.render.py(expr, expr.tree, writer.contexts).text
        for other in sorted(writer.names.used - before | expr.names):
            if other in lets and other not in done and other in writer.names.used:
                define(other)
        lines.extend(fit(f"{indent}{name} = {text}"))

    for name in [str(n) for n in lets]:
        wanted = name in writer.names.used or any(name in names for names in [set(writer.names.stored.values())])
        if wanted and name not in done:
            define(name)
    return lines


def root_lines(writer: BodyWriter, file: File, template: Template) -> list[str]:
    """Write the model class."""
    from archc.backends.pytorch.init import model_lines  # noqa: PLC0415

    document, network = file.network.document, file.network
    declared = document.outputs
    outside = {n for o in (declared or {}).values() for n in o.value.names}
    writer.body(document.steps, writer.contexts, outside)
    result = returned(writer, template, None) if declared is None else root_outputs(writer, declared)
    indent = " " * 8
    kept = [str(n) for n in document.params if n in writer.names.kept]
    arguments = ["self", *(f"{n}={Py.of(network.root.scope[n]).text}" for n in kept)]
    outs = [f"(N, {', '.join(map(str, v.shape.sizes))})" for o in network.root.outputs for v in flat(o.value)]
    said = f"(N, {', '.join(map(str, network.input.sizes))}) -> {', '.join(outs)}."
    lines = [f"class {template.name}(nn.Module):", f'    """{said}"""' if len(said) < 78 else f'    """{said[:74]}..."""', ""]
    lines += [*fit(f"    def __init__({', '.join(arguments)}):"), f"{indent}super().__init__()"]
    lines += [line for name, text in writer.names.stored.items() for line in fit(f"{indent}self.{name} = {text}")]
    lines += [line for raw in writer.init for line in statement(indent, raw)]
    has_init = any(t.has_init for t in file.templates.values()) or bool(writer.step_init)
    lines += model_lines(file, own=writer.step_init, blocks=has_init)
    return [*lines, "", "    def forward(self, x):", *writer.forward.lines, *result]


def root_outputs(writer: BodyWriter, declared: Mapping[Any, Any]) -> list[str]:
    """Write several outputs: a dictionary, in inference without those for training."""
    indent = writer.forward.indent
    flows = {str(n): (writer.translate(o.value, o.value.tree, writer.contexts, str(n)), o) for n, o in declared.items()}
    for flow, _ in flows.values():
        writer.forward.settle(flow)
    always = {n: f.text for n, (f, o) in flows.items() if o.when == "always"}
    every = {n: f.text for n, (f, _) in flows.items()}
    spelled = lambda pairs: "{" + ", ".join(f'"{n}": {t}' for n, t in pairs.items()) + "}"  # noqa: E731
    plain = spelled(always) if len(always) > 1 else next(iter(always.values()))
    if len(every) == len(always):
        return fit(f"{indent}return {plain}")
    return [f"{indent}if self.training:", *fit(f"{indent}    return {spelled(every)}"), *fit(f"{indent}return {plain}")]


__all__ = ["HELPERS", "STAGE", "File", "Op"]
