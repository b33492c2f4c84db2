"""Tensors of another resolution: of positions, of relative positions, of patches."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - as all do

Size = tuple[int, int]


def positions(old: torch.Tensor, tokens: int, grid: Size | None = None) -> torch.Tensor | None:
    """Return position embeddings `1 n c` for as many tokens, bicubic on the square of the old ones.

    What is too many for a square stands first and is kept (class tokens). None where neither
    number of tokens is that of a square.
    """
    x = old.reshape(-1, old.shape[-1])
    split = _prefix(len(x), tokens, grid)
    if split is None:
        return None
    first, side, size = split
    square = x[first:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    resized = F.interpolate(
        square.float(), size, mode="bicubic", antialias=True, align_corners=False
    )
    rest = resized.permute(0, 2, 3, 1).reshape(-1, x.shape[-1])
    return torch.cat([x[:first], rest.to(x.dtype)])


def _prefix(old: int, new: int, grid: Size | None) -> tuple[int, int, Size] | None:
    """Return how many tokens stand before the square, its side, and the new size."""
    for first in range(min(old, new, 8)):
        side = math.isqrt(old - first)
        other = grid or (math.isqrt(new - first),) * 2
        if side and side * side == old - first and other[0] * other[1] == new - first:
            return first, side, (other[0], other[1])
    return None


def relative_positions(old: torch.Tensor, rows: int) -> torch.Tensor | None:
    """Return a table of biases `(2h - 1)(2w - 1) heads` of square windows for other ones, bicubic."""
    side, other = math.isqrt(len(old)), math.isqrt(rows)
    if side * side != len(old) or other * other != rows:
        return None
    square = old.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    resized = F.interpolate(square.float(), (other, other), mode="bicubic", align_corners=False)
    return resized.permute(0, 2, 3, 1).reshape(rows, -1).to(old.dtype)


def patches(old: torch.Tensor, size: Size) -> torch.Tensor:
    """Return the kernel of patches of another size, `out in h w`.

    It is what answers best to resized patches as the old one did to the patches themselves
    (the pseudo-inverse of the resizing, arXiv:2212.08013).
    """
    height, width = old.shape[-2:]
    basis = torch.eye(height * width).reshape(-1, 1, height, width)
    resize = F.interpolate(basis, size, mode="bicubic", antialias=True, align_corners=False)
    inverse = torch.linalg.pinv(resize.reshape(height * width, -1).double())
    flat = old.double().reshape(*old.shape[:2], -1)
    kernel: torch.Tensor = (flat @ inverse.T).reshape(*old.shape[:2], *size)
    return kernel.to(old.dtype)


def window(old: torch.Tensor, size: Size) -> torch.Tensor:
    """Return a kernel with zeros around it, or the middle of it."""
    pads: list[int] = []
    for before, after in zip(reversed(old.shape[-2:]), reversed(size), strict=True):
        spare = after - before
        pads += [spare // 2, spare - spare // 2]
    return F.pad(old, pads)


def input_channels(old: torch.Tensor, channels: int) -> torch.Tensor:
    """Return the first kernel for other input channels.

    One channel sees the sum over the old ones; more repeat them in turn, so scaled that the
    response to equal channels stays (timm's rule).
    """
    before = old.shape[1]
    if channels == 1:
        return old.sum(1, keepdim=True)
    repeats = -(-channels // before)
    return old.repeat(1, repeats, *(1,) * (old.dim() - 2))[:, :channels] * (before / channels)
