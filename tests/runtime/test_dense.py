"""Networks with several outputs or an imported backbone, each against another implementation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as all do
from holding import hold_ordered
from torch import nn

import archc
from archc.runtime.torchvision import import_torchvision

ARGUMENTS = {"googlenet": {"init_weights": False, "aux_logits": False}}


class Getter(nn.Module):
    """torchvision's own way to features: its IntermediateLayerGetter."""

    def __init__(self, name: str, layers: Sequence[str]) -> None:
        super().__init__()
        models = import_torchvision().models
        self.body = models._utils.IntermediateLayerGetter(
            models.get_model(name, weights=None, **ARGUMENTS.get(name, {})), {n: n for n in layers}
        )

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        features: dict[str, torch.Tensor] = self.body(x)
        return features


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("resnet18", ("layer2", "layer3")),
        ("resnet18", ("relu", "layer1", "layer4")),
        pytest.param("resnet50", ("layer1", "layer2", "layer3", "layer4"), marks=pytest.mark.heavy),
        pytest.param(
            "googlenet", ("maxpool2", "inception4a", "inception5b"), marks=pytest.mark.heavy
        ),
    ],
)
def test_features(name: str, layers: tuple[str, ...]) -> None:
    """Features have the keys of a subset of the network, and torchvision's values."""
    theirs = Getter(name, layers)
    ours = archc.load(name, outputs=layers)

    assert list(ours(torch.zeros(2, 3, 64, 64))) == list(layers)
    hold_ordered(ours, theirs.body, [(3, 64, 64), (3, 75, 49)])


class Dilated(nn.Module):
    """torchvision's ResNet with `replace_stride_with_dilation`."""

    def __new__(cls, name: str, replace: list[bool]) -> nn.Module:
        models = import_torchvision().models
        made: nn.Module = models.get_model(name, weights=None, replace_stride_with_dilation=replace)
        return made


@pytest.mark.parametrize(
    "name", ["resnet50", pytest.param("resnext50_32x4d", marks=pytest.mark.heavy)]
)
@pytest.mark.parametrize(
    ("stride", "replace"),
    [
        pytest.param(16, [False, False, True], marks=pytest.mark.heavy),
        (8, [False, True, True]),
    ],
)
def test_output_stride(name: str, stride: int, replace: list[bool]) -> None:
    """The last stages dilate where they would stride; which block begins to is torchvision's."""
    hold_ordered(
        archc.load(name, output_stride=stride), Dilated(name, replace), [(3, 64, 64), (3, 75, 49)]
    )
    features = archc.compile(name, output_stride=stride, outputs=["layer2", "layer4"]).features

    assert [f.reduction for f in features] == [8, stride]


@pytest.mark.parametrize(
    "name", ["fpn_resnet50", pytest.param("fpn_resnet101", marks=pytest.mark.heavy)]
)
def test_fpn(name: str) -> None:
    """The backbone with a feature pyramid of torchvision, keys and all, its last pooled level too."""
    detection = import_torchvision().models.detection
    theirs = detection.backbone_utils.resnet_fpn_backbone(
        backbone_name=name.removeprefix("fpn_"),
        weights=None,
        trainable_layers=5,
        norm_layer=nn.BatchNorm2d,
    )
    hold_ordered(archc.load(name), theirs, [(3, 64, 64), (3, 75, 49)])


SEGMENTATION = [
    ("deeplabv3_resnet50", True),
    pytest.param("fcn_resnet50", False, marks=pytest.mark.heavy),
    pytest.param("fcn_resnet50", True, marks=pytest.mark.heavy),
    pytest.param("deeplabv3_resnet50", False, marks=pytest.mark.heavy),
    pytest.param("deeplabv3_resnet101", True, marks=pytest.mark.heavy),
    pytest.param("fcn_resnet101", False, marks=pytest.mark.heavy),
]


@pytest.mark.parametrize(("name", "aux"), SEGMENTATION)
def test_segmentation(name: str, aux: bool) -> None:
    """DeepLabv3 and FCN as torchvision has them, with the auxiliary classifier and without."""
    models = import_torchvision().models
    theirs = models.get_model(name, weights=None, weights_backbone=None, aux_loss=aux)

    hold_ordered(archc.load(name, aux_loss=aux), theirs, [(3, 75, 49)])


class Convs(nn.Sequential):
    """Two 3x3 convolutions, each with a ReLU."""

    def __init__(self, channels: int, out: int, padding: int, *, norm: bool) -> None:
        layers: list[nn.Module] = []
        for k in (channels, out):
            layers.append(nn.Conv2d(k, out, 3, padding=padding, bias=not norm))
            layers += [nn.BatchNorm2d(out)] if norm else []
            layers.append(nn.ReLU())
        super().__init__(*layers)


class Up(nn.Module):
    """Up-convolve, put the cropped skip before it, convolve twice."""

    def __init__(self, channels: int, out: int, padding: int, *, norm: bool) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, out, 2, stride=2)
        self.conv = Convs(2 * out, out, padding, norm=norm)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        x = self.up(x)
        top, left = ((a - b) // 2 for a, b in zip(skip.shape[2:], x.shape[2:], strict=True))
        skip = F.pad(
            skip, (-left, left + x.shape[3] - skip.shape[3], -top, top + x.shape[2] - skip.shape[2])
        )
        result: torch.Tensor = self.conv(torch.cat([skip, x], 1))
        return result


class UNet(nn.Module):
    """Ronneberger et al. 2015, Fig. 1, written by hand."""

    def __init__(self, widths: Sequence[int], padding: int, *, norm: bool, rate: float) -> None:
        super().__init__()
        self.contract = nn.ModuleList([Convs(1, widths[0], padding, norm=norm)])
        for a, b in pairwise(widths):
            self.contract.append(nn.Sequential(nn.MaxPool2d(2), Convs(a, b, padding, norm=norm)))
        self.dropout = nn.Dropout(rate)
        ups = reversed(list(pairwise(widths)))
        self.expand = nn.ModuleList(Up(b, a, padding, norm=norm) for a, b in ups)
        self.out = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for down in self.contract:
            x = down(x)
            skips.append(x)
        x = self.dropout(x)
        for up, skip in zip(self.expand, reversed(skips[:-1]), strict=True):
            x = up(x, skip)
        result: torch.Tensor = self.out(x)
        return result


WIDTHS = [8, 12, 16, 20, 24]


@pytest.mark.parametrize(
    ("variant", "padding", "norm", "rate", "sizes"),
    [
        ("unet", 0, False, 0.5, [(1, 188, 204), (1, 236, 188)]),
        ("unet_padded", 1, True, 0.0, [(1, 64, 64), (1, 80, 48)]),
    ],
)
def test_unet(
    variant: str, padding: int, norm: bool, rate: float, sizes: list[tuple[int, ...]]
) -> None:
    ours = archc.load(variant, widths=WIDTHS)

    hold_ordered(ours, UNet(WIDTHS, padding, norm=norm, rate=rate), sizes)


def test_unet_as_published() -> None:
    """A tile of 572 by 572 gives a map of 388 by 388."""
    paper = archc.compile("unet")

    assert (paper.input.spatial, paper.output.sizes) == ((572, 572), (2, 388, 388))
    assert archc.compile("unet_padded").output.spatial == (256, 256)
    assert paper.params == sum(
        p.numel() for p in UNet([64, 128, 256, 512, 1024], 0, norm=False, rate=0.5).parameters()
    )


class RetinaNet(nn.Module):
    """The parts of torchvision's RetinaNet, without what makes boxes and losses of its outputs."""

    def __init__(self, channels: int = 256, anchors: int = 9, classes: int = 91) -> None:
        super().__init__()
        vision = import_torchvision()
        pyramid = vision.ops.feature_pyramid_network
        detection = vision.models.detection
        self.backbone = detection.backbone_utils._resnet_fpn_extractor(
            vision.models.resnet50(weights=None),
            5,
            returned_layers=[2, 3, 4],
            extra_blocks=pyramid.LastLevelP6P7(256, 256),
        )
        if channels != 256:  # torchvision's number is fixed
            last = pyramid.LastLevelP6P7(channels, channels)
            self.backbone.fpn = pyramid.FeaturePyramidNetwork([512, 1024, 2048], channels, last)
        self.head = detection.retinanet.RetinaNetHead(channels, anchors, classes)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        outputs: dict[str, torch.Tensor] = self.head(list(self.backbone(x).values()))
        return outputs


def test_retinanet() -> None:
    """One head for all levels of the pyramid: torchvision's, its parameters once."""
    arch = archc.compile("retinanet_resnet50_fpn")
    heads = {leaf.path for leaf in arch.network.root.leaves() if leaf.path.startswith("head.")}

    hold_ordered(archc.load("retinanet_resnet50_fpn"), RetinaNet(), [(3, 75, 49)])
    assert arch.params == sum(p.numel() for p in RetinaNet().parameters())
    assert len([p for p in heads if "cls_logits" in p]) == 1
