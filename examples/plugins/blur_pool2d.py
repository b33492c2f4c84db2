"""What `blur_pool` is in PyTorch: archc copies it into the files that it writes."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class BlurPool2d(nn.Module):
    """Blur with a binomial filter, then subsample (arXiv:1904.11486)."""

    def __init__(self, channels, kernel, stride=2):
        super().__init__()
        self.stride = stride
        self.pads = ((kernel - 1) // 2, kernel // 2) * 2
        row = torch.tensor([float(math.comb(kernel - 1, k)) for k in range(kernel)])
        filt = row[:, None] * row / 4 ** (kernel - 1)
        self.register_buffer("filt", filt.repeat(channels, 1, 1, 1))

    def forward(self, x):
        x = F.pad(x, self.pads, mode="reflect")
        return F.conv2d(x, self.filt, stride=self.stride, groups=len(self.filt))

    def extra_repr(self):
        return f"{len(self.filt)}, kernel={self.filt.shape[-1]}, stride={self.stride}"
