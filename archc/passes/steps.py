"""The network unrolled: every application of an op in order, and the values by number.

Shared modules are laid out once for each use, so that a value of one use has a number and a
name of its own. What looks at single values (traces, probes) reads this list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archc.graph import Network, Node, Wires, flat, flattened
from archc.passes.residual import Join, joins
from archc.shapes import Shape


@dataclass(frozen=True)
class Step:
    """One application of an op; `join` and `fork` are set where branches meet again.

    `inputs` and `outputs` are numbers of values. `owner` is its path, where the network holds
    the op's tensors. `fork` is the value that a residual branch and its shortcut come from.
    """

    owner: str
    node: Node
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stage: str = ""
    join: Join | None = None
    fork: int | None = None

    @property
    def read(self) -> tuple[int, ...]:
        """The inputs whose elements it reads."""
        return self.inputs[: len(self.node.read)]


@dataclass(frozen=True)
class Tape:
    """All steps of a network, the names and shapes of its values, its inputs and outputs.

    `training` says of each output whether inference leaves it out.
    """

    steps: tuple[Step, ...]
    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    training: tuple[bool, ...]

    def window(self, at: str) -> range:
        """Return the indices into `steps` of a stage, block or op; those of all steps for "".

        Raises LookupError where nothing has the name.
        """
        indices = [
            k
            for k, step in enumerate(self.steps)
            if not at or at in (step.stage, step.owner) or step.owner.startswith(f"{at}.")
        ]
        if not indices:
            raise LookupError(at)
        return range(indices[0], indices[-1] + 1)

    def places(self) -> list[str]:
        """Return every name that `window` takes: stages, blocks and ops, in their order."""
        names: dict[str, None] = {}
        for step in self.steps:
            parts = step.owner.split(".")
            names.update(dict.fromkeys([step.stage] if step.stage else []))
            names.update(dict.fromkeys(".".join(parts[:k]) for k in range(1, len(parts) + 1)))
        return list(names)


def read_from_outside(tape: Tape, window: range) -> tuple[int, ...]:
    """Return the values that a stretch reads and does not make, parameters apart."""
    steps = [tape.steps[k] for k in window]
    outputs = {v for step in steps for v in step.outputs}
    return tuple(dict.fromkeys(v for step in steps for v in step.inputs if v not in outputs))


def read_outside(tape: Tape, window: range) -> tuple[int, ...]:
    """Return the values that a stretch makes and others read, or that the network gives."""
    later = {v for step in tape.steps[window.stop :] for v in step.inputs} | {*tape.outputs}
    outputs = [v for k in window for v in tape.steps[k].outputs]
    return tuple(v for v in outputs if v in later) or tuple(outputs[-1:])


def unroll(network: Network) -> Tape:
    """Lay out a network; the work follows its depth, not the number of distinct blocks."""
    root = network.root
    shapes = [v.shape for v in root.inputs]
    numbers = Wires[int]()
    numbers.put(root.inputs, range(len(shapes)))
    steps = tuple(_steps(network, numbers, shapes))
    names = ["input" if len(root.inputs) == 1 else f"input{k}" for k in range(len(root.inputs))]
    names += [""] * (len(shapes) - len(names))
    for step in steps:
        own, several = step.owner or step.node.name, len(step.outputs) > 1
        for k, value in enumerate(step.outputs):
            names[value] = f"{own}[{k}]" if several else own
    training = tuple(o.training for o in root.outputs for _ in flat(o.value))
    inputs, outputs = numbers.of(root.inputs), numbers.of(root.values)
    return Tape(steps, _unique(names), tuple(shapes), inputs, outputs, training)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Tell values of one name apart, as the uses of one module are: `fc`, `fc'`."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        unique.append(name + "'" * seen[name])
        seen[name] += 1
    return tuple(unique)


def _steps(network: Network, numbers: Wires[int], shapes: list[Shape]) -> Iterator[Step]:
    """Yield the steps, and give the values that they make their numbers and shapes."""
    meeting = {node: join for module in network.modules for node, join in joins(module).items()}
    for path, node, stage, _ in flattened(network.root, numbers):
        outputs = tuple(range(len(shapes), len(shapes) + len(node.outputs)))
        shapes.extend(v.shape for v in node.outputs)
        inputs = numbers.of(node.inputs)
        numbers.put(node.outputs, outputs)
        met = meeting.get(id(node))
        fork = numbers.get(id(met.fork)) if met else None
        yield Step(path, node, inputs, outputs, stage, met, fork)
