"""vit_b_16: An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale
(arXiv:2010.11929).

Written by archc 0.1.0 from vit.yaml, variant vit_b_16.
86,567,656 params; 17,563,828,224 MACs at 3x224x224.
"""

import math
import re
from collections import OrderedDict
from functools import partial

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


def mlp(in_channels):
    """encoder.layers.encoder_layer_0.mlp: (N, 197, 768) -> (N, 197, 768)."""
    return nn.Sequential(
        nn.Linear(in_channels, 3072),
        nn.GELU(),
        nn.Dropout(0.0),
        nn.Linear(3072, 768),
        nn.Dropout(0.0),
    )


class EncoderBlock(nn.Module):
    """encoder.layers.encoder_layer_0: (N, 197, 768) -> (N, 197, 768)."""

    def __init__(self, in_channels):
        super().__init__()
        self.ln_1 = nn.LayerNorm(in_channels, eps=1e-06)
        self.self_attention = nn.MultiheadAttention(in_channels, 12, batch_first=True)
        self.dropout = nn.Dropout(0.0)
        self.ln_2 = nn.LayerNorm(in_channels, eps=1e-06)
        self.mlp = mlp(in_channels)
        for m in self.mlp.modules():
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                nn.init.normal_(m.bias, std=1e-06)

    def forward(self, x):
        y = self.ln_1(x)
        y = self.dropout(self.self_attention(y, y, y, need_weights=False)[0])
        attended = x + y
        return attended + self.mlp(self.ln_2(attended))


class Vit(nn.Module):
    """(N, 3, 224, 224) -> (N, 1000)."""

    def __init__(self, num_classes=1000):
        super().__init__()
        self.conv_proj = nn.Conv2d(3, 768, 16, stride=16)
        self.class_token = nn.Parameter(torch.zeros(1, 1, 768))
        self.encoder = nn.Module()
        self.encoder.pos_embedding = nn.Parameter(torch.zeros(1, 197, 768))
        self.encoder.dropout = nn.Dropout(0.0)
        self.encoder.layers = nn.Sequential(
            OrderedDict({f"encoder_layer_{i}": EncoderBlock(768) for i in range(12)})
        )
        self.encoder.ln = nn.LayerNorm(768, eps=1e-06)
        self.heads = nn.Sequential(OrderedDict({"head": nn.Linear(768, num_classes)}))

        nn.init.trunc_normal_(
            self.conv_proj.weight, std=math.sqrt(1 / self.conv_proj.weight[0].numel())
        )
        nn.init.zeros_(self.conv_proj.bias)
        nn.init.normal_(self.encoder.pos_embedding, std=0.02)
        nn.init.zeros_(self.heads.head.weight)
        nn.init.zeros_(self.heads.head.bias)
        self.num_classes = num_classes
        self.global_pool = "avg"

    num_features = 768
    head_hidden_size = 768
    feature_info = [
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_0"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_1"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_2"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_3"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_4"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_5"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_6"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_7"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_8"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_9"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_10"},
        {"num_chs": 768, "reduction": 16, "module": "encoder.layers.encoder_layer_11"},
    ]
    output_fmt = "NLC"
    default_cfg = pretrained_cfg = {
        "input_size": (3, 224, 224),
        "pool_size": None,
        "num_classes": 1000,
        "first_conv": "conv_proj",
        "classifier": "heads.head",
        "fixed_input_size": True,
    }

    def forward(self, x):
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x):
        """The map that the head takes."""
        tokens = self.conv_proj(x).permute(0, 2, 3, 1).flatten(1, 2)
        sequence = torch.cat(
            [self.class_token.expand(tokens.shape[0], -1, -1), tokens], dim=1
        )
        x = self.encoder.dropout(sequence + self.encoder.pos_embedding)
        x = self.encoder.layers(x)
        return self.encoder.ln(x)

    def forward_head(self, x, pre_logits: bool = False):
        """From features to logits, or to what the classifier takes."""
        if not self.global_pool:
            return x
        x = x[:, 0]
        return x if pre_logits else self.heads(x)

    def get_classifier(self, name_only=False):
        """The layer that makes the classes."""
        return "heads.head" if name_only else self.heads.head

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
        self.heads.head = (
            nn.Linear(768, num_classes, device=like.device, dtype=like.dtype)
            if num_classes
            else nn.Identity()
        )

    def set_grad_checkpointing(self, enable=True):
        """Make the values of each block once more in the backward pass, in place of keeping them."""
        for name, block in self.named_modules():
            if re.fullmatch("encoder\\.layers\\.encoder_layer_\\d+", name):
                vars(block).pop("forward", None)
                if enable:
                    block.forward = partial(
                        checkpoint, block.forward, use_reentrant=False
                    )

    def group_matcher(self, coarse=False):
        """Which parameters belong together, from input to output, as regular expressions."""
        blocks = "^encoder\\.layers\\.encoder_layer_(\\d+)(?:\\.|$)"
        return {
            "stem": "^(?:conv_proj|class_token|encoder\\.pos_embedding)(?:\\.|$)",
            "blocks": blocks,
        }

    def no_weight_decay(self):
        """The names of learned embeddings and the like."""
        return {
            name
            for name, _ in self.named_parameters()
            if name.rpartition(".")[2] in ["class_token", "pos_embedding"]
        }
