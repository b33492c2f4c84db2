"""The emitted file: header, imports, helpers, and its classes, inner ones first."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from textwrap import wrap

from archc.backends.torchfile import tables
from archc.backends.torchfile.network import Classes
from archc.backends.torchfile.printer import noted, printed
from archc.backends.torchfile.settings import model_arguments
from archc.escaping import docstring
from archc.graph import Network
from archc.ops import HELPERS
from archc.passes.costs import inference, training

WIDTH = 88
STAGE = """\
def stage(block, in_channels, channels, depth, stride=1, **args):
    first = block(in_channels, stride=stride, **args)
    return nn.Sequential(first, *(block(channels, **args) for _ in range(depth - 1)))
"""


def source(network: Network, *, version: str) -> str:
    """Return the file's text; it imports torch only, and its last class is the model."""
    classes = Classes(network, model_arguments(network, set()))
    definitions = classes.definitions()
    known = {**HELPERS, "stage": STAGE, **tables.HELPERS, **plugged(network)}
    helpers = needed(definitions, known)
    texts = [ast.parse(known[name]) for name in known if name in helpers]
    names = {n for tree in [*definitions, *texts] for n in used(tree)}
    body: list[ast.stmt] = [ast.Expr(ast.Constant("\n".join(header(network, version))))]
    body += imports(names)
    body += [noted(ast.Pass(), source=known[name].rstrip("\n")) for name in known if name in helpers]
    body += definitions
    module = ast.fix_missing_locations(ast.Module(body, []))
    return printed(module)


def plugged(network: Network) -> dict[str, str]:
    """Return the definitions that plug-ins bring, by name."""
    ops = {type(n.op) for m in network.modules for n in m.nodes if n.op is not None}
    return {name: text for op in ops for name, text in op.definitions.items()}


def used(tree: ast.AST) -> Iterable[str]:
    """Yield the names that a tree reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id


def needed(definitions: Iterable[ast.stmt], known: Mapping[str, str]) -> set[str]:
    """Return the helpers that classes read, and those that they read."""
    waiting = [n for tree in definitions for n in used(tree)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += used(ast.parse(known[name]))
    return found


def imports(names: set[str]) -> list[ast.stmt]:
    """Return the imports of the names that a file reads."""
    standard = [] if "math" not in names else ["import math"]
    standard += ["from collections import OrderedDict"] if "OrderedDict" in names else []
    torch = ["import torch"] if "torch" in names else []
    torch += ["import torch.nn.functional as F"] if "F" in names else []
    torch += ["from torch import nn"]
    out: list[ast.stmt] = []
    for group in (standard, torch):
        statements = [s for line in group for s in ast.parse(line).body]
        out += [noted(s, blank_before=k == 0) for k, s in enumerate(statements)]
    return out


def header(network: Network, version: str) -> list[str]:
    """Return the docstring of the file: what it is, where it is from, and what was counted."""
    document = network.document
    paper = document.paper
    title = f"{network.name}: {paper.title}" if paper else network.name
    title += f" (arXiv:{paper.arxiv})." if paper and paper.arxiv else "."
    settings = "".join(f", {k}={v}" for k, v in network.settings.items())
    settings += f", outputs {', '.join(network.chosen)}" if network.chosen else ""
    size = "x".join(map(str, network.input.sizes))
    spec = document.name.span.source.name.rsplit("/", 1)[-1]
    written = f"Written by archc {version} from {spec}, variant {network.name}{settings}."
    small, large = inference(network), training(network)
    counted = f"{small.params:,} params; {small.macs:,} MACs at {size}."
    if small != large:
        counted += f" In training {large}."
    first, *more = wrap(title, WIDTH - 3, break_long_words=False)
    below = [line for text in (written, counted) for line in wrap(text, WIDTH, break_long_words=False)]
    return [first, *more, "", *below]


__all__ = ["docstring", "source"]
