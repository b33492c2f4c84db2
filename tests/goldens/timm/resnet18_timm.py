"""resnet18: Deep Residual Learning for Image Recognition (arXiv:1512.03385).

Written by archc 0.1.0 from resnet.yaml, variant resnet18.
11,689,512 params; 1,814,073,344 MACs at 3x224x224.
"""

import re
from functools import partial

import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint


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
        self.num_classes = num_classes
        self.global_pool = "avg"

    num_features = 512
    head_hidden_size = 512
    feature_info = [
        {"num_chs": 64, "reduction": 2, "module": "relu"},
        {"num_chs": 64, "reduction": 4, "module": "layer1"},
        {"num_chs": 128, "reduction": 8, "module": "layer2"},
        {"num_chs": 256, "reduction": 16, "module": "layer3"},
        {"num_chs": 512, "reduction": 32, "module": "layer4"},
    ]
    output_fmt = "NCHW"
    default_cfg = pretrained_cfg = {
        "input_size": (3, 224, 224),
        "pool_size": (7, 7),
        "num_classes": 1000,
        "first_conv": "conv1",
        "classifier": "fc",
        "fixed_input_size": False,
    }

    def forward(self, x):
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x):
        """The map that the head takes."""
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        return self.layer4(x)

    def forward_head(self, x, pre_logits: bool = False):
        """From features to logits, or to what the classifier takes."""
        if not self.global_pool:
            return x
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return x if pre_logits else self.fc(x)

    def get_classifier(self, name_only=False):
        """The layer that makes the classes."""
        return "fc" if name_only else self.fc

    def reset_classifier(self, num_classes, global_pool=None):
        """Make a new classifier: none of 0 classes; no pool either where that is ""."""
        if global_pool not in (None, "", "avg"):
            raise ValueError(
                f'there is no pool `{global_pool}`: choose `avg` or none, ""'
            )
        self.num_classes = num_classes
        if global_pool is not None:
            self.global_pool = global_pool
        like = next(self.parameters())
        self.fc = (
            nn.Linear(512, num_classes, device=like.device, dtype=like.dtype)
            if num_classes
            else nn.Identity()
        )

    def set_grad_checkpointing(self, enable=True):
        """Make the values of each block once more in the backward pass, in place of keeping them."""
        for name, block in self.named_modules():
            if re.fullmatch("layer\\d+\\.\\d+", name):
                vars(block).pop("forward", None)
                if enable:
                    block.forward = partial(
                        checkpoint, block.forward, use_reentrant=False
                    )

    def group_matcher(self, coarse=False):
        """Which parameters belong together, from input to output, as regular expressions."""
        blocks = "^layer(\\d+)(?:\\.|$)" if coarse else "^layer(\\d+)\\.(\\d+)(?:\\.|$)"
        return {"stem": "^(?:conv1|bn1)(?:\\.|$)", "blocks": blocks}

    def no_weight_decay(self):
        """The names of learned embeddings and the like."""
        return set()
