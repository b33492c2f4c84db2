"""Convolution with standardised weights, as BiT and other networks with group norm have it."""

from archc.ops import Conv


class StdConv(Conv):
    """2d convolution whose weights have mean 0 and variance 1 (arXiv:1903.10520)."""

    name = "std_conv"
    torch_module = "StdConv2d"
    torch_file = "std_conv2d.py"

    bias: bool = False
    eps: float = 1e-6
