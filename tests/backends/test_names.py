"""Any name of a spec is one of the emitted file's, whatever else it means there."""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

import archc
from archc.diagnostics import Source
from archc.language.functions import FUNCTIONS
from archc.language.given import ARGUMENTS
from archc.language.naming import LANGUAGE, MODULE

WORDS = """
    F OrderedDict T T_destination _ __hidden _x abs bool channels depth dict dim enumerate filter
    float forward getattr half hash i id in_channels init_weights input int isinstance k layer
    layers len list m make_divisible map math max min modules nn object ops out pair parameters
    print range reversed self self_ setattr size stage stride sum super torch train training tuple
    type weight width x1 x_channels y y2 zip
"""
NAMES = WORDS.split()
FEW = ("in_channels", "nn", "self", "forward")
"""Those that are tried in every run."""

ONE = """\
archc: 1
name: NAME
input: [4, 8, 8]
params: {num_classes: 3}
blocks:
  unit(PLACE, s=1, deep=true):
    let: {more: 2 * PLACE}
    conv1: conv(PLACE, 3, stride=s)
    bn1: bn
    act: relu(bn1)
    down: {if: PLACE > 6 or deep, from: act, do: "conv(more, 1)"}
    last: down * 2 if PLACE > 6 and not deep else down
  derived(w, flag=true):
    let: {PLACE: 2 * w + 1}
    conv: conv(PLACE, 3)
    act: relu
    last: conv(PLACE, 1)(act) if w > 3 else act
  looped(times, w):
    rep: {repeat: PLACE < times, do: ["conv(w + PLACE, 3)", "relu if PLACE > 0 else none"]}
    each: {for: PLACE < times, from: rep, do: "conv(PLACE + 1, 1)"}
    last: concat(each)
  joined(w):
    inputs: [PLACE, other]
    a: conv(w, 1)(PLACE)
    b: conv(w, 1)(other)
    last: relu(a + b) * PLACE.channels
  listed(w):
    inputs: [...PLACE]
    each: {for: at < len(PLACE), from: "PLACE[at]", do: "conv(w * len(PLACE), 1)"}
    last: sum(each)
body:
  stem: conv(5, 3)
  units: {repeat: at < 3, do: "unit(6, s=2 if at == 0 else 1)"}
  unit: unit(8, deep=false)
  d1: derived(3)
  d2: derived(5)(d1)
  l1: looped(2, 3)(d2)
  l2: looped(3, 4)(l1)
  j1: joined(3)(d2, l2)
  j2: joined(5)(l2, j1)
  m1: listed(2)(d1, d2, l1)
  m2: listed(2)(d1, m1)
  last: concat(m1, m2, j2)
  pool: global_avg_pool
  fc: linear(num_classes)
"""
"""A spec with a name as that of a param, of a derived value, of the variable of a loop, of inputs."""

THREE = """\
archc: 1
name: net
input: [4, 8, 8]
params: {PLACE: 5, rate: 0.0}
let: {wide: PLACE + 1}
blocks:
  unit(w):
    conv: conv(w + PLACE, 3)
    act: relu
body:
  stem: {if: PLACE > 3, do: "conv(wide, 3)"}
  units: {repeat: turn < 2, do: unit(4)}
  pool: global_avg_pool
  drop: dropout(rate)
  fc: linear(PLACE)
"""
"""A spec with a name as that of a param of the file."""

TWO = """\
archc: 1
name: net
input: [4, 8, 8]
blocks:
  PLACE(width, half=false):
    conv: conv(width, 3)
    norm: {if: half, do: bn}
    act: relu
  PLACE_chain(width):
  - conv(width, 3)
  - relu
  - conv(width, 1)
body:
  a: PLACE(4)
  b: PLACE(8, true)
  chain: PLACE_chain(6)
  STEP: conv(7, 1)
  after: sigmoid(STEP)
  other: conv(7, 3)(STEP)
  last: after * other + STEP
"""
"""A spec with a name as that of blocks and of a step."""


def tried(names: Iterable[str]) -> list[Any]:
    """Return names as parameters of tests."""
    return [n if n in FEW else pytest.param(n, marks=pytest.mark.heavy) for n in sorted(names)]


def steps(name: str) -> bool:
    """Whether a step can have a name: the keys of a state dict are what the spec says."""
    return name not in MODULE and name not in LANGUAGE and not name.startswith("_")


def outputs(template: str, place: str, **more: str) -> Any:
    """Return what a network gives, by numbers of one seed."""
    import torch

    text = template
    for word, name in {"PLACE": place, **more}.items():
        text = text.replace(word, name)
    torch.manual_seed(0)
    model = archc.load(Source("names.yaml", text)).eval()
    torch.manual_seed(1)
    return model(torch.randn(2, 4, 8, 8))


@cache
def expected(template: str) -> Any:
    return outputs(template, "plain", NAME="network", STEP="step")


@pytest.mark.parametrize("name", tried(NAMES))
def test_names_of_data(name: str) -> None:
    """A file computes the same whatever its params, derived values, loops and inputs are called."""
    import torch

    torch.testing.assert_close(outputs(ONE, name, NAME=name), expected(ONE), rtol=0, atol=0)


@pytest.mark.parametrize("name", tried({*NAMES} - {*ARGUMENTS}))
def test_names_of_params(name: str) -> None:
    """A file computes the same whatever the params of its spec are called."""
    import torch

    torch.testing.assert_close(outputs(THREE, name), expected(THREE), rtol=0, atol=0)


@pytest.mark.parametrize("name", tried({*NAMES} - {*FUNCTIONS}))
def test_names_of_blocks_and_steps(name: str) -> None:
    """A file computes the same whatever its blocks and steps are called."""
    import torch

    step = name if steps(name) else "step"
    torch.testing.assert_close(outputs(TWO, name, STEP=step), expected(TWO), rtol=0, atol=0)


def test_initialisers_are_reached_by_a_name_of_their_own() -> None:
    """No step, and no param, is taken for the method that initialises a class."""
    text = """
archc: 1
name: net
input: [4, 8, 8]
init: {conv: {weight: ones}}
blocks:
  unit(init_weights, w):
    a: conv(w, 3)
    act: relu(a) if init_weights > 3 else a
    norm: {do: bn, init: {bn: {weight: zeros}}}
body:
  one: unit(2, 4)
  two: unit(4, 5)
  STEP: conv(3, 1)
"""
    for step in ("plain", "init_weights", "init_weights_"):
        state = archc.load(Source("net.yaml", text.replace("STEP", step))).state_dict()
        assert not state["two.norm.weight"].any()
        assert (state[f"{step}.weight"] == 1).all()


def test_words_of_python_stay_reserved() -> None:
    """No name that is tried here is refused for being a word of Python's."""
    assert not any(map(keyword.iskeyword, NAMES))
