"""Initialisers: known by name, with numbers that have a value, for tensors that are there."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any

from archc.diagnostics import Diagnostic, SpecError, nearest
from archc.graph import Network, Node
from archc.language.evaluate import EvalFault, Evaluator
from archc.language.expr import Expr
from archc.language.initialisers import FANS, INITIALISERS
from archc.language.spec import Rule
from archc.ops import OPS
from archc.passes.territories import own_modules

# What is reckoned from how many inputs or outputs an element of a tensor has.
RANKED = {
    "fan_in",
    "fan_out",
    "in_features",
    *(i for i in INITIALISERS if i.startswith(("kaiming", "xavier"))),
}


def initialisers(network: Network) -> list[Diagnostic]:
    """Return what is wrong with the rules of the file, of what it imports, and of their steps."""
    faults: list[Diagnostic] = []
    for module in network.modules:
        if module.is_network:
            nodes = [n for own in own_modules(module) for n in own.nodes]
            for kind, rule in module.scope.file.document.init.items():
                faults += _judge_rule(rule, [n for n in nodes if n.name == kind], module.scope)
    for module in network.modules:
        for node in module.nodes:
            faults += _judge_step(node, module.scope)
    return faults


def _judge_rule(rule: Rule, nodes: list[Node], scope: Mapping[str, Any]) -> Iterator[Diagnostic]:
    known = {t for n in nodes for t in _possible(n)}
    for tensor, expr in rule.root.items():
        if nodes and tensor not in known:
            message = f"`{nodes[0].name}` has no tensor `{tensor}`"
            yield Diagnostic("unknown-tensor", message, tensor.span, help=nearest(tensor, known))
        yield from _judge(expr, scope)
        yield from _judge_rank(expr, str(tensor), nodes)


def _judge_step(node: Node, scope: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for name, rule in (node.init or {}).items():
        if isinstance(rule, Rule):
            inner = [leaf.node for leaf in node.module.leaves()] if node.module else [node]
            yield from _judge_rule(rule, [n for n in inner if n.name == name], scope)
            continue
        if node.op is not None and name not in _possible(node):
            message = f"`{node.name}` has no tensor `{name}` here"
            yield Diagnostic(
                "unknown-tensor", message, rule.text.span, help=nearest(name, _possible(node))
            )
        yield from _judge(rule, scope)
        yield from _judge_rank(rule, str(name), [node])


def _judge_rank(expr: Expr, tensor: str, nodes: list[Node]) -> Iterator[Diagnostic]:
    """Refuse what asks for the fans of a vector, which has none."""
    asks = next(
        (n for n in ast.walk(expr.tree) if isinstance(n, ast.Name) and n.id in RANKED), None
    )
    vector = next(
        (n for n in nodes if len(getattr(n.tensors.get(tensor), "shape", (1, 1))) < 2), None
    )
    if asks is not None and vector is not None:
        yield Diagnostic(
            "bad-initialiser",
            f"`{asks.id}` needs a tensor of two or more dimensions, but `{tensor}` of `{vector.name}` has one",
            expr.span(asks),
            help="`zeros`, `ones`, `normal(std)`, `uniform(bound)` and a number fill any tensor",
        )


def _possible(node: Node) -> set[str]:
    """Return the tensors that an op has with all its options on.

    A rule for biases may stand where no convolution has one.
    """
    if node.op is None:
        return set()
    options: dict[str, Any] = {
        k: True for k in ("bias", "affine") if k in type(node.op).model_fields
    }
    return {
        name
        for name, t in node.op.model_copy(update=options).tensors(*node.shapes).items()
        if t.trainable
    }


def _judge(expr: Expr, scope: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Judge one initialiser: a name with its numbers, or a number to fill with."""
    node = expr.tree
    call = node if isinstance(node, ast.Call) else None
    head = call.func if call else node
    name = head.id if isinstance(head, ast.Name) else ""
    if name in INITIALISERS:
        least, most = INITIALISERS[name]
        arguments = call.args if call else []
        if not least <= len(arguments) <= most or (call and call.keywords):
            takes = f"{most} argument{'s' * (most != 1)}" if most else "no argument"
            message = f"the initialiser `{name}` takes {takes}"
            yield Diagnostic("bad-initialiser", message, expr.span(node))
            return
        numbers = [] if name.startswith("kaiming") else arguments
        if name.startswith("kaiming") and arguments and ast.unparse(arguments[0]) not in FANS[:2]:
            yield Diagnostic(
                "bad-initialiser", f"`{name}` takes `fan_in` or `fan_out`", expr.span(arguments[0])
            )
    else:
        numbers = [node]
    for number in numbers:
        yield from _judge_number(expr, number, name, scope)


def _judge_number(
    expr: Expr, node: ast.expr, name: str, scope: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    fans: dict[str, Any] = dict.fromkeys(FANS, 1)
    try:
        value = Evaluator(ChainMap(fans, scope)).evaluate(node)  # type: ignore[arg-type]  # read only
    except EvalFault as fault:
        known = {*INITIALISERS, *FANS, *scope}
        hint = nearest(ast.unparse(fault.node), known - set(OPS))
        yield Diagnostic(
            "bad-initialiser", fault.message, expr.span(fault.node), help=hint or fault.help
        )
        return
    except SpecError:  # a name of the scope stands for what is wrong: that is reported there
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        what = (
            f"`{name}` takes a number"
            if name
            else "an initialiser is a name such as `zeros`, or a number"
        )
        yield Diagnostic(
            "bad-initialiser", f"`{ast.unparse(node)}` is no number: {what}", expr.span(node)
        )
