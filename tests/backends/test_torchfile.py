"""The emitter by way of the tree that lowering keeps: its files are what their specs say."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import pytest
from sweeps import ONE_OF_EACH, sweep

import archc
from archc.api import Architecture
from archc.backends.torchfile.file import source
from archc.lower.resizing import resized
from archc.runtime.load import load
from archc.runtime.validate import validate_behaviour

QUICK = ["hrnet_w18_small", "mobilenet_v3_small", "resnet20", "swin_t"]
SMALL = (32, 33, 48, 64, 65, 96, 128, 129, 192, 224)


class Rebuilt(Architecture):
    """A network whose file is written by this emitter."""

    def source(self, surface: object = None) -> str:  # noqa: ARG002 - as archc.load asks
        return source(self.network, version=archc.__version__)


def rebuilt(name: str) -> Rebuilt:
    arch = archc.compile(name)
    return Rebuilt(arch.network, arch.recipe)


@pytest.mark.parametrize("name", sweep(sorted(ONE_OF_EACH), QUICK))
def test_of_each_family(name: str) -> None:
    """Keys in their order, shapes, and all that the file does, against the graph op by op."""
    arch = rebuilt(name)
    own = arch.input
    squares = (own.with_spatial((s,) * len(own.spatial)).sizes for s in SMALL if s < max(own.sizes))
    sizes = list(islice((s for s in squares if resized(arch.network, s) is not None), 1))
    state = {k: tuple(v.shape) for k, v in load(arch).state_dict().items()}
    report = validate_behaviour(arch, sizes or [own.sizes], batch=2)

    assert list(state.items()) == list(arch.state_dict_shapes().items())
    assert [(row.what, row.at, row.result) for row in report.wrong] == []
    assert not report.refused


MISCOMPILED = sorted((Path(__file__).parent.parent / "runtime" / "miscompiled").glob("*.yaml"))


@pytest.mark.parametrize("path", MISCOMPILED, ids=[p.stem for p in MISCOMPILED])
def test_what_the_other_emitter_gets_wrong(path: Path) -> None:
    """At its own size and another: heights are read off values, keys say what is a group."""
    report = validate_behaviour(rebuilt(str(path)))

    assert [(row.what, row.at, row.result) for row in report.wrong] == []
    assert not report.refused


def test_sizes_are_read_where_the_module_runs() -> None:
    text = rebuilt(str(MISCOMPILED[-1].parent / "frozen_height.yaml")).source()

    assert "fc.unflatten(1, (conv.shape[-2], -1))" in text


@pytest.mark.parametrize(
    "name",
    [
        "dla34",
        "fractalnet20",
        "hrnet_w18_small",
        "legacy_xception",
        "res2net50_26w_4s",
        "selecsls42",
    ],
)
def test_a_block_is_one_class(name: str) -> None:
    """Also one that is in itself, in another that is in it, or whose lists differ in length."""
    numbered = re.findall(r"^class (\w+\d)\(", rebuilt(name).source(), re.MULTILINE)

    assert numbered == []
