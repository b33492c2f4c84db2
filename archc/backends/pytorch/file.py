"""The emitted file: header, imports, helpers, and its classes in the order of their use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import wrap

from archc.backends.pytorch import tables
from archc.backends.pytorch.layout import WIDTH
from archc.backends.pytorch.templates import Templates
from archc.escaping import docstring
from archc.graph import Network
from archc.ops import HELPERS
from archc.passes.costs import inference, training

STAGE = """\
def stage(block, in_channels, channels, depth, stride=1, **args):
    first = block(in_channels, stride=stride, **args)
    return nn.Sequential(first, *(block(channels, **args) for _ in range(depth - 1)))
"""


def source(network: Network, *, version: str) -> str:
    """Return the file's text; it imports torch only, and its last class is the model."""
    templates = Templates(network)
    written = {t.name: "\n".join(t.lines) for t in templates.write() if t.lines}
    *blocks, model = in_order(written)
    text = "\n".join([*blocks, model])
    helpers = needed(text, templates.definitions)
    first = next((k for k, t in enumerate([*blocks, model]) if calls(t, "stage")), None)
    if first is not None:
        blocks.insert(first, STAGE)
    parts = [*helpers, *blocks, model]
    body = "\n\n\n".join(part.rstrip("\n") for part in parts)
    return f"{header(network, version)}\n\n{imports(body)}\n\n\n{body}\n"


def needed(text: str, definitions: Mapping[str, str]) -> list[str]:
    """Return the helpers that a text calls, and those that they call.

    `definitions` are those of plug-ins, which may be made of one another in other ways too.
    """
    known = {**HELPERS, **tables.HELPERS, **definitions}
    found: set[str] = set()
    while True:
        inside = "\n".join([text, *(known[n] for n in found)])
        more = {n for n in known if calls(inside, n)}
        theirs = "\n".join(known[n] for n in found if n in definitions)
        more |= {n for n in definitions if re.search(rf"(?<![\w.]){n}\b", theirs)}
        if more == found:
            return [h for n, h in known.items() if n in found]
        found = more


def in_order(texts: Mapping[str, str]) -> list[str]:
    """Return the classes and functions so that each stands after those that it calls."""
    out: dict[str, str] = {}

    def place(name: str) -> None:
        if name not in out:
            out[name] = ""
            for other in texts:
                if other != name and calls(texts[name], other):
                    place(other)
            out[name] = out.pop(name) or texts[name]

    for name in texts:
        place(name)
    return list(out.values())


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
    settings += f", outputs {', '.join(network.chosen)}" if network.chosen else ""
    size = "x".join(map(str, network.input.sizes))
    spec = document.name.span.source.name.rsplit("/", 1)[-1]
    written = f"Written by archc {version} from {spec}, variant {network.name}{settings}."
    small, large = inference(network), training(network)
    counted = f"{small.params:,} params; {small.macs:,} MACs at {size}."
    if small != large:
        counted += f" In training {large}."
    head, *below = (docstring(text) for text in (title, written, counted))
    lines = [*_wrapped(f'"""{head}'), "", *(line for text in below for line in _wrapped(text))]
    return "\n".join([*lines, '"""'])


def _wrapped(text: str) -> list[str]:
    """Return text in lines, broken at spaces alone: what is escaped stays whole."""
    return wrap(text, WIDTH, break_long_words=False)
