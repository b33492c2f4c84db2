"""What a paper's table says of a stage, read from the lowered modules and never from names."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from archc.backends.tables.model import Bracket, Part
from archc.graph import Module, Node
from archc.ops.base import pair
from archc.passes.depth import weighted

SPELLED = (
    "conv",
    "conv_transpose",
    "linear",
    "max_pool",
    "avg_pool",
    "adaptive_avg_pool",
    "global_avg_pool",
)
"""The ops that tables spell as papers do, and with them those that derive from one."""


def parts(nodes: Iterable[Node], *, strides: bool = False) -> tuple[Part, ...]:
    """Return the layers and blocks of some nodes, those that are alike counted.

    Norms, activations and the like are left out, as papers do; `strides` says whether to
    spell strides, which in a stage are those of its first block.
    """
    found = [p for node in nodes if (p := _part(node, strides=strides))]
    return tuple(_counted(part, len(list(group))) for part, group in groupby(found))


def _part(node: Node, *, strides: bool) -> Part:
    if node.module is None:
        return line(node, strides=strides)
    lines = tuple(line(n, strides=strides) for n in spine(node.module))
    return Bracket(lines) if lines else ""


def _counted(part: Part, count: int) -> Part:
    if count == 1:
        return part
    return Bracket(part.lines if isinstance(part, Bracket) else (part,), count)


def spine(module: Module) -> tuple[Node, ...]:
    """Return the weighted layers on a module's longest path: of a residual block F, not W_s."""
    chains: dict[int, tuple[Node, ...]] = {id(v): () for v in module.inputs}
    for node in module.nodes:
        before = max((chains[id(v)] for v in node.inputs), key=len, default=())
        own = spine(node.module) if node.module else (node,) * weighted(node)
        chains |= {id(v): before + own for v in node.outputs}
    return max((chains[id(v)] for v in module.values), key=len, default=())


def line(node: Node, *, strides: bool = True, word: str = "") -> str:
    """Spell a layer as papers do: `3×3, 64`; "" for one that their tables leave out.

    `word` stands behind the window of a convolution.
    """
    op: Any = node.op
    if op is None:
        return ""
    match next((name for name in op.lineage() if name in SPELLED), ""):
        case "conv" | "conv_transpose":
            groups = f", C={op.groups}" * (op.groups > 1)
            spread = f", dilation {_size(op.dilation)}" * (pair(op.dilation) != (1, 1))
            own = f" {op.label().replace('_', ' ')}" * (node.name not in SPELLED)
            what = " transposed conv" if node.name == "conv_transpose" else own or word
            stride = _stride(op.stride) * strides
            return f"{_window(op.kernel)}{what}, {op.out}{groups}{spread}{stride}"
        case "linear":
            return f"{op.out}-d fc"
        case "max_pool" | "avg_pool":
            what = " max pool" if "max_pool" in op.lineage() else " average pool"
            stride = _stride(op.kernel if op.stride is None else op.stride)
            return f"{_window(op.kernel)}{what}{stride}"
        case "adaptive_avg_pool" | "global_avg_pool":
            return "average pool"
        case _:
            return ""


def window(node: Node) -> str:
    """Spell the window of a convolution or a pool, `3×3`; "" where a node has none."""
    kernel = getattr(node.op, "kernel", None)
    return _window(kernel) if kernel else ""


def _window(kernel: int | tuple[int, int]) -> str:
    return "×".join(map(str, pair(kernel)))


def _size(size: int | tuple[int, int]) -> str:
    height, width = pair(size)
    return str(height) if height == width else f"{height}×{width}"


def _stride(stride: int | tuple[int, int]) -> str:
    return f", stride {_size(stride)}" * (pair(stride) != (1, 1))
