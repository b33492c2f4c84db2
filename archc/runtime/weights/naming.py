"""The keys and shapes in a checkpoint, for those who ask what it is of."""

from __future__ import annotations

from archc.runtime.weights.parts import INNER, Part, named, state_dicts
from archc.runtime.weights.sources import Weights, opened
from archc.weights.faults import WeightsError
from archc.weights.sketches import Shapes


def shapes_in(weights: str) -> list[Shapes]:
    """Return what `shapes_of` does, of a file."""
    return shapes_of(opened(weights, ""))


def shapes_of(source: Weights) -> list[Shapes]:
    """Return the shapes by key of each state_dict in a file, and without prefixes that all have.

    Raises WeightsError where it holds no tensors by key.
    """
    content = source.checkpoint.content
    inside = named(content, source.part) if source.part else list(state_dicts(content))
    found = [shapes for part in inside for shapes in _unprefixed(part)]
    if not found:
        raise WeightsError(f"{source.name} holds no tensors by key")
    return sorted(found, key=len, reverse=True)


def _unprefixed(part: Part) -> list[Shapes]:
    shapes = {INNER.sub("", key): tuple(t.shape) for key, t in part.tensors.items()}
    found: list[Shapes] = [shapes]
    while True:
        heads = {key.partition(".")[0] for key in shapes if "." in key}
        if len(heads) != 1 or len(shapes) < 2:
            return found
        (head,) = heads
        shapes = {
            k.removeprefix(f"{head}."): v for k, v in shapes.items() if k.startswith(f"{head}.")
        }
        found.append(shapes)
