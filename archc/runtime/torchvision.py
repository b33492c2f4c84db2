"""The one place that imports torchvision."""

from __future__ import annotations

import importlib
from types import ModuleType

import torch


def import_torchvision() -> ModuleType:
    """Import torchvision, also one that was built for another torch than the one installed.

    A torchvision built for CUDA can't load its compiled operators over a torch without, and
    its import fails with `operator torchvision::nms does not exist`: it gives `nms` and `qnms`
    rules for the meta device, and they are not there to be given any. Once they are declared,
    the import succeeds; the classification models use neither. Where the plain import works,
    nothing is declared.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    for name in ("nms", "qnms"):
        schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        torch.library.define(f"torchvision::{name}", schema)
    return importlib.import_module("torchvision")
