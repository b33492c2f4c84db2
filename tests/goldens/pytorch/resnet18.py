"""resnet18: Deep Residual Learning for Image Recognition (arXiv:1512.03385).

Written by archc 0.1.0 from resnet.yaml, variant resnet18.
11,689,512 params; 1,814,073,344 MACs at 3x224x224.
"""

import torch.nn.functional as F
from torch import nn


def projection(in_channels, channels, stride):
    """layer1.0.downsample: (N, 64, 56, 56) -> (N, 64, 56, 56)."""
    if stride > 1 or in_channels != channels:
        return nn.Sequential(
            nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False),
            nn.BatchNorm2d(channels),
        )
    return nn.Identity()


class Basic(nn.Module):
    """layer1.0: (N, 64, 56, 56) -> (N, 64, 56, 56)."""

    def __init__(self, in_channels, width, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(
            in_channels, width, 3, stride=stride, padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = projection(in_channels, width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x), inplace=True)


def stage(block, in_channels, channels, depth, stride=1, **args):
    first = block(in_channels, stride=stride, **args)
    return nn.Sequential(first, *(block(channels, **args) for _ in range(depth - 1)))


class ResNet(nn.Module):
    """(N, 3, 224, 224) -> (N, 1000)."""

    def __init__(self, num_classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = stage(Basic, 64, 64, depth=2, width=64)
        self.layer2 = stage(Basic, 64, 128, depth=2, width=128, stride=2)
        self.layer3 = stage(Basic, 128, 256, depth=2, width=256, stride=2)
        self.layer4 = stage(Basic, 256, 512, depth=2, width=512, stride=2)
        self.fc = nn.Linear(512, num_classes)

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.fc(x)
