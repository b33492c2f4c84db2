"""Weights across dialects and edits: the tensors of one network for another one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from archc.runtime.adopt.align import aligned
from archc.runtime.adopt.judging import judged
from archc.runtime.adopt.moving import Move
from archc.runtime.adopt.operands import filled
from archc.runtime.adopt.origins import run_once
from archc.runtime.weights.fitting import versioned
from archc.weights.fates import Adoption
from archc.weights.faults import WeightsError

Sizes = tuple[int, ...]
MEASURED = ("running_mean", "running_var", "num_batches_tracked")


def adopt(
    old: nn.Module,
    new: nn.Module,
    samples: tuple[Sizes, Sizes],
    names: tuple[str, str] = ("old", "new"),
    *,
    rows: Sequence[int] | None = None,
    seed: int = 0,
) -> Adoption:
    """Give `new` the numbers of `old`; return what became of each tensor.

    `samples` are shapes of an input of either; the old network may take another one of its own.
    `rows` say which rows of the old head, a layer that gives the output, make the new one;
    without them a head of another size is left as it was drawn. Raises WeightsError.
    """
    before, sample = run_once(old, names[0], [_resized(*samples), samples[0]])
    after, _ = run_once(new, names[1], [samples[1]])
    move = Move(aligned(before, after), rows, _fixed(new))
    _expect_rows(move, rows)
    tensors, fates = move(old.state_dict(), new.state_dict())
    judgement = judged(old, new, move, (sample, samples[1]), fates, seed)
    new.load_state_dict(versioned(new, filled(new, tensors)))
    return Adoption(*names, fates, judgement)


def _resized(sample: Sizes, like: Sizes) -> Sizes:
    """Return an input with as many channels, of the size of another: most networks take any."""
    return (*sample[:1], *like[1:]) if len(sample) == len(like) == 3 else sample


def _fixed(model: nn.Module) -> set[str]:
    """Return the keys of buffers that no data changes: a network computes them itself."""
    return {key for key, _ in model.named_buffers() if not key.endswith(MEASURED)}


def _expect_rows(move: Move, rows: Sequence[int] | None) -> None:
    """Hold the rows of a head to those that there are, and to as many as are wanted."""
    if rows is None:
        return
    heads = [(move.new.nodes[k], move.old.nodes[move.pairs.to_old[k]]) for k in sorted(move.heads)]
    if not heads:
        raise WeightsError(
            "`rows` are of a head of another size, and both networks have equal ones"
        )
    for new, old in heads:
        weights = [node.operand("weight") for node in (new, old)]
        wanted, known = (w.sizes[0] for w in weights if w is not None)
        if len(rows) != wanted:
            raise WeightsError(f"the new head has {wanted} rows, and `rows` names {len(rows)}")
        if wrong := [row for row in rows if not 0 <= row < known]:
            raise WeightsError(
                f"`rows` names row {wrong[0]}, and the old head has 0 to {known - 1}"
            )
