"""What `std_conv` is in PyTorch: archc copies it into the files that it writes."""

import torch.nn.functional as F
from torch import nn


class StdConv2d(nn.Conv2d):
    """Convolve with filters of mean 0 and variance 1 (arXiv:1903.10520)."""

    def __init__(self, channels, out, kernel, bias=False, eps=1e-6, **window):
        super().__init__(channels, out, kernel, bias=bias, **window)
        self.eps = eps

    def forward(self, x):
        filters = self.weight.reshape(1, self.out_channels, -1)
        filters = F.batch_norm(filters, None, None, training=True, eps=self.eps)
        return self._conv_forward(x, filters.reshape_as(self.weight), self.bias)
