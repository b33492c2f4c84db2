"""Initialisation: the file's rules as one loop, a step's own as lines of its class."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from archc.backends.pytorch.context import Context
from archc.backends.pytorch.layout import atom
from archc.graph import Network, Node
from archc.language.evaluate import Evaluator
from archc.language.expr import Expr
from archc.language.spec import Rule

CLASSES = {
    "conv": "nn.Conv2d",
    "conv1d": "nn.Conv1d",
    "conv_transpose": "nn.ConvTranspose2d",
    "linear": "nn.Linear",
    "bn": "nn.BatchNorm2d",
    "layer_norm": "nn.LayerNorm",
    "group_norm": "nn.GroupNorm",
    "prelu": "nn.PReLU",
}
FANS = {
    "fan_in": 'nn.init._calculate_correct_fan({t}, "fan_in")',
    "fan_out": 'nn.init._calculate_correct_fan({t}, "fan_out")',
    "out_features": "{t}.shape[0]",
    "in_features": "{t}.shape[1]",
}
BLANK = "\0self\0"
"""Stands for the module that a line of initialisation is about."""


def initialiser(expr: Expr, tensor: str, scope: Mapping[str, Any]) -> str:
    """Return the call that fills a tensor, `nn.init.zeros_(m.bias)`."""
    node = expr.tree
    head = node.func if isinstance(node, ast.Call) else node
    name = head.id if isinstance(head, ast.Name) else ""
    arguments = node.args if isinstance(node, ast.Call) else []
    match name:
        case "zeros" | "ones" | "xavier_uniform" | "xavier_normal":
            return f"nn.init.{name}_({tensor})"
        case "normal" | "trunc_normal":
            std = number(arguments[0], tensor, scope) if arguments else "1.0"
            return f"nn.init.{name}_({tensor}, std={std})"
        case "uniform":
            bound = number(arguments[0], tensor, scope)
            return f"nn.init.uniform_({tensor}, -{atom(bound)}, {bound})"
        case "kaiming_normal" | "kaiming_uniform":
            mode = arguments[0].id if arguments and isinstance(arguments[0], ast.Name) else "fan_in"
            return f'nn.init.{name}_({tensor}, mode="{mode}", nonlinearity="relu")'
    return f"nn.init.constant_({tensor}, {number(node, tensor, scope)})"


def number(node: ast.expr, tensor: str, scope: Mapping[str, Any]) -> str:
    """Write a number of an initialiser; fans are asked of the tensor."""
    if not {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & set(FANS):
        return repr(Evaluator(scope).evaluate(node))

    class Put(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            if name.id in FANS:
                return ast.parse(FANS[name.id].format(t=tensor), mode="eval").body
            return ast.Constant(scope[name.id]) if name.id in scope else name

    tree = Put().visit(ast.parse(ast.unparse(node), mode="eval").body)
    text = ast.unparse(tree).replace("'", '"')
    for function in ("sqrt", "log", "log2", "exp"):
        text = text.replace(f"{function}(", f"math.{function}(")
    return text


def model_lines(network: Network) -> list[str]:
    """Write one loop over the modules for the rules of the file."""
    lines: list[str] = []
    kinds: dict[tuple[str, ...], list[str]] = {}
    leaves = {id(n): n for m in network.modules for n in m.nodes if n.op is not None}
    for kind, rule in network.document.init.items():
        nodes = [n for n in leaves.values() if n.name == kind]
        if calls := rule_calls(nodes, rule, network.root.scope):
            kinds.setdefault(calls, []).append(CLASSES[str(kind)])
    for calls, classes in kinds.items():
        word = "elif" if lines else "if"
        said = classes[0] if len(classes) == 1 else f"({', '.join(classes)})"
        lines += [f"    {word} isinstance(m, {said}):", *(f"        {c}" for c in calls)]
    return ["for m in self.modules():", *lines] if lines else []


def rule_calls(nodes: list[Node], rule: Rule, scope: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the calls of a rule: a tensor that some modules lack is asked for first."""
    calls: list[str] = []
    for tensor, expr in rule.root.items():
        owners = sum(tensor in n.tensors for n in nodes)
        call = initialiser(expr, f"m.{tensor}", scope)
        if owners == len(nodes) and nodes:
            calls.append(call)
        elif owners:
            calls += [f"if m.{tensor} is not None:", f"    {call}"]
    return tuple(calls)


def step_lines(context: Context, node: Node) -> list[str]:
    """Return the initialisers that a step has of its own, for the module that is BLANK."""
    lines: list[str] = []
    scope = context.frame.scope
    for name, rule in (node.init or {}).items():
        if isinstance(rule, Expr):
            if name in node.tensors:
                lines.append(initialiser(rule, f"{BLANK}.{name}", scope))
        elif node.name == name:
            own = {t: e for t, e in rule.root.items() if t in node.tensors}
            lines += [initialiser(e, f"{BLANK}.{t}", scope) for t, e in own.items()]
        elif node.module is not None:
            inner = [leaf.node for leaf in node.module.leaves() if leaf.node.name == name]
            calls = rule_calls(inner, rule, scope)
            if calls:
                head = [
                    f"for m in {BLANK}.modules():",
                    f"    if isinstance(m, {CLASSES[str(name)]}):",
                ]
                lines += [*head, *(f"        {c}" for c in calls)]
    return lines
