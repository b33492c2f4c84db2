"""Files of weights that are cut off, of other types, of other networks, or no weights at all."""

from __future__ import annotations

import functools
import io
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch
from fuzzing.case import Case

import archc
from archc.diagnostics import Diagnostic, Source

TEXT = """\
archc: 1
name: net
input: [3, 8, 8]
body:
  conv1: conv(4, 3)
  bn1: bn
  act: relu
  pool: global_avg_pool
  fc: linear(2)
"""
SUFFIXES = [".pt", ".pth", ".pt", ".npy", ".safetensors", "", ".txt", ".bin"]


@functools.cache
def network() -> archc.Architecture:
    return archc.compile(Source("net.yaml", TEXT))


def sound() -> dict[str, Any]:
    torch.manual_seed(0)
    from archc.runtime import load

    return dict(load(network()).state_dict())


def saved(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def tensor(rng: Random, t: torch.Tensor) -> Any:
    """Return something in the place of a tensor."""
    return rng.choice(
        [
            lambda: torch.full_like(t, float("nan")) if t.is_floating_point() else t,
            lambda: torch.full_like(t, float("inf")) if t.is_floating_point() else t,
            lambda: torch.zeros_like(t),
            lambda: t * -1,
            lambda: t.to(torch.int64),
            lambda: t.to(torch.bool),
            lambda: t.to(torch.complex64),
            lambda: t.to(torch.float64),
            lambda: t.to(torch.float16),
            lambda: t.to(torch.bfloat16) * 1e30,
            lambda: t.reshape(-1),
            lambda: t[None],
            lambda: t.reshape(-1)[:0],
            lambda: t.to_sparse() if t.dim() else t,
            lambda: t.to("meta"),
            t.tolist,
            lambda: None,
            lambda: "text",
            lambda: {"a": t},
            lambda: 3,
        ]
    )()


def content(rng: Random) -> bytes:
    """Return the bytes of a file of weights with a fault or two."""
    state = sound()
    keys = list(state)
    for _ in range(rng.randint(0, 2)):
        key = rng.choice(keys)
        change: Callable[[], Any] = rng.choice(
            [
                lambda key=key: state.update({key: tensor(rng, sound()[key])}),
                lambda key=key: state.pop(key, None),
                lambda: state.update({rng.choice(["a", "", "fc", "\0", "module.fc.weight"]): torch.ones(1)}),
                lambda: state.update({rng.choice([1, None, ("a",)]): torch.ones(1)}),  # type: ignore[dict-item]
            ]
        )  # fmt: skip
        change()
    whole: Any = rng.choice(
        [state] * 6
        + [{"model": state}, {"state_dict": state}, {"model": None}, {"model": {"model": state}}]
        + [list(state.values()), state.get("fc.weight"), None, 3, "a", {}, [], {"state_dict": []}]
    )
    data = saved(whole)
    how = rng.randrange(12)
    if how == 0:
        return data[: rng.randrange(len(data))]
    if how == 1:
        at = rng.randrange(len(data))
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    if how == 2:
        return rng.choice([b"", b"\0" * 99, b"PK\x03\x04", b"hello\n", b"\x80\x04.", TEXT.encode()])
    if how == 3:
        return pickle.dumps(rng.choice([Path("a"), {"a": 1}, [1], print, Random(0)]))  # noqa: S311
    return data


def case(number: int) -> Case:
    """Return a trace, or a probe, of a small network with weights of a damaged file."""
    rng = Random(f"weights {number}")  # noqa: S311 nothing here is secret
    data, suffix = content(rng), rng.choice(SUFFIXES)
    probes = rng.random() < 0.2

    def run() -> list[Diagnostic]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"weights{suffix}"
            path.write_bytes(data)
            if probes:
                network().probe(weights=path, seeds=1)
            else:
                network().trace(weights=path)
        return []

    return Case(f"weights {number} ({suffix or 'no suffix'}, {len(data)} bytes)", run)
