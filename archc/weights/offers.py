"""What the owners of weights say of them: names, licence, accuracy, and how images are prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Offer:
    """Weights of a network, as their owner describes them; what it does not state is empty.

    `crop` is the side of the image that the network sees, cut from the middle of one resized to
    `resize`; then numbers in [0, 1] less `mean` are divided by `std`. `settings` are those that
    the owner gives its own network with these weights.
    """

    name: str
    licence: str = ""
    top1: float | None = None
    top5: float | None = None
    input: tuple[int, ...] = ()
    resize: int | None = None
    interpolation: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    classes: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    cached: bool = False

    @property
    def preprocessing(self) -> str:
        """How an image is prepared, in a line."""
        scale = f"resize {self.resize}" if self.resize else ""
        way = " ".join(filter(None, (scale, self.interpolation)))
        crop = f"crop {'×'.join(map(str, self.input[1:]))}" if self.input else ""
        mean, std = (" ".join(f"{v:.4g}" for v in values) for values in (self.mean, self.std))
        return ", ".join(filter(None, (way, crop, mean and f"less {mean}", std and f"by {std}")))

    def as_dict(self) -> dict[str, Any]:
        """Return the offer as plain data."""
        return {**vars(self), "settings": dict(self.settings)}
