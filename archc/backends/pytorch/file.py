"""The emitted file: header, imports, helpers, and its classes in the order of their use."""

from __future__ import annotations

import re

from archc.backends.pytorch.templates import Templates
from archc.graph import Network
from archc.ops import HELPERS
from archc.passes import macs, params

STAGE = """\
def stage(block, in_channels, channels, depth, stride=1, **args):
    first = block(in_channels, stride=stride, **args)
    return nn.Sequential(first, *(block(channels, **args) for _ in range(depth - 1)))
"""
MAKE_DIVISIBLE = """\
def make_divisible(value, divisor=8):
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded
"""


def source(network: Network, *, version: str) -> str:
    """Return the file's text; it imports torch only, and its last class is the model."""
    templates = Templates(network)
    *blocks, model = ["\n".join(t.lines) for t in templates.write()]
    text = "\n".join([*blocks, model])
    helpers = [
        h for n, h in {**HELPERS, "make_divisible": MAKE_DIVISIBLE}.items() if calls(text, n)
    ]
    stage = [STAGE] if calls(text, "stage") else []
    parts = [*helpers, *blocks, *stage, model]
    body = "\n\n\n".join(part.rstrip("\n") for part in parts)
    return f"{header(network, version)}\n\n{imports(body)}\n\n\n{body}\n"


def calls(text: str, name: str) -> bool:
    """Whether a text calls a helper, or makes a class of it."""
    return re.search(rf"(?<![\w.]){name}\(", text) is not None


def imports(body: str) -> str:
    """Return the imports that the text needs."""
    standard = ["import math"] if "math." in body else []
    standard += ["from collections import OrderedDict"] if "OrderedDict(" in body else []
    torch = ["import torch"] if "torch." in body else []
    torch += ["import torch.nn.functional as F"] if "F." in body else []
    groups = (standard, [*torch, "from torch import nn"])
    return "\n\n".join("\n".join(group) for group in groups if group)


def header(network: Network, version: str) -> str:
    """Return the docstring of the file: what it is, where it is from, and what was counted."""
    document = network.document
    paper = document.paper
    title = f"{network.name}: {paper.title}" if paper else network.name
    title += f" (arXiv:{paper.arxiv})." if paper and paper.arxiv else "."
    settings = "".join(f", {k}={v}" for k, v in network.settings.items())
    size = "x".join(map(str, network.input.sizes))
    spec = document.name.span.source.name.rsplit("/", 1)[-1]
    written = f"Written by archc {version} from {spec}, variant {network.name}{settings}."
    counted = f"{params(network.root):,} params; {macs(network.root):,} MACs at {size}."
    return f'"""{title}\n\n{written}\n{counted}\n"""'
