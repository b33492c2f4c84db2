"""What windows do to sizes: which stride, and which give another size than their stride alone."""

from __future__ import annotations

from dataclasses import dataclass

from archc.graph import Node
from archc.ops.base import pair
from archc.ops.faults import times


@dataclass(frozen=True)
class Wrong:
    """A window that does not keep the size at its stride: paddings and kernels that would."""

    paddings: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()


def strides(node: Node) -> bool:
    """Whether a step makes a map smaller or larger by a factor."""
    if not node.inputs or not node.outputs:
        return False
    before, after = node.inputs[0].shape.spatial, node.outputs[0].shape.spatial
    pairs = zip(before, after, strict=False)
    return any(a != b and not (2 * a < 3 * b and 2 * b < 3 * a) for a, b in pairs)


def unfit(node: Node) -> Wrong | None:
    """Say of a step with a window what would keep the size; None where nothing is wrong."""
    arguments = {**dict(node.arguments), **(dict(node.op) if node.op is not None else {})}
    kernel = arguments.get("kernel")
    if kernel is None or not node.inputs or len(node.inputs[0].shape.spatial) != 2:
        return None
    (kh, kw) = pair(kernel)
    stride = pair(arguments.get("stride") or (kernel if "pool" in node.name else 1))
    before, after = node.inputs[0].shape.spatial, node.outputs[0].shape.spatial
    kept = tuple(-(-size // s) for size, s in zip(before, stride, strict=True))
    if after == kept:
        return None
    (dh, dw) = pair(arguments.get("dilation") or 1)
    paddings = ((kh - 1) // 2 * dh, (kw - 1) // 2 * dw)
    padding = arguments.get("padding")
    kernels = [kh + 1] if kh % 2 == 0 else []
    if padding is not None:
        kernels.append(2 * pair(padding)[0] + 1)
    texts = (str(paddings[0]),) if paddings[0] == paddings[1] else (str(list(paddings)),)
    return Wrong(texts, tuple(str(k) for k in dict.fromkeys(kernels) if k != kh))


def rests(node: Node) -> bool:
    """Whether a step strides over a size that its stride does not divide."""
    stride = getattr(node.op, "stride", None)
    if stride is None or not node.inputs or len(node.inputs[0].shape.spatial) != 2:
        return False
    return any(size % s for size, s in zip(node.inputs[0].shape.spatial, pair(stride), strict=True))


def rounded(node: Node) -> str:
    """Say what a step with a rest makes of a size."""
    before, after = (times(v.shape.spatial) for v in (node.inputs[0], node.outputs[0]))
    return f"`{node.path or node.name}` rounds {before} to {after}"
