"""The state_dicts that a checkpoint may hold: under names, and under prefixes of their keys.

A checkpoint of a training run wraps its weights: `state_dict`, `model`, `model_ema` beside an
optimizer's; what wraps a model prefixes its keys: `module.` of parallel training, `_orig_mod.`
of `torch.compile`, `model.` of a trainer. Neither needs a table: any dictionary of tensors may
be meant, and any prefix under which keys of the network stand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

MAX_DEPTH = 4
MAX_PARTS = 32

INNER = re.compile(r"(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What PyTorch's wrappers put into keys, at any depth."""

COUNTER = "n_averaged"
"""What PyTorch's averaged models have beside the weights."""

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Part:
    """Tensors of a checkpoint by key; `name` says under which names and prefix they stand."""

    name: str
    tensors: Tensors
    aside: tuple[str, ...] = ()
    """Keys beside the prefix."""


def state_dicts(content: Any) -> Iterator[Part]:
    """Yield every dictionary of tensors in a checkpoint, those of an optimizer's state left out."""
    yield from islice(_nested(content, "", 0, set()), MAX_PARTS)


def _nested(content: Any, name: str, depth: int, seen: set[int]) -> Iterator[Part]:
    if not isinstance(content, Mapping) or depth > MAX_DEPTH or id(content) in seen:
        return
    seen.add(id(content))  # what many names share is one
    texts = {key: value for key, value in content.items() if isinstance(key, str)}
    if len(texts) != len(content):
        return
    tensors = {key: value for key, value in texts.items() if isinstance(value, torch.Tensor)}
    if tensors:
        yield Part(name, tensors)
    for key, value in texts.items():
        if "optim" not in key:
            yield from _nested(value, f"{name}.{key}" if name else key, depth + 1, seen)


def parts(content: Any, wanted: Collection[str]) -> list[Part]:
    """Return the state_dicts of a checkpoint, without prefixes: of each the ones with most keys.

    `wanted` are the keys of a network.
    """
    found: list[tuple[int, Part]] = []
    for plain in state_dicts(content):
        for part in _unprefixed(plain, wanted):
            hits = sum(key in part.tensors for key in wanted)
            found.append((hits, part))
    most = max((hits for hits, _ in found), default=0)
    return [part for hits, part in found if hits == most]


def _unprefixed(part: Part, wanted: Collection[str]) -> Iterator[Part]:
    """Yield a state_dict as it is and without each prefix under which keys of a network stand."""
    yield part
    shorter: dict[str, torch.Tensor] = {INNER.sub("", k): v for k, v in part.tensors.items()}
    plain = shorter if len(shorter) == len(part.tensors) else part.tensors
    if any(a != b for a, b in zip(plain, part.tensors, strict=True)):
        yield Part(part.name, plain)
    for prefix in prefixes(plain, wanted):
        yield cut(Part(part.name, plain), prefix)


def prefixes(keys: Collection[str], wanted: Collection[str]) -> list[str]:
    """Return what stands before any of some keys of a network; the rarest ending says most."""
    ends = sorted(wanted, key=len, reverse=True)[:3]
    before = {k[: -len(e)] for e in ends for k in keys if k.endswith(f".{e}")}
    return sorted(before, key=len)[:MAX_PARTS]


def cut(part: Part, prefix: str) -> Part:
    """Return what stands under a prefix, `module.`, without it; the other keys are put aside."""
    inside = {k.removeprefix(prefix): v for k, v in part.tensors.items() if k.startswith(prefix)}
    aside = tuple(k for k in part.tensors if not k.startswith(prefix) and k != COUNTER)
    return Part(".".join(filter(None, (part.name, prefix.rstrip(".")))), inside, aside)


def named(content: Any, name: str) -> list[Part]:
    """Return what stands under a name: a dictionary, or the keys with a prefix, the rest left."""
    found = []
    for part in state_dicts(content):
        if part.name == name:
            found.append(part)
            continue
        inside = f"{part.name}." if part.name else ""
        if f"{name}.".startswith(inside):
            rest = Part(part.name, part.tensors)
            under = cut(rest, f"{name}."[len(inside) :])
            found += [Part(name, under.tensors)] * bool(under.tensors)
    return found
