"""Ops that move elements or reduce them: pools, cuts, patterns, windows, other sizes."""

from __future__ import annotations

import re
from math import prod
from string import ascii_letters
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as all do

from archc.ops.arguments import pair
from archc.ops.window import RelativeCoordinates, RelativePositionBias
from archc.runtime.kernels.call import Kernel, KernelCall

HIDDEN = -100.0
"""What is added to the logit of a pair of tokens that may not see each other."""


def max_pool(op: Any, call: KernelCall) -> torch.Tensor:
    return F.max_pool2d(
        call.x, pair(op.kernel), _stride(op), pair(op.padding), pair(op.dilation), op.ceil_mode
    )


def avg_pool(op: Any, call: KernelCall) -> torch.Tensor:
    return F.avg_pool2d(
        call.x, pair(op.kernel), _stride(op), pair(op.padding), op.ceil_mode, op.count_include_pad
    )


def _stride(op: Any) -> tuple[int, int]:
    return pair(op.kernel if op.stride is None else op.stride)


def adaptive_avg_pool(op: Any, call: KernelCall) -> torch.Tensor:
    return F.adaptive_avg_pool2d(call.x, pair(op.size))


def adaptive_max_pool(op: Any, call: KernelCall) -> torch.Tensor:
    return F.adaptive_max_pool2d(call.x, pair(op.size))


def global_avg_pool(_op: object, call: KernelCall) -> torch.Tensor:
    return call.x.mean((call.axis("h"), call.axis("w")))


def subsample(op: Any, call: KernelCall) -> torch.Tensor:
    return F.avg_pool2d(call.x, 1, pair(op.stride))


def concat(op: Any, call: KernelCall) -> torch.Tensor:
    return torch.cat(list(call.xs), call.axis(op.dim)) if len(call.xs) > 1 else call.x


def stack(_op: object, call: KernelCall) -> torch.Tensor:
    return torch.stack(list(call.xs), 1)


def flatten(_op: object, call: KernelCall) -> torch.Tensor:
    return call.x.reshape(len(call.x), -1)


def transpose(_op: object, call: KernelCall) -> torch.Tensor:
    return call.x.transpose(call.axis("h"), call.axis("w"))


def split(op: Any, call: KernelCall) -> list[torch.Tensor]:
    along = call.axis(op.dim)
    length = call.x.shape[along]
    sizes = [length // op.sizes] * op.sizes if isinstance(op.sizes, int) else list(op.sizes)
    return list(torch.split_with_sizes(call.x, sizes, along))


def narrow(op: Any, call: KernelCall) -> torch.Tensor:
    return call.x.narrow(call.axis(op.dim), op.start, op.length)


def select(op: Any, call: KernelCall) -> torch.Tensor:
    return call.x.select(call.axis(op.dim), op.index)


def unfold(op: Any, call: KernelCall) -> torch.Tensor:
    sides = (op.kernel, op.dilation, op.padding, op.stride)
    return F.unfold(call.x, *map(pair, sides))


def rearrange(op: Any, call: KernelCall) -> torch.Tensor:
    left, right = _sides(op.pattern)
    return _merged(*_apart(left, dict(op.sizes), call.x), right)


def reduced(op: Any, call: KernelCall) -> torch.Tensor:
    left, right = _sides(op.pattern)
    x, names = _apart(left, dict(op.sizes), call.x)
    kept = {name for group in right for name in group}
    gone = [k for k, name in enumerate(names) if name not in kept]
    ways = {"mean": torch.mean, "sum": torch.sum, "max": torch.amax, "min": torch.amin}
    way: Any = ways[op.by]
    return _merged(way(x, gone), [name for name in names if name in kept], right)


def _sides(pattern: str) -> list[list[list[str]]]:
    """Read a pattern: names in groups, a dimension of 1 as a group without names."""
    groups = r"\(([^)]*)\)|(\w+)"
    return [
        [(inner or name).replace("1", "").split() if (inner or name) == "1" else (inner or name).split()
         for inner, name in re.findall(groups, half)]
        for half in pattern.split("->")
    ]  # fmt: skip


def _apart(
    side: list[list[str]], sizes: dict[str, int], x: torch.Tensor
) -> tuple[torch.Tensor, list[str]]:
    """Give each name of a side a dimension of its own."""
    shape: list[int] = []
    for group, length in zip(side, x.shape, strict=True):
        known = prod(sizes[name] for name in group if name in sizes)
        shape += [sizes.get(name, length // known) for name in group]
    return x.reshape(shape), [name for group in side for name in group]


def _merged(x: torch.Tensor, names: list[str], side: list[list[str]]) -> torch.Tensor:
    """Put named dimensions into the order and the groups of a side."""
    lengths = dict(zip(names, x.shape, strict=True))
    x = x.permute([names.index(name) for group in side for name in group])
    return x.reshape([prod(lengths[name] for name in group) for group in side])


def einsum(op: Any, call: KernelCall) -> torch.Tensor:
    pattern = str(op.pattern).replace("->", ",")
    parts = [part.split() for part in pattern.split(",")]
    letters: dict[str, str] = {}
    for name in (*parts[0], *parts[1]):
        letters.setdefault(name, ascii_letters[len(letters)])
    first, second, result = ("".join(letters[name] for name in part) for part in parts)
    pairs = zip(call.xs, call.shapes, strict=True)
    xs = [x[0] if shape.batch == "1" else x for x, shape in pairs]  # a pattern names no such one
    return torch.einsum(f"{first},{second}->{result}", *xs)


def pad(op: Any, call: KernelCall) -> torch.Tensor:
    pads = (op.padding,) * 4 if isinstance(op.padding, int) else op.padding
    return F.pad(call.x, pads, value=op.value)


def pad_channels(op: Any, call: KernelCall) -> torch.Tensor:
    along = call.axis("c")
    pads = [0] * (2 * (call.x.dim() - along))
    pads[-1] = op.out - call.x.shape[along]
    return F.pad(call.x, pads)


def pad_to(op: Any, call: KernelCall) -> torch.Tensor:
    (height, width), (h, w) = call.shapes[0].spatial, pair(op.multiple)
    pads = [0, -width % w, 0, -height % h]
    return F.pad(call.x, [0, 0, *pads] if call.last else pads)


def pad_same(op: Any, call: KernelCall) -> torch.Tensor:
    pads: list[int] = []
    windows = zip(
        call.x.shape[2:], pair(op.kernel), pair(op.stride), pair(op.dilation), strict=True
    )
    for size, kernel, stride, dilation in windows:
        places = -(-size // stride)
        extra = max(0, (places - 1) * stride + dilation * (kernel - 1) + 1 - size)
        pads = [extra // 2, extra - extra // 2, *pads]
    return F.pad(call.x, pads, value=op.value)


def upsample(op: Any, call: KernelCall) -> torch.Tensor:
    return F.interpolate(
        call.x, scale_factor=op.scale, mode=op.mode, align_corners=op.align_corners
    )


def resize(op: Any, call: KernelCall) -> torch.Tensor:
    return F.interpolate(call.x, pair(op.size), mode=op.mode, align_corners=op.align_corners)


def resize_to(op: Any, call: KernelCall) -> torch.Tensor:
    size = list(call.xs[1].shape[-2:])
    return F.interpolate(call.x, size, mode=op.mode, align_corners=op.align_corners)


def crop_to(_op: object, call: KernelCall) -> torch.Tensor:
    x, other = call.xs
    for along in (-2, -1):
        size = other.shape[along]
        x = x.narrow(along, (x.shape[along] - size) // 2, size)
    return x


# Windows of a map whose channels are last


def _map(call: KernelCall, k: int = 0) -> torch.Tensor:
    """Return a value as a map with its channels last."""
    x = call.xs[k]
    return x if call.shapes[k].layout[-1] == "c" else x.permute(0, 2, 3, 1)


def _shift(size: Any, shift: Any, lengths: Any) -> list[int]:
    """Return by how much each side is rolled: one that is a window long is not."""
    sides = zip(lengths, pair(size), pair(shift), strict=True)
    return [by if length > window else 0 for length, window, by in sides]


def window_partition(op: Any, call: KernelCall) -> torch.Tensor:
    x, (h, w) = _map(call), pair(op.size)
    batch, height, width, channels = x.shape
    if op.grid:
        x = x.reshape(batch, h, height // h, w, width // w, channels).permute(0, 2, 4, 1, 3, 5)
    else:
        down, across = _shift(op.size, op.shift, (height, width))
        if down or across:
            x = x.roll((-down, -across), (1, 2))
        x = x.reshape(batch, height // h, h, width // w, w, channels).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, -1, h * w, channels)


def window_merge(op: Any, call: KernelCall) -> torch.Tensor:
    x, (h, w) = call.x, pair(op.size)
    batch, channels = x.shape[0], x.shape[-1]
    height, width = _map(call, 1).shape[1:3]
    rows, columns = -(-height // h), -(-width // w)
    x = x.reshape(batch, rows, columns, h, w, channels)
    order = (0, 3, 1, 4, 2, 5) if op.grid else (0, 1, 3, 2, 4, 5)
    x = x.permute(order).reshape(batch, rows * h, columns * w, channels)
    if not op.grid:
        down, across = _shift(op.size, op.shift, (height, width))
        if down or across:
            x = x.roll((down, across), (1, 2))
    x = x[:, :height, :width]
    return x if call.shapes[1].layout[-1] == "c" else x.permute(0, 3, 1, 2).contiguous()


def window_mask(op: Any, call: KernelCall) -> torch.Tensor:
    x, (h, w) = _map(call), pair(op.size)
    height, width = x.shape[1:3]
    down, across = _shift(op.size, op.shift, (height, width))
    places = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    origins = ((places[0] + down) % height, (places[1] + across) % width)
    torn = torch.zeros(height // h * (width // w), h * w, h * w, dtype=torch.bool)
    for here, origin in zip(places, origins, strict=True):
        moved = (origin - here).reshape(height // h, h, width // w, w).transpose(1, 2)
        moved = moved.reshape(-1, h * w)  # both wrapped around, or neither, or they were apart
        torn |= moved[:, :, None] != moved[:, None, :]
    return torn[:, None].to(x) * HIDDEN


def relative_position_bias(op: Any, call: KernelCall) -> torch.Tensor:
    tokens = prod(pair(op.size))
    table = call.x.reshape(-1, call.x.shape[-1])
    rows = call.own["relative_position_index"].reshape(-1)
    return table[rows].reshape(tokens, tokens, -1).permute(2, 0, 1)


def relative_coordinates(_op: object, call: KernelCall) -> torch.Tensor:
    return call.own["relative_coords_table"]


def parameter(_op: object, call: KernelCall) -> torch.Tensor:
    return call.own[""]


MAPS: dict[str, Kernel] = {
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "adaptive_avg_pool": adaptive_avg_pool,
    "adaptive_max_pool": adaptive_max_pool,
    "global_avg_pool": global_avg_pool,
    "subsample": subsample,
    "concat": concat,
    "stack": stack,
    "flatten": flatten,
    "transpose": transpose,
    "split": split,
    "narrow": narrow,
    "select": select,
    "unfold": unfold,
    "rearrange": rearrange,
    "reduce": reduced,
    "einsum": einsum,
    "pad": pad,
    "pad_channels": pad_channels,
    "pad_to": pad_to,
    "pad_same": pad_same,
    "upsample": upsample,
    "resize": resize,
    "resize_to": resize_to,
    "crop_to": crop_to,
    "window_partition": window_partition,
    "window_merge": window_merge,
    "window_mask": window_mask,
    "relative_position_bias": relative_position_bias,
    "relative_coordinates": relative_coordinates,
    "parameter": parameter,
}


def expected_buffers(op: Any) -> dict[str, torch.Tensor]:
    """Return the buffers that an op fills itself and no data changes, by name."""
    if isinstance(op, RelativePositionBias):
        down, across = _offsets(op.size)
        h, w = pair(op.size)
        rows = (down + h - 1) * (2 * w - 1) + across + w - 1
        return {"relative_position_index": rows.reshape(-1) if op.flat else rows}
    if isinstance(op, RelativeCoordinates):
        h, w = pair(op.size)
        rows = torch.arange(1 - h, h)[:, None].expand(2 * h - 1, 2 * w - 1)
        columns = torch.arange(1 - w, w)[None, :].expand(2 * h - 1, 2 * w - 1)
        sides = [8 * side / max(n - 1, 1) for side, n in ((rows, h), (columns, w))]
        x = torch.stack(sides, -1)[None]
        return {"relative_coords_table": x.sign() * x.abs().add(1).log2() / 3}
    return {}


def _offsets(size: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far down and across each token of a window is from each other."""
    h, w = pair(size)
    tokens = torch.arange(h * w)
    row, column = tokens // w, tokens % w
    return row[:, None] - row[None, :], column[:, None] - column[None, :]
