"""What loaded networks offer as timm's do, and `archc.create_model`; timm's own are the oracle."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from timm_networks import FAMILIES
from torch import nn

import archc
from archc import zoo
from archc.runtime.torchvision import import_torchvision

SPLIT = sorted(
    path.stem
    for path in zoo.files()
    if path.stem not in ("fpn", "retinanet", "deeplab", "resnet_d2l")
)
QUICK = ("resnet_cifar", "squeezenet")
FIXED = ("vit", "swin", "maxvit", "unet", "inception_v3", "inception_v4", "nasnet", "xception")


def sample(name: str, batch: int = 2) -> tuple[tuple[int, ...], torch.Tensor]:
    """Return the sizes of a small input that a network takes, and such an input."""
    own = archc.compile(name).input.sizes
    sizes = own if name in FIXED or own[1] <= 96 else (own[0], 64, 64)
    return sizes, torch.randn(batch, *sizes)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.heavy) for n in SPLIT]
)
def test_features_and_head_are_the_network(name: str) -> None:
    sizes, x = sample(name, batch=1)
    model = archc.load(name, input=sizes).eval()

    with torch.no_grad():
        features = model.forward_features(x)
        before = model.forward_head(features, pre_logits=True)
        logits = model.forward_head(features)
        whole = model(x)

    assert torch.equal(logits, whole)
    axis = {"NCHW": 1, "NLC": 2, "NHWC": 3}[model.output_fmt]
    assert features.shape[axis] == model.num_features
    assert before.shape[1] == model.head_hidden_size
    layer = model.get_classifier()
    assert layer is model.get_submodule(model.get_classifier(name_only=True))
    assert layer.weight.shape[:2] == (model.num_classes, model.head_hidden_size)


BOTH = [name for names in FAMILIES.values() for name in names if name in archc.names()]


def timm_model(name: str) -> Any:
    import_torchvision()
    timm = pytest.importorskip("timm")
    with torch.device("meta"):
        return timm.create_model(name)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "resnet50" else pytest.mark.heavy) for n in BOTH]
)
def test_facts_are_timms(name: str) -> None:
    """The widths of features and classifier, and the input's, are what timm says of its own."""
    theirs = timm_model(name)
    with torch.device("meta"):
        ours = archc.load(name)

    assert ours.num_features == theirs.num_features
    assert ours.head_hidden_size == theirs.head_hidden_size
    assert ours.num_classes == theirs.num_classes
    cfg = theirs.default_cfg  # of some networks the input that timm's weights were trained at
    if cfg["input_size"] == ours.default_cfg["input_size"] and cfg["pool_size"] is not None:
        assert ours.default_cfg["pool_size"] == cfg["pool_size"]


SAME_MAPS = [
    "resnet18", "resnet50", "wide_resnet50_2", "densenet121", "res2net50_14w_8s", "skresnet18",
    "resnest14d", "repvgg_a0", "ese_vovnet19b_dw", "focalnet_tiny_srf", "inception_next_tiny",
    "convmixer_768_32", "legacy_xception", "vgg16", "dla34", "inception_v3",
]  # fmt: skip


@pytest.mark.heavy
@pytest.mark.parametrize("name", SAME_MAPS)
def test_maps_are_timms(name: str) -> None:
    theirs = timm_model(name).feature_info
    with torch.device("meta"):
        ours = archc.load(name).feature_info

    told = [(d["num_chs"], d["reduction"]) for d in getattr(theirs, "info", theirs)]
    assert [(d["num_chs"], d["reduction"]) for d in ours] == told


def test_new_classifier() -> None:
    model, x = archc.load("resnet20"), torch.randn(2, 3, 32, 32)
    model.reset_classifier(7)
    assert (model(x).shape, model.num_classes) == ((2, 7), 7)

    model.reset_classifier(0)
    assert (model(x).shape, model.num_classes) == ((2, 64), 0)
    assert isinstance(model.get_classifier(), nn.Identity)

    model.reset_classifier(0, "")
    assert model(x).shape == (2, 64, 8, 8)
    model.reset_classifier(3, "avg")
    assert model(x).shape == (2, 3)
    with pytest.raises(ValueError, match="no pool `max`"):
        model.reset_classifier(3, "max")


def test_new_classifier_is_where_the_network_is() -> None:
    model = archc.load("resnet20").double()
    model.reset_classifier(7)

    assert model.fc.weight.dtype == torch.double


@pytest.mark.parametrize("name", ["resnet20", pytest.param("vit_b_32", marks=pytest.mark.heavy)])
def test_checkpointing(name: str) -> None:
    """Gradients are the same, and every block is run once more in the backward pass."""
    x = torch.randn(2, *archc.compile(name).input.sizes)
    model = archc.load(name).eval()
    model(x).sum().backward()
    plain = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model.set_grad_checkpointing()
    wrapped = [m for m in model.modules() if "forward" in vars(m)]
    model(x).sum().backward()

    assert len(wrapped) == {"resnet20": 9, "vit_b_32": 12}[name]
    assert all(torch.equal(a, p.grad) for a, p in zip(plain, model.parameters(), strict=True))
    model.set_grad_checkpointing(False)
    assert not any("forward" in vars(m) for m in model.modules())


def test_a_copy_checkpoints_its_own_blocks() -> None:
    model, x = archc.load("resnet20").eval(), torch.randn(1, 3, 32, 32)
    model.set_grad_checkpointing()
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]  # noqa: S301 - our own
    before = model(x)

    for other in copies:
        assert torch.equal(other(x), before)
        nn.init.zeros_(other.layer1[0].conv1.weight)
        assert not torch.equal(other(x), before)
    assert torch.equal(model(x), before)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    "name", ["resnet20", pytest.param("squeezenet1_1", marks=pytest.mark.heavy)]
)
def test_torchscript(name: str) -> None:
    sizes, x = sample(name)
    model = archc.load(name, input=sizes).eval()

    assert torch.equal(torch.jit.script(model)(x), model(x))


def test_groups_run_from_input_to_output() -> None:
    import_torchvision()
    models = pytest.importorskip("timm.models")
    model = archc.load("resnet20")
    groups = models.group_parameters(model, model.group_matcher())
    coarse = models.group_parameters(model, model.group_matcher(coarse=True))

    assert groups[0] == ["conv1.weight", "bn1.weight", "bn1.bias"]
    assert {name.rsplit(".", 2)[0] for name in groups[4]} == {"layer2.0"}
    assert (len(groups), len(coarse)) == (11, 5)
    assert sorted(n for g in groups.values() for n in g) == sorted(dict(model.named_parameters()))


def test_embeddings_do_not_decay() -> None:
    with torch.device("meta"):
        assert archc.load("vit_b_16").no_weight_decay() == {"class_token", "encoder.pos_embedding"}
        tables = archc.load("swin_t").no_weight_decay()
    assert {name.rpartition(".")[2] for name in tables} == {"relative_position_bias_table"}
    assert archc.load("resnet20").no_weight_decay() == set()


# create_model


def test_create_model() -> None:
    model = archc.create_model("resnet20", num_classes=7, in_chans=1)

    assert model(torch.randn(2, 1, 32, 32)).shape == (2, 7)
    assert model.archc.recipe.input == (1, 32, 32)
    assert archc.create_model("resnet20", img_size=16)(torch.randn(1, 3, 16, 16)).shape == (1, 10)
    assert archc.create_model("resnet20", drop_rate=None).num_classes == 10


def test_create_model_without_head() -> None:
    x = torch.randn(2, 3, 32, 32)

    assert archc.create_model("resnet20", num_classes=0)(x).shape == (2, 64)
    assert archc.create_model("resnet20", num_classes=0, global_pool="")(x).shape == (2, 64, 8, 8)
    with pytest.raises(ValueError, match="num_classes=0"):
        archc.create_model("resnet20", global_pool="")


@pytest.mark.heavy
def test_outputs_for_training_are_left_out() -> None:
    """As in timm; where they are asked for, the pool can't be left out of the forward method."""
    x = torch.randn(2, 3, 96, 96)
    plain = archc.create_model("googlenet", num_classes=0, global_pool="")
    aux = archc.create_model("googlenet", num_classes=7, aux_logits=True)

    assert plain(x).shape == (2, 1024, 3, 3)
    assert set(aux(x)) == {"logits", "aux1", "aux2"}
    with pytest.raises(ValueError, match="no pool"):
        aux.reset_classifier(0, "")


@pytest.mark.heavy
def test_maps_of_blocks_that_give_several_values() -> None:
    model = archc.create_model("selecsls42", features_only=True, feature_cls="getter").eval()
    maps = model(torch.randn(1, 3, 96, 96))

    assert [m.shape[1] for m in maps] == model.feature_info.channels() == [32, 1024, 1280]


def test_features_only() -> None:
    x = torch.randn(2, 3, 64, 64)
    model = archc.create_model("resnet18", features_only=True, out_indices=(1, -1)).eval()
    maps = model(x)

    assert [tuple(m.shape) for m in maps] == [(2, 64, 16, 16), (2, 512, 2, 2)]
    assert model.feature_info.channels() == [64, 512]
    assert model.feature_info.reduction() == [4, 32]
    assert model.feature_info.module_name() == ["layer1", "layer4"]
    assert model.feature_info.reduction(0) == 2
    assert len(archc.create_model("resnet18", features_only=True, out_indices=2)(x)) == 2
    for wrong in ((5,), 6, (), -1):
        with pytest.raises(ValueError, match="5 maps, 0 to 4"):
            archc.create_model("resnet18", features_only=True, out_indices=wrong)
    with pytest.raises(ValueError, match="no maps"):
        archc.create_model("fpn_resnet50", features_only=True)


@pytest.mark.heavy
def test_maps_of_a_list_with_a_loop() -> None:
    """The first copy of a loop in a list is what its path says, not the last one."""
    x = torch.randn(1, 3, 64, 64)
    maps = archc.create_model("mobilenet_v3_small", features_only=True).eval()(x)

    assert [m.shape[2] for m in maps] == sorted((m.shape[2] for m in maps), reverse=True)


@pytest.fixture
def kept(tmp_path: Path) -> tuple[str, nn.Module]:
    """Return a file of weights, and the network that has them."""
    model = archc.load("resnet20").eval()
    torch.save(model.state_dict(), tmp_path / "w.pth")
    return str(tmp_path / "w.pth"), model


def test_pretrained(kept: tuple[str, nn.Module]) -> None:
    path, own = kept
    x = torch.randn(2, 3, 32, 32)
    other = archc.create_model("resnet20", path, num_classes=7).eval()
    maps = archc.create_model("resnet20", path, features_only=True).eval()

    assert torch.equal(archc.create_model("resnet20", path).eval()(x), own(x))
    assert torch.equal(other.forward_features(x), own.forward_features(x))
    assert torch.equal(maps(x)[-1], own.forward_features(x))
    bare = archc.create_model("resnet20", path, num_classes=0).eval()
    assert torch.equal(bare(x), own.forward_head(own.forward_features(x), pre_logits=True))


@pytest.mark.parametrize("channels", [1, 2, 4, 6, 7])
def test_other_channels_as_timm_makes_them(kept: tuple[str, nn.Module], channels: int) -> None:
    import_torchvision()
    manipulate = pytest.importorskip("timm.models._manipulate")
    path, own = kept
    model = archc.create_model("resnet20", path, in_chans=channels)

    theirs = manipulate.adapt_input_conv(channels, own.conv1.weight.detach())
    assert torch.allclose(model.conv1.weight, theirs, atol=1e-7)
    assert torch.equal(model.layer1[0].conv1.weight, own.layer1[0].conv1.weight)


@pytest.mark.heavy
def test_weights_of_another_size_are_told(tmp_path: Path) -> None:
    torch.save(archc.load("vit_b_32").state_dict(), tmp_path / "w.pth")

    with pytest.raises(archc.WeightsError, match="pos_embedding"):
        archc.create_model("vit_b_32", str(tmp_path / "w.pth"), img_size=64)
