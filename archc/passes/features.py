"""Features: the values that a network gives, as those who build on them need to know them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from archc.graph import Module, Network, Output, flat
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
    steps = _steps(network.root, (Fraction(1),), {})
    return tuple(f for output in network.root.outputs for f in _of(output, steps))


def _of(output: Output, steps: dict[int, Fraction]) -> Iterator[Feature]:
    values = flat(output.value)
    for k, value in enumerate(values):
        name = output.name if len(values) == 1 else f"{output.name}_{k}"
        step = steps[id(value)]
        number = round(step) if step >= 1 else float(step)
        reduction = number if value.shape.spatial else None
        yield Feature(name, value.shape, reduction, output.training)


Known = dict[tuple[int, tuple[Fraction, ...]], dict[int, Fraction]]


def _steps(module: Module, given: tuple[Fraction, ...], known: Known) -> dict[int, Fraction]:
    """Return the strides of a module's values from those of its inputs; equal uses share them."""
    key = (id(module), given)
    if key not in known:
        found = {id(v): s for v, s in zip(module.inputs, given, strict=True)}
        for node in module.nodes:
            taken = tuple(found[id(v)] for v in node.inputs)
            if node.module is not None:
                inner = _steps(node.module, taken, known)
                pairs = zip(node.outputs, node.module.values, strict=True)
                found.update({id(v): inner[id(u)] for v, u in pairs})
            elif node.op is not None:
                finest = min(taken[: node.op.reads], default=Fraction(1))
                step = finest * node.op.sees(*node.shapes)[0].step
                found.update({id(v): step for v in node.outputs})
        known[key] = found
    return known[key]
