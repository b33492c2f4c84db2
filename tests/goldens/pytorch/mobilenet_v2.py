"""mobilenet_v2: MobileNetV2: Inverted Residuals and Linear Bottlenecks
(arXiv:1801.04381).

Written by archc 0.1.0 from mobilenet_v2.yaml, variant mobilenet_v2.
3,504,872 params; 300,774,272 MACs at 3x224x224.
"""

import torch.nn.functional as F
from torch import nn


def conv_norm_act(in_channels, out, kernel=3, stride=1, groups=1):
    """features.0: (N, 3, 224, 224) -> (N, 32, 112, 112)."""
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out,
            kernel,
            stride=stride,
            padding=(kernel - 1) // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(out),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """features.1: (N, 32, 112, 112) -> (N, 16, 112, 112)."""

    def __init__(self, in_channels, width, expand, stride=1):
        super().__init__()
        hidden = in_channels * expand
        self.residual = stride == 1 and in_channels == width
        conv = []
        if expand != 1:
            conv.append(conv_norm_act(in_channels, hidden, kernel=1))
        conv += [
            conv_norm_act(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, width, 1, bias=False),
            nn.BatchNorm2d(width),
        ]
        self.conv = nn.Sequential(*conv)

    def forward(self, x):
        y = self.conv(x)
        if self.residual:
            y = x + y
        return y


class MobileNetV2(nn.Module):
    """(N, 3, 224, 224) -> (N, 1000)."""

    def __init__(self, num_classes=1000, drop_rate=0.2):
        super().__init__()
        self.features = nn.Sequential(
            conv_norm_act(3, 32, stride=2),
            InvertedResidual(32, 16, 1),
            InvertedResidual(16, 24, 6, stride=2),
            InvertedResidual(24, 24, 6),
            InvertedResidual(24, 32, 6, stride=2),
            InvertedResidual(32, 32, 6),
            InvertedResidual(32, 32, 6),
            *(
                InvertedResidual(32 if i == 0 else 64, 64, 6, stride=2 if i == 0 else 1)
                for i in range(4)
            ),
            InvertedResidual(64, 96, 6),
            InvertedResidual(96, 96, 6),
            InvertedResidual(96, 96, 6),
            InvertedResidual(96, 160, 6, stride=2),
            InvertedResidual(160, 160, 6),
            InvertedResidual(160, 160, 6),
            InvertedResidual(160, 320, 6),
            conv_norm_act(320, 1280, kernel=1),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(drop_rate), nn.Linear(1280, num_classes)
        )

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, std=0.01)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        x = self.features(x)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.classifier(x)
