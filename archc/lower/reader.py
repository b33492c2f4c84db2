"""Reads the expressions of a body: what a name means there, and what a call applies to what."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Diagnostic, SpecError, nearest
from archc.graph import Node, Value, flat
from archc.language.evaluate import CONSTANTS, EvalFault, describe
from archc.language.expr import Expr
from archc.language.functions import FUNCTIONS, unmixed
from archc.lower import keeping
from archc.lower.arguments import expect_new
from archc.lower.blame import located
from archc.lower.marks import MISSING, NOTHING, Poisoned, is_known
from archc.lower.origins import Written
from archc.lower.reuse import Reused, reuse
from archc.lower.scope import Callee, Scope, initialises, takes
from archc.lower.wiring import Wiring, is_tensor
from archc.ops.translating import method
from archc.tree import Item, Reading

if TYPE_CHECKING:
    from archc.lower.frames import Frame
    from archc.lower.steps import Steps


ATTRIBUTES = {"channels": "c", "height": "h", "width": "w", "tokens": "n"}


class Reader(Wiring):
    """An evaluator that also knows values, ops and blocks; `made` collects applied nodes."""

    def __init__(
        self,
        lowering: Steps,
        expr: Expr,
        scope: Scope,
        frame: Frame | None,
        values: dict[int, Any] | None = None,
    ) -> None:
        super().__init__(scope)
        self.values: dict[int, Any] = {} if values is None else values
        self.items: list[Item] = []
        self.scope: Scope = scope  # inside a comprehension another, without a file
        self.file = scope.file
        self.lowering, self.expr, self.frame = lowering, expr, frame
        self.made: list[Node] = []
        self.trail = ""

    @property
    def reading(self) -> Reading:
        """What the parts of the expression are, as far as they are read."""
        return Reading(self.expr, self.scope, self.values)

    def visit_ifexp(self, node: ast.IfExp) -> Any:
        taken = self.truth(self.evaluate(node.test), node.test)
        with keeping.side(self, node.test, taken=taken):
            return self.evaluate(node.body if taken else node.orelse)

    def spend(self, steps: int, node: ast.expr) -> None:
        """Count steps, those of all expressions of the network too."""
        super().spend(steps, node)
        if self.lowering is not None:  # the emitter reads again what was counted before
            self.lowering.reckon(steps)

    def guard(self, compute: Callable[[], Any]) -> Any:
        """Compute, turning faults into diagnostics at their place in the text."""
        if self.file.unsound(self.expr):
            raise Poisoned
        try:
            return compute()
        except EvalFault as fault:
            raise SpecError([located(fault, self)]) from None
        except RecursionError:
            deep = Diagnostic(
                "too-deep",
                f"`{self.expr}` leads too deep",
                self.expr.text.span,
                help="values that use each other make a chain that is too long",
            )
            raise SpecError([deep]) from None

    def read(self, node: ast.expr) -> Any:
        """Evaluate a node that is no step, its faults as diagnostics."""
        return self.guard(lambda: self.applied(self.evaluate(node), node))

    def applied(self, value: Any, node: ast.expr) -> Any:
        """Return a value, which may be no module that waits for one."""
        if isinstance(value, Reused):
            raise value.alone(node)
        return value

    def chosen(self, node: ast.expr) -> tuple[ast.expr, list[tuple[ast.expr, bool]]]:
        """Return the branch of a conditional expression that is taken, and the tests on the way."""
        tests = []
        while isinstance(node, ast.IfExp):
            test = self.truth(self.evaluate(node.test), node.test)
            tests.append((node.test, test))
            node = node.body if test else node.orelse
        return node, tests

    def whole(self, node: ast.expr) -> Any:
        """Evaluate a whole step: a bare name is looked up among ops and blocks first."""
        if isinstance(node, ast.Name):
            head = self.head(node.id)
            return self.evaluate(node) if head is MISSING else head
        return self.evaluate(node)

    def head(self, name: str) -> Any:
        """Look a name up among op-valued params, blocks and ops."""
        if name in self.scope:
            value = self.scope[name]
            if value is None or isinstance(value, Callee):
                return value
        if name == "none":
            return None
        file = self.file
        if name in file.linked.imports and name not in file.blocks:
            return self.unread(name)
        target = file.blocks.get(name) or file.ops.get(name)
        return Callee(name, target, file) if target is not None else MISSING

    def unread(self, name: str) -> Any:
        """Refuse an import that is no block; one that can't be read has been reported."""
        if self.file.linked.imports[name] is None:
            raise Poisoned
        return MISSING

    def visit_name(self, node: ast.Name) -> Any:
        name = node.id
        if self.frame is not None:
            if name == "prev":
                return self.known(self.frame.running)
            if name in self.frame.values:
                return self.known(self.frame.values[name])
        if name in self.scope:
            return self.scope[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        head = self.head(name)
        if head is MISSING:
            candidates = {
                *self.scope,
                *self.file.ops,
                *self.file.blocks,
                *(self.frame.values if self.frame else ()),
            }
            raise EvalFault(
                "unknown-name", f"`{name}` is not known here", node, nearest(name, candidates)
            )
        return head

    def known(self, value: Any) -> Any:
        """Return a value, or leave quietly where it is unknown, all of it or an item."""
        if not is_known(value):
            raise Poisoned
        return value

    def visit_attribute(self, node: ast.Attribute) -> Any:
        if node.attr == "steps" and isinstance(node.value, ast.Name) and self.frame is not None:
            if node.value.id not in self.frame.copies:
                raise EvalFault(
                    "bad-expression",
                    f"`{node.value.id}` has no `.steps`",
                    node,
                    "only a step with `repeat` has",
                )
            return [self.known(v) for v in self.frame.copies[node.value.id]]
        if (block := self.imported(node)) is not None:
            return block
        value = self.evaluate(node.value)
        if isinstance(value, dict) and node.attr in value:
            return value[node.attr]
        if isinstance(value, Value) and value.guess:
            raise Poisoned
        if isinstance(value, Value) and node.attr in ATTRIBUTES:
            size = (
                value.shape.channels
                if node.attr == "channels"
                else value.shape.get(ATTRIBUTES[node.attr])
            )
            if size is not None:
                return size
            raise EvalFault(
                "bad-expression",
                f"`{ast.unparse(node)}`: the value is `{value.shape.spelled}` and has no {node.attr}",
                node,
            )
        known = list(value) if isinstance(value, dict) else list(ATTRIBUTES)
        hint = nearest(node.attr, known)
        if isinstance(value, Value) and not hint.startswith("did"):
            hint = method(node.attr, ast.unparse(node.value)) or hint
        raise EvalFault("bad-expression", f"`{ast.unparse(node)}` is not known", node, hint)

    def imported(self, node: ast.Attribute) -> Callee | None:
        """Return the block that `file.block` names, None where it is no imported file."""
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        known = name in self.scope or (self.frame is not None and name in self.frame.values)
        if known or name not in self.file.linked.imports:
            return None
        file = self.file.opens(name)
        if file is None:
            raise Poisoned
        block = file.own.get(node.attr)
        if block is None:
            hint = nearest(node.attr, file.own)
            message = f"`{name}` has no block `{node.attr}`"
            raise EvalFault("unknown-name", message, node, hint)
        return Callee(block.name, block, file)

    def visit_call(self, node: ast.Call) -> Any:
        callee = (
            self.evaluate(node.func)
            if not isinstance(node.func, ast.Name)
            else self.named(node.func)
        )
        if isinstance(node.func, ast.Name) and node.func.id == "reuse" and callee is MISSING:
            return reuse(self, node)
        if isinstance(callee, (int, float, str, list)) or is_tensor(callee):
            what = describe(callee) if not is_tensor(callee) else "a value"
            raise EvalFault(
                "not-an-op", f"`{ast.unparse(node)}` applies {what}, which is no op", node
            )
        arguments = [self.evaluate(a) for a in node.args]
        tensors = [a for a in arguments if is_tensor(a)]
        if tensors:  # beside values an empty list is one too: a `...rest` of which none is left
            tensors = [a for a in arguments if is_tensor(a) or a == []]
        name = ast.unparse(node.func)
        if name in FUNCTIONS and (callee is MISSING or not tensors):
            return self.function(node, arguments)
        for head, where in [(callee, node.func), *zip(arguments, node.args, strict=True)]:
            if isinstance(head, Reused) and (not tensors or where is not node.func):
                raise head.alone(where)
        keywords = {
            k.arg: self.keyword(k)
            for k in node.keywords
            if k.arg is not None and not initialises(callee, k)
        }
        if tensors:
            if len(tensors) < len(arguments):
                raise EvalFault(
                    "mixed-arguments",
                    f"`{ast.unparse(node)}` mixes values and numbers",
                    node,
                    unmixed(name),
                )
            configured = self.configure(callee, [], keywords, node) if keywords else callee
            return self.apply(configured, tensors, node)
        if (
            isinstance(callee, Callee)
            and isinstance(callee.target, type)
            and arguments
            and all(isinstance(a, Callee) for a in arguments)
        ):
            return self.compose(callee, arguments, keywords, node)
        return self.configure(callee, arguments, keywords, node)

    def compose(
        self, callee: Callee, arguments: list[Callee], keywords: dict[str, Any], node: ast.Call
    ) -> Any:
        """`relu(conv(8))`: the inner op takes the running value."""
        if self.frame is None:
            raise EvalFault(
                "bad-expression",
                f"`{ast.unparse(node)}` applies an op, but only a step has something to apply it to",
                node,
                "name one op or block here, or write a block of these two",
            )
        inner = [
            self.apply(a, [self.known(self.frame.running)], n)
            for a, n in zip(arguments, node.args, strict=True)
        ]
        return self.apply(
            self.configure(callee, [], keywords, node) if keywords else callee, inner, node
        )

    def named(self, func: ast.Name) -> Any:
        """Look up the head of a call; MISSING where it is a function of numbers."""
        head = self.head(func.id)
        if head is MISSING and func.id not in FUNCTIONS and func.id != "reuse":
            known = {*self.file.ops, *self.file.blocks, *FUNCTIONS}
            what = (
                "is a value, not an op"
                if self.frame and func.id in self.frame.values
                else "is not known here"
            )
            raise EvalFault(
                "unknown-name", f"`{func.id}` {what}", func, nearest(func.id, known - {func.id})
            )
        return head

    def function(self, node: ast.Call, values: list[Any]) -> Any:
        """Call a function; a list takes in those that it is given, without what is nothing."""
        if ast.unparse(node.func) == "list" and any(is_tensor(v) for v in values):
            parts = [flat(x) if isinstance(x, (list, dict)) else (x,) for x in values]
            values = [v for part in parts for v in part if v is not NOTHING]
            if not values:
                return NOTHING
        return super().function(node, values)

    def remedy(self, value: Any) -> str:
        """Say what to do with a value of the network that a function does not take."""
        if not is_tensor(value):
            return super().remedy(value)
        return "functions reckon with numbers; what an op does with values is in docs/ops.md, and an op of your own in docs/plugins.md"

    def keyword(self, keyword: ast.keyword) -> Any:
        """Evaluate a keyword argument, which is never a tensor."""
        value = self.evaluate(keyword.value)
        if is_tensor(value):
            text = ast.unparse(keyword.value)
            hint = (
                f"write `{keyword.arg}={text}()` for the op"
                if text in self.file.ops or text in self.file.blocks
                else f"apply the op to it: `(...)({text})`"
            )
            raise EvalFault(
                "tensor-argument",
                f"`{keyword.arg}={text}` gives the value of the step `{text}`, but an argument is never a tensor",
                keyword.value,
                hint,
            )
        return value

    def configure(
        self, callee: Any, arguments: list[Any], keywords: dict[str, Any], node: ast.Call
    ) -> Any:
        """Return an op or block with arguments bound to its parameters."""
        if isinstance(callee, Reused):
            raise callee.configured(node)
        if callee is None or callee.name == "identity":
            return callee
        bound, places, written = dict(callee.arguments), dict(callee.places), dict(callee.origins)
        positional = list(zip(arguments, node.args, strict=False))  # none where values are given
        if getattr(callee.target, "variadic", False) and positional:
            first = callee.parameters[0]
            bound[first], places[first] = tuple(arguments), node
            written[first] = self.written(node)
            arguments, positional = [], []
        free = [p for p in callee.parameters if p not in bound]
        if len(arguments) > len(free):
            raise EvalFault(
                "too-many-arguments",
                f"`{callee.name}` takes {len(callee.parameters)} arguments, here are {len(callee.parameters) - len(free) + len(arguments)}",
                node.args[len(free)],
                f"its arguments: {takes(callee)}",
            )
        given = dict(zip(free, positional, strict=False))
        rest = getattr(callee.target, "keywords", "")
        for k in node.keywords:
            if initialises(callee, k):
                continue
            if rest and k.arg not in callee.parameters:
                bound[rest] = (*bound.get(rest, ()), (k.arg, keywords[str(k.arg)]))
                places[rest] = node
                written[rest] = self.written(node)
                continue
            expect_new(callee, k, {*given, *bound})
            given[str(k.arg)] = (keywords[str(k.arg)], k.value)
        bound |= {name: value for name, (value, _) in given.items()}
        places |= {name: place for name, (_, place) in given.items()}
        written |= {name: self.written(place) for name, (_, place) in given.items()}
        init = {
            str(k.arg).removeprefix("init").removeprefix("_"): replace(self.expr, tree=k.value)
            for k in node.keywords
            if initialises(callee, k)
        }
        own = tuple({**dict(callee.init), **init}.items())
        return replace(
            callee,
            arguments=tuple(bound.items()),
            places=tuple(places.items()),
            origins=tuple(written.items()),
            init=own,
        )

    def written(self, node: ast.expr) -> Written:
        """Return a piece of the expression with what its names mean."""
        return Written(self.expr, self.scope, node, self.values)

    def warn(self, code: str, message: str, node: ast.expr, help: str) -> None:
        """Note a warning at its place in the text."""
        warning = Diagnostic(code, message, self.expr.span(node), help=help, severity="warning")
        if self.lowering is not None:  # the emitter reads again what was warned of before
            self.lowering.diagnostics.append(warning)

    def apply(self, callee: Any, values: list[Any], node: ast.expr) -> Any:
        """Apply an op or block to values; makes a node."""
        return self.lowering.applier.apply(self, callee, [self.known(v) for v in values], node)
