"""A small network, and the caches of those who have weights, with files of their own kind."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

import archc
from archc.diagnostics import Source
from archc.runtime.perturb import perturb
from archc.runtime.torchvision import import_torchvision

TEXT = """
archc: 1
name: small
input: [3, 12, 12]
params: {num_classes: 5}
stem:
  conv1: conv(8, 3)
  bn1: bn
  relu: relu
head:
  pool: global_avg_pool
  fc: linear(num_classes)
"""

SMALL = Source("small.yaml", TEXT)


def moved(model: nn.Module, *shape: int, seed: int = 0) -> nn.Module:
    """Return a network with numbers that no layer can hide behind."""
    perturb(model, torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed)), seed)
    return model.eval()


def small(seed: int = 0, **settings: int) -> nn.Module:
    return moved(archc.load(SMALL, **settings), 3, 12, 12, seed=seed)


def same(a: nn.Module, b: nn.Module, *shape: int) -> bool:
    """Whether two networks give the same, to the last bit."""
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        return torch.equal(a.eval()(x), b.eval()(x))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def of_torchvision(home: Path, network: str, member: str, state: dict[str, torch.Tensor]) -> Path:
    """Put a state_dict where PyTorch keeps what it downloads, and its hash into its name.

    torchvision's table has to lead there: its own hashes are those of files that only it has.
    """
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / "new.pth")
    path = folder / f"{network}-{digest(folder / 'new.pth')[:8]}.pth"
    (folder / "new.pth").rename(path)
    entry = import_torchvision().models.get_model_weights(network)[member]
    entry.value.url = f"https://example.com/models/{path.name}"
    return path


def of_hub(cache: Path, repository: str, state: dict[str, torch.Tensor]) -> Path:
    """Put a state_dict into a cache of the Hugging Face hub, as its client does."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    commit = "0123456789abcdef0123456789abcdef01234567"
    for name in ("blobs", "refs", f"snapshots/{commit}"):
        (folder / name).mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    new = folder / "blobs" / "new"
    save_file(state, new)
    blob = new.rename(folder / "blobs" / digest(new))
    path = folder / "snapshots" / commit / "model.safetensors"
    path.symlink_to(blob)
    return path
