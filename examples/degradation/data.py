"""Images to train on: scikit-learn's digits, which come with it, and CIFAR-10."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - as all do


@dataclass(frozen=True)
class Images:
    """A data set in memory, N×3×H×W, and how its images are varied while training.

    `pad` zeros are put around an image before a crop of its size is cut out of it at random;
    `flip` says whether half of them are mirrored, which makes no sense of digits.
    """

    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor
    classes: int
    pad: int
    flip: bool

    def varied(self, x: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
        """Return images as training sees them (He et al. 2015, section 4.2)."""
        count, _, height, width = x.shape
        span = 2 * self.pad + 1
        top, left = (torch.randint(span, (count,), generator=noise) for _ in "yx")
        rows = (top[:, None] + torch.arange(height))[:, None, :, None]
        columns = (left[:, None] + torch.arange(width))[:, None, None, :]
        mirrored = torch.rand(count, generator=noise) < 0.5 * self.flip
        padded = F.pad(x, (self.pad,) * 4)
        samples, channels = torch.arange(count)[:, None, None, None], torch.arange(3)[:, None, None]
        cut = padded[samples, channels, rows, columns]
        return torch.where(mirrored[:, None, None, None], cut.flip(3), cut)


def digits(_root: Path) -> Images:
    """Return the 1797 digits of 8×8 pixels; the last 360 are for the test."""
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise SystemExit("the digits come with scikit-learn: pip install scikit-learn") from None
    found = load_digits()
    x = torch.tensor(found.images, dtype=torch.float32)[:, None].repeat(1, 3, 1, 1)
    y = torch.tensor(found.target, dtype=torch.long)
    return _normalised((x[:-360], y[:-360]), (x[-360:], y[-360:]), pad=1, flip=False)


def cifar10(root: Path) -> Images:
    """Return CIFAR-10 from a folder that has it; nothing is downloaded."""
    from archc.runtime.torchvision import import_torchvision

    try:
        import_torchvision()
        from torchvision.datasets import CIFAR10
    except ModuleNotFoundError as error:
        raise SystemExit(f"CIFAR-10 needs {error.name}: pip install {error.name}") from None
    try:
        sets = [CIFAR10(root, train=train) for train in (True, False)]
    except RuntimeError:
        fetch = f"torchvision.datasets.CIFAR10('{root}', download=True)"
        raise SystemExit(f"there is no CIFAR-10 in {root}: {fetch} fetches it") from None
    pairs = [
        (torch.tensor(s.data).permute(0, 3, 1, 2).float(), torch.tensor(s.targets)) for s in sets
    ]
    return _normalised(*pairs, pad=4, flip=True)


Labelled = tuple[torch.Tensor, torch.Tensor]


def _normalised(train: Labelled, test: Labelled, pad: int, flip: bool) -> Images:
    """Subtract the mean of each pixel, as the paper does, and divide by one deviation."""
    (x, y), (u, v) = train, test
    mean, std = x.mean(0), x.std()
    return Images((x - mean) / std, y, (u - mean) / std, v, int(y.max()) + 1, pad, flip)


DATA = {"digits": digits, "cifar10": cifar10}
