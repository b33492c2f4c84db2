"""A lowered network as the PyTorch file that a careful engineer would have written."""

from __future__ import annotations

from archc.backends.pytorch.file import HELPERS, STAGE, File
from archc.graph import Network
from archc.passes import macs, params

MAKE_DIVISIBLE = '''\
def make_divisible(value, divisor=8):
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded
'''


def source(network: Network, *, version: str) -> str:
    """Return the file's text; it imports torch only, and its last class is the model."""
    file = File(network)
    templates = file.write()
    helpers = {**HELPERS, "stage": STAGE, "make_divisible": MAKE_DIVISIBLE}
    parts = ["\n".join(t.lines) for t in templates]
    own = [helpers[n].rstrip("\n") for n in helpers if n in file.needs and n != "stage"]
    parts = [*own, *parts[:-1], *([STAGE.rstrip("\n")] if "stage" in file.needs else []), parts[-1]]
    body = "\n\n\n".join(parts)
    return f"{header(network, version)}\n\n{imports(body, file.needs)}\n\n\n{body}\n"


def imports(body: str, needs: set[str]) -> str:
    """Return the imports that the text needs."""
    standard = (["import math"] if "math." in body else []) + (["from collections import OrderedDict"] if "OrderedDict(" in body else [])
    torch = (["import torch"] if "torch." in body.replace("torch.nn", "") else []) + (["import torch.nn.functional as F"] if "F." in body else [])
    return "\n\n".join("\n".join(group) for group in (standard, [*torch, "from torch import nn"]) if group)


def header(network: Network, version: str) -> str:
    """Return the docstring of the file: what it is, where it is from, and what was counted."""
    document = network.document
    paper = document.paper
    title = f"{network.name}: {paper.title}" if paper else network.name
    title += f" (arXiv:{paper.arxiv})." if paper and paper.arxiv else "."
    settings = "".join(f", {k}={v}" for k, v in network.settings.items())
    size = "x".join(map(str, network.input.sizes))
    lines = [f"Written by archc {version} from {document.name.span.source.name.rsplit('/', 1)[-1]}, variant {network.name}{settings}."]
    lines.append(f"{params(network.root):,} params; {macs(network.root):,} MACs at {size}.")
    return '"""' + title + "\n\n" + "\n".join(lines) + '\n"""'
