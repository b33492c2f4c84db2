"""The judge of an adoption: what both networks give for the same perturbed numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy

import torch
import torch.nn.functional as F  # noqa: N812 - as all do
from torch import nn

from archc.runtime.adopt.graph import Graph, Node
from archc.runtime.adopt.moving import DRAWN, Move
from archc.runtime.adopt.operands import filled
from archc.runtime.adopt.trace import flat, plain_attention, traced
from archc.runtime.perturb import REFUSALS, perturb
from archc.runtime.weights.fitting import versioned
from archc.weights.fates import Fate, Judgement

CLOSE = 1e-4
"""Marks of values farther apart than this differ; rounding of float32 stays below."""
ROUNDING = 2e-5

Sizes = Sequence[int]


LOSSY = ("resampled", "cut")
"""Fates after which no network computes what it did."""


def judged(
    old: nn.Module,
    new: nn.Module,
    move: Move,
    samples: tuple[Sizes, Sizes],
    fates: Sequence[Fate],
    seed: int = 0,
) -> Judgement:
    """Run both with perturbed numbers, moved by the same move, on one batch."""
    old, new = deepcopy(old).eval(), deepcopy(new).eval()
    with torch.random.fork_rng(devices=[]):
        noise = torch.Generator().manual_seed(seed)
        x = torch.randn((2, *samples[0]), generator=noise)
        _make_finite(old)
        perturb(old, x, seed)
        move = _with_rows(move)
        tensors, _ = move(old.state_dict(), new.state_dict())
        new.load_state_dict(versioned(new, filled(new, tensors)))
        try:
            return _compared(old.eval(), new.eval(), move, x, samples, fates)
        except REFUSALS as error:
            return Judgement(f"not judged: {str(error).partition(chr(10))[0]}")


def _with_rows(move: Move) -> Move:
    """Return a move that gives a new head rows of the old one, so that outputs can be compared."""
    if move.rows is not None or len(move.heads) != 1:
        return move
    (head,) = move.heads
    sizes = [
        weight.sizes[0]
        for node in (move.old.nodes[move.pairs.to_old[head]], move.new.nodes[head])
        if (weight := node.operand("weight"))
    ]
    return Move(move.pairs, [k % sizes[0] for k in range(sizes[1])], move.fixed, chosen=False)


def _make_finite(model: nn.Module) -> None:
    """Judge a network whose numbers are damaged by others: where they go is what is asked."""
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            torch.nan_to_num_(tensor, posinf=1.0, neginf=-1.0)


def _compared(
    old: nn.Module,
    new: nn.Module,
    move: Move,
    x: torch.Tensor,
    samples: tuple[Sizes, Sizes],
    fates: Sequence[Fate],
) -> Judgement:
    ours, theirs, note = _inputs(x, samples)
    with torch.no_grad(), plain_attention():
        results, other = flat(old(theirs)), flat(new(ours))
    if move.rows is not None:
        results = [
            r[:, list(move.rows)] if r.shape != o.shape else r
            for r, o in zip(results, other, strict=False)
        ]
    up_to = "up to the new head" if move.heads and not move.chosen else "on perturbed inputs"
    error = None
    if [r.shape for r in results] == [r.shape for r in other]:
        error = max((_error(p, q) for p, q in zip(other, results, strict=True)), default=0.0)
    if error == 0:
        return Judgement(f"equal {up_to}{note}: 0", 0.0, ok=True)
    a, b = traced(old, theirs, marks=True)[0], traced(new, ours, marks=True)[0]
    first = _first(a, b, move)
    where, cause = first or ("", "")
    if error is not None and error <= ROUNDING and not cause.startswith("another"):
        return Judgement(f"equal {up_to}{note}: {error:.1e}", error, ok=True)
    more = f"; outputs differ by {error:.1e}" if error is not None else ""
    if first is not None and not where and error is None:
        return Judgement(f"equal in every step that both have{note}", None, ok=True)
    beside = f" on inputs{note}" if note else ""
    if must := _must(fates, move):
        return Judgement(f"can't be equal, {must}{more}{beside}", error, ok=True)
    if where:
        return Judgement(f"differs first at {where}: {cause}{more}", error)
    return Judgement(f"outputs of other shapes{note}" if error is None else more[2:] + note, error)


def _must(fates: Sequence[Fate], move: Move) -> str:
    """Say why outputs can't be equal, where some tensors are others by what was asked for."""
    counts = Counter(fate.kind for fate in fates if fate.new not in move.head_keys)
    anew = sum(f.kind == "new" and f.how == DRAWN for f in fates if f.new not in move.head_keys)
    said = [f"{_many(counts[kind])} {kind}" for kind in LOSSY if counts[kind]]
    gone = [f for f in fates if f.kind == "dropped" and not f.how]
    lost = sum(f.old[0] not in move.old_head_keys for f in gone)
    said += [f"{_many(anew)} drawn anew"] * bool(anew) + [f"{_many(lost)} dropped"] * bool(lost)
    return " and ".join(said)


def _many(count: int) -> str:
    return "1 tensor was" if count == 1 else f"{count} tensors were"


def _inputs(
    x: torch.Tensor, samples: tuple[Sizes, Sizes]
) -> tuple[torch.Tensor, torch.Tensor, str]:
    """Return what the new network and the old one are shown, and what is to be said of it."""
    before, after = samples
    if tuple(before) == tuple(after):
        return x, x, ""
    note = ""
    if tuple(before[1:]) != tuple(after[1:]) and len(before) == len(after) == 3:
        x = _resized(_resized(x, (8, 8)), before[1:])  # smooth, as images are
        note = " of another size"
    ours = x
    if len(before) == 3 and before[0] != after[0]:
        gray = x[:, :1]
        x, ours = gray.expand(-1, before[0], -1, -1), gray.expand(-1, after[0], -1, -1)
        note += " of equal channels"
    return _resized(ours, after[1:]).contiguous(), x.contiguous(), note


def _resized(x: torch.Tensor, size: Sizes) -> torch.Tensor:
    if tuple(x.shape[2:]) == tuple(size) or x.dim() != 4:
        return x
    return F.interpolate(x, tuple(size), mode="bilinear", antialias=True)


def _error(a: torch.Tensor, b: torch.Tensor) -> float:
    if torch.equal(a, b):
        return 0.0
    largest = float(b.abs().max())
    return float((a.double() - b.double()).abs().max()) / largest if largest else float("inf")


def _first(a: Graph, b: Graph, move: Move) -> tuple[str, str] | None:
    """Return the first pair whose values differ, and why; "" where none does before the head.

    None where they can't be held together.
    """
    if len(a.nodes) != len(move.old.nodes) or len(b.nodes) != len(move.new.nodes):
        return None  # with numbers it runs another way than without
    for j in sorted(move.pairs.to_old):
        old, new = a.nodes[move.pairs.to_old[j]], b.nodes[j]
        if j not in move.heads and old.mark and new.mark and apart(old.mark, new.mark):
            return new.owner, _why(old, new)
    return "", ""


def apart(a: Sequence[float], b: Sequence[float]) -> bool:
    scale = max(abs(a[1]), abs(b[1]), 1e-12)
    return any(abs(p - q) > CLOSE * scale for p, q in zip(a, b, strict=True))


def _why(old: Node, new: Node) -> str:
    """Say which argument or activation differs."""
    before, after = dict(old.arguments), dict(new.arguments)
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            word = {"eps": "epsilon"}.get(name, name)
            return (
                f"another {word}, {_spelled(after.get(name))} and not {_spelled(before.get(name))}"
            )
    if old.sizes != new.sizes and sorted(old.sizes) != sorted(new.sizes):
        return "a value of other sizes"
    chains = [sorted({str(link[0]) for e in n.edges for link in e.chain}) for n in (old, new)]
    if chains[0] != chains[1]:
        one, other = (", ".join(c) or "nothing" for c in chains)
        return f"it reads its values through {other}, and not through {one}"
    links = [sorted(repr(e.chain) for e in n.edges) for n in (old, new)]
    if links[0] != links[1]:
        return "an op before it has other arguments"
    return "it computes something else"


def _spelled(value: object) -> str:
    return "the default" if value is None else f"{value}"
