"""What a paper's table says of a stage, read from the lowered modules and never from names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from archc.backends.tables.fold import folded, lines_of
from archc.backends.tables.model import Bracket, Said
from archc.graph import Module, Node
from archc.ops.base import pair
from archc.passes.conventions import copies
from archc.passes.depth import weighted

SPELLED = (
    "conv",
    "conv_transpose",
    "linear",
    "multihead_attention",
    "max_pool",
    "avg_pool",
    "adaptive_avg_pool",
    "global_avg_pool",
)
"""The ops that tables spell as papers do, and with them those that derive from one."""


def parts(nodes: Iterable[Node], *, strides: bool = False) -> tuple[Said, ...]:
    """Return the layers and blocks of some nodes, those that are alike counted.

    Norms, activations and the like are left out, as papers do; `strides` says whether to
    spell strides, which in a stage are those of its first block.
    """
    found = (_part(each, strides=strides) for node in nodes for each in copies(node))
    return folded([part for part in found if part])


def _part(node: Node, *, strides: bool) -> Said:
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


def _mapped(made: Node | Module) -> bool:
    """Whether there are several places in what a layer or a block gives."""
    values = made.outputs if isinstance(made, Node) else made.values
    return values[0].shape.numel != values[0].shape.channels


def told(node: Node) -> bool:
    """Whether papers name it: a block, or a layer that they spell."""
    return node.module is not None or _base(node) != ""


def spine(module: Module) -> tuple[Node, ...]:
    """Return the weighted layers on a module's longest path: of a residual block F, not W_s."""
    chains: dict[int, tuple[Node, ...]] = {id(v): () for v in module.inputs}
    for node in module.nodes:
        before = max((chains[id(v)] for v in node.inputs), key=len, default=())
        own = spine(node.module) if node.module else (node,) * _deep(node)
        chains |= {id(v): before + own for v in node.outputs}
    return max((chains[id(v)] for v in module.values), key=len, default=())


def _deep(node: Node) -> bool:
    return weighted(node) or _base(node) == "multihead_attention"


def _base(node: Node) -> str:
    """Name the op of SPELLED that a node is, or derives from."""
    lineage = node.op.lineage() if node.op else ()
    return next((name for name in lineage if name in SPELLED), "")


def line(node: Node, *, strides: bool = True, word: str = "") -> str:
    """Spell a layer as papers do: `3×3, 64`; "" for one that their tables leave out.

    `word` stands behind the window of a convolution.
    """
    op: Any = node.op
    match _base(node):
        case "conv" | "conv_transpose":
            deep = 1 < op.groups == op.out == node.shapes[0].channels
            groups = f", C={op.groups}" * (op.groups > 1 and not deep)
            spread = f", dilation {_size(op.dilation)}" * (pair(op.dilation) != (1, 1))
            stride = _stride(op.stride) * strides
            what = " dw" * deep + _what(node, word)
            return f"{_window(op.kernel)}{what}, {op.out}{groups}{spread}{stride}"
        case "linear":
            return f"{op.out}-d fc"
        case "multihead_attention":
            return f"{op.heads}-head attention"
        case "max_pool" | "avg_pool":
            what = " max pool" if "max_pool" in op.lineage() else " average pool"
            stride = _stride(op.kernel if op.stride is None else op.stride)
            return f"{_window(op.kernel)}{what}{stride}"
        case "adaptive_avg_pool" | "global_avg_pool":
            return "average pool"
        case _:
            return ""


def _what(node: Node, word: str) -> str:
    """Say what stands behind a convolution's window: nothing, for one of the usual kind."""
    if node.name == "conv_transpose":
        return " transposed conv"
    own = node.op.label().replace("_", " ") if node.op and node.name not in SPELLED else ""
    return f" {own}" if own else word


def kind(node: Node) -> str:
    """Spell a layer without its width and stride: `3×3 conv`; else the name of the op."""
    spelled = line(node, strides=False, word=" conv")
    return spelled.partition(",")[0] if spelled else node.name


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
