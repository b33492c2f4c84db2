"""Whose weights: networks of torchvision and timm are recognised by keys and shapes alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from typer.testing import CliRunner, Result

import archc
from archc.api.identifying import Match, identify
from archc.cli import app
from archc.runtime.peers import peer
from archc.weights import sketches


def shapes(text: str) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {k: tuple(v.shape) for k, v in peer(text).state_dict().items()}


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["identify", *arguments], catch_exceptions=False)


def known(name: str) -> dict[str, tuple[int, ...]]:
    return archc.compile(name).state_dict_shapes()


def first(text: str) -> Match:
    return identify(shapes(text))[0]


def test_index_is_of_the_specs(golden: Callable[[Path, str], None]) -> None:
    """What changed since it was written is compiled; --update-goldens writes it."""
    golden(sketches.FILE, sketches.written(known))


@pytest.mark.heavy
def test_index_is_of_the_zoo() -> None:
    assert sketches.FILE.read_text(encoding="utf-8") == sketches.written(known, anew=True)


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("torchvision:convnext_tiny", "convnext_tiny", {}),
        pytest.param(
            "torchvision:wide_resnet50_2(num_classes=7)",
            "wide_resnet50_2",
            {"num_classes": "7"},
            marks=pytest.mark.heavy,
        ),
        pytest.param(
            "timm:densenet121(num_classes=10)",
            "densenet121",
            {"num_classes": "10"},
            marks=pytest.mark.heavy,
        ),
        pytest.param(
            "timm:resnet26",
            "resnet50",
            {"depths": "[2, 2, 2, 2]"},
            marks=pytest.mark.heavy,
        ),
    ],
)
def test_peers(text: str, name: str, settings: dict[str, str]) -> None:
    found = first(text)

    assert (found.name, found.settings, found.exact) == (name, settings, True)


def test_other_ends() -> None:
    """Other classes and other input channels are told as settings."""
    given = known("resnet18") | {
        "conv1.weight": (64, 4, 7, 7),
        "fc.weight": (21, 512),
        "fc.bias": (21,),
    }
    (found,) = identify(given)

    assert found.exact
    assert found.settings == {"num_classes": "21", "input": "4,224,224"}


def test_what_keys_cannot_tell() -> None:
    """Version 1 strides elsewhere than 1.5, which no key and no shape shows."""
    found = identify(known("resnet50_paper"))

    assert {m.name for m in found} == {"resnet50", "resnet50_b", "resnet50_paper"}
    assert "stride_in=1" in next(m.untold for m in found if m.name == "resnet50")


def test_what_is_off() -> None:
    given = known("resnet18")
    del given["layer1.0.bn1.bias"]
    given |= {"layer1.0.conv1.weight": (64, 64, 5, 5), "extra": (3,)}
    (found,) = identify(given)

    assert found.name == "resnet18"
    assert not found.exact
    assert (found.missing, found.unexpected) == (["layer1.0.bn1.bias"], ["extra"])
    assert dict(found.shapes) == {"layer1.0.conv1.weight": ((64, 64, 3, 3), (64, 64, 5, 5))}


def test_other_keys() -> None:
    """All tensors of this network have other names in timm."""
    (found,) = identify(shapes("timm:regnetx_004_tv"))

    assert (found.name, found.renamed, found.exact) == ("regnet_x_400mf", True, False)


@pytest.mark.parametrize(
    "given",
    [{}, {"a": (1,)}, {"weight": (3, 3)}, {"": ()}, {"layer1.0": (64,)}, {"\ud800": (1, 2)}],
)
def test_of_nothing(given: dict[str, tuple[int, ...]]) -> None:
    assert identify(given) == []


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        pytest.param(
            lambda s: {"epoch": 3, "model": s, "optimizer": {"state": {}}}, marks=pytest.mark.heavy
        ),
        pytest.param(lambda s: {f"module.{k}": v for k, v in s.items()}, marks=pytest.mark.heavy),
        lambda s: {"state_dict": {f"model._orig_mod.{k}": v for k, v in s.items()}},
    ],
)
def test_command(wrap: Callable[[dict[str, Any]], object], tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save(wrap(peer("torchvision:resnet18(num_classes=10)").state_dict()), path)
    result = command(str(path))

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].endswith(
        "w.pth: resnet18 --set num_classes=10: all 122 keys and shapes"
    )


def test_command_of_strangers(tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 4).state_dict(), tmp_path / "w.pth")
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    torch.save({"model": nn.Linear(3, 4)}, tmp_path / "code.pth")

    result = command(str(tmp_path / "w.pth"))
    assert (result.exit_code, result.stdout.count("no network of the zoo")) == (1, 1)
    result = command("--format", "json", str(tmp_path / "w.pth"))
    assert (result.exit_code, json.loads(result.stdout)) == (1, [])
    for name in ("bad.pth", "code.pth", "none.pth"):
        result = command(str(tmp_path / name))
        assert result.exit_code in {1, 2}
        assert name in result.stderr
        assert "Traceback" not in result.stderr
