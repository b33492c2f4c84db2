"""resnet50_d: Deep Residual Learning for Image Recognition (arXiv:1512.03385).

Written by archc 0.1.0 from resnet.yaml, variant resnet50_d.
25,576,264 params; 4,328,824,832 MACs at 3x224x224.
"""

import torch.nn.functional as F
from torch import nn


def deep_entry(in_channels):
    """conv1: (N, 3, 224, 224) -> (N, 64, 112, 112)."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 32, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 64, 3, padding=1, bias=False),
    )


def avg_projection(in_channels, channels, stride):
    """layer1.0.downsample: (N, 64, 56, 56) -> (N, 256, 56, 56)."""
    if stride > 1 or in_channels != channels:
        return nn.Sequential(
            nn.AvgPool2d(2, stride=stride, ceil_mode=True, count_include_pad=False)
            if stride > 1
            else nn.Identity(),
            nn.Conv2d(in_channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
    return nn.Identity()


class Bottleneck(nn.Module):
    """layer1.0: (N, 64, 56, 56) -> (N, 256, 56, 56)."""

    def __init__(self, in_channels, width, stride=1, *, base=64, groups=1):
        super().__init__()
        w = width * base // 64 * groups
        self.conv1 = nn.Conv2d(in_channels, w, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(w)
        self.conv2 = nn.Conv2d(
            w, w, 3, stride=stride, padding=1, groups=groups, bias=False
        )
        self.bn2 = nn.BatchNorm2d(w)
        self.conv3 = nn.Conv2d(w, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = avg_projection(in_channels, 4 * width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x), inplace=True)


def stage(block, in_channels, channels, depth, stride=1, **args):
    first = block(in_channels, stride=stride, **args)
    return nn.Sequential(first, *(block(channels, **args) for _ in range(depth - 1)))


class ResNet(nn.Module):
    """(N, 3, 224, 224) -> (N, 1000)."""

    def __init__(self, num_classes=1000):
        super().__init__()
        self.conv1 = deep_entry(3)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = stage(Bottleneck, 64, 256, depth=3, width=64)
        self.layer2 = stage(Bottleneck, 256, 512, depth=4, width=128, stride=2)
        self.layer3 = stage(Bottleneck, 512, 1024, depth=6, width=256, stride=2)
        self.layer4 = stage(Bottleneck, 1024, 2048, depth=3, width=512, stride=2)
        self.fc = nn.Linear(2048, num_classes)

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
