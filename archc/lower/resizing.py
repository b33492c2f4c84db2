"""The same network at another size of its input, where it has the same tensors there."""

from __future__ import annotations

from collections.abc import Iterator

from archc.diagnostics import errors
from archc.graph import Network
from archc.language.given import places, written
from archc.lower.lowering import lower

MULTIPLES = (32, 16, 8)


def resized(network: Network, sizes: tuple[int, ...]) -> Network | None:
    """Return the network lowered for a sample of other sizes.

    None where the spec is wrong for them, or its tensors are others: position embeddings
    belong to the size that they were made for.
    """
    if sizes == network.input.sizes:
        return network
    given = tuple(written("--size", "input", str(size)) for size in sizes)
    document = network.document.model_copy(update={"input": given})
    chosen = places(network.chosen)
    other, found = lower(document, network.variant, network.settings, outputs=chosen)
    if other is None or errors(found):
        return None
    return other if other.state_dict_shapes() == network.state_dict_shapes() else None


def another_size(network: Network) -> tuple[Network, ...]:
    """Return the network at a second size, an odd one where it takes such; () for none."""
    own = network.input
    candidates = (own.with_spatial(size).sizes for size in _sizes(own.spatial))
    wanted = (sizes for sizes in candidates if sizes != own.sizes)
    found = (other for sizes in wanted if (other := resized(network, sizes)) is not None)
    return tuple(other for other, _ in zip(found, range(1), strict=False))


def _sizes(own: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield sizes a bit below half, the oddest first; height and width differ where they can."""
    if len(own) != 2:
        return
    height, width = (s * 3 // 7 | 1 for s in own)
    yield height, width + 2
    yield height, width
    for step in MULTIPLES:
        down, across = (max(step, s // step * step) for s in (height, width))
        yield down, across + step
        yield down, across
    yield own[0] + 16, own[1] + 16  # convolutions that take no padding want their own steps
    yield own[0] - 16, own[1] - 16
