"""Depth as names count it: weighted layers on the longest path."""

from __future__ import annotations

from collections.abc import Callable

from archc.graph import Module, Node, flat
from archc.passes.residual import gates


def weighted(node: Node) -> bool:
    """Whether an op counts as a layer: a convolution or a linear layer."""
    return node.op is not None and node.op.weighted


def depth(module: Module, counted: Callable[[Node], bool] = weighted) -> int:
    """Return the most weighted layers (convolutions, linear) on a path from input to output.

    He et al. 2015 count the first convolution, those of the blocks' main path and the last
    linear layer; the projections on shortcuts run beside a longer path and add nothing. Nor do
    the layers that make a gate, as those of squeeze-and-excitation: SE-ResNet-50 has 50 layers.
    `counted` says which ops count.
    """
    lengths = _lengths(module, counted, {})
    return max((length for row in lengths for length in row if length >= 0), default=0)


def _lengths(
    module: Module, counted: Callable[[Node], bool], memo: dict[int, list[list[int]]]
) -> list[list[int]]:
    """Return the longest path from each input to each output of a module; -1 for no path.

    A module without inputs on a path (a source) starts at 0.
    """
    if id(module) in memo:
        return memo[id(module)]
    starts = module.inputs
    longest: dict[int, list[int]] = {}
    for k, value in enumerate(starts):
        longest[id(value)] = [0 if j == k else -1 for j in range(len(starts))]
    for node in module.nodes:
        rows = [longest[id(v)] for v in node.inputs]
        if node.module is None:
            own = int(counted(node))
            closed = gates(module, node)
            read = [row for k, row in enumerate(rows[: len(node.read)]) if k not in closed]
            best = [max((r[k] for r in read), default=-1) for k in range(len(starts))]
            best = [b + own if b >= 0 else -1 for b in best]
            longest.update({id(v): best for v in node.outputs})
            continue
        inner = _lengths(node.module, counted, memo)
        for out, value in enumerate(node.outputs):
            pairs = [(row, inner[out][j]) for j, row in enumerate(rows) if inner[out][j] >= 0]
            longest[id(value)] = [
                max((r[k] + n for r, n in pairs if r[k] >= 0), default=-1)
                for k in range(len(starts))
            ]
    memo[id(module)] = [longest[id(v)] for o in module.outputs for v in flat(o.value)]
    return memo[id(module)]
