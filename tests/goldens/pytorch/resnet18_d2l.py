"""resnet18_d2l: Dive into Deep Learning.

Written by archc 0.1.0 from resnet_d2l.yaml, variant resnet18_d2l.
11,178,378 params; 318,657,536 MACs at 1x96x96.
"""

from collections import OrderedDict

import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    """net.b2.0: (N, 64, 24, 24) -> (N, 64, 24, 24)."""

    def __init__(self, in_channels, num_channels, use_1x1conv=False, strides=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, num_channels, 3, stride=strides, padding=1)
        self.bn1 = nn.BatchNorm2d(num_channels)
        self.conv2 = nn.Conv2d(num_channels, num_channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(num_channels)
        if use_1x1conv:
            self.conv3 = nn.Conv2d(in_channels, num_channels, 1, stride=strides)
        else:
            self.conv3 = nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.conv3(x), inplace=True)


class ResNetD2l(nn.Module):
    """(N, 1, 96, 96) -> (N, 10)."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.net = nn.Sequential(
            OrderedDict(
                {
                    "0": nn.Sequential(
                        nn.Conv2d(1, 64, 7, stride=2, padding=3),
                        nn.BatchNorm2d(64),
                        nn.ReLU(inplace=True),
                        nn.MaxPool2d(3, stride=2, padding=1),
                    ),
                    "b2": nn.Sequential(Residual(64, 64), Residual(64, 64)),
                    "b3": nn.Sequential(
                        Residual(64, 128, use_1x1conv=True, strides=2),
                        Residual(128, 128),
                    ),
                    "b4": nn.Sequential(
                        Residual(128, 256, use_1x1conv=True, strides=2),
                        Residual(256, 256),
                    ),
                    "b5": nn.Sequential(
                        Residual(256, 512, use_1x1conv=True, strides=2),
                        Residual(512, 512),
                    ),
                    "last": nn.Sequential(
                        nn.AdaptiveAvgPool2d(1),
                        nn.Flatten(),
                        nn.Linear(512, num_classes),
                    ),
                },
            ),
        )

    def forward(self, x):
        return self.net(x)
