"""What holds each knob of the zoo: another implementation that takes the same argument."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any

import torch
from test_dense import RetinaNet, UNet
from test_residual_families import DenseNet, PyramidNet, ResNeXt29
from test_residual_literature import CifarNet, HighwayNet, WideNet
from test_torchvision import BookResNet
from torch import nn

from archc.runtime.torchvision import import_torchvision


@dataclass(frozen=True)
class Case:
    """A network with settings that none of its variants has, and its twin elsewhere."""

    name: str
    settings: dict[str, Any]
    theirs: Callable[[], nn.Module]
    samples: tuple[tuple[int, ...], ...] = ((3, 64, 64), (3, 75, 49))
    gradients: float = 0.0
    by: str = field(default="", kw_only=True)


def vision() -> Any:
    return import_torchvision().models


def timm(module: str) -> Any:
    import_torchvision()  # timm imports it
    return import_module(f"timm.models.{module}")


# torchvision


def convnext() -> nn.Module:
    module = vision().convnext
    widths = [8, 16, 24, 32, None]
    rows = [
        module.CNBlockConfig(w, out, n)
        for w, out, n in zip(widths, widths[1:], [1, 2, 1, 1], strict=False)
    ]
    made: nn.Module = module.ConvNeXt(
        rows, stochastic_depth_prob=0.3, layer_scale=0.5, num_classes=7
    )
    return made


def dilated(layers: list[int], replaced: list[bool]) -> Any:
    resnet = vision().resnet
    return resnet.ResNet(resnet.Bottleneck, layers, replace_stride_with_dilation=replaced)


def deeplab() -> nn.Module:
    module = vision().segmentation.deeplabv3
    made: Any = module._deeplabv3_resnet(dilated([1, 2, 1, 1], [False, False, True]), 5, aux=True)
    made.classifier = module.DeepLabHead(2048, 5, (1, 2, 3))
    return made


def fcn() -> nn.Module:
    made: nn.Module = vision().segmentation.fcn._fcn_resnet(
        dilated([1, 1, 2, 1], [False, False, False]), 5, aux=False
    )
    return made


def efficientnet() -> nn.Module:
    module = vision().efficientnet
    rows, last = module._efficientnet_conf("efficientnet_b0", width_mult=0.5, depth_mult=0.6)
    norm = partial(nn.BatchNorm2d, eps=0.01, momentum=0.2)
    made: nn.Module = module.EfficientNet(
        rows, 0.4, 0.1, num_classes=7, norm_layer=norm, last_channel=last
    )
    return made


def efficientnet_by_width() -> nn.Module:
    module = vision().efficientnet
    rows, _ = module._efficientnet_conf("efficientnet_b0", width_mult=1.0, depth_mult=0.3)
    rows[0].input_channels = 16
    made: nn.Module = module.EfficientNet(rows, 0.2, 0.2, last_channel=96)
    return made


def mobilenet_v3(table: str, width: float, channels: int = 0) -> nn.Module:
    module = vision().mobilenetv3
    rows, last = module._mobilenet_v3_conf(f"mobilenet_v3_{table}", width_mult=width)
    made: nn.Module = module.MobileNetV3(rows, channels or last, num_classes=7, dropout=0.4)
    return made


def fpn() -> nn.Module:
    models = import_torchvision().models
    backbone = dilated([1, 2, 1, 1], [False] * 3)
    made: nn.Module = models.detection.backbone_utils._resnet_fpn_extractor(backbone, 5)
    ops = import_torchvision().ops.feature_pyramid_network
    made.fpn = ops.FeaturePyramidNetwork([256, 512, 1024, 2048], 24, ops.LastLevelMaxPool())
    return made


def regnet() -> nn.Module:
    module = vision().regnet
    rows = module.BlockParams.from_init_params(
        depth=9, w_0=24, w_a=20.5, w_m=2.2, group_width=8, se_ratio=0.5
    )
    made: nn.Module = module.RegNet(rows, num_classes=7, stem_width=16)
    return made


def vgg() -> nn.Module:
    module = vision().vgg
    rows = [64, "M", 128, "M", 256, 256, "M", 512, "M", 512, "M"]
    features = module.make_layers(rows, batch_norm=True)
    made: nn.Module = module.VGG(features, num_classes=7, dropout=0.3, init_weights=False)
    return made


def swin(version: int) -> nn.Module:
    module = vision().swin_transformer
    second = {
        "block": module.SwinTransformerBlockV2,
        "downsample_layer": module.PatchMergingV2,
    }
    made: nn.Module = module.SwinTransformer(
        [4, 4], 12, [1, 2, 1, 1], [1, 2, 3, 4], [4, 4], stochastic_depth_prob=0.4, num_classes=7,
        **(second if version == 2 else {}),
    )  # fmt: skip
    return made


def resnet_of_the_paper() -> nn.Module:
    made: Any = dilated([1, 2, 1, 1], [False] * 3)
    for k in (2, 3, 4):
        block = getattr(made, f"layer{k}")[0]
        block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)
    return made  # type: ignore[no-any-return]


class Padded(nn.Module):
    """Option A, as a module."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.width, self.stride = width, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return torch.cat([x, x.new_zeros(len(x), self.width - x.shape[1], *x.shape[2:])], 1)


class Nothing(nn.Module):
    """No shortcut, as a module."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        return torch.zeros(())


def shortcuts(make: Callable[[int, int, int], nn.Module]) -> nn.Module:
    """Return torchvision's ResNet of basic blocks with shortcuts of another kind."""
    resnet = vision().resnet
    made: Any = resnet.ResNet(resnet.BasicBlock, [1, 2, 1, 1])
    channels = 64
    for k in range(4):
        for i, block in enumerate(getattr(made, f"layer{k + 1}")):
            block.downsample = make(channels, 64 * 2**k, 2 if k > 0 and i == 0 else 1)
            channels = 64 * 2**k
    return made  # type: ignore[no-any-return]


def projected(channels: int, width: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))


SHALLOW = {"depths": [1, 2, 1, 1]}
TORCHVISION = [
    Case("alexnet", {"num_classes": 7, "drop_rate": 0.3},
         lambda: vision().AlexNet(num_classes=7, dropout=0.3), ((3, 63, 63), (3, 71, 80))),
    Case("convnext_tiny",
         {"dims": [8, 16, 24, 32], **SHALLOW, "drop_path_rate": 0.3, "scale": 0.5, "num_classes": 7},
         convnext),
    Case("deeplabv3_resnet50",
         {**SHALLOW, "output_stride": 16, "rates": [1, 2, 3], "num_classes": 5, "aux_loss": True},
         deeplab, ((3, 75, 49),)),
    Case("fcn_resnet50", {"depths": [1, 1, 2, 1], "output_stride": 32, "num_classes": 5}, fcn,
         ((3, 75, 49),)),
    Case("densenet121",
         {"growth_rate": 8, "depths": [1, 2, 1], "init_features": 12, "bn_size": 2, "drop_rate": 0.3,
          "num_classes": 7},
         lambda: vision().DenseNet(8, (1, 2, 1), 12, 2, 0.3, 7)),
    Case("efficientnet_b0",
         {"width_mult": 0.5, "depth_mult": 0.6, "drop_rate": 0.4, "drop_path_rate": 0.1,
          "bn_eps": 0.01, "bn_momentum": 0.2, "resolution": 64, "num_classes": 7}, efficientnet),
    Case("efficientnet_b0", {"stem_width": 16, "last_channel": 96, "depth_mult": 0.3},
         efficientnet_by_width),
    Case("fpn_resnet50", {**SHALLOW, "channels": 24}, fpn),
    Case("googlenet",
         {"aux_logits": True, "transform_input": True, "drop_rate": 0.3, "drop_rate_aux": 0.4,
          "num_classes": 7},
         lambda: vision().GoogLeNet(7, True, True, False, None, 0.3, 0.4)),
    Case("inception_v3",
         {"aux_logits": False, "transform_input": True, "drop_rate": 0.3, "num_classes": 7},
         lambda: vision().Inception3(7, False, True, init_weights=False, dropout=0.3),
         ((3, 75, 75),)),
    Case("maxvit_t",
         {"image_size": 64, "stem_width": 8, "dims": [8, 16], "depths": [1, 2], "head_dim": 4,
          "size": 4, "drop_path_rate": 0.3, "num_classes": 7},
         lambda: vision().MaxVit((64, 64), 8, 4, [8, 16], [1, 2], 4, 0.3, num_classes=7),
         ((3, 64, 64),), 1e-4),
    Case("mnasnet1_0", {"alpha": 0.35, "drop_rate": 0.4, "num_classes": 7},
         lambda: vision().MNASNet(0.35, 7, 0.4)),
    Case("mobilenet_v2", {"width_mult": 0.35, "drop_rate": 0.4, "num_classes": 7},
         lambda: vision().MobileNetV2(7, 0.35, dropout=0.4)),
    Case("mobilenet_v3_large", {"width_mult": 0.35, "drop_rate": 0.4, "num_classes": 7},
         lambda: mobilenet_v3("large", 0.35)),
    Case("mobilenet_v3_small", {"last_channel": 96, "drop_rate": 0.4, "num_classes": 7},
         lambda: mobilenet_v3("small", 1.0, 96)),
    Case("regnet_y_400mf",
         {"depth": 9, "w_0": 24, "w_a": 20.5, "w_m": 2.2, "group_width": 8, "se_ratio": 0.5,
          "stem_width": 16, "num_classes": 7}, regnet),
    Case("resnet50_paper", {**SHALLOW}, resnet_of_the_paper),
    Case("resnet50", {**SHALLOW, "stride_in": 1}, resnet_of_the_paper),
    Case("resnet18", {**SHALLOW, "shortcut": "zero_pad"}, lambda: shortcuts(lambda _, w, s: Padded(w, s))),
    Case("resnet18", {**SHALLOW, "shortcut": "none"}, lambda: shortcuts(lambda *_: Nothing())),
    Case("resnet18", {**SHALLOW, "shortcut": "always_projection"}, lambda: shortcuts(projected)),
    Case("shufflenet_v2_x0_5", {"widths": [16, 24, 32], "last": 40, "num_classes": 7},
         lambda: vision().ShuffleNetV2([4, 8, 4], [24, 16, 24, 32, 40], 7)),
    Case("squeezenet1_1", {"drop_rate": 0.3, "num_classes": 7},
         lambda: vision().SqueezeNet("1_1", 7, 0.3)),
    Case("swin_t",
         {"image_size": 64, "dim": 12, **SHALLOW, "heads": [1, 2, 3, 4], "window": 4, "drop_path_rate": 0.4,
          "num_classes": 7}, lambda: swin(1)),
    Case("swin_t",
         {"version": 2, "dim": 12, **SHALLOW, "heads": [1, 2, 3, 4], "window": 4, "drop_path_rate": 0.4,
          "num_classes": 7}, lambda: swin(2)),
    Case("vgg11", {"depths": [1, 1, 2, 1, 1], "norm": "bn", "drop_rate": 0.3, "num_classes": 7}, vgg,
         ((3, 32, 32),)),
    Case("vit_b_16",
         {"image_size": 32, "patch_size": 8, "depth": 2, "heads": 2, "hidden": 12, "mlp_dim": 20,
          "drop_rate": 0.2, "attention_drop": 0.3, "num_classes": 7},
         lambda: vision().VisionTransformer(32, 8, 2, 2, 12, 20, 0.2, 0.3, 7), ((3, 32, 32),)),
]  # fmt: skip


# timm


def cspnet() -> nn.Module:
    module = timm("cspnet")
    usual = module.model_cfgs["cspresnet50"]
    stages = replace(
        usual.stages, depth=(1, 2, 1, 1), out_chs=(16, 24, 32, 48), groups=(2, 2, 2, 2),
        expand_ratio=(2.0, 1.0, 2.0, 1.0), block_ratio=(1.0, 0.5, 1.0, 0.5), bottle_ratio=(0.5, 0.5, 1.0, 0.25),
    )  # fmt: skip
    made: nn.Module = module.CspNet(replace(usual, stages=stages), num_classes=7)
    return made


def hrnet() -> nn.Module:
    module = timm("hrnet")
    rows = copy.deepcopy(module.cfg_cls["hrnet_w18_small"])
    rows["stage1"] |= {"num_blocks": (3,), "num_channels": (12,)}
    for k, n in zip((2, 3, 4), (1, 2, 1), strict=True):
        widths = tuple(8 * 2**j for j in range(k))
        rows[f"stage{k}"] |= {"num_modules": n, "num_blocks": (1,) * k, "num_channels": widths}
    made: nn.Module = module.HighResolutionNet(rows, num_classes=7)
    return made


def repvgg() -> nn.Module:
    module = timm("byobnet")
    blocks = module._rep_vgg_bcfg(d=(1, 2, 1, 1), wf=(0.25, 0.25, 0.25, 0.5))
    rows = module.ByoModelCfg(blocks=blocks, stem_type="rep", stem_chs=16)
    made: nn.Module = module.ByobNet(rows, num_classes=7)
    return made


def vovnet(*, depthwise: bool) -> nn.Module:
    module = timm("vovnet")
    rows = {
        "stem_chs": [8, 12, 16], "stage_conv_chs": [8, 12, 16, 20], "stage_out_chs": [16, 20, 24, 28],
        "layer_per_block": 2, "block_per_stage": [1, 2, 1, 1], "residual": not depthwise, "depthwise": depthwise, "attn": "",
    }  # fmt: skip
    made: nn.Module = module.VovNet(rows, num_classes=7)
    return made


def resnet(module: str, name: str, **arguments: Any) -> Callable[[], nn.Module]:
    return lambda: getattr(timm(module), name)(**arguments)


def senet() -> nn.Module:
    module = timm("senet")
    made: nn.Module = module.SENet(
        module.SEResNeXtBottleneck, (1, 2, 1, 1), 16, 8, drop_rate=0.3, num_classes=7
    )
    return made


def inception_next() -> nn.Module:
    module = timm("inception_next")
    mixer = partial(module.InceptionDWConv2d, band_kernel_size=5, branch_ratio=0.2)
    made: nn.Module = module.MetaNeXt(
        num_classes=7, depths=(1, 2, 1, 1), dims=(10, 20, 30, 40), token_mixers=mixer
    )
    return made


def selecsls() -> nn.Module:
    module = timm("selecsls")
    rows: dict[str, Any] = {"block": module.SelecSlsBlock, "num_features": 24}
    rows["features"] = [
        (32, 0, 64, 64, True, 2), (64, 64, 64, 128, False, 1), (128, 0, 144, 144, True, 2),
        (144, 144, 144, 288, False, 1), (288, 0, 304, 304, True, 2), (304, 304, 304, 480, False, 1),
    ]  # fmt: skip
    rows["head"] = [(480, 16, 3, 2), (16, 24, 1, 1)]
    rows["feature_info"] = [{"num_chs": 24, "reduction": 4, "module": "head.1"}]
    made: nn.Module = module.SelecSls(rows, num_classes=7)
    return made


SELECTIVE = {"rd_ratio": 1 / 8, "rd_divisor": 4, "kernel_size": [3, 5, 7], "split_input": False}
TIMM = [
    Case("convmixer_1536_20",
         {"width": 12, "depth": 2, "kernel": 5, "patch": 4, "act": "silu", "num_classes": 7},
         lambda: timm("convmixer").ConvMixer(12, 2, 5, 4, num_classes=7, act_layer=nn.SiLU)),
    Case("cspresnet50",
         {**SHALLOW, "widths": [16, 24, 32, 48], "expand": [2, 1, 2, 1], "part": [1, 0.5, 1, 0.5],
          "squeeze": [0.5, 0.5, 1, 0.25], "groups": 2, "num_classes": 7}, cspnet),
    Case("dla60",
         {"levels": [1, 2, 1, 1], "widths": [8, 8, 16, 24, 32, 48], "groups": 2, "base": 32,
          "residual_root": True, "num_classes": 7},
         lambda: timm("dla").DLA([1, 1, 1, 2, 1, 1], [8, 8, 16, 24, 32, 48], 32, 7, cardinality=2,
                                 base_width=32, block=timm("dla").DlaBottleneck, shortcut_root=True),
         ((3, 64, 64), (3, 96, 32))),
    Case("dpn92",
         {**SHALLOW, "increments": [4, 8, 8, 12], "bottleneck": 24, "base": 64, "groups": 4,
          "entry": "conv(10, 3, stride=2)", "separate": True, "num_classes": 7},
         lambda: timm("dpn").DPN((1, 2, 1, 1), (4, 8, 8, 12), 24, 4, 7, small=True, b=True, num_init_features=10)),
    Case("dpn92",
         {**SHALLOW, "increments": [4, 8, 8, 12], "bottleneck": 24, "groups": 4},
         lambda: timm("dpn").DPN((1, 2, 1, 1), (4, 8, 8, 12), 24, 4)),
    Case("focalnet_tiny_srf",
         {"width": 8, **SHALLOW, "levels": 3, "window": 5, "drop_path_rate": 0.3, "num_classes": 7},
         lambda: timm("focalnet").FocalNet(3, 7, embed_dim=8, depths=(1, 2, 1, 1), focal_levels=(3,) * 4,
                                           focal_windows=(5,) * 4, drop_path_rate=0.3),
         gradients=1e-5),
    Case("ghostnet_100", {"width_mult": 0.35, "drop_rate": 0.4, "num_classes": 7},
         lambda: timm("ghostnet")._create_ghostnet("ghostnet_100", width=0.35, drop_rate=0.4, num_classes=7)),
    Case("ghostnet_100", {"width_mult": 0.35, "attention": True},
         lambda: timm("ghostnet")._create_ghostnet("ghostnetv2_100", width=0.35, version="v2")),
    Case("hrnet_w18",
         {"width": 8, "depth": 1, "modules": [1, 2, 1], "entry_width": 12, "entry_depth": 3, "num_classes": 7},
         hrnet, ((3, 64, 64), (3, 96, 32))),
    Case("inception_next_tiny",
         {**SHALLOW, "widths": [10, 20, 30, 40], "band": 5, "ratio": 0.2, "num_classes": 7}, inception_next),
    Case("repvgg_a0", {**SHALLOW, "a": 0.25, "b": 0.5, "num_classes": 7}, repvgg),
    Case("res2net50_26w_4s",
         {**SHALLOW, "w": 10, "scale": 3, "groups": 2, "num_classes": 7},
         resnet("res2net", "res2net50_26w_4s", layers=[1, 2, 1, 1], base_width=10, cardinality=2,
                block_args={"scale": 3}, num_classes=7)),
    Case("resnest50d",
         {**SHALLOW, "radix": 3, "groups": 2, "base": 36, "stem_width": 12, "pool_first": True, "num_classes": 7},
         resnet("resnest", "resnest50d", layers=[1, 2, 1, 1], base_width=36, cardinality=2, stem_width=12,
                block_args={"radix": 3, "avd": True, "avd_first": True}, num_classes=7)),
    Case("resnet50",
         {**SHALLOW, "groups": 2, "base": 24, "output_stride": 16, "entry": "deep_entry", "num_classes": 7},
         resnet("resnet", "resnet50", layers=[1, 2, 1, 1], cardinality=2, base_width=24, output_stride=16,
                stem_type="deep", stem_width=32, num_classes=7)),
    Case("resnet18", {**SHALLOW, "shortcut": "avg_projection", "block": "basic"},
         resnet("resnet", "resnet18", layers=[1, 2, 1, 1], avg_down=True)),
    Case("resnetv2_50", {**SHALLOW, "num_classes": 7},
         resnet("resnetv2", "resnetv2_50", layers=[1, 2, 1, 1], num_classes=7)),
    Case("resnetv2_18", {**SHALLOW, "layers": "basic", "entry": "entry_3x3", "shortcut": "pooled"},
         resnet("resnetv2", "resnetv2_18", layers=[1, 2, 1, 1], stem_type="deep", avg_down=True)),
    Case("rexnet_100", {"width_mult": 0.6, "divisor": 4, "drop_rate": 0.4, "num_classes": 7},
         lambda: timm("rexnet").RexNet(width_mult=0.6, ch_div=4, drop_rate=0.4, num_classes=7)),
    Case("selecsls42", {"last": [[16, 3, 2], [24, 1, 1]], "num_classes": 7}, selecsls),
    Case("se_resnext50_32x4d", {**SHALLOW, "groups": 16, "widen": [1, 1], "r": 8, "drop_rate": 0.3, "num_classes": 7}, senet),
    Case("skresnet50",
         {**SHALLOW, "groups": 2, "base": 32, "r": 8, "least": 4, "dilations": [1, 2, 3], "divided": False,
          "num_classes": 7},
         resnet("sknet", "skresnet50", layers=[1, 2, 1, 1], cardinality=2, base_width=32,
                block_args={"sk_kwargs": SELECTIVE}, num_classes=7)),
    Case("starnet_s1", {"width": 8, **SHALLOW, "expand": 3, "num_classes": 7},
         lambda: timm("starnet").StarNet(8, [1, 2, 1, 1], 3, num_classes=7)),
    *(
        Case("ese_vovnet19b_slim",
             {"stem_widths": [8, 12, 16], "widths": [8, 12, 16, 20], "outs": [16, 20, 24, 28], **SHALLOW, "layers": 2,
              "depthwise": depthwise, "attention": "none", "residual": not depthwise, "num_classes": 7},
             partial(vovnet, depthwise=depthwise))
        for depthwise in (False, True)
    ),
]  # fmt: skip

# What the papers' authors did, as the tests of their families have it


def cifar(shortcut: Callable[[int, int, int], nn.Module | None]) -> nn.Module:
    """Return He's network for CIFAR with two blocks a stage, and shortcuts of a kind."""
    basic = vision().resnet.BasicBlock
    return CifarNet(lambda cin, width, s, _: basic(cin, width, s, shortcut(cin, width, s)), 2)


def where_it_changes(cin: int, width: int, stride: int) -> nn.Module | None:
    return projected(cin, width, stride) if stride > 1 or cin != width else None


class Scaled(Padded):
    """Option A, scaled."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.7 * super().forward(x)


def highway() -> nn.Module:
    made = HighwayNet([6, 8, 10], [[3], [3, 1], [3]])
    made.rates = (0.1, 0.3, 0.4)
    return made


CIFAR = ((3, 32, 32), (3, 27, 35))
LITERATURE = [
    Case("densenet40_k12", {"L": 13, "k": 5, "theta": 0.7, "drop_rate": 0.2},
         lambda: DenseNet(13, 5, 0.2, theta=0.7), CIFAR),
    Case("densenet40_k12", {"L": 16, "k": 5, "theta": 0.3, "bottleneck": True},
         lambda: DenseNet(16, 5, theta=0.3, bottleneck=True), CIFAR),
    Case("highway19", {"widths": [6, 8, 10], "depths": [1, 2, 1], "kernels": [3, 1], "rates": [0.1, 0.3, 0.4]},
         highway, CIFAR),
    Case("nasnetalarge", {"features": 288, "num_classes": 7},
         lambda: timm("nasnet").NASNetALarge(7, num_features=288), ((3, 75, 75),)),
    Case("pyramidnet110_a48",
         {"depths": [1, 2, 1], "alpha": 9, "start": 10, "drop_rate": 0.3, "multiplicative": False},
         lambda: PyramidNet((1, 2, 1), 9, start=10, rate=0.3), CIFAR),
    Case("resnet20", {"n": 2, "shortcut": "zero_pad"}, lambda: cifar(lambda _, w, s: Padded(w, s)), CIFAR),
    Case("resnet20", {"n": 2, "shortcut": "projection"}, lambda: cifar(where_it_changes), CIFAR),
    Case("resnet20", {"n": 2, "shortcut": "always_projection"}, lambda: cifar(projected), CIFAR),
    Case("resnet20", {"n": 2, "shortcut": "none"}, lambda: cifar(lambda *_: Nothing()), CIFAR),
    Case("resnet18_d2l", {"arch": [[1, 64], [2, 12], [1, 16]]},
         lambda: BookResNet([[1, 64], [2, 12], [1, 16]]), ((1, 96, 96), (1, 41, 57))),
    Case("resnext29_8x64d", {"n": 2, "cardinality": 2, "base": 16}, lambda: ResNeXt29(2, 2, 16), CIFAR),
    Case("retinanet_resnet50_fpn", {"channels": 32, "anchors": 3, "num_classes": 5},
         lambda: RetinaNet(32, 3, 5), ((3, 75, 49),)),
    Case("shortcut_half", {"n": 2, "lam": 0.7}, lambda: cifar(lambda _, w, s: Scaled(w, s)), CIFAR),
    Case("unet", {"widths": [4, 6, 8, 10, 12], "padding": 1, "norm": "bn", "drop_rate": 0.3, "size": 64},
         lambda: UNet([4, 6, 8, 10, 12], 1, norm=True, rate=0.3), ((1, 64, 64), (1, 48, 80))),
    Case("wrn16_4_dropout", {"n": 2, "k": 2, "kernels": [1, 3], "dropout": 0.2},
         lambda: WideNet(2, 2, [1, 3], 0.2), CIFAR),
    Case("wrn28_10", {"d": 16, "k": 1}, lambda: WideNet(2, 1, [3, 3], 0.0), CIFAR),
]  # fmt: skip

LISTS = {"torchvision": TORCHVISION, "timm": TIMM, "the paper": LITERATURE}
CASES = [replace(case, by=by) for by, cases in LISTS.items() for case in cases]
