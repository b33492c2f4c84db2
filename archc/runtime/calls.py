"""Which operations of PyTorch a run made, in their order, and a mark of each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

UNCOUNTED = frozenset(
    ["clone", "copy", "detach", "to_copy", "contiguous", "reshape", "unsafe_view", "index", "roll",
     "stack", "empty", "empty_like", "new_empty", "zeros", "zeros_like", "new_zeros", "ones",
     "ones_like", "full", "new_full", "fill", "zero", "arange", "lift_fresh", "scalar_tensor",
     "local_scalar_dense", "rand", "uniform"]
)  # fmt: skip
"""What moves or makes values: a file may look at them in other ways than a graph does."""


class Calls(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Counts what is computed inside it; with `marks` it keeps a mark of every value."""

    def __init__(self, *, marks: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.names: list[str] = []
        self.marks: dict[tuple[int, ...], list[torch.Tensor]] | None = {} if marks else None

    @property
    def counts(self) -> Counter[str]:
        """How often each operation ran."""
        return Counter(self.names)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run an operation and remember it."""
        made = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.removeprefix("_").rstrip("_")
        if _counts(func, name, args, made):
            self.names.append(name)
        if self.marks is not None:
            for value in made if isinstance(made, list | tuple) else (made,):
                self.remember(value)
        return made

    def remember(self, value: object) -> None:
        """Keep the mark of a value."""
        if self.marks is not None and isinstance(value, torch.Tensor):
            self.marks.setdefault(_shape(value), []).append(mark(value))

    def knows(self, value: torch.Tensor, tolerance: float) -> bool:
        """Whether a value like this one was made."""
        known = (self.marks or {}).get(_shape(value))
        if not known:
            return False
        own = mark(value)
        apart = (torch.stack(known) - own).abs().amax(1)
        return bool((apart <= tolerance * own[1].clamp(min=1e-30)).any())


def mark(value: torch.Tensor) -> torch.Tensor:
    """Return two numbers that tell a value from others of its size: its place counts too."""
    x = value.detach().double().flatten()
    weights = torch.cos(torch.arange(x.numel(), dtype=torch.double) * 1.7 + 0.3)
    return torch.stack([x @ weights, x.abs().sum()])


def _shape(value: torch.Tensor) -> tuple[int, ...]:
    """Return the shape without the dimensions of 1 that a file may add and a graph may not."""
    return tuple(size for size in value.shape if size > 1)


def _counts(func: Any, name: str, args: Any, made: Any) -> bool:
    """Whether an operation computes numbers of the network, and not places or copies."""
    first = made[0] if isinstance(made, list | tuple) and made else made
    numbers = isinstance(first, torch.Tensor) and first.is_floating_point()
    joins_one = name == "cat" and len(args[0]) == 1
    return numbers and not joins_one and name not in UNCOUNTED and not _is_view(func)


def _is_view(func: Any) -> bool:
    aliases = [result.alias_info for result in func._schema.returns]  # noqa: SLF001 - it has no other
    return any(alias is not None and not alias.is_write for alias in aliases)
