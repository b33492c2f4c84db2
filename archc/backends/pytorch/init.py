"""Initialisation: the file's rules as one loop, a step's own as lines of its class."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from archc.expr import Evaluator, Expr
from archc.graph import Node
from archc.spec import Rule

if TYPE_CHECKING:
    from archc.backends.pytorch.file import File

CLASSES = {
    "conv": "nn.Conv2d",
    "conv_transpose": "nn.ConvTranspose2d",
    "linear": "nn.Linear",
    "bn": "nn.BatchNorm2d",
    "layer_norm": "nn.LayerNorm",
    "group_norm": "nn.GroupNorm",
}
FANS = {
    "fan_in": "nn.init._calculate_correct_fan({t}, \"fan_in\")",
    "fan_out": "nn.init._calculate_correct_fan({t}, \"fan_out\")",
    "out_features": "{t}.shape[0]",
    "in_features": "{t}.shape[1]",
}


def initialiser(expr: Expr, tensor: str, scope: Any) -> str:
    """Return the call that fills a tensor, `nn.init.zeros_(m.bias)`."""
    node = expr.tree
    name = node.id if isinstance(node, ast.Name) else node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    arguments = node.args if isinstance(node, ast.Call) else []
    texts = [number(a, tensor, scope) for a in arguments]
    match name:
        case "zeros" | "ones":
            return f"nn.init.{name}_({tensor})"
        case "normal" | "trunc_normal":
            return f"nn.init.{name}_({tensor}, std={texts[0] if texts else '1.0'})"
        case "uniform":
            return f"nn.init.uniform_({tensor}, -{texts[0]}, {texts[0]})"
        case "xavier_uniform" | "xavier_normal":
            return f"nn.init.{name}_({tensor})"
        case "kaiming_normal" | "kaiming_uniform":
            mode = arguments[0].id if arguments and isinstance(arguments[0], ast.Name) else "fan_in"
            return f'nn.init.{name}_({tensor}, mode="{mode}", nonlinearity="relu")'
    return f"nn.init.constant_({tensor}, {number(node, tensor, scope)})"


def number(node: ast.expr, tensor: str, scope: Any) -> str:
    """Write a number of an initialiser; fans are asked of the tensor."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    if not names & set(FANS):
        return repr(Evaluator(scope).evaluate(node))
    text = ast.unparse(node)
    for name in names & set(FANS):
        text = text.replace(name, FANS[name].format(t=tensor))
    return text


def model_lines(file: File, *, own: list[str], blocks: bool) -> list[str]:
    """Write the end of the model's constructor: one loop over the modules for the file's rules."""
    document, scope = file.network.document, file.network.root.scope
    used = {leaf.node.name for leaf in file.network.root.leaves()}
    indent = " " * 8
    lines: list[str] = []
    word = "if"
    for kind, rule in document.init.items():
        if str(kind) not in used:
            continue
        calls = rule_calls(file, str(kind), rule, "m", scope)
        if calls:
            lines += [f"{indent}    {word} isinstance(m, {CLASSES[str(kind)]}):", *(f"{indent}        {c}" for c in calls)]
            word = "elif"
    lines = ["", f"{indent}for m in self.modules():", *lines] if lines else []
    if blocks:
        lines += [*([] if lines else [""]), f"{indent}for m in self.modules():", f'{indent}    if hasattr(m, "init_weights"):', f"{indent}        m.init_weights()"]
    return [*lines, *(f"{indent}{line}" for line in own)]


def rule_calls(file: File, kind: str, rule: Rule, module: str, scope: Any) -> list[str]:
    """Return the calls of a rule: a tensor that some modules lack is asked for first."""
    calls: list[str] = []
    leaves = [leaf.node for leaf in file.network.root.leaves() if leaf.node.name == kind]
    for tensor, expr in rule.root.items():
        owners = sum(tensor in n.tensors for n in leaves)
        call = initialiser(expr, f"{module}.{tensor}", scope)
        if owners == len(leaves):
            calls.append(call)
        elif owners:
            calls += [f"if {module}.{tensor} is not None:", f"    {call}"]
    return calls


def step_lines(file: File, node: Node, attribute: str) -> list[str]:
    """Return the initialisers that a step has of its own."""
    lines: list[str] = []
    scope = file.network.root.scope
    for name, rule in (node.init or {}).items():
        if isinstance(rule, Expr) and name in node.tensors:
            lines.append(initialiser(rule, f"{attribute}.{name}", scope))
        elif isinstance(rule, Rule) and node.name == name:
            lines += [initialiser(e, f"{attribute}.{t}", scope) for t, e in rule.root.items() if t in node.tensors]
    return lines
