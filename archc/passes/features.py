"""Features: the values that a network gives, as those who build on them need to know them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archc.graph import Module, Network, Output, flat
from archc.passes.receptive import ReceptiveFields
from archc.shapes import Shape


@dataclass(frozen=True)
class Feature:
    """A value that a network gives.

    `reduction` is its effective stride: how many pixels of the input lie between two places of
    it that are neighbours, down the height; None where it is no map. `training` says that it is
    there in training only.
    """

    name: str
    shape: Shape
    reduction: float | None
    training: bool = False

    @property
    def channels(self) -> int:
        """The number of channels."""
        return self.shape.channels


def features(network: Network) -> tuple[Feature, ...]:
    """Return what a network gives, in order; the one value of a network has no name."""
    fields = ReceptiveFields()
    return tuple(f for output in network.root.outputs for f in _of(output, network.root, fields))


def _of(output: Output, root: Module, fields: ReceptiveFields) -> Iterator[Feature]:
    values = flat(output.value)
    for k, value in enumerate(values):
        name = output.name if len(values) == 1 else f"{output.name}_{k}"
        step = fields.of(value, root)[0].step
        number = round(step) if step >= 1 else float(step)
        reduction = number if value.shape.spatial else None
        yield Feature(name, value.shape, reduction, output.training)
