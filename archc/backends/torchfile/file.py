"""The emitted file: header, imports, helpers, and its classes, inner ones first."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from textwrap import wrap

from archc.backends.torchfile.helpers import known
from archc.backends.torchfile.network import Classes
from archc.backends.torchfile.printer import noted, printed
from archc.backends.torchfile.settings import model_arguments
from archc.graph import Network
from archc.passes.costs import inference, training

WIDTH = 88


def source(network: Network, *, version: str) -> str:
    """Return the file's text; it imports torch only, and its last class is the model."""
    classes = Classes(network, model_arguments(network, set()))
    definitions = classes.definitions()
    texts = known(network)
    helpers = [n for n in texts if n in needed(definitions, texts)]
    read = {n for tree in definitions for n in used(tree)}
    read |= {n for name in helpers for n in used(ast.parse(texts[name]))}
    header_text = ast.Expr(ast.Constant("\n".join(header(network, version))))
    body: list[ast.stmt] = [header_text, *imports(read)]
    body += [helper(texts[name]) for name in helpers if name != "stage"]
    for definition in definitions:
        if "stage" in helpers and "stage" in used(definition):
            helpers.remove("stage")
            body.append(helper(texts["stage"]))
        body.append(definition)
    module = ast.fix_missing_locations(ast.Module(body, []))
    return printed(module)


def helper(text: str) -> ast.stmt:
    """Return the definition of a helper, printed as it is written."""
    return noted(ast.parse(text).body[0], source=text.rstrip("\n"))


def used(tree: ast.AST) -> Iterable[str]:
    """Yield the names that a tree reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id


def needed(definitions: Iterable[ast.stmt], texts: Mapping[str, str]) -> set[str]:
    """Return the helpers that classes read, and those that they read."""
    waiting = [n for tree in definitions for n in used(tree)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in texts and name not in found:
            found.add(name)
            waiting += used(ast.parse(texts[name]))
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
    below = [
        line for text in (written, counted) for line in wrap(text, WIDTH, break_long_words=False)
    ]
    return [first, *more, "", *below]
