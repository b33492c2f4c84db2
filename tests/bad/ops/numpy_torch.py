import numpy as np
from torch import nn


class Gate(nn.Module):
    def forward(self, x):
        return x * np.float32(0.5)
