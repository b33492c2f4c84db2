"""Every knob of the zoo does what it says: held to another implementation, or to an identity.

`docs/knobs.md` is written from these tables by `make goldens`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from holding import hold
from knobs import CASES, Case
from sweeps import sweep

import archc
from archc import zoo
from archc.api import open_spec
from archc.language.spec import Document
from archc.lower.params import allowed

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "knobs.md"
HERE = "test_knobs.py"

QUICK = ["densenet121", "highway19", "repvgg_a0", "rexnet_100", "swin_t", "vit_b_16", "wrn28_10"]
"""Networks whose cases are of the default run."""

BY_VARIANTS = "each value is a variant's, and each of these is held"
ELSEWHERE: dict[str, dict[str, tuple[str, str]]] = {
    "cspnet": dict.fromkeys(
        ("stage", "layer", "entry", "darknet"), ("test_timm.py::test_equal_too", BY_VARIANTS)
    ),
    "deeplab": {"head": ("test_dense.py::test_segmentation", BY_VARIANTS)},
    "dla": {"block": ("test_timm.py::test_equal_too", BY_VARIANTS)},
    "efficientnet": {"table": ("test_zoo.py::test_any_size", BY_VARIANTS)},
    "fractalnet": {
        **dict.fromkeys(
            ("columns", "widths", "local_drop"),
            ("test_residual_families.py::test_fractalnet", "the authors' network, row by row"),
        ),
        "dropout_rates": ("test_residual_families.py::test_dropout_of_fractalnet", "the same"),
    },
    "highway": {
        **dict.fromkeys(
            ("entry", "pooling", "last", "colors", "size"),
            ("test_residual_literature.py::test_highway_of_mnist", BY_VARIANTS),
        ),
        "b_t": (
            "test_residual_literature.py::test_highway_layers_carry_at_first",
            "the biases of new gates",
        ),
    },
    "mobilenet_v3": {"table": ("test_zoo.py::test_any_size", BY_VARIANTS)},
    "nasnet": {"repeats": (f"{HERE}::test_repeats_of_nasnet", "each adds the same parameters")},
    "preresnet": {
        **dict.fromkeys(
            ("unit", "n"),
            ("test_residual_literature.py::test_placements", "the placements of Fig. 4"),
        ),
        "layers": ("test_residual_literature.py::test_placements", BY_VARIANTS),
        "shortcut": ("test_residual_literature.py::test_option_b", "counts of osmr/imgclsmob"),
        **dict.fromkeys(
            ("depths", "width", "stride_in", "size"),
            ("test_residual_literature.py::test_preresnet200_has_timm_units", "timm's units"),
        ),
        **dict.fromkeys(
            ("entry", "pool"),
            (
                "test_residual_literature.py::test_preresnet200_begins_as_fb_resnet_torch",
                "the steps of fb.resnet.torch",
            ),
        ),
    },
    "pyramidnet": dict.fromkeys(
        ("imagenet", "size", "block"),
        ("test_residual_families.py::test_pyramidnet_of_imagenet", BY_VARIANTS),
    ),
    "res2net": dict.fromkeys(("entry", "shortcut"), ("test_timm.py::test_equal_too", BY_VARIANTS)),
    "resnet_shortcuts": {
        **dict.fromkeys(
            ("n", "unit", "on_shortcut", "on_f"),
            ("test_residual_literature.py::test_shortcuts", "Table 1, row by row"),
        ),
        "b_g": (
            "test_residual_literature.py::test_gates_begin_with_their_bias",
            "the biases of new gates",
        ),
    },
    "retinanet": {"prior": (f"{HERE}::test_prior_of_retinanet", "what a new classifier says")},
    "selecsls": {"table": ("test_timm.py::test_equal_too", BY_VARIANTS)},
    "senet": dict.fromkeys(
        ("entry", "stride_in", "shortcut_kernel"),
        ("test_residual_families.py::test_senet", BY_VARIANTS),
    ),
    "sknet": dict.fromkeys(
        ("block", "entry", "shortcut"), ("test_timm.py::test_equal_too", BY_VARIANTS)
    ),
    "squeezenet": dict.fromkeys(("stem", "pooled"), ("test_zoo.py::test_any_size", BY_VARIANTS)),
    "stochastic_depth": dict.fromkeys(
        ("n", "survival"),
        ("test_residual_literature.py::test_stochastic_depth", "the authors' network"),
    ),
}
"""Knobs that tests of their own hold: which, and to what."""

MORE: dict[str, dict[str, tuple[str, str]]] = {
    "convnext": {"scale": (f"{HERE}::test_scale_of_convnext", "the numbers of new layers")},
    "resnet": {
        "output_stride": (
            "test_dilated.py::test_every_second_place",
            "the network that strides, in every variant; and timm's",
        )
    },
}
"""What holds a knob beside its cases."""

INTRODUCTION = """\
Every param of every spec, and what holds it. Where another implementation takes the same argument,
it is turned to a value that no variant has: with the same weights both give the same outputs in
evaluation and in training, the same running statistics and gradients, to the last bit. `make heavy`
runs all of it, the default run a part; a test fails for a param that is not listed.
What is not held are combinations of knobs that neither a case nor a variant has."""


def family(case: Case) -> str:
    path = zoo.find(case.name)
    assert path is not None
    return path.stem


def specs() -> Iterator[tuple[str, Document]]:
    """Yield every spec of the zoo by the name of its file."""
    for path in zoo.files():
        yield path.stem, open_spec(path, None)[0]


def holders(spec: str, knob: str) -> list[str]:
    """Return what holds a knob, in words; nothing where nothing does."""
    by = {c.by for c in CASES if family(c) == spec and knob in c.settings}
    found = [f"{who}, with the same argument" for who in sorted(by)]
    if knob == "num_classes":
        found.append(f"only the classifiers change (`{HERE}::test_classes`)")
    for table in (ELSEWHERE, MORE):
        if knob in table.get(spec, {}):
            test, words = table[spec][knob]
            found.append(f"{words} (`{test}`)")
    return found


def test_every_knob_is_held() -> None:
    """A spec that gets a param gets a line of a table above, or a case of `knobs.py`."""
    knobs = {(spec, str(k)) for spec, document in specs() for k in document.params}
    named = {(family(c), k) for c in CASES for k in c.settings}
    named |= {(spec, k) for table in (ELSEWHERE, MORE) for spec, ks in table.items() for k in ks}

    assert sorted(f"{spec}: {k}" for spec, k in knobs if not holders(spec, k)) == []
    assert sorted(f"{spec}: {k}" for spec, k in named - knobs) == []


def test_tests_that_are_named_exist() -> None:
    for table in (ELSEWHERE, MORE):
        for test, _ in (pair for knobs in table.values() for pair in knobs.values()):
            file, _, name = test.partition("::")
            assert f"def {name}(" in (Path(__file__).parent / file).read_text(encoding="utf-8")


@pytest.mark.heavy
def test_every_value_is_taken() -> None:
    """All that a knob may be is compiled, by one variant at least: no `one_of` promises too much."""
    for spec, document in specs():
        for knob, param in document.declared.items():
            for value in param.one_of or ():
                variants = map(str, list(document.variants)[:3] or [document.name])
                taken = any(takes(spec, variant, str(knob), value.text) for variant in variants)

                assert taken, (spec, str(knob), value.text)


def takes(spec: str, variant: str, knob: str, text: str) -> bool:
    """Whether a variant can be compiled with a setting."""
    try:
        archc.compile(spec, variant, **{knob: text})
    except archc.SpecError as error:
        return {d.code for d in error.diagnostics} <= {"idle-setting"}
    return True


def case_id(case: Case) -> str:
    return f"{case.name}-{'-'.join(list(case.settings)[:3])}"


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, marks=[pytest.mark.heavy] * (c.name not in QUICK), id=case_id(c))
        for c in CASES
    ],
)
def test_turned(case: Case) -> None:
    """With settings that no variant has, to the last bit, in training too."""
    ours = archc.load(case.name, **case.settings)
    hold(ours, case.theirs(), case.samples, gradients=case.gradients)


def hold_classes(spec: str, variant: str) -> None:
    """Hold `num_classes` to what it means: the first size of classifiers, and nothing else."""
    usual = archc.compile(spec, variant)
    count = usual.network.root.scope["num_classes"]
    other = archc.compile(spec, variant, num_classes=count + 6)
    before, after = usual.state_dict_shapes(), other.state_dict_shapes()
    changed = {k for k in before if before[k] != after.get(k)}
    times = usual.network.root.scope["anchors"] if spec == "retinanet" else 1

    assert list(before) == list(after)
    assert changed
    for key in changed:
        assert before[key][0] == times * count, key
        assert after[key] == (times * (count + 6), *before[key][1:]), key


CLASSIFYING = [spec for spec, document in specs() if "num_classes" in map(str, document.params)]


@pytest.mark.parametrize("spec", sweep(CLASSIFYING, ["resnet", "densenet_cifar", "fractalnet"]))
def test_classes(spec: str) -> None:
    hold_classes(spec, open_spec(spec, None)[1])


def test_repeats_of_nasnet() -> None:
    """The cells behind the first of a stage are all alike."""
    params = [archc.compile("nasnetalarge", repeats=n).params for n in (3, 4, 5, 6)]
    steps = {b - a for a, b in pairwise(params)}

    assert len(steps) == 1
    assert archc.compile("nasnetalarge", repeats=6).params == archc.compile("nasnetalarge").params


def test_scale_of_convnext() -> None:
    state = archc.load("convnext_tiny", scale=0.25, dims=[8, 8, 8, 8]).state_dict()
    scales = [tensor for key, tensor in state.items() if key.endswith("layer_scale")]

    assert len(scales) == 18
    assert all(bool((scale == 0.25).all()) for scale in scales)


def test_prior_of_retinanet() -> None:
    """A new classifier says of every box that it is there with the probability that is set."""
    model: Any = archc.load("retinanet_resnet50_fpn", prior=0.2, channels=8)
    bias = model.head.classification_head.cls_logits.bias

    assert torch.sigmoid(bias).tolist() == pytest.approx([0.2] * len(bias))


def test_page(golden: Callable[[Path, str], None]) -> None:
    """The page lists every knob and what holds it."""
    golden(PAGE, page())


def page() -> str:
    """Write docs/knobs.md."""
    lines = [
        "# The knobs of the zoo",
        "",
        INTRODUCTION,
        "",
    ]
    for spec, document in specs():
        lines += [f"## {spec}", "", "| knob | may be | held by |", "|---|---|---|"]
        lines += [
            f"| `{k}` | {allowed(param)} | {'; '.join(holders(spec, str(k)))} |"
            for k, param in document.declared.items()
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
