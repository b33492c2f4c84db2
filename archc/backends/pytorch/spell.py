"""Applications of ops and blocks as Python: constructors, calls, and channels of results."""

from __future__ import annotations

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
    Split,
    channel_names,
    same,
)
from archc.backends.pytorch.init import step_lines
from archc.backends.pytorch.items import Apply, Val, bracketed, holes, placed
from archc.backends.pytorch.layout import atom
from archc.backends.pytorch.numbering import Numbering
from archc.backends.pytorch.packing import in_one, one_hole, spliceable, unpack
from archc.backends.pytorch.passing import head, passable
from archc.backends.pytorch.render import (
    literal,
    parsed,
    spellable,
    unparse,
)
from archc.backends.pytorch.sites import Site, argument_of, kind, layouts
from archc.graph import Module
from archc.ops import VARIES, Op, Py, Use
from archc.shapes import Shape

if TYPE_CHECKING:
    from archc.backends.pytorch.templates import Template

Function = Callable[[Sequence[str]], str]


class Speller(Numbering):
    """Writes the applications of one class."""

    # Applications

    def apply(self, site: Site, path: str, names: Sequence[str]) -> Apply:
        """Write the application of an op or a block; `names` are those of its outputs."""
        first = site.nodes[0]
        passed = self.passed(site)
        if not passed and any(kind(n) != kind(first) for n in site.nodes):
            raise site.split(kind)
        gives_list = first.module is not None and self.templates.of(first.module).gives_list
        if not gives_list and any(len(n.outputs) != len(first.outputs) for n in site.nodes):
            raise site.split(lambda n: len(n.outputs))
        if passed:
            made = self.argument_op(site, path, passed)
        else:
            made = self.op(site, path) if first.op is not None else self.block(site, path)
        if site.packed:
            unpack(made)
        if gives_list:
            known = made.result.candidates if made.outputs else ()
            made.outputs = (Val("", known, many=True),)
            names = ()
        made.outputs = (
            made.outputs
            if gives_list
            else tuple(
                Val(
                    name,
                    (*self.candidates(made, site, k), *number([n.outputs[k] for n in site.nodes])),
                )
                for k, name in enumerate(names)
            )
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
        if site.packed and any(s.batch != "b" for n in site.nodes for s in n.shapes):
            raise site.split(lambda n: len(n.inputs))
        attached = first.held or target.has_mode
        buffers = cls.buffers(use)
        count = len(site.inputs) + len(buffers)
        if site.packed and not attached and not spliceable(cls, use):
            raise site.split(lambda n: len(n.inputs))
        inputs, prepared = self.prepared(cls, use, site.inputs)
        spell = None if attached else self.function(cls, use, count, packed=site.packed)
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
        self, cls: type[Op], use: Use, count: int, *, packed: bool
    ) -> Callable[[Sequence[str]], str] | None:
        """Return how an op is written as a function; None where only its module will do."""
        if not cls.function(use, *holes(count)):
            return None
        args = {k: self.stored(v) for k, v in use.args.items()}
        channels = tuple(self.stored(c) for c in use.channels)
        use = replace(use, args=args, channels=channels)
        text = one_hole(cls, use) if packed and count == 1 else cls.function(use, *holes(count))
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
                if not same(values):
                    raise site.split(argument_of(name))
                text = literal(values[0])
            if text.value is VARIES:
                listed = any(isinstance(v, tuple) for v in values)
                text = replace(text, listed=listed, optional=any(v is None for v in values))
            args[name] = text
        found = [layouts(n, packed=site.packed) for n in nodes]
        if any(f != found[0] for f in found):
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
        val = site.inputs[k]
        numbers = [[v.shape.channels for v in vs] for vs in site.taken(k)]
        try:
            used = set(self.names.used)
            if val.many:
                return f"sum({self.pick(val.candidates, site.contexts, numbers).text})"
            return self.pick(val.candidates, site.contexts, [n[0] for n in numbers]).text
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
        if template.packed:
            channels = in_one(site, channels, len(channel_names(module, packed=True)) - 1)
        texts = dict(zip(channel_names(module, packed=template.packed), channels, strict=True))
        parts = [c.text for n, c in texts.items() if n in template.sizes]
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
