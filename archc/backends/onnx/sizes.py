"""Networks of any height and width: proven by writing them at several sizes, to the same nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archc.backends.onnx.faults import OnnxError
from archc.backends.onnx.steps import Free, Writing
from archc.graph import Network
from archc.lower.resizing import resized
from archc.passes.steps import Tape, unroll

HINT = "leave out `--any-size`, in Python `any_size`"
FAR = ((32, 64), (64, 32), (96, 160), (224, 224))
"""By how much sides are longer at a size of which a network has to take one."""
NEAR = ((1, 2), (7, 101), (101, 7), (50, 33))
"""Those that it need not take: what rounds, and what is as large as it happens to be, shows."""


def free_sizes(network: Network, outputs: Mapping[str, int]) -> Free:
    """Return which sizes change with those of the input; raises OnnxError where nodes do too."""
    far, near = (_at(network, steps) for steps in (FAR, NEAR))
    if not far:
        sizes = "×".join(map(str, network.input.sizes))
        raise OnnxError(f"{network.name} takes no larger input than {sizes}: {HINT}")
    tapes = [unroll(network), *map(unroll, (*far, *near))]
    free = _changing(network, tapes)
    first, *others = (Writing(tape, outputs, free).write() for tape in tapes)
    for other in others:
        for (step, ours), (_, theirs) in zip(first.parts, other.parts, strict=True):
            if ours != theirs:
                where = f"`{step.node.name}` at {step.owner}" if step.owner else step.node.name
                raise OnnxError(f"{where} is written for one size of the input: {HINT}")
    return free


def _at(network: Network, steps: Sequence[tuple[int, int]]) -> list[Network]:
    """Return the network at the larger sizes that it takes, two at most."""
    own, found = network.input, []
    for grown in steps if set(own.layout) - {"c"} else ():
        more = iter(grown)
        pairs = zip(own.layout, own.sizes, strict=True)
        sizes = tuple(size if dim == "c" else size + next(more) for dim, size in pairs)
        other = resized(network, sizes)
        found += [] if other is None else [other]
        if len(found) == 2:
            break
    return found


def _changing(network: Network, tapes: Sequence[Tape]) -> Free:
    """Return, for each value, the dimensions whose sizes are not the same in all tapes."""
    first, *others = tapes
    free: dict[int, set[str]] = {}
    for other in others:
        if [s.node.name for s in other.steps] != [s.node.name for s in first.steps]:
            raise OnnxError(f"{network.name} has other steps at another size: leave out --any-size")
        for value, (a, b) in enumerate(zip(first.shapes, other.shapes, strict=True)):
            pairs = zip(a.layout, a.sizes, b.sizes, strict=True)
            free.setdefault(value, set()).update(dim for dim, m, n in pairs if m != n)
    return {value: frozenset(dims) for value, dims in free.items() if dims}
