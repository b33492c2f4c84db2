"""googlenet: Going Deeper with Convolutions (arXiv:1409.4842).

Written by archc 0.1.0 from googlenet.yaml, variant googlenet.
6,624,904 params; 1,498,376,192 MACs at 3x224x224. In training 13,004,888 params,
1,506,748,416 MACs.
"""

import re
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint


class BasicConv(nn.Module):
    """conv1: (N, 3, 224, 224) -> (N, 64, 112, 112)."""

    def __init__(self, in_channels, out, kernel, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out,
            kernel,
            stride=stride,
            padding=(kernel - 1) // 2,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


def reduced(in_channels, red, out):
    """inception3a.branch2: (N, 192, 28, 28) -> (N, 128, 28, 28)."""
    return nn.Sequential(BasicConv(in_channels, red, 1), BasicConv(red, out, 3))


def pooled(in_channels, out):
    """inception3a.branch4: (N, 192, 28, 28) -> (N, 32, 28, 28)."""
    return nn.Sequential(
        nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True),
        BasicConv(in_channels, out, 1),
    )


class Inception(nn.Module):
    """inception3a: (N, 192, 28, 28) -> (N, 256, 28, 28)."""

    def __init__(self, in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj):
        super().__init__()
        self.branch1 = BasicConv(in_channels, ch1x1, 1)
        self.branch2 = reduced(in_channels, ch3x3red, ch3x3)
        self.branch3 = reduced(in_channels, ch5x5red, ch5x5)
        self.branch4 = pooled(in_channels, pool_proj)

    def forward(self, x):
        branch1 = self.branch1(x)
        branch2 = self.branch2(x)
        branch3 = self.branch3(x)
        branch4 = self.branch4(x)
        return torch.cat([branch1, branch2, branch3, branch4], dim=1)


class Aux(nn.Module):
    """aux1: (N, 512, 14, 14) -> (N, 1000)."""

    def __init__(self, in_channels):
        super().__init__()
        self.conv = BasicConv(in_channels, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, 1000)

    def forward(self, x):
        x = self.conv(F.adaptive_avg_pool2d(x, 4)).flatten(1)
        x = F.relu(self.fc1(x), inplace=True)
        return self.fc2(self.dropout(x))


class GoogleNet(nn.Module):
    """(N, 3, 224, 224) -> (N, 1000), (N, 1000), (N, 1000)."""

    def __init__(self, drop_rate=0.2):
        super().__init__()
        self.conv1 = BasicConv(3, 64, 7, stride=2)
        self.conv2 = BasicConv(64, 64, 1)
        self.conv3 = BasicConv(64, 192, 3)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.aux1 = Aux(512)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.aux2 = Aux(528)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.dropout = nn.Dropout(drop_rate)
        self.fc = nn.Linear(1024, 1000)

        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(m.weight, std=0.01)
        self.num_classes = 1000
        self.global_pool = "avg"

    def forward(self, x):
        x = self.conv2(F.max_pool2d(self.conv1(x), 3, stride=2, ceil_mode=True))
        x = F.max_pool2d(self.conv3(x), 3, stride=2, ceil_mode=True)
        x = self.inception3b(self.inception3a(x))
        inception4a = self.inception4a(F.max_pool2d(x, 3, stride=2, ceil_mode=True))
        if self.training:
            aux1 = self.aux1(inception4a)
        inception4d = self.inception4d(self.inception4c(self.inception4b(inception4a)))
        if self.training:
            aux2 = self.aux2(inception4d)
        x = self.inception4e(inception4d)
        x = self.inception5a(F.max_pool2d(x, 2, stride=2, ceil_mode=True))
        x = F.adaptive_avg_pool2d(self.inception5b(x), 1).flatten(1)
        fc = self.fc(self.dropout(x))
        if self.training:
            return {"logits": fc, "aux2": aux2, "aux1": aux1}
        return fc

    num_features = 1024
    head_hidden_size = 1024
    feature_info = [
        {"num_chs": 64, "reduction": 2, "module": "conv1"},
        {"num_chs": 192, "reduction": 4, "module": "conv3"},
        {"num_chs": 480, "reduction": 8, "module": "inception3b"},
        {"num_chs": 832, "reduction": 16, "module": "inception4e"},
        {"num_chs": 1024, "reduction": 32, "module": "inception5b"},
    ]
    output_fmt = "NCHW"
    default_cfg = pretrained_cfg = {
        "input_size": (3, 224, 224),
        "pool_size": (7, 7),
        "num_classes": 1000,
        "first_conv": "conv1.conv",
        "classifier": "fc",
        "fixed_input_size": False,
    }

    def forward_features(self, x):
        """The map that the head takes."""
        x = self.conv2(F.max_pool2d(self.conv1(x), 3, stride=2, ceil_mode=True))
        x = F.max_pool2d(self.conv3(x), 3, stride=2, ceil_mode=True)
        x = self.inception3b(self.inception3a(x))
        inception4a = self.inception4a(F.max_pool2d(x, 3, stride=2, ceil_mode=True))
        inception4d = self.inception4d(self.inception4c(self.inception4b(inception4a)))
        x = self.inception4e(inception4d)
        x = self.inception5a(F.max_pool2d(x, 2, stride=2, ceil_mode=True))
        return self.inception5b(x)

    def forward_head(self, x, pre_logits: bool = False):
        """From features to logits, or to what the classifier takes."""
        if not self.global_pool:
            return x
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        x = self.dropout(x)
        fc = x if pre_logits else self.fc(x)
        return fc

    def get_classifier(self, name_only=False):
        """The layer that makes the classes."""
        return "fc" if name_only else self.fc

    def reset_classifier(self, num_classes, global_pool=None):
        """Make a new classifier: none of 0 classes."""
        if global_pool not in (None, "avg"):
            raise ValueError(f"there is no pool `{global_pool}`: choose `avg`")
        self.num_classes = num_classes
        if global_pool is not None:
            self.global_pool = global_pool
        like = next(self.parameters())
        self.fc = (
            nn.Linear(1024, num_classes, device=like.device, dtype=like.dtype)
            if num_classes
            else nn.Identity()
        )

    def set_grad_checkpointing(self, enable=True):
        """Make the values of each block once more in the backward pass, in place of keeping them."""
        for name, block in self.named_modules():
            if re.fullmatch(
                "conv\\d+|inception\\d+a|inception\\d+b|aux\\d+|inception\\d+c|inception\\d+d|inception\\d+e",
                name,
            ):
                vars(block).pop("forward", None)
                if enable:
                    block.forward = partial(
                        checkpoint, block.forward, use_reentrant=False
                    )

    def group_matcher(self, coarse=False):
        """Which parameters belong together, from input to output, as regular expressions."""
        blocks = [
            (f"^{name}(?:\\.|$)", (k,))
            for k, name in enumerate(
                [
                    "conv1",
                    "conv2",
                    "conv3",
                    "inception3a",
                    "inception3b",
                    "inception4a",
                    "aux1",
                    "inception4b",
                    "inception4c",
                    "inception4d",
                    "aux2",
                    "inception4e",
                    "inception5a",
                    "inception5b",
                ]
            )
        ]
        return {"blocks": blocks}

    def no_weight_decay(self):
        """The names of learned embeddings and the like."""
        return set()
