"""One class or function of the emitted file: a block's text, read again with all its uses."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from archc.backends.pytorch.context import Context, Contexts, Names, Renderer, Split, channel_names, same, split_by
from archc.backends.pytorch.forward import Flow, Forward, variable
from archc.backends.pytorch.layout import atom
from archc.expr import Expr
from archc.graph import Module, Node, Value, flat
from archc.ops import VARIES, Op, Py, Use
from archc.reader import ABSENT, NOTHING
from archc.scope import BlockDef, Callee
from archc.spec import Body, Key

if TYPE_CHECKING:
    from archc.backends.pytorch.file import File

ABSENT_FLOW = "nn.Identity()"


@dataclass(eq=False)
class Template:
    """A class or function of the file, and what its callers must know.

    `parameters` are the arguments that differ between its uses, in the order of the
    signature; `result` are expressions of the channels that it gives.
    """

    name: str
    modules: list[Module]
    parameters: list[str] = field(default_factory=list)
    result: tuple[str, ...] = ()
    lines: list[str] = field(default_factory=list)
    overwritable: bool = False
    has_init: bool = False

    @property
    def block(self) -> Any:
        """The block that it was written as."""
        return self.modules[0].block


@dataclass
class Scope:
    """The names of values at a place in the text, for the emitter."""

    flows: dict[str, Flow]
    running: Flow
    path: str = ""
    lists: dict[str, list[Flow]] = field(default_factory=dict)

    def inner(self, **changes: Any) -> Scope:
        """Return the scope of a nested body."""
        made = Scope(dict(self.flows), self.running, self.path, dict(self.lists))
        for name, value in changes.items():
            setattr(made, name, value)
        return made


class Writer:
    """Writes the constructor and the forward method of one template."""

    def __init__(self, file: File, modules: list[Module], kept: set[str], varying: set[str]) -> None:
        self.file = file
        self.modules = modules
        self.names = Names(kept=set(kept), varying=varying)
        self.render = Renderer(self.names, self.channels_of, file.need)
        self.forward = Forward()
        self.init: list[str] = []
        self.step_init: list[str] = []
        self.containers: set[str] = set()
        self.lists: dict[str, int] = {}
        self.contexts: list[Context] = [file.context(m) for m in modules]
        self.scope = self.start()

    def start(self) -> Scope:
        """Return the scope at the top of a body: its inputs by name."""
        module = self.modules[0]
        channels = channel_names(module)
        if not isinstance(module.block, BlockDef):
            x = Flow("x", "x", (str(module.inputs[0].shape.channels),))
            return Scope({"x": x}, x)
        flows: dict[str, Flow] = {}
        for name, argument in zip(module.block.block.inputs, channels, strict=True):
            plain = str(name).removeprefix("...")
            flows[plain] = Flow(plain, plain, (argument,))
        return Scope(flows, next(iter(flows.values())))

    # Numbers

    def channels_of(self, node: ast.expr, expr: Expr, contexts: Contexts) -> ast.expr:
        """Write `x.channels`, or any other size of a value, for the constructor."""
        values = [c.evaluate(expr, node) for c in contexts]
        flow = self.scope.running if isinstance(node, ast.Name) and node.id == "prev" else self.scope.flows.get(ast.unparse(node))
        if flow is None or not all(isinstance(v, Value) for v in values):
            raise split_by(contexts, lambda c: getattr(c.evaluate(expr, node), "shape", None))
        picked = self.pick(flow.candidates, contexts, [v.shape.channels for v in values])
        return ast.parse(picked.text, mode="eval").body

    def pick(self, candidates: tuple[str, ...], contexts: Contexts, numbers: list[int]) -> Py:
        """Return the first expression that gives the right number in every context."""
        for text in candidates:
            if [c.number(text) for c in contexts] == numbers:
                names = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
                self.names.used |= names
                return Py(text, VARIES) if names else Py.of(numbers[0])
        if same(numbers):
            return Py.of(numbers[0])
        found = {id(c.module): [] for c in contexts}  # type: dict[int, list[int]]
        for c, n in zip(contexts, numbers, strict=True):
            found[id(c.module)].append(n)
        raise Split({k: tuple(v) for k, v in found.items()})

    def stored(self, py: Py) -> Py:
        """Return an expression as forward can say it: over attributes of the module."""
        if py.value is not VARIES:
            return py
        tree = ast.parse(py.text, mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
                self.names.stored.setdefault(node.id, node.id)
                node.id = f"self.{node.id}"
        return Py(ast.unparse(tree), VARIES)

    # Applications

    def nodes(self, at: ast.expr, contexts: Contexts) -> list[Node]:
        """Return the node that a piece of text made in each context."""
        made = [c.node(at) for c in contexts]
        if any(n is None for n in made):
            raise split_by(contexts, lambda c: c.node(at) is None)
        return [n for n in made if n is not None]

    def use(self, expr: Expr, at: ast.expr, contexts: Contexts, inputs: list[Flow], *, inplace: bool = False) -> tuple[type[Op], Use]:
        """Gather what an op's spelling looks at."""
        nodes = self.nodes(at, contexts)
        target: Any = nodes[0].target
        if any(type(n.target) is not type(target) for n in nodes):
            raise split_by(contexts, lambda c: self.file.target_name(c.node(at)))
        callee = nodes[0].callee
        inside = {id(n) for n in ast.walk(expr.tree)}
        arguments: dict[str, Py] = {}
        for name in type(target).model_fields:
            values = [getattr(n.target, name) for n in nodes]
            place = dict(callee.places).get(name)
            if place is not None and id(place) in inside and not self.render.fixed(expr, place, contexts):
                listed = any(isinstance(v, tuple) for v in values)
                optional = any(v is None for v in values)
                arguments[name] = replace(self.render.py(expr, place, contexts), listed=listed, optional=optional)
            elif same(values):
                arguments[name] = Py.of(values[0])
            else:
                raise split_by(contexts, lambda c, f=name: getattr(c.node(at).target, f))  # type: ignore[union-attr]
        shapes = nodes[0].shapes
        if any(tuple(s.layout for s in n.shapes) != tuple(s.layout for s in shapes) for n in nodes):
            raise split_by(contexts, lambda c: tuple(s.layout for s in c.node(at).shapes))  # type: ignore[union-attr]
        numbers = [[n.inputs[k].shape.channels for n in nodes] for k in range(len(shapes))]
        needs = bool(target.tensors(*shapes)) or target.name in ("pad_channels",)
        channels = tuple(self.pick(f.candidates, contexts, ns) for f, ns in zip(inputs, numbers, strict=False)) if needs else ()
        return type(target), Use(arguments, channels, shapes, inplace=inplace)

    def module_text(self, expr: Expr, at: ast.expr, contexts: Contexts, inputs: list[Flow], *, inplace: bool = False) -> tuple[str, tuple[str, ...]]:
        """Return the constructor of the module that a piece of text applies, "" where it is a
        function only, and expressions of the channels of the result."""
        nodes = self.nodes(at, contexts)
        if any((n.module is None) != (nodes[0].module is None) for n in nodes):
            raise split_by(contexts, lambda c: self.file.target_name(c.node(at)))
        if nodes[0].module is not None:
            return self.block_text(expr, at, contexts, inputs)
        op, use = self.use(expr, at, contexts, inputs, inplace=inplace)
        if helper := op.helper(use):
            self.file.need(helper)
        return op.module(use), self.op_channels(use, inputs, nodes)

    def op_channels(self, use: Use, inputs: list[Flow], nodes: list[Node]) -> tuple[str, ...]:
        """Return expressions of the channels of an op's result."""
        found: list[str] = []
        if "out" in use.args:
            found.append(use.args["out"].text)
        elif len(inputs) == 1:
            found += inputs[0].candidates
            x = use.shapes[0]
            if x.spatial and not nodes[0].outputs[0].shape.spatial:
                found += [f"{atom(c)} * {' * '.join(map(str, x.spatial))}" for c in inputs[0].candidates]
        elif inputs and nodes[0].name != "concat":
            found += [c for f in inputs for c in f.candidates]
        elif inputs:
            found.append(" + ".join(f.candidates[0] if f.candidates else "0" for f in inputs))
        numbers = {n.outputs[0].shape.channels for n in nodes}
        return (*found, *(str(n) for n in numbers if len(numbers) == 1))

    def block_text(self, expr: Expr, at: ast.expr, contexts: Contexts, inputs: list[Flow]) -> tuple[str, tuple[str, ...]]:
        """Return the call of a block's class or function, and the channels of its result."""
        nodes = self.nodes(at, contexts)
        templates = [self.file.template(n.module) for n in nodes if n.module is not None]
        if any(t is not templates[0] for t in templates):
            raise split_by(contexts, lambda c: self.file.label(c.node(at).module))  # type: ignore[union-attr, arg-type]
        template = templates[0]
        given = [v for f in inputs for v in [f]]
        numbers = [[n.inputs[k].shape.channels for n in nodes] for k in range(len(nodes[0].inputs))]
        channels = [self.pick(f.candidates, contexts, ns) for f, ns in zip(given, numbers, strict=False)]
        callee = nodes[0].callee
        inside = {id(n) for n in ast.walk(expr.tree)}
        texts: dict[str, Py] = dict(zip(channel_names(template.modules[0]), channels, strict=False))
        parts = [c.text for c in channels]
        definition = template.block
        for p in definition.signature.parameters:
            if p.name not in template.parameters:
                texts[p.name] = Py.of(nodes[0].arguments[p.name])
                continue
            values = [n.arguments[p.name] for n in nodes]
            place = dict(callee.places).get(p.name)
            local = place is not None and id(place) in inside
            if local and not self.render.fixed(expr, place, contexts):  # type: ignore[arg-type]
                text = self.render.py(expr, place, contexts)  # type: ignore[arg-type]
            elif same(values):
                text = Py.of(tuple(values[0]) if isinstance(values[0], list) else values[0])
            else:
                raise split_by(contexts, lambda c, n=p.name: c.node(at).arguments[n])  # type: ignore[union-attr]
            texts[p.name] = text
            default = template_default(template, p.name)
            if p.default is None:
                parts.append(text.text)
            elif text.value is VARIES or text.text != default:
                parts.append(f"{p.name}={text.text}")
        result = tuple(substitute(c, texts) for c in template.result)
        return f"{template.name}({', '.join(parts)})", result

    # Attributes

    def attribute(self, path: str) -> str:
        """Return how forward reads the module or parameter at a path."""
        text = "self"
        parts = path.split(".")
        for k, part in enumerate(parts):
            if part.isidentifier() and not keyword.iskeyword(part):
                text += f".{part}"
            elif ".".join(parts[:k]) in self.lists:
                text += f"[{part}]"
            else:
                text = f'getattr({text}, "{part}")'
        return text

    def register(self, path: str, text: str) -> str:
        """Write the line that makes a module an attribute; return how forward reads it."""
        parts = path.split(".")
        for k in range(1, len(parts)):
            self.container(parts[:k], parts[k])
        parent = ".".join(parts[:-1])
        owner = self.attribute(parent) if parent else "self"
        if parts[-1].isidentifier() and not keyword.iskeyword(parts[-1]):
            self.init.append(f"{owner}.{parts[-1]} = {text}")
        elif self.lists.get(parent) == int(parts[-1] if parts[-1].isdigit() else -1):
            self.lists[parent] += 1
            self.init.append(f"{owner}.append({text})")
        else:
            self.init.append(f'{owner}.add_module("{parts[-1]}", {text})')
        return self.attribute(path)

    def container(self, parts: list[str], child: str) -> None:
        """Make the module that holds the parts of a dotted path: a list where they are numbered."""
        path = ".".join(parts)
        if path in self.containers:
            return
        self.containers.add(path)
        self.register(path, "nn.ModuleList()" if child == "0" else "nn.Module()")
        if child == "0":
            self.lists[path] = 0

    # Uses of a value

    def uses(self, contexts: Contexts, result: Any) -> int:
        """Return how often a value is used, at most over all contexts."""
        counts = []
        for c in contexts:
            value = c.result(result) if not isinstance(result, Node) else result.outputs[0]
            if not isinstance(value, Value):
                return 9
            module = c.module
            if value in module.inputs:  # an alias here: the variable is its only name
                continue
            used = sum(v is value for n in module.nodes for v in n.inputs)
            counts.append(used + sum(v is value for v in module.values))
        return max(counts, default=1)

    def overwritable(self, value: Any) -> bool:
        """Whether an op may write over a value in place: nothing else holds it or needs it."""
        node = value.node if isinstance(value, Value) else None
        while node is not None and node.module is not None:
            inner = node.module.result
            if not isinstance(inner, Value) or any(inner is i for i in node.module.inputs):
                return False
            node = inner.node
        return node is not None and not node.target.keeps_output  # type: ignore[union-attr]


def substitute(text: str, arguments: dict[str, Py]) -> str:
    """Put the arguments of a call into an expression over the parameters of what it calls."""
    tree = ast.parse(text, mode="eval")

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802 - ast's name
            return ast.parse(arguments[node.id].text, mode="eval").body if node.id in arguments else node

    return ast.unparse(Put().visit(tree))


def template_default(template: Template, name: str) -> str | None:
    """Return the default of a parameter as the signature of the class spells it."""
    parameter = next(p for p in template.block.signature.parameters if p.name == name)
    if isinstance(parameter.default, ast.Constant):
        return Py.of(parameter.default.value).text
    names = {"true": "True", "false": "False", "none": "None"}
    return names.get(parameter.default.id) if isinstance(parameter.default, ast.Name) else None


__all__ = ["ABSENT", "NOTHING", "Body", "Callable", "Forward", "Key", "Scope", "Template", "Writer", "flat", "re", "variable"]
