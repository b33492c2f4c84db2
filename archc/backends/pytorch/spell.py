"""Applications of ops and blocks as Python: constructors, calls, and channels of results."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from archc.backends.pytorch.chaining import IDENTITY
from archc.backends.pytorch.channels import (
    divided,
    listed_items,
    number,
    related,
    substitute,
    summed,
)
from archc.backends.pytorch.context import (
    Contexts,
    Split,
    channel_names,
    same,
    split_by,
)
from archc.backends.pytorch.init import step_lines
from archc.backends.pytorch.items import Apply, Val, bracketed, holes, placed
from archc.backends.pytorch.layout import atom
from archc.backends.pytorch.passing import head, passable
from archc.backends.pytorch.render import (
    Names,
    Renderer,
    literal,
    parsed,
    spellable,
    tupled,
    unparse,
)
from archc.backends.pytorch.sites import Site, argument_of, gathered, kind, layouts
from archc.graph import Module, Value
from archc.language.expr import Expr
from archc.ops import VARIES, Op, Py, Use
from archc.shapes import Shape

if TYPE_CHECKING:
    from archc.backends.pytorch.templates import Template, Templates

Function = Callable[[Sequence[str]], str]


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
        place = gathered(site, name)
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
        """Write the channels of each input, or what an op has in their place."""
        found = []
        for k, val in enumerate(site.inputs):
            shapes = [n.inputs[k].shape for n in site.nodes]
            numbers = [
                n.op.features(s) if n.op else s.channels
                for n, s in zip(site.nodes, shapes, strict=True)
            ]
            own = all(s.channels == n for s, n in zip(shapes, numbers, strict=True))
            found.append(self.pick(val.candidates if own else (), site.contexts, numbers))
        return tuple(found)

    # Applications

    def apply(self, site: Site, path: str, names: Sequence[str]) -> Apply:
        """Write the application of an op or a block; `names` are those of its outputs."""
        first = site.nodes[0]
        passed = self.passed(site)
        if not passed and any(kind(n) != kind(first) for n in site.nodes):
            raise site.split(kind)
        if any(len(n.outputs) != len(first.outputs) for n in site.nodes):
            raise site.split(lambda n: len(n.outputs))
        if passed:
            made = self.argument_op(site, path, passed)
        else:
            made = self.op(site, path) if first.op is not None else self.block(site, path)
        made.outputs = tuple(
            Val(
                name, (*self.candidates(made, site, k), *number([n.outputs[k] for n in site.nodes]))
            )
            for k, name in enumerate(names)
        )
        made.again = first.again
        lines = {tuple(step_lines(c, n)) for c, n in zip(site.contexts, site.nodes, strict=True)}
        if len(lines) > 1:
            raise site.split(lambda n: repr(n.init))
        made.init = () if first.again else (*made.init, *lines.pop())
        return made

    def passed(self, site: Site) -> str:
        """Return the argument that a site applies, "" where it applies no op of an argument."""
        name = head(site.at)
        values = [c.frame.scope[name] for c in site.contexts if name in c.frame.scope]
        there = len(values) == len(site.contexts) and all(map(passable, values))
        single = all(len(n.inputs) == 1 for n in site.nodes)
        return name if name in self.names.varying and there and single else ""

    def argument_op(self, site: Site, path: str, name: str) -> Apply:
        """Write an op that is an argument: a module of its own, since it has no tensors."""
        inplace = all(cast("Any", n.op).in_place for n in site.nodes) and self.overwrites(site)
        self.names.used.add(name)
        return Apply(
            path,
            inputs=site.inputs,
            outputs=(Val("", tuple(c for v in site.inputs for c in v.candidates)),),
            module=f"{name}(inplace=True)" if inplace else f"{name}()",
            ends=True,
        )

    def overwrites(self, site: Site) -> bool:
        """Whether an activation may write over its input in every use."""
        pairs = zip(site.contexts, site.nodes, strict=True)
        return all(self.templates.overwritable(c.module, n.inputs[0]) for c, n in pairs)

    def candidates(self, made: Apply, site: Site, k: int) -> tuple[str, ...]:
        """Return expressions of the channels of one of the results."""
        known = made.outputs[k].candidates if k < len(made.outputs) else ()
        if len(made.inputs) != 1 or site.nodes[0].op is None:
            return known
        guessed = (t for c in made.inputs[0].candidates for t in related(c, site.nodes, k))
        return (*known, *guessed)

    def op(self, site: Site, path: str) -> Apply:
        """Write an op."""
        first = site.nodes[0]
        target = cast("Op", first.op)
        cls, use = type(target), self.use(site)
        attached = first.held or target.has_mode
        buffers = cls.buffers(use)
        count = len(site.inputs) + len(buffers)
        inputs, prepared = self.prepared(cls, use, site.inputs)
        spell = None if attached else self.function(cls, use, count)
        if prepared is not None and spell is not None:
            whole = spell
            spell = lambda xs: whole(prepared(xs))  # noqa: E731
        one = len(first.outputs) == 1 and not isinstance(target.shape(*first.shapes), Shape)
        if one and spell is not None:
            listed = spell
            spell = lambda xs: f"{listed(xs)}[0]"  # noqa: E731
        module = "" if one else cls.module(use)
        return Apply(
            path,
            inputs=inputs,
            outputs=tuple(Val("", found) for found in self.results(use, site)),
            module=module,
            spell=spell,
            call=lambda m, xs: cls.call(m, *(xs if prepared is None else prepared(xs))),
            lifts=prepared is not None,
            owns=first.held,
            buffers=buffers,
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

    def prepared(
        self, cls: type[Op], use: Use, inputs: tuple[Val, ...]
    ) -> tuple[tuple[Val, ...], Callable[[Sequence[str]], list[str]] | None]:
        """Return how values without a batch get one, where an op asks for that, else None.

        Beside values with a batch they are repeated along that of the first, which is read once
        more.
        """
        shapes = use.shapes
        if all(operand(s, "x", cls, again="y") == "x" for s in shapes):
            return inputs, None
        whole = next((k for k, s in enumerate(shapes) if s.batch == "b"), None)
        if cls.unbatched != "repeated" or whole is None:
            return inputs, lambda xs: [operand(s, x, cls) for s, x in zip(shapes, xs, strict=False)]
        return (*inputs, inputs[whole]), lambda xs: [
            operand(s, x, cls, again=xs[-1]) for s, x in zip(shapes, xs, strict=False)
        ]

    def use(self, site: Site) -> Use:
        """Gather what an op's spelling looks at."""
        first, nodes = site.nodes[0], site.nodes
        target = cast("Op", first.op)
        args: dict[str, Py] = {}
        for name in type(target).model_fields:
            values = [getattr(n.op, name) for n in nodes]
            text = self.argument(site, name, values)
            decisive = name in target.decisive or any(isinstance(v, str) for v in values)
            if text.value is VARIES and decisive:
                raise site.split(argument_of(name))
            if text.value is VARIES:
                listed = any(isinstance(v, tuple) for v in values)
                text = replace(text, listed=listed, optional=any(v is None for v in values))
            args[name] = text
        if any(layouts(n) != layouts(first) for n in nodes):
            raise site.split(layouts)
        sized = first.held or target.sized
        channels = self.input_channels(site) if sized else ()
        inplace = len(first.inputs) == 1 and target.activation and self.overwrites(site)
        return Use(args, channels, first.shapes, inplace=inplace)

    def results(self, use: Use, site: Site) -> list[tuple[str, ...]]:
        """Return expressions of the channels of each result; parts may have them in a list."""
        count = len(site.nodes[0].outputs)
        if count > 1:
            for text in use.args.values():
                if len(parts := listed_items(text)) == count:
                    return [(part,) for part in parts]
                if text.value == count or text.value is VARIES:
                    found = [divided(c, text.text) for v in site.inputs for c in v.candidates]
                    return [tuple(found)] * count
        return [self.op_channels(use, site)]

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
        named = use.args["sizes"].text if first.name == "rearrange" else "()"
        for size in [unparse(p.elts[1]) for p in getattr(parsed(named), "elts", [])]:
            found += [divided(c, size) for v in inputs for c in v.candidates if size != "1"]
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
            if p.name in template.parameters:
                text = self.argument(site, p.name, [n.arguments[p.name] for n in site.nodes])
                parts += written(template, p.name, text)
                texts[p.name] = text
            elif (constant := spellable(first.arguments.get(p.name))) is not None:
                texts[p.name] = constant
        ours = {n: Py(n, VARIES) for n in template.kept if n in self.names.kept}
        kept = [{**template.kept, **ours}, template.kept] if ours else [template.kept]
        results = [
            tuple(t for c in found for k in kept if (t := substitute(c, {**k, **texts})))
            for found in template.results
        ]
        if template.nothing:
            outputs = (Val("", site.inputs[0].candidates),)
            return Apply(path, inputs=site.inputs, outputs=outputs, module=IDENTITY, spell="".join)
        return Apply(
            path,
            inputs=site.inputs,
            outputs=tuple(Val("", found) for found in results),
            module=f"{template.name}({', '.join(parts)})",
            owns=module.owns,
            template=template,
            init=template.init,
        )


def operand(shape: Shape, text: str, cls: type[Op], again: str = "") -> str:
    """Write a value as an op takes it, with a batch where it has none; `again` is one with."""
    if shape.batch == "b" or cls.unbatched == "kept":
        return text
    if cls.unbatched == "repeated" and again:
        return f"{bracketed(text)}.expand({again}.shape[0]{', -1' * len(shape.sizes)})"
    return f"{bracketed(text)}[None]" if shape.batch == "" else text


def written(template: Template, name: str, text: Py) -> list[str]:
    """Write an argument of a block's call, unless it is the default."""
    default = template.default(name)
    if (
        default is None
        and next(p for p in template.signature.parameters if p.name == name).default is None
    ):
        return [text.text]
    return [f"{name}={text.text}"] if text.value is VARIES or text.text != default else []
