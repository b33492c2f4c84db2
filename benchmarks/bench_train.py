"""What the emitted ResNet-50 costs to train and to run, beside torchvision's.

    python benchmarks/bench_train.py [ROUNDS [BATCH [SIZE]]]

Times are lower quartiles of interleaved rounds. Memory is counted: the most that PyTorch
holds at once beyond the weights, and what a forward pass keeps for the backward.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from common import interleaved, ratio, seconds, table
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

import archc
from archc.runtime.peers import peer

ROUNDS, BATCH, SIZE = 25, 4, 128
CPU = torch.profiler.ProfilerActivity.CPU
ARCHC, PEER = "archc", "torchvision"


def train(model: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> None:
    """Take one step of SGD."""
    model.train()
    nn.functional.cross_entropy(model(x), labels).backward()
    torch.optim.SGD(model.parameters(), lr=1e-4).step()
    model.zero_grad(set_to_none=True)


@torch.inference_mode()
def infer(model: nn.Module, x: torch.Tensor) -> None:
    model.eval()(x)


def saved_bytes(model: nn.Module, x: torch.Tensor) -> int:
    """Return the bytes that a forward pass keeps for the backward, weights left out."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}  # held, so that no storage is given away twice

    def pack(t: torch.Tensor) -> torch.Tensor:
        kept[t.untyped_storage().data_ptr()] = t
        return t

    with saved_tensors_hooks(pack, lambda t: t):
        output = model.train()(x)
    del output
    return sum(t.untyped_storage().nbytes() for k, t in kept.items() if k not in weights)


def peak_bytes(run: Callable[[], None]) -> int:
    """Return the most that is held at once, of what a run allocates."""
    with quiet(), torch.profiler.profile(activities=[CPU], profile_memory=True) as profile:
        run()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide what the profiler's library writes to the standard error."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as null:
            os.dup2(null.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def main(rounds: int = ROUNDS, batch: int = BATCH, size: int = SIZE) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(2)
    models = {ARCHC: archc.load("resnet50"), PEER: peer("torchvision:resnet50")}
    models[ARCHC].load_state_dict(models[PEER].state_dict())
    x = torch.randn(batch, 3, size, size)
    labels = torch.randint(1000, (batch,))
    runs = {"training step": lambda m: train(m, x, labels), "inference": lambda m: infer(m, x)}
    rows = []
    for what, run in runs.items():
        tasks = {name: (lambda m=model, r=run: r(m)) for name, model in models.items()}
        for task in tasks.values():
            task()
        times = interleaved(tasks, rounds)
        both = ratio(times[ARCHC], times[PEER])
        rows.append((f"time of one {what}", *map(seconds, times.values()), both))
        peaks = [peak_bytes(task) for task in tasks.values()]
        rows.append((f"most memory in one {what}", *megabytes(peaks)))
    saved = [saved_bytes(model, x) for model in models.values()]
    rows.append(("kept for the backward pass", *megabytes(saved)))
    print(f"\nResNet-50, {batch}×3×{size}×{size}, {torch.get_num_threads()} threads\n")
    print(table(["", ARCHC, PEER, "ratio"], rows))


def megabytes(counts: list[int]) -> list[str]:
    return [f"{n / 1e6:.1f} MB" for n in counts] + [f"{counts[0] / counts[1]:.3f}"]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
