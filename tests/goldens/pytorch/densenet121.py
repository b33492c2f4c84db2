"""densenet121: Densely Connected Convolutional Networks (arXiv:1608.06993).

Written by archc 0.1.0 from densenet.yaml, variant densenet121.
7,978,856 params; 2,834,161,664 MACs at 3x224x224.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn


class DenseLayer(nn.Module):
    """features.denseblock1.denselayer1: (N, 64, 56, 56) -> (N, 96, 56, 56)."""

    def __init__(self, in_channels):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, 128, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(128)
        self.conv2 = nn.Conv2d(128, 32, 3, padding=1, bias=False)
        self.drop = nn.Dropout(0.0)

    def forward(self, x):
        y = F.relu(self.norm1(x), inplace=True)
        y = F.relu(self.norm2(self.conv1(y)), inplace=True)
        return torch.cat([x, self.drop(self.conv2(y))], dim=1)


class DenseBlock(nn.Module):
    """features.denseblock1: (N, 64, 56, 56) -> (N, 256, 56, 56)."""

    def __init__(self, in_channels, depth):
        super().__init__()
        for i in range(depth):
            self.add_module(f"denselayer{i + 1}", DenseLayer(in_channels + 32 * i))

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


class Transition(nn.Module):
    """features.transition1: (N, 256, 56, 56) -> (N, 128, 28, 28)."""

    def __init__(self, in_channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.conv = nn.Conv2d(in_channels, in_channels // 2, 1, bias=False)

    def forward(self, x):
        x = F.relu(self.norm(x), inplace=True)
        return F.avg_pool2d(self.conv(x), 2)


class DenseNet(nn.Module):
    """(N, 3, 224, 224) -> (N, 1000)."""

    def __init__(self, num_classes=1000):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                {
                    "conv0": nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
                    "norm0": nn.BatchNorm2d(64),
                    "relu0": nn.ReLU(inplace=True),
                    "pool0": nn.MaxPool2d(3, stride=2, padding=1),
                    "denseblock1": DenseBlock(64, 6),
                    "transition1": Transition(256),
                    "denseblock2": DenseBlock(128, 12),
                    "transition2": Transition(512),
                    "denseblock3": DenseBlock(256, 24),
                    "transition3": Transition(1024),
                    "denseblock4": DenseBlock(512, 16),
                    "norm5": nn.BatchNorm2d(1024),
                },
            ),
        )
        self.classifier = nn.Linear(1024, num_classes)

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_in", nonlinearity="relu")
            elif isinstance(m, nn.Linear):
                nn.init.zeros_(m.bias)

    def forward(self, x):
        x = self.features(x)
        x = F.relu(x, inplace=True)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.classifier(x)
