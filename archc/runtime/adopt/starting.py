"""How layers start that the old network had not: so that the new one computes what it did.

A new residual branch ends in zeros; a new gate is half open, and what it gates twice as large;
a layer on the way is the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping

import torch
from torch import nn

from archc.runtime.adopt.graph import Edge, Graph, Node
from archc.runtime.adopt.operands import Tensors, put, value

Start = Callable[[Node, MutableMapping[str, torch.Tensor]], None]

AFFINE = ("weight", "bias", "term")
"""The slots by which a layer scales and shifts what it gives."""

IDENTITY = "the identity"

HALF_OPEN = frozenset(["sigmoid", "hardsigmoid"])
"""Gates that let half through at 0."""
HOMOGENEOUS = frozenset(["relu", "leaky_relu", "mean", "max_pool2d_with_indices", "avg_pool2d"])


def starts(new: Graph, to_old: Mapping[int, int]) -> dict[int, tuple[Start, str]]:
    """Return how each new node starts, and in a word why; also what becomes of one that is gated."""
    found: dict[int, tuple[Start, str]] = {}
    users = new.users()
    fresh = {k for k in range(len(new.nodes)) if k not in to_old}
    for k in sorted(fresh):
        node = new.nodes[k]
        if node.op not in ("add", "mul") or len(node.edges) != 2:
            continue
        sides = [(_behind(new, e.source, fresh), e) for e in node.edges]
        (branch, edge), (other, kept) = sorted(sides, key=lambda side: -len(side[0]))
        if not branch:
            continue
        if node.op == "add":
            last = _last(new, edge.source)
            found[last if last in branch else branch[0]] = (_zero, "a new branch ends in zeros")
            inside = set(branch) - set(other)
        elif _half_open(edge):
            found.setdefault(branch[0], (_zero, "a new gate is half open"))
            inside = set(branch)
            source = kept.source
            if source in fresh or not _doubled(new, source, kept, users, {*branch, k}):
                continue
            found[source] = (_double, "doubled before a gate that is half open")
        else:
            continue
        for number in inside:
            found.setdefault(number, (_nothing, "drawn anew"))
    for k in fresh:
        found.setdefault(k, (_identity, IDENTITY))
    return found


def _behind(graph: Graph, start: int, fresh: set[int]) -> list[int]:
    """Return the new nodes with tensors that a value is made by, the last one first."""
    found: list[int] = []
    seen: set[int] = set()
    pending = [start]
    while pending:
        k = max(pending)
        pending.remove(k)
        if k in seen or k not in fresh:
            continue
        seen.add(k)
        if graph.nodes[k].operands:
            found.append(k)
        pending += [edge.source for edge in graph.nodes[k].edges]
    return found


def _last(graph: Graph, number: int) -> int:
    """Return the layer that a value is zero with: what a gate lets through, and not the gate."""
    node = graph.nodes[number]
    while not node.operands and node.edges:
        through = [edge for edge in node.edges if not _half_open(edge)] or node.edges
        number = through[0].source
        node = graph.nodes[number]
    return number


def _half_open(edge: Edge) -> bool:
    return bool(edge.chain) and edge.chain[-1][0] in HALF_OPEN


def _doubled(
    graph: Graph, source: int, edge: Edge, users: list[list[tuple[int, Edge]]], inside: set[int]
) -> bool:
    """Whether what a node gives can be doubled: only the gate reads it, by ops that keep a factor."""
    node = graph.nodes[source]
    plain = all(link[0] in HOMOGENEOUS for link in edge.chain)
    return (
        plain
        and bool(node.operands)
        and node.op != "input"
        and all(u in inside for u, _ in users[source])
    )


def _zero(node: Node, tensors: MutableMapping[str, torch.Tensor]) -> None:
    for operand in node.operands:
        if operand.slot in AFFINE:
            put(operand, torch.zeros(operand.sizes), tensors)


def _double(node: Node, tensors: MutableMapping[str, torch.Tensor]) -> None:
    for operand in node.operands:
        if operand.slot in AFFINE:
            put(operand, 2 * value(operand, tensors), tensors)


def _nothing(node: Node, tensors: Tensors) -> None:
    """Leave what the module drew."""


def _identity(node: Node, tensors: MutableMapping[str, torch.Tensor]) -> None:
    """Let a layer give what it takes, where it can."""
    if node.op == "batch_norm":
        eps = float(dict(node.arguments).get("eps", 0))  # type: ignore[arg-type]
        for slot, number in _plain_norm(eps):
            if (operand := node.operand(slot)) is not None:
                put(operand, torch.full(operand.sizes, number), tensors)
    weight, bias = node.operand("weight"), node.operand("bias")
    if node.op != "affine" or weight is None or any(size % 2 == 0 for size in weight.sizes[2:]):
        return
    groups = dict(node.arguments).get("groups", 1)
    assert isinstance(groups, int)
    whole = torch.empty((*weight.sizes, 1, 1)[:4] if len(weight.sizes) == 2 else weight.sizes)
    if whole.dim() in (3, 4, 5):
        put(weight, nn.init.dirac_(whole, groups), tensors)
        if bias is not None:
            put(bias, torch.zeros(bias.sizes), tensors)


def _plain_norm(eps: float) -> Iterator[tuple[str, float]]:
    yield from (("weight", 1.0), ("bias", 0.0), ("mean", 0.0), ("var", 1.0 - eps))
