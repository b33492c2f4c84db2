"""Two networks compared: which steps are the same, and what becomes of the state_dict."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import archc
from archc.diagnostics import Source
from archc.passes.difference import Difference, difference, text_changes

SPEC = """
archc: 1
name: tiny
input: [3, 32, 32]
params: {n: 2, width: 16}
blocks:
  basic(width, stride=1):
    conv1: conv(width, 3, stride=stride)
    bn1: bn
    relu1: relu
    conv2: conv(width, 3)
    bn2: bn
    downsample: projection(width, stride)(x)
    out: relu(bn2 + downsample)
stem:
  conv: conv(width, 3)
stages:
  layer1: {block: basic, width: width, depth: n}
  layer2: {block: basic, width: 2 * width, depth: n, stride: 2}
head:
  pool: global_avg_pool
  fc: linear(10)
"""


def compared(before: str, after: str) -> Difference:
    """Compare two specs by their text."""
    a, b = (archc.compile(Source(f"{k}.yaml", t)) for k, t in enumerate((before, after)))
    return difference(a.network, b.network)


def changed(*pairs: tuple[str, str]) -> Difference:
    """Compare the spec with itself, some of its text replaced."""
    after = SPEC
    for old, new in pairs:
        assert old in after
        after = after.replace(old, new)
    return compared(SPEC, after)


def told(found: Difference) -> list[tuple[str, str, str]]:
    """Return what is said of the steps of blocks."""
    return [(s.kind, s.pair.path, s.text) for block in found.blocks for s in block.steps]


PAIRS = [
    ("resnet50", "resnet101", {}),
    ("resnet18", "resnet50", {}),
    ("resnet50", "resnet50", {"stride_in": 1}),
    ("resnet50", "wide_resnet50_2", {}),
    ("resnet50", "se_resnet50", {}),
    ("vgg11", "vgg16", {}),
    ("vgg16", "vgg16_bn", {}),
    ("densenet121", "densenet169", {}),
    ("vit_b_16", "vit_l_16", {}),
    ("googlenet", "resnet50", {}),
    ("mobilenet_v2", "mobilenet_v3_large", {}),
    ("efficientnet_b0", "efficientnet_b1", {}),
    ("resnet110", "resnet1202", {}),
]


@pytest.mark.parametrize(("before", "after", "settings"), PAIRS, ids=str)
def test_every_key_has_one_fate(before: str, after: str, settings: dict[str, Any]) -> None:
    """Each tensor of both is told of once, with shapes that fit what is said."""
    a, b = archc.compile(before), archc.compile(after, **settings)
    keys = difference(a.network, b.network).keys
    old, new = a.state_dict_shapes(), b.state_dict_shapes()

    assert sorted(old) == sorted([*keys.kept, *keys.reshaped, *keys.renamed, *keys.lost])
    assert sorted(new) == sorted([*keys.kept, *keys.reshaped, *keys.renamed.values(), *keys.new])
    assert all(old[k] == new[k] for k in keys.kept)
    assert all(old[k] == new[other] and k != other for k, other in keys.renamed.items())
    assert all((old[k], new[k]) == pair for k, pair in keys.reshaped.items())
    assert all(x != y for x, y in keys.reshaped.values())
    assert all(old[k] == shape for k, shape in keys.lost.items())
    assert all(new[k] == shape for k, shape in keys.new.items())


@pytest.mark.parametrize(("before", "after", "settings"), PAIRS, ids=str)
def test_counts_add_up(before: str, after: str, settings: dict[str, Any]) -> None:
    """The stages of either network have its parameters and multiply-adds, no more and no less."""
    a, b = archc.compile(before), archc.compile(after, **settings)
    found = difference(a.network, b.network)

    for name, totals in (
        ("params", (a.training.params, b.training.params)),
        ("macs", (a.training.macs, b.training.macs)),
    ):
        counts = [stage.counts(name) for stage in found.stages]
        assert found.totals(name) == totals
        assert (sum(x for x, _ in counts), sum(y for _, y in counts)) == totals


@pytest.mark.parametrize(
    "name", ["resnet50", "googlenet", "vit_b_16", "unet", "hrnet_w18", "fractalnet"]
)
def test_a_network_and_itself(name: str) -> None:
    """Two compilations of one network do not differ."""
    found = difference(archc.compile(name).network, archc.compile(name).network)

    assert not found
    assert not found.blocks
    assert {stage.kind for stage in found.stages} == {"same"}


def test_deeper() -> None:
    """Blocks at the end of a stage are new; all others keep their tensors."""
    found = difference(archc.compile("resnet50").network, archc.compile("resnet101").network)
    (stage,) = [stage for stage in found.stages if stage.kind != "same"]
    added = [step.pair.path for step in stage.steps if step.kind == "added"]

    assert stage.name == "layer3"
    assert added == [f"layer3.{k}" for k in range(6, 23)]
    assert found.keys.counts == {"kept": 320, "reshaped": 0, "renamed": 0, "lost": 0, "new": 306}
    assert [(s.name, s.before, s.after) for s in found.settings] == [
        ("depths", "[3, 4, 6, 3]", "[3, 4, 23, 3]")
    ]


@pytest.mark.parametrize(("before", "after"), [("vgg16", "vgg16_bn"), ("vgg11", "vgg13")])
def test_steps_put_into_a_list(before: str, after: str) -> None:
    """Convolutions behind a new step have other keys, and are the same convolutions."""
    a, b = archc.compile(before), archc.compile(after)
    keys = difference(a.network, b.network).keys
    old, new = ([s for s in n.state_dict_shapes().values() if len(s) == 4] for n in (a, b))
    moved = {k: keys.renamed.get(k, k) for k in a.state_dict_shapes()}

    assert keys.lost == {}
    assert keys.reshaped == {}
    assert [
        b.state_dict_shapes()[moved[k]] for k, s in a.state_dict_shapes().items() if len(s) == 4
    ] == old
    if len(old) == len(new):
        order = [k for k, s in b.state_dict_shapes().items() if len(s) == 4]
        assert [moved[k] for k, s in a.state_dict_shapes().items() if len(s) == 4] == order


def test_a_step_changed() -> None:
    """A changed argument is told once, with all places of the block."""
    found = changed(("conv2: conv(width, 3)", "conv2: conv(width, 5)"))

    assert told(found) == [("changed", "conv2", "kernel 3 → 5")]
    assert found.blocks[0].places == [
        (p, p) for p in ("layer1.0", "layer1.1", "layer2.0", "layer2.1")
    ]
    assert set(found.keys.reshaped) == {
        f"layer{i}.{j}.conv2.weight" for i in (1, 2) for j in (0, 1)
    }
    assert found.keys.reshaped["layer1.0.conv2.weight"] == ((16, 16, 3, 3), (16, 16, 5, 5))


def test_a_step_added_and_removed() -> None:
    """What reads past a step that came or went is not told as rewired."""
    added = changed(
        ("    bn2: bn\n", "    bn2: bn\n    drop: dropout(0.1)\n"), ("relu(bn2", "relu(drop")
    )
    removed = changed(("    bn1: bn\n", ""))

    assert told(added) == [("added", "drop", "dropout(p=0.1)")]
    assert told(removed) == [("removed", "bn1", "bn")]
    assert removed.keys.counts["lost"] == 20
    assert removed.keys.counts["renamed"] == 0


def test_a_step_renamed() -> None:
    """A tensor of the same shape at the same place has another key."""
    found = changed(("conv2: conv", "second: conv"))

    assert told(found) == [
        ("renamed", "conv2 → second", "conv(16, 3)"),
        ("renamed", "conv2 → second", "conv(32, 3)"),
    ]
    assert found.keys.renamed["layer2.1.conv2.bias"] == "layer2.1.second.bias"
    assert found.keys.counts["lost"] == found.keys.counts["new"] == 0


def test_a_step_rewired() -> None:
    """A step that reads other values is told, though no step came or went."""
    found = changed(("relu(bn2 + downsample)", "relu(downsample + bn2)"))

    assert told(found) == [("rewired", "out.add", "reads bn2, downsample → downsample, bn2")]
    assert not found.keys.differ


def test_a_stage_renamed() -> None:
    """A stage under another name is the same stage, its tensors renamed."""
    found = changed(("layer2:", "stage2:"))
    kinds = {stage.name: stage.kind for stage in found.stages}

    assert kinds["layer2 → stage2"] == "renamed"
    assert found.keys.counts["lost"] == found.keys.counts["new"] == 0
    assert found.keys.renamed["layer2.0.conv1.weight"] == "stage2.0.conv1.weight"


def test_what_follows() -> None:
    """Steps that say the same on other sizes are no change of their own."""
    found = changed(("  conv: conv(width, 3)", "  conv: conv(width + 8, 3)"))
    kinds = {stage.name: stage.kind for stage in found.stages}

    assert kinds == {"stem": "changed", "layer1": "changed", "layer2": "same", "head": "same"}
    assert [s.pair.path for s in found.stages[1].steps if s.kind == "changed"] == ["layer1.0"]


def test_outputs_and_input() -> None:
    """Another input size or another output is a difference, though no tensor is touched."""
    larger = changed(("[3, 32, 32]", "[3, 64, 64]"))
    other = changed(("  fc: linear(10)\n", "  fc: linear(10)\noutputs: {classes: fc}\n"))

    assert larger.network_differs
    assert not larger.keys.differ
    assert other.network_differs


def changes(before: str, after: str) -> list[tuple[str, str, str | None, str | None]]:
    """Return what differs in two texts."""
    found = text_changes(Source("a", before), Source("b", after))
    return [(c.kind, c.path, c.before, c.after) for c in found]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("n: 2,", "n: 3,", ("changed", "params.n", "2", "3")),
        ("n: 2, ", "", ("removed", "params.n", "2", None)),
        ("n: 2,", "n: 2, m: 1,", ("added", "params.m", None, "1")),
        ("    bn1: bn\n", "", ("removed", "blocks.basic.bn1", "bn", None)),
        ("conv1: conv", "first: conv", ("renamed", "blocks.basic.conv1", "conv1", "first")),
        (
            "basic(width, stride=1):",
            "basic(width, stride=2):",
            ("changed", "blocks.basic", "basic(width, stride=1)", "basic(width, stride=2)"),
        ),
        ("depth: n}", "depth: 5}", ("changed", "stages.layer1.depth", "n", "5")),
        ("    bn1: bn\n    relu1: relu\n", "    relu1: relu\n    bn1: bn\n", ("moved", "blocks.basic.relu1", "relu", "relu")),
    ],
)  # fmt: skip
def test_text(old: str, new: str, expected: tuple[str, ...]) -> None:
    """The text is compared key by key."""
    assert old in SPEC
    found = changes(SPEC, SPEC.replace(old, new, 1))

    assert found == [expected]


def test_comments_and_layout_do_not_count() -> None:
    """Only what the text says is compared."""
    other = "# a comment\n" + SPEC.replace("{n: 2, width: 16}", "\n  n:   2\n  width: 16   # why")

    assert changes(SPEC, other) == []
    assert not compared(SPEC, other)


def test_needs_no_torch() -> None:
    """A difference is found from shapes alone."""
    code = "import sys, archc.cli as c\ntry: c.app(['diff', 'resnet18', 'resnet34'])\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (run.returncode, run.stderr) == (0, "")


STEM = """\
archc: 1
name: s
input: [3, 8, 8]
stem:
STEM
stages:
  layer1: {block: b, width: 4, depth: 2}
blocks:
MORE  b(width):
    conv1: conv(width, 3)
    out: relu(conv1 + x)
"""


def stem(steps: str, more: str = "") -> archc.Architecture:
    """Return a network with a stem of some steps."""
    text = STEM.replace("STEM", f"  {steps}").replace("MORE", more)
    return archc.compile(Source("s.yaml", text))


def test_moved_into_a_block_is_renamed() -> None:
    """Steps that a block takes in keep their tensors, under other keys, and back."""
    flat = stem("conv1: conv(4, 3)\n  bn1: bn")
    block = stem("layer0: entry", "  entry:\n    conv1: conv(4, 3)\n    bn1: bn\n")
    for a, b in ((flat, block), (block, flat)):
        keys = difference(a.network, b.network).keys
        assert (len(keys.kept), len(keys.renamed), keys.lost, keys.new) == (4, 7, {}, {})


@pytest.mark.parametrize(
    "entry",
    [
        "conv1: conv(4, 5)",  # another kernel
        "conv1: conv(4, 3, bias=false)",
        "pad: conv(3, 1)\n    conv1: conv(4, 3)\n    end: conv(4, 1)",  # among others, read after one
    ],
)
def test_unlike_steps_are_not_renamed(entry: str) -> None:
    """What says something else, or stands elsewhere, is lost and new."""
    flat, block = stem("conv1: conv(4, 3)"), stem("layer0: entry", f"  entry:\n    {entry}\n")
    keys = difference(flat.network, block.network).keys

    assert not keys.renamed
    assert "conv1.weight" in keys.lost
