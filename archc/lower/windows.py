"""What windows do to sizes: which stride, and which give another size than their stride alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archc.graph import Node
from archc.ops.faults import times


@dataclass(frozen=True)
class Wrong:
    """A window that does not keep the size at its stride: paddings and kernels that would.

    `added` are arguments that it lacks.
    """

    paddings: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


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
    kernel = two(arguments.get("kernel"))
    if kernel is None or not node.inputs or len(node.inputs[0].shape.spatial) != 2:
        return None
    stride = two(arguments.get("stride")) or (kernel if "pool" in node.name else (1, 1))
    (kh, kw), (dh, dw) = kernel, two(arguments.get("dilation")) or (1, 1)
    before, after = node.inputs[0].shape.spatial, node.outputs[0].shape.spatial
    kept = tuple(-(-size // s) for size, s in zip(before, stride, strict=True) if s)
    if node.name == "conv_transpose":
        return _enlarged(kernel, stride, before, after)
    if len(after) != 2 or after == kept:
        return None
    paddings = ((kh - 1) // 2 * dh, (kw - 1) // 2 * dw)
    padding = two(arguments.get("padding"))
    kernels = [kh + 1] if kh % 2 == 0 else []
    if padding is not None:
        kernels.append(2 * padding[0] + 1)
    texts = (str(paddings[0]),) if paddings[0] == paddings[1] else (str(list(paddings)),)
    more = [f"padding={texts[0]}"]
    if "pool" in node.name and arguments.get("stride") is None:
        more = [f"stride=1, padding={texts[0]}"]
    return Wrong(texts, tuple(str(k) for k in dict.fromkeys(kernels) if k != kh), tuple(more))


def _enlarged(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> Wrong | None:
    """Say what would enlarge a map by the stride of a transposed convolution alone."""
    size, by = kernel[0], stride[0]
    if after == tuple(s * n for s, n in zip(stride, before, strict=True)) or size < by:
        return None
    padding = -(-(size - by) // 2)
    rest = 2 * padding - (size - by)
    return Wrong(
        (str(padding),), (), (f"padding={padding}" + f", output_padding={rest}" * (rest > 0),)
    )


def rests(node: Node) -> bool:
    """Whether a step strides over a size that its stride does not divide."""
    stride = two(getattr(node.op, "stride", None))
    if stride is None or not node.inputs or len(node.inputs[0].shape.spatial) != 2:
        return False
    return any(size % s for size, s in zip(node.inputs[0].shape.spatial, stride, strict=True))


def rounded(node: Node) -> str:
    """Say what a step with a rest makes of a size."""
    before, after = (times(v.shape.spatial) for v in (node.inputs[0], node.outputs[0]))
    return f"`{node.path or node.name}` rounds {before} to {after}"


def reach(node: Node) -> int:
    """Return the height of the kernel of a step; 0 where it has none."""
    kernel = {**dict(node.arguments), **(dict(node.op) if node.op is not None else {})}.get(
        "kernel"
    )
    return (two(kernel) or (0, 0))[0]


def two(value: Any) -> tuple[int, int] | None:
    """Return (height, width) of what a block's argument may be; None where it is no such size."""
    items = list(value) if isinstance(value, list | tuple) else [value, value]
    whole = all(type(item) is int and item >= 0 for item in items)
    return (items[0], items[1]) if whole and len(items) == 2 else None
