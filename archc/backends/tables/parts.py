"""What a paper's table says of a stage, read from the lowered modules and never from names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from archc.backends.tables.compress import compressed, lines_of
from archc.backends.tables.model import Bracket, Entry
from archc.graph import Module, Node
from archc.ops import papers
from archc.ops.attention import MultiheadAttention
from archc.ops.papers import TABLE
from archc.passes.conventions import copies
from archc.passes.depth import weighted


def parts(nodes: Iterable[Node], *, strides: bool = False) -> tuple[Entry, ...]:
    """Return the layers and blocks of some nodes, those that are alike counted.

    Norms, activations and the like are left out, as papers do; `strides` says whether to
    spell strides, which in a stage are those of its first block.
    """
    entries = (_part(each, strides=strides) for node in nodes for each in copies(node))
    return compressed([part for part in entries if part])


def _part(node: Node, *, strides: bool) -> Entry:
    """Spell a layer, or a block as its lines in a bracket; a block of one layer is that layer."""
    if node.module is None:
        return line(node, strides=strides)
    lines = tuple(filter(None, _lines(node.module, strides=strides)))
    return Bracket(lines_of(lines)) if len(lines) > 1 else "".join(lines)


def _lines(module: Module, *, strides: bool) -> Iterator[str]:
    """Yield a line for each layer of a block, and one for all of a gate: `fc, [16, 256]`."""
    for gate, run in groupby(spine(module), key=lambda n: not _mapped(n) and _mapped(module)):
        if gate:
            yield f"fc, [{', '.join(str(n.outputs[0].shape.channels) for n in run)}]"
        else:
            yield from (line(n, strides=strides) for n in run)


def _mapped(layer: Node | Module) -> bool:
    """Whether there are several places in what a layer or a block gives."""
    values = layer.outputs if isinstance(layer, Node) else layer.values
    return values[0].shape.numel != values[0].shape.channels


def in_paper_tables(node: Node) -> bool:
    """Whether papers name it: a block, or a layer that they spell."""
    return node.module is not None or line(node) != ""


def spine(module: Module) -> tuple[Node, ...]:
    """Return the weighted layers on a module's longest path: of a residual block F, not W_s."""
    chains: dict[int, tuple[Node, ...]] = {id(v): () for v in module.inputs}
    for node in module.nodes:
        before = max((chains[id(v)] for v in node.inputs), key=len, default=())
        own = spine(node.module) if node.module else (node,) * _deep(node)
        chains |= {id(v): before + own for v in node.outputs}
    return max((chains[id(v)] for v in module.values), key=len, default=())


def _deep(node: Node) -> bool:
    return weighted(node) or isinstance(node.op, MultiheadAttention)


def line(node: Node, *, strides: bool = True, word: str = "") -> str:
    """Write a layer as papers do: `3×3, 64`; "" for one that their tables leave out.

    `word` stands behind the window of a convolution.
    """
    style = replace(TABLE, plain=word, stride=TABLE.stride * strides)
    return node.op.tabled(style, *node.shapes) if node.op else ""


def kind(node: Node) -> str:
    """Spell a layer without its width and stride: `3×3 conv`; else the name of the op."""
    spelled = line(node, strides=False, word=" conv")
    return spelled.partition(",")[0] if spelled else node.name


def window(node: Node) -> str:
    """Spell the window of a convolution or a pool, `3×3`; "" where a node has none."""
    kernel = getattr(node.op, "kernel", None)
    return papers.window(kernel) if kernel else ""
