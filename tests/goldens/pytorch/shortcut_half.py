"""shortcut_half: Identity Mappings in Deep Residual Networks (arXiv:1603.05027).

Written by archc 0.1.0 from scaled_shortcut.yaml, variant shortcut_half.
853,018 params; 125,485,696 MACs at 3x32x32.
"""

import torch.nn.functional as F
from torch import nn


class ZeroPad(nn.Module):
    """layer1.0.shortcut: (N, 16, 32, 32) -> (N, 16, 32, 32)."""

    def __init__(self, in_channels, channels, stride):
        super().__init__()
        self.stride = stride
        self.channels = channels
        self.in_channels = in_channels

    def forward(self, x):
        if self.stride > 1:
            x = F.avg_pool2d(x, 1, self.stride)
        if self.in_channels != self.channels:
            x = F.pad(x, (0, 0, 0, 0, 0, self.channels - self.in_channels))
        return x


class Scaled(nn.Module):
    """layer1.0: (N, 16, 32, 32) -> (N, 16, 32, 32)."""

    def __init__(self, in_channels, width, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(
            in_channels, width, 3, stride=stride, padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = ZeroPad(in_channels, width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.bn2(self.conv2(y)) + 0.5 * self.shortcut(x)
        return F.relu(x, inplace=True)


def stage(block, in_channels, channels, depth, stride=1, **args):
    first = block(in_channels, stride=stride, **args)
    return nn.Sequential(first, *(block(channels, **args) for _ in range(depth - 1)))


class ScaledShortcut(nn.Module):
    """(N, 3, 32, 32) -> (N, 10)."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = stage(Scaled, 16, 16, depth=9, width=16)
        self.layer2 = stage(Scaled, 16, 32, depth=9, width=32, stride=2)
        self.layer3 = stage(Scaled, 32, 64, depth=9, width=64, stride=2)
        self.fc = nn.Linear(64, num_classes)

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = x.mean((2, 3))
        return self.fc(x)
