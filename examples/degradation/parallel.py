"""One process or many: what `torchrun` started, and batch norm that does not depend on it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


class World:
    """The processes that train together; a single one where `torchrun` did not start any."""

    def __init__(self, device: str | None = None) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        gpu = torch.cuda.is_available() and device != "cpu"
        place = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if gpu else "cpu"
        self.device = torch.device(place if device in (None, "cuda") else device)
        self.started = "WORLD_SIZE" in os.environ
        if self.started:
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def wrapped(self, model: nn.Module) -> nn.Module:
        """Return a model whose gradients are means over all processes."""
        if not self.started:
            return model
        ids = [self.device] if self.device.type == "cuda" else None
        known = inspect.signature(DistributedDataParallel).parameters
        flag = next(f for f in ("forward_sync_buffers", "broadcast_buffers") if f in known)
        return DistributedDataParallel(model, device_ids=ids, **{flag: False})

    def waiting(self, model: nn.Module, more: bool) -> Any:
        """Hold gradients back while more are to be added to them in this process."""
        return (
            model.no_sync()
            if more and isinstance(model, DistributedDataParallel)
            else nullcontext()
        )

    def summed(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum over all processes."""
        if self.started:
            dist.all_reduce(x)
        return x

    def gathered(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return what all processes hold, in their order."""
        if not self.started:
            return [x]
        found = [torch.empty_like(x) for _ in range(self.size)]
        dist.all_gather(found, x.contiguous())
        return found

    def shared(self, value: Any) -> Any:
        """Return what the first process holds: files may be on its machine only."""
        box = [value]
        if self.started:
            dist.broadcast_object_list(box)
        return box[0]

    def close(self) -> None:
        """Part from the other processes."""
        if self.started:
            dist.destroy_process_group()


class Statistics:
    """The running statistics of batch norm, one set for each part of a batch.

    Batch norm sees one part of a batch at a time, 64 of 128 images, as on the paper's two
    GPUs. So two processes with a part each, and one process with both, compute the same; for
    the test the means of all sets are taken.
    """

    def __init__(self, model: nn.Module, parts: int, world: World) -> None:
        self.buffers = [b for b in model.buffers() if b.is_floating_point()]
        self.world = world
        self.sets = self._now().repeat(parts // world.size, 1)

    def _now(self) -> torch.Tensor:
        if not self.buffers:
            return torch.zeros(0, device=self.world.device)
        return torch.cat([b.detach().flatten() for b in self.buffers])

    def _put(self, numbers: torch.Tensor) -> None:
        start = 0
        for buffer in self.buffers:
            buffer.copy_(numbers[start : start + buffer.numel()].view_as(buffer))
            start += buffer.numel()

    @contextmanager
    def part(self, number: int) -> Iterator[None]:
        """Use and update the set of one part."""
        self._put(self.sets[number])
        yield
        self.sets[number] = self._now()

    def use_mean(self) -> None:
        """Use the mean over all parts, of all processes."""
        self._put(self.all().mean(0))

    def all(self) -> torch.Tensor:
        """Return the sets of all processes."""
        return torch.cat(self.world.gathered(self.sets))

    def set_all(self, numbers: torch.Tensor) -> None:
        """Take this process's sets out of those of all."""
        own = len(self.sets)
        self.sets = numbers[self.world.rank * own :][:own].to(self.sets).clone()
