"""Which devices there are."""

from __future__ import annotations

import torch


def missing(device: str) -> str:
    """Say why nothing can be computed on a device; "" where it can."""
    try:
        torch.empty(1, device=torch.device(device))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return f"there is no device `{device}` here: {str(error).partition(chr(10))[0]}"
    return ""
