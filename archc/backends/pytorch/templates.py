"""Which classes and functions the file has, and what their writers ask about the network."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.backends.pytorch import tables
from archc.backends.pytorch.classes import written
from archc.backends.pytorch.context import (
    Call,
    Context,
    Split,
    bare,
    channel_names,
    frozen_form,
    is_alone,
    is_function,
)
from archc.backends.pytorch.layout import camel
from archc.backends.pytorch.passing import kind_of, passable, spelled, usual
from archc.graph import Module, Network, Node, Value
from archc.language.scalars import Signature
from archc.lower.frames import Frame
from archc.lower.scope import BlockDef, Callee
from archc.ops import HELPERS, OPS, Py
from archc.passes.territories import own_modules

ROUNDS = 500
TAKEN = (*HELPERS, *tables.HELPERS, "stage", "F", "nn", "torch", "math", "OrderedDict")


@dataclass(eq=False)
class Template:
    """A class or function of the file, and what its callers must know.

    `parameters` are the arguments that differ between its uses, `kept` constants with a name;
    `results` are expressions of the channels of each value that it gives. `literal` says that its one use is
    written from the graph, `failed` that its uses need classes of their own, `nothing` that it gives what it takes.
    `packed` says that its uses take different numbers of values as `...rest`, `gives_list` that they give them;
    `sizes` are the arguments that hold channels.
    """

    name: str
    modules: Sequence[Module]
    parameters: list[str] = field(default_factory=list)
    kept: dict[str, Py] = field(default_factory=dict)
    results: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    has_init: bool = False
    init: tuple[str, ...] = ()
    nothing: bool = False
    literal: bool = False
    failed: bool = False
    packed: bool = False
    gives_list: bool = False
    sizes: list[str] = field(default_factory=list)

    @property
    def signature(self) -> Signature:
        """The signature of its block."""
        signature: Signature = self.modules[0].block.signature
        return signature

    def default(self, name: str) -> str | None:
        """Return the default of a parameter as the class spells it, None where it is required."""
        parameter = next(p for p in self.signature.parameters if p.name == name)
        if parameter.default is None:
            return None
        if any(passable(m.arguments[name]) for m in self.modules):
            return spelled(usual(self.modules, name, self.named(parameter.default)))
        try:
            value = ast.literal_eval(parameter.default)
        except ValueError:
            names = {"true": "True", "false": "False", "none": "None"}
            return names.get(ast.unparse(parameter.default))
        return Py.of(tuple(value) if isinstance(value, list) else value).text

    def named(self, default: ast.expr) -> Any:
        """Return the op that a default names, None where it names none."""
        scope = self.modules[0].scope.file.scope
        name = default.id if isinstance(default, ast.Name) else ""
        if name in scope:
            return scope[name]
        return Callee(name, OPS[name], scope.file) if name in OPS else None


class Stale(Exception):
    """A template needs one that failed, or another name: it must wait for the next round."""


class Templates:
    """All templates of a network, written until every use has a class that can say it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        ops = [n.op for module in network.modules for n in module.nodes if n.op is not None]
        self.definitions = {name: text for op in ops for name, text in op.definitions.items()}
        self.labels: dict[int, Any] = {}
        self.literal: set[int] = set()
        self.as_class: set[int] = set()
        self.unpacked: set[int] = set()
        self.kept: dict[Any, set[str]] = {}
        self.by_module: dict[int, Template] = {}
        self._orders: dict[int, dict[int, int]] = {}
        self._uses: dict[int, Counter[int]] = {}

    def write(self) -> list[Template]:
        """Write every template; split those whose uses differ too much, and start over."""
        for _ in range(ROUNDS):
            templates = self.round()
            if not any(t.failed for t in templates):
                return templates
        message = "the classes of the file do not settle"
        raise AssertionError(message)

    def round(self) -> list[Template]:
        """Write every template once, those that can be."""
        groups = self.grouped()
        names = Counter([*TAKEN, *self.definitions])
        templates: list[Template] = []
        for group in groups.values():
            template = Template(self.fresh(names, group[0]), group)
            template.parameters = [] if group[0] is self.network.root else varying(group)
            template.literal = len(group) == 1 and id(group[0]) in self.literal
            template.packed = len({len(m.inputs) for m in group}) > 1
            template.gives_list = len({len(m.values) for m in group}) > 1
            template.sizes = channel_names(group[0], packed=template.packed)
            self.by_module.update({id(m): template for m in group})
            templates.append(template)
        for key, template in zip(groups, templates, strict=True):
            try:
                written(self, template, self.kept.setdefault(key, set()))
            except Split as split:
                template.failed = True
                self.part(template, split)
            except Stale:
                template.failed = True
        return templates

    def grouped(self) -> dict[Any, list[Module]]:
        """Group the modules that share a class, inner ones first, the network last."""
        groups: dict[Any, list[Module]] = {}
        reached = self.reached()
        for module in self.network.modules:
            if id(module) not in reached:
                continue
            if module is self.network.root:
                groups["root"] = [module]
                continue
            counted = id(module.block) in self.unpacked
            ops = [(n, k) for n, v in module.arguments.items() if (k := kind_of(v)) is not None]
            key = (
                id(module.block),
                self.labels.get(id(module)),
                frozen_form(dict(ops)),
                counted and (len(module.inputs), len(module.values)),
            )
            groups.setdefault(key, []).append(module)
        return groups

    def reached(self) -> set[int]:
        """Return the modules that need a class: those that are not written inside another."""
        found: set[int] = set()

        def visit(module: Module, *, own: bool) -> None:
            if own and id(module) in found:
                return
            if own:
                found.add(id(module))
            for node in module.nodes:
                if node.module is not None:
                    visit(node.module, own=not self.inlined(node, module if own else None))

        visit(self.network.root, own=True)
        return found

    def part(self, template: Template, split: Split) -> None:
        """Note how the uses of a template are parted; a single one is written from its graph."""
        modules = template.modules
        if template.packed or template.gives_list:
            self.unpacked.add(id(modules[0].block))
            return
        if len(modules) == 1:
            if template.literal:
                message = f"`{template.name}` can't be written"
                raise AssertionError(message) from split
            self.literal.add(id(modules[0]))
            return
        found = [split.labels.get(id(m)) for m in modules]
        told_apart = len(set(found)) > 1
        for module, label in zip(modules, found, strict=True):
            new = label if told_apart else id(module)
            self.labels[id(module)] = (self.labels.get(id(module)), new)

    def fresh(self, names: Counter[str], module: Module) -> str:
        """Return a name that no other class or function has."""
        if module.is_network:
            name = camel(str(module.scope.file.document.name))
            name = f"{name}Net" if any(n.lower() == name.lower() for n in names) else name
        else:
            function = is_function(module) and id(module) not in self.as_class
            name = module.name if function else camel(module.name)
        names[name] += 1
        number = names[name]
        while number > 1 and names[f"{name}{number}"]:
            number += 1
        made = name if number == 1 else f"{name}{number}"
        names[made] += made != name
        return made

    def has_init(self, network: Module) -> bool:
        """Whether a class inside a network has initialisers that come after its rules."""
        inside = (self.by_module.get(id(m)) for m in own_modules(network)[1:])
        return any(t is not None and t.has_init for t in inside)

    # What writers ask

    def expect_class(self, template: Template) -> None:
        """Raise Stale where a template has the name of a function and turns out to be a class."""
        modules = {id(m) for m in template.modules}
        if is_function(template.modules[0]) and not modules <= self.as_class:
            self.as_class |= modules
            raise Stale

    def context(self, module: Module, call: Call | None = None) -> Context:
        """Return the context of a use at the top of its body; `call` is where it is written."""
        names = (
            [str(n) for n in module.block.block.inputs]
            if isinstance(module.block, BlockDef)
            else ["x"]
        )
        values: dict[str, Any] = dict(zip(names, module.inputs, strict=False))
        packed = id(module) in self.by_module and self.by_module[id(module)].packed
        if names[-1].startswith("..."):
            values[names[-1].removeprefix("...")] = list(module.inputs[len(names) - 1 :])
        running: Any = module.inputs[0] if len(module.inputs) == 1 else list(module.inputs)
        return Context(
            Frame(module, module.scope, values, running), call=call, packed=packed and call is None
        )

    def of(self, module: Module) -> Template:
        """Return the class or function of a module."""
        template = self.by_module[id(module)]
        if template.failed:
            raise Stale
        return template

    def order(self, module: Module) -> dict[int, int]:
        """Return the place of each node of a module in the order of the text."""
        if id(module) not in self._orders:
            self._orders[id(module)] = {id(n): k for k, n in enumerate(module.nodes)}
        return self._orders[id(module)]

    def uses(self, module: Module) -> Counter[int]:
        """Count how often each value of a module is used in it, being given included."""
        if id(module) not in self._uses:
            used = [v for n in module.nodes for v in n.inputs]
            self._uses[id(module)] = Counter(map(id, [*used, *module.values]))
        return self._uses[id(module)]

    def overwritable(self, module: Module, value: Value) -> bool:
        """Whether an op may write over a value in place: nothing else holds it or needs it."""
        while True:
            node = value.node
            if node is None or id(node) not in self.order(module):
                return False
            if self.uses(module)[id(value)] != 1:
                return False
            if node.op is not None and node.op.inputs is None and len(node.inputs) == 1:
                value = node.inputs[0]  # a concatenation of one value is that value
                continue
            if node.module is None:
                return node.op is not None and not node.op.keeps_output
            index = next(k for k, v in enumerate(node.outputs) if v is value)
            module, value = node.module, node.module.values[index]

    def inlined(self, node: Node, parent: Module | None) -> bool:
        """Whether a block is written inside the class around it: its tensors have no name there.

        `parent` is the module of that class, None where it is itself written inside another.
        """
        module = node.module
        if module is None or not module.owns:
            return False
        unnamed = not node.path and not (parent is not None and is_alone(parent))
        return unnamed or bare(module)

    def stage_call(self, nodes: Sequence[Node]) -> str:
        """Return a row as a call of the `stage` helper, "" where its copies differ too much."""
        modules = [n.module for n in nodes]
        if len(nodes) < 2 or any(m is None for m in modules):
            return ""
        found = [self.of(m) for m in modules if m is not None]
        template = found[0]
        listed = template.packed or template.gives_list
        if any(t is not template for t in found) or "stride" not in template.parameters or listed:
            return ""
        given = [{n: node.arguments[n] for n in template.parameters} for node in nodes]
        strides = [g.pop("stride") for g in given]
        outs = {n.outputs[0].shape.channels for n in nodes}
        equal = all(g == given[0] for g in given) and all(s == 1 for s in strides[1:])
        if (
            not equal
            or len(outs) > 1
            or len(nodes[0].inputs) != 1
            or template.default("stride") != "1"
        ):
            return ""
        texts = {n: Py.of(v).text for n, v in given[0].items()}
        arguments = [f"{n}={t}" for n, t in texts.items() if template.default(n) != t]
        stride = [f"stride={strides[0]}"] if strides[0] != 1 else []
        shape = f"{nodes[0].inputs[0].shape.channels}, {outs.pop()}, depth={len(nodes)}"
        return f"stage({', '.join([template.name, shape, *arguments, *stride])})"


def varying(modules: Sequence[Module]) -> list[str]:
    """Return the parameters of a block whose arguments differ between its uses."""
    names = modules[0].block.signature.names
    return [n for n in names if len({frozen_form(m.arguments.get(n)) for m in modules}) > 1]
