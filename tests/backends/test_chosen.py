"""Outputs chosen at any place of a network: what is emitted is the graph, and no more of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

import archc
from archc.diagnostics import Source
from archc.graph import flat

SPECS = sorted((Path(__file__).parent / "specs").glob("*.yaml"))


def places(arch: archc.Architecture) -> list[str]:
    """Return the paths of a network's steps that give something."""
    found = arch.network.root.places or {}
    return [path for path, value in found.items() if flat(value)]


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_any_place(path: Path) -> None:
    """Wherever an output is chosen, also in the middle of a loop or a list."""
    from oracle import assert_runs

    draw = random.Random(path.stem)  # noqa: S311 - chooses, and hides nothing
    known = places(archc.compile(path))
    for _ in range(3):
        chosen = draw.sample(known, min(len(known), draw.choice((1, 2, 3))))
        try:
            arch = archc.compile(path, outputs=chosen)
        except archc.SpecError as error:  # a parameter is no feature
            assert {d.code for d in error.diagnostics} == {"unknown-output"}  # noqa: PT017
            continue
        assert_runs(arch)
        assert [o.name for o in arch.network.root.outputs] == chosen
        whole = archc.compile(path).state_dict_shapes()
        assert arch.state_dict_shapes().items() <= whole.items()


def test_only_what_is_needed() -> None:
    """Steps behind the last chosen one are not built, and the network keeps its order of keys."""
    whole = archc.compile("resnet18").state_dict_shapes()
    arch = archc.compile("resnet18", outputs=["layer2", "layer1"])
    kept = [k for k in whole if not k.startswith(("layer3", "layer4", "fc"))]

    assert list(arch.state_dict_shapes()) == kept
    assert [(f.name, f.channels, f.reduction) for f in arch.features] == [
        ("layer2", 128, 8),
        ("layer1", 64, 4),
    ]
    assert "outputs layer2, layer1" in " ".join(arch.source().split())
    assert "num_classes" not in arch.source()


def test_form() -> None:
    """Several outputs come by name, one as it is."""
    x = torch.randn(1, 3, 32, 32)
    several, one = (archc.load("resnet18", outputs=o)(x) for o in (["layer1", "stem"], ["layer1"]))

    assert {k: v.shape[1] for k, v in several.items()} == {"layer1": 64, "stem": 64}
    assert one.shape == several["layer1"].shape


def test_declared_outputs() -> None:
    """An output of the spec can be chosen, one for training too, which then is there always."""
    model = archc.load("googlenet", outputs=["aux1", "logits"]).eval()

    assert list(model(torch.randn(1, 3, 64, 64))) == ["aux1", "logits"]
    assert not hasattr(model, "aux2")


@pytest.mark.parametrize(
    ("name", "heads", "size"), [("googlenet", 2, 96), ("inception_v3", 1, 299)]
)
def test_outputs_for_training(name: str, heads: int, size: int) -> None:
    """Auxiliary heads are told apart from the result, and cost nothing in inference."""
    arch, model = archc.compile(name), archc.load(name)
    ran: list[str] = []
    for part in ("aux1", "aux2", "AuxLogits"):
        if hasattr(model, part):
            getattr(model, part).register_forward_hook(lambda *_: ran.append("aux"))
    x = torch.randn(2, *arch.input.with_spatial((size, size)).sizes)

    assert [f.training for f in arch.features] == [False] + [True] * heads
    assert set(model(x)) == {f.name for f in arch.features}
    assert len(ran) == heads
    assert model.eval()(x).shape == (2, 1000)
    assert len(ran) == heads


def test_the_second_use_becomes_the_first() -> None:
    """Where the first use of a module is left out, the tensors stay with the next."""
    text = (
        "archc: 1\nname: net\ninput: [3, 8, 8]\nbody:\n  a: conv(3, 3)\n"
        "  b: reuse(a)(x)\n  c: a + b\n  d: relu(b)\noutputs: [c, d]\n"
    )
    arch = archc.compile(Source("net", text), outputs=["d"])

    assert arch.params == 84
    assert list(arch.state_dict_shapes()) == ["a.weight", "a.bias"]
    assert archc.load(Source("net", text), outputs=["d"])(torch.ones(1, 3, 8, 8)).shape == (
        1,
        3,
        8,
        8,
    )


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (["layr2"], "did you mean `layer2`"),
        (["layer3.0.conv1"], "inside `layer3.0`, a `basic`"),
        (["layer1", "layer1"], "chosen twice"),
        (["x"], "no stage and no step `x`"),
        ([""], "no stage and no step"),
    ],
)
def test_wrong_names(outputs: list[str], said: str) -> None:
    with pytest.raises(archc.SpecError, match="unknown-output") as raised:
        archc.compile("resnet18", outputs=outputs)

    assert said in str(raised.value)
    assert raised.value.diagnostics[0].span.source.name == "--outputs"


def test_nothing_to_give() -> None:
    with pytest.raises(archc.SpecError, match="gives nothing"):
        archc.compile("googlenet", outputs=["aux1"], aux_logits=False)
