"""Applications of ops and blocks as Python: constructors, calls, and channels of results."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from archc.backends.pytorch.context import (
    Contexts,
    Split,
    channel_names,
    frozen_form,
    same,
    split_by,
)
from archc.backends.pytorch.init import step_lines
from archc.backends.pytorch.items import Apply, Val, holes, placed
from archc.backends.pytorch.layout import atom
from archc.backends.pytorch.render import Names, Renderer, literal, parsed, tupled, unparse
from archc.graph import Module, Node, Value
from archc.language.expr import Expr
from archc.ops import VARIES, Op, Py, Use
from archc.shapes import Shape

if TYPE_CHECKING:
    from archc.backends.pytorch.templates import Template, Templates

SIZED = ("pad_channels",)
"""Ops without tensors whose spelling asks for the channels of their input."""


@dataclass(frozen=True, eq=False)
class Site:
    """A piece of text that applies something, with the node that it made in each context.

    `expr` is None where the text can't be read again, and everything is a literal.
    """

    expr: Expr | None
    at: ast.expr | None
    contexts: Contexts
    nodes: Sequence[Node]
    inputs: tuple[Val, ...]
    places: Mapping[str, ast.expr] = field(default_factory=dict)

    def split(self, label: Callable[[Node], Any]) -> Split:
        """Ask for classes by what a node has."""
        found = {id(c.frame): n for c, n in zip(self.contexts, self.nodes, strict=True)}
        return split_by(self.contexts, lambda c: label(found[id(c.frame)]))


class Speller:
    """Writes the applications of one class."""

    def __init__(
        self,
        templates: Templates,
        names: Names,
        lookup: Callable[[list[Value]], Val],
    ) -> None:
        self.templates, self.names, self.lookup = templates, names, lookup
        self.render = Renderer(names, self.channels_of)

    # Numbers

    def channels_of(self, node: ast.Attribute, expr: Expr, contexts: Contexts) -> ast.expr:
        """Write `x.channels` for the constructor."""
        values = [c.evaluate(expr, node.value) for c in contexts]
        if node.attr != "channels" or not all(isinstance(v, Value) for v in values):
            raise split_by(contexts, lambda c: c.evaluate(expr, node))
        val = self.lookup(values)
        return parsed(self.pick(val.candidates, contexts, [v.shape.channels for v in values]).text)

    def pick(self, candidates: Sequence[str], contexts: Contexts, numbers: list[int]) -> Py:
        """Return the first expression that gives the right number in every context."""
        for text in candidates:
            tree = parsed(text)
            if all(c.number(tree) == n for c, n in zip(contexts, numbers, strict=True)):
                names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
                self.names.used |= names
                self.names.sizes |= names
                return Py(text, VARIES) if names else Py.of(numbers[0])
        if same(numbers):
            return Py.of(numbers[0])
        by_context = dict(zip(map(id, contexts), numbers, strict=True))
        raise split_by(contexts, lambda c: by_context[id(c)])

    def stored(self, py: Py) -> Py:
        """Return an expression as forward can say it: over attributes of the module."""
        if py.value is not VARIES:
            return py
        tree = parsed(py.text)
        functions = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and id(node) not in functions and node.id != "math":
                if node.id in self.names.loops:
                    raise Split({})
                self.names.stored[node.id] = node.id
                node.id = f"self.{node.id}"
        return replace(py, text=unparse(tree))

    def argument(self, site: Site, name: str, values: list[Any]) -> Py:
        """Write an argument: what the text says where that is what it was, or a literal."""
        place = site.places.get(name)
        if isinstance(place, ast.Call) and place in (site.at, getattr(site.at, "func", None)):
            place = ast.Tuple(place.args, ast.Load())  # all positional arguments are one
        if (
            site.expr is not None
            and place is not None
            and not self.render.fixed(site.expr, place, site.contexts)
        ):
            text = self.render.py(site.expr, place, site.contexts)
            if self.means(site, place, values):
                return text
        if same(values):
            return literal(values[0])
        by_frame = dict(zip((id(c.frame) for c in site.contexts), values, strict=True))
        raise split_by(site.contexts, lambda c: by_frame[id(c.frame)])

    def means(self, site: Site, place: ast.expr, values: list[Any]) -> bool:
        """Whether a place of the text has the values that were used; a row's stride may not."""
        if site.expr is None:
            return False
        written = self.render.values(site.expr, place, site.contexts)
        return all(tupled(a) == tupled(b) for a, b in zip(written, values, strict=True))

    def input_channels(self, site: Site) -> tuple[Py, ...]:
        """Write the channels of each input."""
        numbers = (
            [n.inputs[k].shape.channels for n in site.nodes] for k in range(len(site.inputs))
        )
        pairs = zip(site.inputs, numbers, strict=True)
        return tuple(self.pick(v.candidates, site.contexts, ns) for v, ns in pairs)

    # Applications

    def apply(self, site: Site, path: str, names: Sequence[str]) -> Apply:
        """Write the application of an op or a block; `names` are those of its outputs."""
        first = site.nodes[0]
        if any(kind(n) != kind(first) for n in site.nodes):
            raise site.split(kind)
        if any(len(n.outputs) != len(first.outputs) for n in site.nodes):
            raise site.split(lambda n: len(n.outputs))
        made = self.op(site, path) if first.op is not None else self.block(site, path)
        candidates = [made.outputs[0].candidates, *(() for _ in first.outputs[1:])]
        made.outputs = tuple(
            Val(name, (*candidates[k], *number([n.outputs[k] for n in site.nodes])))
            for k, name in enumerate(names)
        )
        made.again = first.again
        lines = {tuple(step_lines(c, n)) for c, n in zip(site.contexts, site.nodes, strict=True)}
        if len(lines) > 1:
            raise site.split(lambda n: repr(n.init))
        made.init = () if first.again else lines.pop()
        return made

    def op(self, site: Site, path: str) -> Apply:
        """Write an op."""
        first = site.nodes[0]
        target = cast("Op", first.op)
        cls, use = type(target), self.use(site)
        attached = bool(first.tensors) or target.has_mode
        spell = None if attached else self.function(cls, use, len(site.inputs))
        one = len(first.outputs) == 1 and not isinstance(target.shape(*first.shapes), Shape)
        if one and spell is not None:
            listed = spell
            spell = lambda xs: f"{listed(xs)}[0]"  # noqa: E731
        module = "" if one else cls.module(use)
        return Apply(
            path,
            inputs=site.inputs,
            outputs=(Val("", self.op_channels(use, site)),),
            module=module,
            spell=spell,
            call=lambda m, xs: cls.call(m, *xs),
            owns=bool(first.tensors),
            ends=cls.activation or cls.name in ("flatten", "global_avg_pool"),
        )

    def function(
        self, cls: type[Op], use: Use, count: int
    ) -> Callable[[Sequence[str]], str] | None:
        """Return how an op is written as a function; None where only its module will do."""
        if not cls.function(use, *holes(count)):
            return None
        args = {k: self.stored(v) for k, v in use.args.items()}
        channels = tuple(self.stored(c) for c in use.channels)
        text = cls.function(replace(use, args=args, channels=channels), *holes(count))
        return lambda xs: placed(text, xs)

    def use(self, site: Site) -> Use:
        """Gather what an op's spelling looks at."""
        first, nodes = site.nodes[0], site.nodes
        target = cast("Op", first.op)
        args: dict[str, Py] = {}
        for name in type(target).model_fields:
            values = [getattr(n.op, name) for n in nodes]
            text = self.argument(site, name, values)
            if text.value is VARIES:
                listed = any(isinstance(v, tuple) for v in values)
                text = replace(text, listed=listed, optional=any(v is None for v in values))
            args[name] = text
        if any(layouts(n) != layouts(first) for n in nodes):
            raise site.split(layouts)
        sized = bool(first.tensors) or first.name in SIZED
        channels = self.input_channels(site) if sized else ()
        inplace = len(first.inputs) == 1 and all(
            self.templates.overwritable(c.module, n.inputs[0])
            for c, n in zip(site.contexts, nodes, strict=True)
        )
        inplace = inplace and target.activation
        return Use(args, channels, first.shapes, inplace=inplace)

    def op_channels(self, use: Use, site: Site) -> tuple[str, ...]:
        """Return expressions of the channels of an op's result."""
        inputs, first = site.inputs, site.nodes[0]
        if "out" in use.args:
            return (use.args["out"].text,)
        if first.name == "concat" and use.args["dim"].value == "c":
            parts = [self.input_text(site, k) for k in range(len(inputs))]
            return (summed([p for p in parts if p]),) if all(parts) else ()
        found = [c for v in inputs for c in v.candidates]
        x, y = first.shapes[:1], first.outputs[0].shape
        if len(inputs) == 1 and x[0].spatial and not y.spatial:
            found += [f"{atom(c)} * {' * '.join(map(str, x[0].spatial))}" for c in found]
        return tuple(found)

    def input_text(self, site: Site, k: int) -> str:
        """Return the channels of one of several inputs, "" where no expression gives them."""
        try:
            used = set(self.names.used)
            return self.pick(
                site.inputs[k].candidates,
                site.contexts,
                [n.inputs[k].shape.channels for n in site.nodes],
            ).text
        except Split:
            return ""
        finally:
            self.names.used = used

    def block(self, site: Site, path: str) -> Apply:
        """Write the call of a block's class or function."""
        first = site.nodes[0]
        module = cast("Module", first.module)
        template = self.templates.of(module)
        if any(n.module is None or self.templates.of(n.module) is not template for n in site.nodes):
            raise site.split(
                lambda n: self.templates.of(n.module).name if n.module is not None else ""
            )
        channels = self.input_channels(site)
        texts = dict(zip(channel_names(module), channels, strict=True))
        parts = [c.text for c in channels]
        for p in template.signature.parameters:
            text = literal(first.arguments.get(p.name))
            if p.name in template.parameters:
                text = self.argument(site, p.name, [n.arguments[p.name] for n in site.nodes])
                parts += written(template, p.name, text)
            texts[p.name] = text
        result = tuple(
            t for c in template.result if (t := substitute(c, {**template.kept, **texts}))
        )
        return Apply(
            path,
            inputs=site.inputs,
            outputs=(Val("", result),),
            module=f"{template.name}({', '.join(parts)})",
            owns=module.owns,
            template=template,
        )


def written(template: Template, name: str, text: Py) -> list[str]:
    """Write an argument of a block's call, unless it is the default."""
    default = template.default(name)
    if (
        default is None
        and next(p for p in template.signature.parameters if p.name == name).default is None
    ):
        return [text.text]
    return [f"{name}={text.text}"] if text.value is VARIES or text.text != default else []


def summed(parts: list[str]) -> str:
    """Add up channels, numbers together: `in_channels + 64`."""
    numbers = sum(int(p) for p in parts if p.isdigit())
    terms = [
        p if isinstance(parsed(p), ast.BinOp) or atom(p) == p else atom(p)
        for p in parts
        if not p.isdigit()
    ]
    return " + ".join([*terms, *([str(numbers)] if numbers or not terms else [])])


def substitute(text: str, arguments: Mapping[str, Py]) -> str:
    """Put the arguments of a call into an expression over the parameters of what it calls.

    Return "" where the expression reads anything else.
    """
    tree = parsed(text)

    class Put(ast.NodeTransformer):
        complete = True

        def visit_Call(self, node: ast.Call) -> ast.expr:
            node.args = [self.visit(a) for a in node.args]
            return node

        def visit_Name(self, node: ast.Name) -> ast.expr:
            if node.id in arguments:
                return parsed(arguments[node.id].text)
            self.complete = False
            return node

    put = Put()
    made = put.visit(tree)
    return unparse(made) if put.complete else ""


def kind(node: Node) -> Any:
    """Return what a node applies, whatever its arguments."""
    if node.op is not None:
        return (type(node.op), len(node.inputs), node.again)
    return ("block", len(node.inputs), node.again)


def layouts(node: Node) -> Any:
    """Return the layouts of a node's inputs."""
    return frozen_form([s.layout for s in node.shapes])


def number(values: Sequence[Value]) -> tuple[str, ...]:
    """Return the channels of values as a number, where it is one."""
    found = {v.shape.channels for v in values}
    return (str(found.pop()),) if len(found) == 1 else ()
