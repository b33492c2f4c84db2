"""Named steps as a class: attributes in the constructor, and a forward that reads like the text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from archc.backends.pytorch.context import Context, Contexts, Split, same, split_by
from archc.backends.pytorch.forward import Flow, variable
from archc.backends.pytorch.layout import atom
from archc.backends.pytorch.sequence import IDENTITY, NotAModuleError, Sequences, runs
from archc.expr import Expr
from archc.graph import Node, Value, is_source, join
from archc.ops import OPS, VARIES, Py
from archc.reader import ABSENT, ATTRIBUTES, NOTHING
from archc.spec import Body, Chain, Key, Loop, Modified, Row

GONE = Flow("", "")
"""The flow of nothing, which sums leave out."""
HOLE = "\0{}\0"


class BodyWriter(Sequences):
    """Writes steps, one after the other, into constructor and forward."""

    def body(self, steps: Mapping[Key, Any], contexts: Contexts, outside: set[str]) -> None:
        """Write named steps; `outside` are names that are read after them."""
        pairs = list(steps.items())
        later = [set(outside) for _ in pairs]
        for k in range(len(pairs) - 2, -1, -1):
            later[k] = later[k + 1] | mentioned(pairs[k + 1][1])
        position = 0
        while position < len(pairs):
            self.before = {id(c): c.frame.running for c in contexts}
            count = self.grouped(pairs[position:], later[position:], contexts)
            if not count:
                self.entry(*pairs[position], contexts, later[position])
            position += count or 1

    def grouped(self, pairs: list[tuple[Key, Any]], later: list[set[str]], contexts: Contexts) -> int:
        """Write steps in a row that share the first part of a dotted path, and only chain, as
        one nn.Sequential; return how many they were."""
        first = pairs[0][0].text.split(".")[0]
        count = next((k for k, (key, _) in enumerate(pairs) if not key.text.startswith(f"{first}.")), len(pairs))
        names = {key.identifier for key, _ in pairs[:count]}
        rest = {k for k, _ in pairs[count:] if k.text.startswith(f"{first}.")}
        chains = not any(names & mentioned(step) for _, step in pairs[:count]) and not names & later[count - 1]
        if count < 2 or rest or not chains:
            return 0
        running = self.scope.running
        mark = (len(self.init), set(self.containers))
        members: list[tuple[str, str]] = []
        try:
            for key, step in pairs[:count]:
                made, running = self.member(key, step, contexts, running)
                members += made
                self.advance(key, step, contexts)
        except NotAModuleError:
            del self.init[mark[0] :]
            self.containers = mark[1]
            self.rewind(contexts)
            return 0
        keys = [path.split(".", 1)[1] for path, _ in members]
        if any("." in k for k in keys):
            self.rewind(contexts)
            return 0
        self.later = later[count - 1]
        flow = self.called(self.register(join(self.scope.path, first), sequential(keys, [t for _, t in members])), [self.scope.running], running.candidates)
        flow.name, flow.ends = self.running_name(self.later), True
        self.scope.running = flow
        for key, _ in pairs[:count]:
            self.scope.flows[key.identifier] = flow
        if count < len(pairs):
            self.forward.settle(flow)
        return count

    def rewind(self, contexts: Contexts) -> None:
        """Let the running values be those before an attempt that failed."""
        for c in contexts:
            c.frame.running = self.before[id(c)]

    def member(self, key: Key, step: Any, contexts: Contexts, running: Flow) -> tuple[list[tuple[str, str]], Flow]:
        """Return what a step with a dotted key adds to its Sequential."""
        if isinstance(step, Row):
            made = self.row_modules(step, contexts[0], key, running)
            return [(path, text) for path, text, _ in made], Flow("", "", made[-1][2] if made else running.candidates)
        made_one = self.module_of(step, contexts, running)
        return ([(self.key(key, contexts), made_one.text)] if made_one.text else []), made_one.result

    def entry(self, key: Key, step: Any, contexts: Contexts, later: set[str]) -> None:
        """Write one named step and bind its value."""
        self.later = later
        self.step_name = key.identifier.strip("_")
        own = loop_names(step)
        sibling = any(e.names & own for e in key.exprs)
        path = self.scope.path if key.silent or sibling else join(self.scope.path, self.key(key, contexts))
        flow = self.step(step, contexts, path, key)
        self.scope.flows[key.identifier] = self.scope.running if flow is None else flow
        if not is_source(contexts[0].result(step)):
            self.scope.running = self.scope.flows[key.identifier]
        self.advance(key, step, contexts)
        if flow is not None and flow.waits:
            self.finish(flow, key, step, contexts, later)

    def finish(self, flow: Flow, key: Key, step: Any, contexts: Contexts, later: set[str]) -> None:
        """Choose the variable of a value, and put it there if it is not used just once."""
        named = key.identifier in later
        flow.name = variable(key.identifier, self.taken(flow)) if named else self.running_name(later)
        if self.uses(contexts, step) > 1:
            self.forward.settle(flow)
        elif flow.ends and not named and not self.last(contexts, step):
            self.forward.settle(flow)

    def running_name(self, later: set[str]) -> str:
        """Return the variable of the running value: x, unless x is still read."""
        holds = [n for n, f in self.scope.flows.items() if f.text == "x"]
        return "y" if any(n in later for n in holds) or "x" not in self.scope.flows else "x"

    def taken(self, flow: Flow) -> set[str]:
        """Return the variables that other values are in."""
        return {f.text for f in self.scope.flows.values() if f is not flow and f.text.isidentifier()}

    def last(self, contexts: Contexts, step: Any) -> bool:
        """Whether a step gives the result."""
        return all(c.result(step) in c.module.values for c in contexts)

    def key(self, key: Key, contexts: Contexts) -> str:
        """Fill in a key."""
        texts = ["".join(p if isinstance(p, str) else str(c.evaluate(p, p.tree)) for p in key.parts) for c in contexts]
        if not same(texts):
            raise split_by(contexts, lambda c: [str(c.evaluate(p, p.tree)) for p in key.exprs])
        return texts[0]

    # Steps

    def step(self, step: Any, contexts: Contexts, path: str, key: Key | None) -> Flow | None:
        """Write a step; None where it is absent in every context."""
        results = [c.result(step) for c in contexts]
        if all(r is ABSENT for r in results) and not isinstance(step, (Chain, Body)):
            return None
        match step:
            case Expr():
                return self.expression(step, contexts, path)
            case Row():
                return self.row(step, contexts, key)
            case Modified() if step.repeat is not None or step.each is not None:
                return self.loop(step, contexts, path, key)
            case Modified() if step.source is not None:
                self.scope.running = self.translate(step.source, step.source.tree, contexts, path)
                return self.modified(step, contexts, path, key)
            case Modified():
                return self.modified(step, contexts, path, key)
            case Chain() | Body():
                return self.nested(step, contexts, path, key)
        raise AssertionError(step)

    def modified(self, step: Modified, contexts: Contexts, path: str, key: Key | None) -> Flow | None:
        """Write a step with a choice."""
        chosen: Any = step.do
        if step.condition is not None:
            tests = [bool(v) for v in self.render.values(step.condition, step.condition.tree, contexts)]
            if not same(tests):
                return self.as_module(step.model_copy(update={"source": None}), contexts, path)
            chosen = step.do if tests[0] else step.otherwise
        if chosen is None:
            return self.scope.running
        flow = self.step(chosen, contexts, path, key)
        if step.init is not None:
            self.file.init_step(self, step.init, contexts, chosen, path)
        return flow

    def as_module(self, step: Any, contexts: Contexts, path: str) -> Flow:
        """Write a step as one module, or ask for classes of their own where it is none."""
        try:
            made = self.module_of(step, contexts, self.scope.running)
        except NotAModuleError:
            raise split_by(contexts, lambda c: (c.result(step) is ABSENT, c.evaluate(step.condition, step.condition.tree))) from None
        return self.called(self.register(path, made.text or IDENTITY), [self.scope.running], made.result.candidates, made.result.overwritable)

    def nested(self, step: Chain | Body, contexts: Contexts, path: str, key: Key | None) -> Flow | None:
        """Write a list or named steps: one nn.Sequential where they chain, else step by step."""
        running = self.scope.running
        if path and not (key is not None and key.silent):
            try:
                self.tentative()
                made = self.module_of(step, contexts, running)
                if len(made.text) < 2000:
                    self.forward.settle(running) if running.waits and running.ends else None
                    flow = self.called(self.register(path, made.text), [running], made.result.candidates, made.result.overwritable)
                    flow.ends = True
                    return flow
            except NotAModuleError:
                self.rollback()
        steps = step.root if isinstance(step, Body) else numbered(step)
        outer, inner = self.scope, self.scope.inner(path=path)
        self.scope, later = inner, self.later
        self.body(steps, contexts, later)
        result = self.scope.running
        self.scope = outer
        self.later = later
        return result

    def tentative(self) -> None:
        """Remember where the constructor stands, in case a step is no module."""
        self.mark = (len(self.init), set(self.containers), dict(self.lists))

    def rollback(self) -> None:
        """Forget what a failed attempt wrote."""
        del self.init[self.mark[0] :]
        self.containers, self.lists = self.mark[1:]

    # Expressions

    def expression(self, expr: Expr, contexts: Contexts, path: str) -> Flow | None:
        """Write an expression step."""
        results = [c.result(expr) for c in contexts]
        if any(r is NOTHING for r in results):
            if not all(r is NOTHING for r in results):
                raise split_by(contexts, lambda c: c.result(expr) is NOTHING)
            return GONE
        node = self.decide(expr, expr.tree, contexts)
        if isinstance(node, ast.IfExp):
            return self.conditional(expr, node, contexts, path)
        return self.translate(expr, node, contexts, path)

    def conditional(self, expr: Expr, node: ast.IfExp, contexts: Contexts, path: str) -> Flow:
        """Write a choice that differs between uses: in the constructor where both are modules."""
        running = self.scope.running
        source = self.source_of(node, running)
        mark = len(self.init)
        try:
            if self.is_function(expr, node, contexts):
                raise NotAModuleError  # noqa: TRY301
            made = self.module_of_expr(expr, node, contexts, source)
            if made.text:
                return self.called(self.register(path, made.text), [source], made.result.candidates, made.result.overwritable)
            return source
        except NotAModuleError:
            del self.init[mark:]
        self.forward.settle_all()
        test, yes, no = self.parted(expr, node.test, contexts)
        flag = self.flag(node.test, test)
        absent = [all(c.result(expr) is ABSENT for c in group) for group in (yes, no)]
        if any(absent):
            return self.optional_statement(expr, node, (no if absent[0] else yes), flag, path, negated=absent[0])
        first = self.guarded(test, lambda: self.branch(expr, node.body, yes, path))
        second = self.guarded(f"not {atom(test)}", lambda: self.branch(expr, node.orelse, no, path))
        candidates = tuple(dict.fromkeys((*first.candidates, *second.candidates)))
        texts = [self.forward.take(f) for f in (first, second)]
        return self.forward.wait(Flow(f"{texts[0]} if {flag} else {texts[1]}", "y", candidates))

    def guarded(self, test: str, write: Callable[[], Flow]) -> Flow:
        """Write a branch; what it registers is made only where the test says so."""
        mark = len(self.init)
        flow = write()
        if made := self.init[mark:]:
            self.init[mark:] = [f"if {test}:", *(f"    {line}" for line in made)]
        return flow

    def is_function(self, expr: Expr, node: ast.expr, contexts: Contexts) -> bool:
        """Whether a choice is between ops that forward writes as functions."""
        if isinstance(node, ast.IfExp):
            _, yes, no = self.parted(expr, node.test, contexts)
            return any(group and self.is_function(expr, n, group) for n, group in ((node.body, yes), (node.orelse, no)))
        made = contexts[0].node(node)
        return made is not None and made.op is not None and not made.tensors and not made.op.has_mode

    def source_of(self, node: ast.expr, running: Flow) -> Flow:
        """Return what the branches of a choice are applied to, where they say it."""
        for n in ast.walk(node):
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Call) and len(n.args) == 1 and isinstance(n.args[0], ast.Name):
                return self.scope.flows.get(n.args[0].id, running)
        return running

    def branch(self, expr: Expr, node: ast.expr, contexts: Contexts, path: str) -> Flow:
        """Write one side of a choice."""
        if all(c.result(expr) is ABSENT for c in contexts):
            return Flow(self.scope.running.text, "y", self.scope.running.candidates)
        flow = self.translate(expr, self.decide(expr, node, contexts), contexts, path)
        return Flow(flow.text, "y", flow.candidates) if not flow.waits else flow

    def optional_statement(self, expr: Expr, node: ast.IfExp, contexts: Contexts, flag: str, path: str, *, negated: bool) -> Flow:
        """Write a function that some uses apply and others leave out, as an `if`."""
        before = self.scope.running
        target = self.running_name(self.later) if before.text == "x" or not before.text.isidentifier() else before.text
        if before.text != target:
            self.forward.emit(f"{target} = {before.text}")
        start = Flow(target, target, before.candidates)
        self.scope.running = start
        flow = self.translate(expr, self.decide(expr, node.orelse if negated else node.body, contexts), contexts, path)
        text = self.forward.take(flow)
        self.forward.emit(f"if {f'not {atom(flag)}' if negated else flag}:")
        self.forward.emit(f"    {target} = {text}")
        return Flow(target, target, tuple(dict.fromkeys((*flow.candidates, *before.candidates))))

    def flag(self, node: ast.expr, test: str) -> str:
        """Return how forward asks a test of the constructor."""
        if isinstance(node, ast.Name):
            self.names.stored[node.id] = test
            return f"self.{node.id}"
        tree = ast.parse(test, mode="eval").body
        if isinstance(tree, ast.Compare) and all(isinstance(n, (ast.Name, ast.Constant)) for n in (tree.left, *tree.comparators)):
            return self.stored(Py(test, VARIES)).text
        name = f"if_{self.step_name}"
        self.names.stored[name] = test
        return f"self.{name}"

    def translate(self, expr: Expr, node: ast.expr, contexts: Contexts, path: str) -> Flow:
        """Write an expression over values."""
        if contexts[0].node(node) is not None:
            return self.application(expr, node, contexts, path)
        match node:
            case ast.Name():
                return self.scope.running if node.id == "prev" else self.scope.flows[node.id]
            case ast.BinOp():  # one side is nothing
                sides = [self.translate(expr, n, contexts, path) for n in (node.left, node.right)]
                return sides[0] if sides[1] is GONE else sides[1]
            case ast.Call() if ast.unparse(node.func) == "list":
                return self.listed([self.translate(expr, a, contexts, path) for a in node.args])
            case ast.Call() if all(c.evaluate(expr, node.func) is None for c in contexts):
                return GONE
            case ast.List() | ast.Tuple():
                return self.listed([self.translate(expr, e, contexts, path) for e in node.elts])
            case ast.Subscript():
                return self.subscript(expr, node, contexts, path)
            case ast.Attribute() if node.attr == "steps" and isinstance(node.value, ast.Name):
                return self.listed(self.scope.lists[node.value.id])
            case ast.Attribute():
                base = self.translate(expr, node.value, contexts, path)
                return Flow(f'{base.text}["{node.attr}"]', "y", self.constant(expr, node, contexts))
            case ast.IfExp():
                chosen = self.decide(expr, node, contexts)
                if not isinstance(chosen, ast.IfExp):
                    return self.translate(expr, chosen, contexts, path)
        raise split_by(contexts, lambda c: id(c.module))

    def constant(self, expr: Expr, node: ast.expr, contexts: Contexts) -> tuple[str, ...]:
        """Return the channels of a value as a number, where it is one."""
        values = [c.evaluate(expr, node) for c in contexts]
        numbers = {v.shape.channels for v in values if isinstance(v, Value)}
        return (str(numbers.pop()),) if len(numbers) == 1 else ()

    def listed(self, flows: list[Flow]) -> Flow:
        """Write a list of values."""
        for f in flows:
            self.forward.settle(f)
        made = Flow(f"[{', '.join(f.text for f in flows)}]", "y")
        made.parts = flows  # type: ignore[attr-defined]
        return made

    def subscript(self, expr: Expr, node: ast.Subscript, contexts: Contexts, path: str) -> Flow:
        """Write one value of a list."""
        base = self.translate(expr, node.value, contexts, path)
        self.forward.settle(base)
        parts = getattr(base, "parts", None)
        if not isinstance(node.slice, ast.Slice):
            index = contexts[0].evaluate(expr, node.slice)
            if parts is not None:
                return parts[index]  # type: ignore[no-any-return]
            return Flow(f"{base.text}[{index}]", "y", self.constant(expr, node, contexts) or base.candidates)
        bounds = [None if p is None else contexts[0].evaluate(expr, p) for p in (node.slice.lower, node.slice.upper, node.slice.step)]
        if parts is not None:
            return self.listed(parts[slice(*bounds)])
        return Flow(f"{base.text}[{':'.join('' if b is None else str(b) for b in bounds[:2])}]", "y")

    def application(self, expr: Expr, node: ast.expr, contexts: Contexts, path: str) -> Flow:
        """Write an op or block applied to values."""
        inputs = self.inputs(expr, node, contexts, path)
        inputs = [f for f in inputs if f is not GONE]
        nodes = self.nodes(node, contexts)
        target: Any = nodes[0].target
        if nodes[0].again:
            return self.called(self.attribute(join(self.prefix(contexts), nodes[0].path)), inputs, self.numbers(nodes))
        if nodes[0].module is not None or target.tensors(*nodes[0].shapes) or target.has_mode:
            return self.attached(expr, node, contexts, inputs, path, nodes)
        inplace = len(inputs) == 1 and target.activation and inputs[0].overwritable
        op, use = self.use(expr, node, contexts, inputs, inplace=inplace)
        if not op.function(use, *(HOLE.format(k) for k in range(len(inputs)))):
            return self.attached(expr, node, contexts, inputs, path, nodes)
        if helper := op.helper(use):
            self.file.need(helper)
        candidates = self.op_channels(use, inputs, nodes)
        arguments = {k: self.stored(v) for k, v in use.args.items()}
        channels = tuple(self.stored(c) for c in use.channels)
        spelled = type(use)(arguments, channels, use.shapes, use.out_channels, inplace=inplace)
        text = op.function(spelled, *(HOLE.format(k) for k in range(len(inputs))))
        flow = self.spelled(lambda texts: placed(text, texts), inputs, candidates)
        flow.overwritable = not target.keeps_output and self.single(contexts, nodes)
        flow.ends = target.activation or target.name in ("flatten", "global_avg_pool")
        return flow

    def prefix(self, contexts: Contexts) -> str:
        """Return the path of the body in its class."""
        return ""

    def numbers(self, nodes: list[Node]) -> tuple[str, ...]:
        """Return the channels of results as a number, where it is one."""
        found = {n.outputs[0].shape.channels for n in nodes}
        return (str(found.pop()),) if len(found) == 1 else ()

    def attached(self, expr: Expr, node: ast.expr, contexts: Contexts, inputs: list[Flow], path: str, nodes: list[Node]) -> Flow:
        """Write an op or block that is a module of the class."""
        text, candidates = self.module_text(expr, node, contexts, inputs)
        target = nodes[0].target
        if not same([n.path for n in nodes]):
            raise split_by(contexts, lambda c: c.node(node).path)  # type: ignore[union-attr]
        path = nodes[0].path or path
        attribute = self.register(path, text)
        if nodes[0].init is not None:
            self.file.init_lines(self, nodes[0], attribute)
        call: Callable[[list[str]], str] = lambda texts: f"{attribute}({', '.join(texts)})"  # noqa: E731
        if nodes[0].op is not None:
            call = lambda texts: type(target).call(attribute, *texts)  # type: ignore[union-attr]  # noqa: E731
        flow = self.spelled(call, inputs, candidates)
        flow.overwritable = self.overwritable(nodes[0].outputs[0]) and self.single(contexts, nodes) if nodes[0].outputs else False
        return flow

    def single(self, contexts: Contexts, nodes: list[Node]) -> bool:
        """Whether a node's value is used once in every context."""
        for c, n in zip(contexts, nodes, strict=True):
            value = n.outputs[0]
            used = sum(v is value for m in c.module.nodes for v in m.inputs)
            if used + sum(v is value for v in c.module.values) > 1:
                return False
        return True

    def inputs(self, expr: Expr, node: ast.expr, contexts: Contexts, path: str) -> list[Flow]:
        """Return the values that an application takes, in order."""
        first = self.nodes(node, contexts)[0]
        match node:
            case ast.BinOp():
                sides = [n for n in (node.left, node.right) if not _number(contexts[0].evaluate_quietly(expr, n))]
                return [self.translate(expr, n, contexts, path) for n in sides]
            case ast.UnaryOp():
                return [self.translate(expr, node.operand, contexts, path)]
            case ast.Call() if self.takes_values(expr, node, contexts):
                flows = [self.translate(expr, a, contexts, path) for a in node.args]
                if len(flows) < len(first.inputs) or any(hasattr(f, "parts") for f in flows):
                    flows = [p for f in flows for p in getattr(f, "parts", [f])]
                return flows
        if first.op is not None and first.op.inputs == 0:
            return []
        return list(getattr(self.scope.running, "parts", [self.scope.running]))

    def takes_values(self, expr: Expr, node: ast.Call, contexts: Contexts) -> bool:
        """Whether a call's arguments are values, or ops composed as in `relu(conv(8))`."""
        return any(self.is_value(a, contexts) or contexts[0].node(a) is not None for a in node.args)

    def is_value(self, node: ast.expr, contexts: Contexts) -> bool:
        """Whether an argument is made of values of the network."""
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        known = names & (set(self.scope.flows) | {"prev"})
        sizes = {n.value.id for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.attr in ATTRIBUTES}
        return bool(known - sizes)

    def called(self, attribute: str, inputs: list[Flow], candidates: tuple[str, ...], overwritable: bool = False) -> Flow:  # noqa: FBT001, FBT002
        """Write the call of a module."""
        flow = self.spelled(lambda texts: f"{attribute}({', '.join(texts)})", inputs, candidates)
        flow.overwritable = overwritable
        return flow

    def spelled(self, spell: Callable[[list[str]], str], inputs: list[Flow], candidates: tuple[str, ...]) -> Flow:
        """Write an expression over values that wait, or over their variables where it is too long."""
        waiting = [f for f in inputs if f.waits]
        text = spell([f.text for f in inputs])
        in_order = not waiting or self.forward.waiting[-len(waiting) :] == waiting
        if not in_order or not self.forward.fits(text) or len(set(map(id, waiting))) < len(waiting):
            for f in inputs:
                self.forward.settle(f)
            text = spell([f.text for f in inputs])
        for f in inputs:
            self.forward.take(f)
        return self.forward.wait(Flow(text, self.running_name(getattr(self, "later", set())), candidates))

    # Loops

    def loop(self, step: Modified, contexts: Contexts, path: str, key: Key | None) -> Flow | None:
        """Write copies: a Sequential where they chain, else one by one."""
        loop = step.repeat or step.each
        assert loop is not None
        if step.source is not None and step.repeat is not None:
            self.scope.running = self.translate(step.source, step.source.tree, contexts, path)
        sibling = key is not None and (key.silent or any(e.names & set(loop.names) for e in key.exprs))
        if step.repeat is not None and not sibling and path and not self.keeps_steps(key):
            try:
                self.tentative()
                items, result = self.repeated(step.model_copy(update={"source": None}), loop, contexts, self.scope.running)
                flow = self.called(self.register(path, f"nn.Sequential({', '.join(runs(items))})"), [self.scope.running], result.candidates)
                flow.ends = True
                return flow
            except NotAModuleError:
                self.rollback()
        if len(contexts) > 1:
            raise split_by(contexts, lambda c: id(c.module))
        return self.unrolled(step, loop, contexts[0], path, key, sibling=sibling)

    def unrolled(self, step: Modified, loop: Loop, context: Context, path: str, key: Key | None, *, sibling: bool) -> Flow | None:
        """Write every copy by itself."""
        flows: list[Flow] = []
        start, later = self.scope.running, self.later
        plain = step.model_copy(update={"repeat": None, "each": None, "source": step.source if step.each else None})
        items = self.loop_values(loop, context)
        for number, turn in enumerate(self.turns(loop, context)):
            if items and isinstance(loop.target, ast.Name):
                self.scope.flows[loop.target.id] = items[number]
            turn.frame.running = context.frame.running
            at = path
            if sibling and key is not None and not key.silent:
                at = join(self.scope.path, self.key(key, [turn]))
            elif not sibling:
                at = join(path, str(number))
            if step.each is not None:
                self.scope.running = start
            self.later = later | {"x"}
            flow = self.copy(plain, turn, at, key)
            if flow is None:
                continue
            kept = f"{key.identifier.strip('_') if key else 'v'}_{number}"
            self.forward.settle(flow, kept if step.each or self.keeps_steps(key) else None)
            flows.append(flow)
            self.scope.running = flow
            if isinstance(turn.frame.running, Value) and step.repeat is not None:
                context.frame.running = turn.frame.running
        if key is not None:
            self.scope.lists[key.identifier] = flows
        self.later = later
        if step.each is not None:
            return self.listed(flows)
        return flows[-1] if flows else None

    def loop_values(self, loop: Loop, context: Context) -> list[Flow]:
        """Return the values that a loop goes through, where they are values of the network."""
        found = context.evaluate(loop.expr, loop.node)
        if not isinstance(found, list) or not found or not isinstance(found[0], Value):
            return []
        parts: list[Flow] = getattr(self.translate(loop.expr, loop.node, [context], ""), "parts", [])
        return parts

    def keeps_steps(self, key: Key | None) -> bool:
        """Whether `.steps` of a loop is asked for."""
        return key is not None and f"{key.identifier}.steps" in self.file.text_of(self)

    def copy(self, step: Modified, turn: Context, path: str, key: Key | None) -> Flow | None:
        """Write one copy of a loop."""
        if step.condition is not None and not turn.evaluate(step.condition, step.condition.tree):
            if step.otherwise is None:
                return None
            step = step.model_copy(update={"do": step.otherwise, "condition": None, "otherwise": None})
        if step.source is not None:
            self.scope.running = self.translate(step.source, step.source.tree, [turn], path)
        chosen = step.do
        flow = self.step(chosen, [turn], path, None if isinstance(chosen, (Chain, Body)) and not (key and key.silent) else key)
        result = turn.result(chosen)
        if isinstance(result, (Value, list)):
            turn.frame.running = result
        return flow

    # Rows

    def row(self, row: Row, contexts: Contexts, key: Key | None) -> Flow | None:
        """Write a row of `stages:` as a Sequential of its block's copies, one for each turn."""
        assert key is not None
        if len(contexts) > 1:
            raise Split({id(c.module): id(c.module) for c in contexts})
        self.forward.settle(self.scope.running)
        flow = None
        for path, text, candidates in self.row_modules(row, contexts[0], key, self.scope.running):
            if flow is not None:
                self.forward.settle(flow)
            flow = self.called(self.register(path, text), [self.scope.running], candidates)
            flow.name, flow.ends = self.running_name(self.later), True
            self.scope.running = flow
        return flow

    def row_modules(self, row: Row, context: Context, key: Key, running: Flow) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return path, module and channels of each turn of a row."""
        made: list[tuple[str, str, tuple[str, ...]]] = []
        for turn in self.turns(row.repeat, context) if row.repeat is not None else [context]:
            copies: list[str] = []
            while (copy := turn.turn(len(copies), {"i": len(copies)})).node(row.block.tree) is not None:
                text, candidates = self.block_text(row.block, row.block.tree, [copy], [running])
                copies.append(text)
                running = Flow("", "", candidates)
            if copies:
                text = self.file.stage_call(turn, row, len(copies)) or f"nn.Sequential({', '.join(runs(copies))})"
                made.append((join(self.scope.path, self.key(key, [turn])), text, running.candidates))
        return made


def sequential(keys: list[str], texts: list[str]) -> str:
    """Write an nn.Sequential, with names where they are not just numbers."""
    if keys == [str(k) for k in range(len(keys))]:
        return f"nn.Sequential({', '.join(texts)})"
    pairs = ", ".join(f'"{k}": {t}' for k, t in zip(keys, texts, strict=True))
    return f"nn.Sequential(OrderedDict({{{pairs}}}))"


def loop_names(step: Any) -> set[str]:
    """Return the loop variables that a step itself has."""
    loops = [getattr(step, "repeat", None), getattr(step, "each", None)]
    return {n for lo in loops if lo is not None for n in lo.names}


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def numbered(step: Chain) -> dict[Key, Any]:
    """Return the steps of a list under the names 0, 1, ..."""
    from archc.source import Text  # noqa: PLC0415

    steps: dict[Key, Any] = {}
    for k, inner in enumerate(step.root):
        text = Text.at(str(k), None)  # type: ignore[arg-type]
        steps[Key(text, (str(k),))] = inner
    return steps


def placed(text: str, operands: list[str]) -> str:
    """Put operands into the holes of a spelling, in brackets where they need them."""
    for k, operand in enumerate(operands):
        hole = HOLE.format(k)
        before, after = text.split(hole, 1)
        alone = (not before or before[-1] in "([" or before.endswith(", ")) and (not after or after[0] in ")],")
        text = before + (operand if alone and before else operand if not before and not after else atom(operand)) + after
    return text


def mentioned(step: Any) -> set[str]:
    """Return every name that the expressions of a step mention."""
    match step:
        case Expr():
            sizes = {id(n.value) for n in ast.walk(step.tree) if isinstance(n, ast.Attribute) and n.attr in ATTRIBUTES}
            heads = {id(n.func) for n in ast.walk(step.tree) if isinstance(n, ast.Call)}
            if isinstance(step.tree, ast.Name) and step.tree.id in OPS:
                return set()
            return {n.id for n in ast.walk(step.tree) if isinstance(n, ast.Name) and id(n) not in sizes | heads}
        case Chain():
            return {n for s in step.root for n in mentioned(s)}
        case Body():
            return {n for s in step.root.values() for n in mentioned(s)}
        case Modified():
            parts = [step.do, step.otherwise, step.condition, step.source]
            loops = [lo.expr for lo in (step.repeat, step.each) if lo is not None]
            return {n for p in [*parts, *loops] if p is not None for n in mentioned(p)}
        case Row():
            return set()
    return set()


__all__ = ["VARIES", "BodyWriter", "Py", "mentioned"]
