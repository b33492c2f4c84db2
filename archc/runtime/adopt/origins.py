"""The old network of an adoption: a peer by name, and an input that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from archc.runtime.adopt.graph import Graph
from archc.runtime.adopt.trace import graph_of
from archc.runtime.peers import PEERS, UnknownPeer, of_peer, parse, peer
from archc.runtime.perturb import REFUSALS
from archc.runtime.report import sizes
from archc.weights.faults import WeightsError

Sizes = tuple[int, ...]


def is_peer(text: str) -> bool:
    """Whether a text is meant to name a module, and no spec."""
    source = text.partition("(")[0].rpartition(":")[0]
    return source in PEERS or source.endswith(".py")


def of_name(text: str) -> nn.Module:
    """Return a peer; raises WeightsError where it can't be had, and why."""
    try:
        with of_peer(text):
            return peer(text).eval()
    except (UnknownPeer, FileNotFoundError) as error:
        raise WeightsError(str(error)) from None


def run_once(model: nn.Module, text: str, wanted: Sequence[Sizes]) -> tuple[Graph, Sizes]:
    """Return the graph of a peer, and the input that it was shown: the first that it takes."""
    refusal = ""
    for sample in _samples(model, wanted):
        try:
            return graph_of(model, sample), sample
        except REFUSALS as error:
            refusal = refusal or f"{sizes(sample)}: {str(error).partition(chr(10))[0]}"
        except Exception as error:  # the user's own code may raise anything
            raise WeightsError(
                f"{_of(text)} does not run: {type(error).__name__}: {error}"
            ) from error
    raise WeightsError(f"{_of(text)} takes no input of {refusal}")


def _of(text: str) -> str:
    return text if is_peer(text) and parse(text) else f"`{text}`"


def _samples(model: nn.Module, wanted: Sequence[Sizes]) -> Iterator[Sizes]:
    """Yield inputs that a module may take, those of its own configuration and channels as well."""
    config = getattr(model, "default_cfg", None)
    own = config.get("input_size") if isinstance(config, dict) else None
    channels = next((m.in_channels for m in model.modules() if isinstance(m, nn.Conv2d)), 0)
    tried: list[Sequence[int]] = [*wanted, own] if own else [*wanted]
    if channels:
        tried += [(channels, *sample[1:]) for sample in tried if len(sample) == 3]
    yield from dict.fromkeys(tuple(sample) for sample in tried)
