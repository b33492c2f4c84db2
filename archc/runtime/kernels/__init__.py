"""Every op as a function of tensors, written by hand from what its declaration says.

The emitter is not asked: what it spells is held to these. An op of a plug-in has none, and
is run by the class or function that it declares.
"""

from __future__ import annotations

from archc.runtime.kernels.call import Kernel, KernelCall, KernelResult
from archc.runtime.kernels.maps import MAPS, expected_buffers
from archc.runtime.kernels.plain import PLAIN
from archc.runtime.kernels.weighted import WEIGHTED

KERNELS: dict[str, Kernel] = {**WEIGHTED, **PLAIN, **MAPS}

__all__ = ["KERNELS", "Kernel", "KernelCall", "KernelResult", "expected_buffers"]
