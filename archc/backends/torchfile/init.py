"""Initialisation: the file's rules as one loop, a step's own as lines of its class."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from archc.escaping import python_source, python_string
from archc.graph import Module, Node, join
from archc.language.evaluate import Evaluator
from archc.language.expr import Expr
from archc.language.spec import Rule
from archc.ops import Py, Use
from archc.passes.territories import imported, own_modules

FANS = {
    "fan_in": "{t}[0].numel()",
    "fan_out": "{t}[:, 0].numel()",
    "out_features": "{t}.shape[0]",
    "in_features": "{t}.shape[1]",
}
TENSOR = "tensor_"
"""Stands for the tensor in a number that asks for its fans."""
BLANK = "\0self\0"
"""Stands for the module that a line of initialisation is about."""


def initialiser(expr: Expr, tensor: str, scope: Mapping[str, Any]) -> list[str]:
    """Return the lines that fill a tensor, `nn.init.zeros_(m.bias)`."""
    node = expr.tree
    head = node.func if isinstance(node, ast.Call) else node
    name = head.id if isinstance(head, ast.Name) else ""
    arguments = node.args if isinstance(node, ast.Call) else []
    match name:
        case "zeros" | "ones" | "xavier_uniform" | "xavier_normal":
            return [f"nn.init.{name}_({tensor})"]
        case "normal" | "trunc_normal":
            std = number(arguments[0], tensor, scope) if arguments else "1.0"
            mean = f"mean={number(arguments[1], tensor, scope)}, " if arguments[1:] else ""
            return [f"nn.init.{name}_({tensor}, {mean}std={std})"]
        case "uniform":
            bound = number(arguments[0], tensor, scope)
            if tensor not in bound:
                return [f"nn.init.uniform_({tensor}, -{bound}, {bound})"]
            return [f"bound = {bound}", f"nn.init.uniform_({tensor}, -bound, bound)"]
        case "kaiming_normal" | "kaiming_uniform":
            mode = arguments[0].id if arguments and isinstance(arguments[0], ast.Name) else "fan_in"
            return [f'nn.init.{name}_({tensor}, mode={python_string(mode)}, nonlinearity="relu")']
    return [f"nn.init.constant_({tensor}, {number(node, tensor, scope)})"]


def number(node: ast.expr, tensor: str, scope: Mapping[str, Any]) -> str:
    """Write a number of an initialiser; fans are asked of the tensor."""
    if not {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & set(FANS):
        return repr(Evaluator(scope).evaluate(node))

    class Put(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            if name.id in FANS:
                return ast.parse(FANS[name.id].format(t=TENSOR), mode="eval").body
            return ast.Constant(scope[name.id]) if name.id in scope else name

    tree = Put().visit(ast.parse(ast.unparse(node), mode="eval").body)
    text = python_source(tree)
    for function in ("sqrt", "log", "log2", "exp"):
        text = text.replace(f"{function}(", f"math.{function}(")
    return text.replace(TENSOR, tensor)


def rules_of(network: Module) -> Mapping[Any, Rule]:
    """Return the rules of a network's file, by kind of op."""
    rules: Mapping[Any, Rule] = network.scope.file.document.init
    return rules


def network_lines(network: Module, within: Collection[str] = ()) -> list[str]:
    """Write one loop over the modules for the rules of a network's file.

    What it imports is left out, which follows the rules of its own file. `within` are the
    children that a network has that is written inside the class around it.
    """
    rules = rules_of(network)
    nodes = {id(n): n for module in own_modules(network) for n in module.nodes}
    exact = any(n.op is not None and n.op.definitions for n in nodes.values())
    kinds: dict[tuple[str, ...], list[Node]] = {}
    for kind, rule in rules.items():
        ours = [n for n in nodes.values() if n.name == kind]
        if calls := rule_calls(ours, rule, network.scope):
            kinds.setdefault(calls, []).extend(ours)
    lines: list[str] = []
    for calls, owners in kinds.items():
        word = "elif" if lines else "if"
        lines += [f"    {word} {kind_test(owners, exact=exact)}:", *(f"        {c}" for c in calls)]
    others = [name for names, m in imported(network) if concerned(m, rules) for name in names]
    if not lines:
        return []
    if not others and not within:
        return ["for m in self.modules():", *lines]
    tests = [f"not name.startswith({listed(within)})"] if within else []
    tests += [f"name.startswith({listed(others)})"] if others else []
    skip = [f"    if {' or '.join(tests)}:", "        continue"]
    return ["for name, m in self.named_modules():", *skip, *lines]


def kind_test(nodes: Sequence[Node], *, exact: bool) -> str:
    """Return the test whether a module `m` is of an op.

    It is `exact` where a class of a plug-in may derive from one of PyTorch, whose rule is
    another's.
    """
    classes = list(dict.fromkeys(map(module_class, nodes)))
    said = str(classes[0]) if len(classes) == 1 else f"({', '.join(map(str, classes))})"
    if not exact:
        return f"isinstance(m, {said})"
    return f"type(m) is {said}" if len(classes) == 1 else f"type(m) in {said}"


def module_class(node: Node) -> str:
    """Return the class of the module that an op is."""
    op = node.op
    assert op is not None
    args = {name: Py.of(getattr(op, name)) for name in type(op).model_fields}
    shapes = node.shapes
    text = op.module(Use(args, tuple(Py.of(x.channels) for x in shapes), shapes))
    return text.partition("(")[0]


def concerned(module: Module, rules: Mapping[Any, Rule]) -> bool:
    """Whether an imported network has an op of a kind that rules are for."""
    return any(leaf.node.name in rules for leaf in module.leaves())


def listed(names: Collection[str]) -> str:
    """Spell one text, or several as a tuple."""
    texts = [python_string(n) for n in names]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def rule_calls(nodes: list[Node], rule: Rule, scope: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the calls of a rule: a tensor that some modules lack is asked for first."""
    calls: list[str] = []
    for tensor, expr in rule.root.items():
        owners = sum(tensor in n.tensors for n in nodes)
        lines = initialiser(expr, f"m.{tensor}", scope)
        if owners == len(nodes) and nodes:
            calls += lines
        elif owners:
            calls += [f"if m.{tensor} is not None:", *(f"    {line}" for line in lines)]
    return tuple(calls)


def step_lines(scope: Mapping[str, Any], node: Node) -> list[str]:
    """Return the initialisers that a step has of its own, for the module that is BLANK."""
    lines: list[str] = []
    for name, rule in (node.init or {}).items():
        if isinstance(rule, Expr):
            if name in node.tensors:
                lines += initialiser(rule, join(BLANK, str(name)), scope)
        elif node.name == name:
            own = {t: e for t, e in rule.root.items() if t in node.tensors}
            lines += [i for t, e in own.items() for i in initialiser(e, f"{BLANK}.{t}", scope)]
        elif node.module is not None:
            inner = [leaf.node for leaf in node.module.leaves() if leaf.node.name == name]
            calls = rule_calls(inner, rule, scope)
            if calls:
                others = (leaf.node.op for leaf in node.module.leaves())
                exact = any(op is not None and op.definitions for op in others)
                head = [
                    f"for m in {BLANK}.modules():",
                    f"    if {kind_test(inner, exact=exact)}:",
                ]
                lines += [*head, *(f"        {c}" for c in calls)]
    return lines
