"""Steps as modules: what stands in an nn.Sequential, is chosen in a constructor, or repeated."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from archc.backends.pytorch.context import Context, Contexts, same
from archc.backends.pytorch.forward import Flow
from archc.backends.pytorch.layout import atom
from archc.backends.pytorch.writer import Writer
from archc.expr import Expr, unpack
from archc.graph import Value, is_source
from archc.ops import VARIES
from archc.reader import ABSENT, NOTHING
from archc.spec import Body, Chain, Loop, Modified

IDENTITY = "nn.Identity()"


class NotAModuleError(Exception):
    """A step that no module can stand for: it must be written in forward."""


@dataclass(frozen=True)
class Made:
    """A step as a module: its constructor, "" where it is absent, and its result."""

    text: str
    result: Flow


@dataclass(frozen=True)
class Choice:
    """Items that are there when a test of the constructor says so."""

    test: str
    items: tuple[Any, ...]


class Sequences(Writer):
    """The part of a writer that makes modules of steps."""

    def decide(self, expr: Expr, node: ast.expr, contexts: Contexts) -> ast.expr:
        """Return the branch that all contexts take, or the conditional where they differ."""
        while isinstance(node, ast.IfExp):
            tests = [bool(t) for t in self.render.values(expr, node.test, contexts)]
            if not same(tests):
                return node
            node = node.body if tests[0] else node.orelse
        return node

    def parted(self, expr: Expr, test: ast.expr, contexts: Contexts) -> tuple[str, list[Context], list[Context]]:
        """Return a test as Python, and the contexts in which it is true and false."""
        tests = [bool(t) for t in self.render.values(expr, test, contexts)]
        yes = [c for c, t in zip(contexts, tests, strict=True) if t]
        no = [c for c, t in zip(contexts, tests, strict=True) if not t]
        text = self.render.py(expr, test, contexts).text if yes and no else ""
        return text, yes, no

    # One step

    def module_of(self, step: Any, contexts: Contexts, running: Flow) -> Made:
        """Return a step as a module that takes the running value; raises NotAModuleError."""
        match step:
            case Expr():
                return self.module_of_expr(step, step.tree, contexts, running)
            case Chain():
                items, result = self.items(step.root, contexts, running)
                return Made(self.sequential(items), result)
            case Body():
                return self.ordered(step, contexts, running)
            case Modified() if step.repeat is None and step.each is None and step.source is None and step.init is None:
                return self.chosen(step, contexts, running)
        raise NotAModuleError

    def module_of_expr(self, expr: Expr, node: ast.expr, contexts: Contexts, running: Flow) -> Made:
        """Return an expression as a module."""
        node = self.decide(expr, node, contexts)
        if isinstance(node, ast.IfExp):
            test, yes, no = self.parted(expr, node.test, contexts)
            first = self.module_of_expr(expr, node.body, yes, running)
            second = self.module_of_expr(expr, node.orelse, no, running)
            return either(test, first, second)
        results = [c.result(expr) for c in contexts]
        if all(r is ABSENT for r in results):
            return Made("", running)
        if any(not isinstance(r, Value) for r in results):
            raise NotAModuleError
        if isinstance(node, ast.Name) and self.named(node.id, running) and contexts[0].node(node) is None:
            return Made("", running)
        if contexts[0].node(node) is None or not self.takes_running(node, running):
            raise NotAModuleError
        if any(n.again for n in self.nodes(node, contexts)):
            raise NotAModuleError
        nodes = self.nodes(node, contexts)
        if len(nodes[0].inputs) != 1:
            raise NotAModuleError
        inplace = running.overwritable and getattr(nodes[0].target, "activation", False)
        text, candidates = self.module_text(expr, node, contexts, [running], inplace=inplace)
        if not text:
            raise NotAModuleError
        return Made(text, Flow("", "", candidates, overwritable=self.overwritable(nodes[0].outputs[0])))

    def named(self, name: str, running: Flow) -> bool:
        """Whether a name means the running value."""
        return name == "prev" or self.scope.flows.get(name) is running

    def takes_running(self, node: ast.expr, running: Flow) -> bool:
        """Whether a call applies to nothing but the running value."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and len(node.args) == 1:
            return isinstance(node.args[0], ast.Name) and self.named(node.args[0].id, running)
        return isinstance(node, ast.Name) or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not self.applies(node))

    def applies(self, node: ast.Call) -> bool:
        """Whether a call has values of the network among its arguments."""
        return any(isinstance(a, ast.Name) and (a.id in self.scope.flows or a.id == "prev") for a in node.args) or any(
            isinstance(a, (ast.Call, ast.BinOp)) and any(isinstance(n, ast.Name) and n.id in self.scope.flows for n in ast.walk(a)) and not _reads_sizes(a) for a in node.args
        )

    def chosen(self, step: Modified, contexts: Contexts, running: Flow) -> Made:
        """Return a step with `if` and `else` as a module."""
        if step.condition is None:
            return self.module_of(step.do, contexts, running)
        test, yes, no = self.parted(step.condition, step.condition.tree, contexts)
        first = self.module_of(step.do, yes, running) if yes else None
        other = Made("", running) if step.otherwise is None else None
        second = (other or self.module_of(step.otherwise, no, running)) if no else None
        if first is None or second is None:
            return first or second  # type: ignore[return-value]
        return either(test, first, second)

    def ordered(self, step: Body, contexts: Contexts, running: Flow) -> Made:
        """Return named steps that only chain as an nn.Sequential with names."""
        pairs: list[str] = []
        before, self.scope = self.scope, self.scope.inner()
        try:
            for key, inner in step.root.items():
                if key.silent or "." in key.text:
                    raise NotAModuleError
                made = self.module_of(inner, contexts, running)
                if " if " in made.text:
                    raise NotAModuleError
                if made.text:
                    pairs.append(f'"{self.key(key, contexts)}": {made.text}')
                if made.text or isinstance(inner, Expr):
                    running = made.result
                self.scope.flows[key.identifier] = running
                self.advance(key, inner, contexts)
        finally:
            self.scope = before
        self.file.need("OrderedDict")
        return Made(f"nn.Sequential(OrderedDict({{{', '.join(pairs)}}}))", running)

    # Lists

    def items(self, steps: tuple[Any, ...], contexts: Contexts, running: Flow) -> tuple[list[Any], Flow]:
        """Return the modules of a list, absent ones left out."""
        found: list[Any] = []
        for step in steps:
            made, running = self.item(step, contexts, running)
            found += made
            for c in contexts:
                result = c.result(step)
                if isinstance(result, Value):
                    c.frame.running = result
        return found, running

    def item(self, step: Any, contexts: Contexts, running: Flow) -> tuple[list[Any], Flow]:
        """Return the modules that a step adds to a list."""
        if isinstance(step, Modified) and step.source is None and step.init is None:
            if step.repeat is not None:
                return self.repeated(step, step.repeat, contexts, running)
            if isinstance(step.do, Chain) and step.otherwise is None and step.each is None:
                return self.spliced(step, contexts, running)
        if isinstance(step, Expr):
            node = self.decide(step, step.tree, contexts)
            if isinstance(node, ast.IfExp):
                return self.optional(step, node, contexts, running)
        made = self.module_of(step, contexts, running)
        return [made.text] if made.text else [], made.result

    def optional(self, step: Expr, node: ast.IfExp, contexts: Contexts, running: Flow) -> tuple[list[Any], Flow]:
        """Return an item that is there in some uses only, or another one in others."""
        test, yes, no = self.parted(step, node.test, contexts)
        first = self.module_of_expr(step, node.body, yes, running)
        second = self.module_of_expr(step, node.orelse, no, running)
        result = merged(first.result, second.result)
        if first.text and second.text:
            return [f"{first.text} if {test} else {second.text}"], result
        text, sign = (first.text, test) if first.text else (second.text, f"not {atom(test)}")
        return [Choice(sign, (text,))], result

    def spliced(self, step: Modified, contexts: Contexts, running: Flow) -> tuple[list[Any], Flow]:
        """Return the items of a list under `do:`."""
        assert isinstance(step.do, Chain)
        if step.condition is None:
            return self.items(step.do.root, contexts, running)
        test, yes, no = self.parted(step.condition, step.condition.tree, contexts)
        if not yes:
            return [], running
        found, result = self.items(step.do.root, yes, running)
        return (found, result) if not no else ([Choice(test, tuple(found))], merged(result, running))

    def repeated(self, step: Modified, loop: Loop, contexts: Contexts, running: Flow) -> tuple[list[Any], Flow]:
        """Return the items of a loop: written out where there is one use, else a comprehension."""
        if len(contexts) > 1:
            return self.comprehension(step, loop, contexts, running)
        found: list[Any] = []
        for turn in self.turns(loop, contexts[0]):
            turn.frame.running = contexts[0].frame.running
            plain = step.model_copy(update={"repeat": None})
            made, running = self.item_of_copy(plain, [turn], running)
            found += made
            result = turn.result(step.do)
            if isinstance(result, Value):
                contexts[0].frame.running = result
        return found, running

    def item_of_copy(self, step: Modified, contexts: Contexts, running: Flow) -> tuple[list[Any], Flow]:
        """Return the items of one turn."""
        if isinstance(step.do, Chain):
            return self.spliced(step, contexts, running)
        made = self.chosen(step, contexts, running)
        return [made.text] if made.text else [], made.result

    def comprehension(self, step: Modified, loop: Loop, contexts: Contexts, running: Flow) -> tuple[list[Any], Flow]:
        """Return a loop over copies that differ by the loop variable only."""
        turns = [t for c in contexts for t in self.turns(loop, c)]
        if not turns or isinstance(step.do, Chain) or step.condition is not None:
            raise NotAModuleError
        self.names.loops += loop.names
        made = self.module_of(step.do, turns, self.looped(running, turns))
        head = self.render.py(loop.expr, loop.node, contexts).text
        values = f"range({head})" if loop.counted else head
        used = any(n in ast.unparse(ast.parse(made.text)) for n in loop.names)
        target = ast.unparse(loop.target) if used else "_"
        return [f"*({made.text} for {target} in {values})"], made.result

    def looped(self, running: Flow, turns: Contexts) -> Flow:
        """Return the value that runs through a loop: its channels may differ in the first turn."""
        return running

    def turns(self, loop: Loop, context: Context) -> list[Context]:
        """Return the context of every turn of a loop."""
        value = context.evaluate(loop.expr, loop.node)
        items = range(value) if loop.counted else value
        return [context.turn(k, unpack(loop.target, item)) for k, item in enumerate(items)]

    def sequential(self, items: list[Any], name: str = "layers") -> str:
        """Write an nn.Sequential; with choices, lines before it collect its modules."""
        if not any(isinstance(i, Choice) for i in items):
            return f"nn.Sequential({', '.join(runs(items))})"
        lines: list[str] = []
        for plain, group in groupby(items, lambda i: not isinstance(i, Choice)):
            texts = list(group)
            if plain:
                start = f"{name} = " if not lines else f"{name} += "
                lines.append(f"{start}[{', '.join(runs(texts))}]")
                continue
            for choice in texts:
                lines += [] if lines else [f"{name} = []"]
                whole = f"{name} += [{', '.join(choice.items)}]" if len(choice.items) > 1 else f"{name}.append({choice.items[0]})"
                lines += [f"if {choice.test}:", f"    {whole}"]
        self.init += lines
        return f"nn.Sequential(*{name})"

    # What subclasses know

    def key(self, key: Any, contexts: Contexts) -> str:
        """Return a key with its expressions filled in; they must be the same in all contexts."""
        raise NotImplementedError

    def advance(self, key: Any, step: Any, contexts: Contexts) -> None:
        """Bind what a step gave to its name in every context."""
        for c in contexts:
            result = c.result(step)
            known = isinstance(result, (Value, list, dict)) or result is NOTHING
            c.frame.values[key.identifier] = result if known else c.frame.running
            if known and not is_source(result):
                c.frame.running = result


def either(test: str, first: Made, second: Made) -> Made:
    """Return one module or the other."""
    result = merged(first.result, second.result)
    if not first.text and not second.text:
        return Made("", result)
    return Made(f"{first.text or IDENTITY} if {test} else {second.text or IDENTITY}", result)


def merged(first: Flow, second: Flow) -> Flow:
    """Return what is known of a value that is one or the other."""
    return Flow("", "", tuple(dict.fromkeys((*first.candidates, *second.candidates))), overwritable=first.overwritable and second.overwritable)


def runs(texts: list[str]) -> list[str]:
    """Write equal modules in a row as a comprehension."""
    out: list[str] = []
    for text, group in groupby(texts):
        count = len(list(group))
        out += [text] * count if count < 2 or text.startswith("*") else [f"*({text} for _ in range({count}))"]
    return out


def _reads_sizes(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Attribute) for n in ast.walk(node))


__all__ = ["VARIES", "Choice", "Made", "NotAModuleError", "Sequences", "runs"]
