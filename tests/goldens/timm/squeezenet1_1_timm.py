"""squeezenet1_1: SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
<0.5MB model size (arXiv:1602.07360).

Written by archc 0.1.0 from squeezenet.yaml, variant squeezenet1_1.
1,235,496 params; 349,151,936 MACs at 3x224x224.
"""

import re
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint


class Fire(nn.Module):
    """features.3: (N, 64, 55, 55) -> (N, 128, 55, 55)."""

    def __init__(self, in_channels, s, e):
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, s, 1)
        self.expand1x1 = nn.Conv2d(s, e, 1)
        self.expand3x3 = nn.Conv2d(s, e, 3, padding=1)

    def forward(self, x):
        squeeze_activation = F.relu(self.squeeze(x), inplace=True)
        expand1x1_activation = F.relu(self.expand1x1(squeeze_activation), inplace=True)
        expand3x3_activation = F.relu(self.expand3x3(squeeze_activation), inplace=True)
        return torch.cat([expand1x1_activation, expand3x3_activation], dim=1)


class SqueezeNet(nn.Module):
    """(N, 3, 224, 224) -> (N, 1000)."""

    def __init__(self, num_classes=1000, drop_rate=0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(drop_rate),
            nn.Conv2d(512, num_classes, 1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
        )

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_uniform_(m.weight, mode="fan_in", nonlinearity="relu")
                nn.init.zeros_(m.bias)
        nn.init.normal_(self.classifier[1].weight, std=0.01)
        self.num_classes = num_classes
        self.global_pool = "avg"

    num_features = 512
    head_hidden_size = 512
    feature_info = [
        {"num_chs": 64, "reduction": 2, "module": "features.1"},
        {"num_chs": 128, "reduction": 4, "module": "features.4"},
        {"num_chs": 256, "reduction": 8, "module": "features.7"},
        {"num_chs": 512, "reduction": 16, "module": "features.12"},
    ]
    output_fmt = "NCHW"
    default_cfg = pretrained_cfg = {
        "input_size": (3, 224, 224),
        "pool_size": (13, 13),
        "num_classes": 1000,
        "first_conv": "features.0",
        "classifier": "classifier.1",
        "fixed_input_size": False,
    }

    def forward(self, x):
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x):
        """The map that the head takes."""
        return self.features(x)

    def forward_head(self, x, pre_logits: bool = False):
        """From features to logits, or to what the classifier takes."""
        if not self.global_pool:
            return x
        if pre_logits and not torch.jit.is_scripting():
            x = self.classifier[-2:](self.classifier[:-3](x))
        else:
            x = self.classifier(x)
        return x.flatten(1)

    def get_classifier(self, name_only=False):
        """The layer that makes the classes."""
        return "classifier.1" if name_only else self.classifier[1]

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
        self.classifier[1] = (
            nn.Conv2d(512, num_classes, 1, device=like.device, dtype=like.dtype)
            if num_classes
            else nn.Identity()
        )

    def set_grad_checkpointing(self, enable=True):
        """Make the values of each block once more in the backward pass, in place of keeping them."""
        for name, block in self.named_modules():
            if re.fullmatch("features\\.(?:3|4|6|7|9|10|11|12)", name):
                vars(block).pop("forward", None)
                if enable:
                    block.forward = partial(
                        checkpoint, block.forward, use_reentrant=False
                    )

    def group_matcher(self, coarse=False):
        """Which parameters belong together, from input to output, as regular expressions."""
        blocks = "^features\\.(\\d+)(?:\\.|$)"
        return {"stem": "^features\\.0(?:\\.|$)", "blocks": blocks}

    def no_weight_decay(self):
        """The names of learned embeddings and the like."""
        return set()
