"""The zoo: names, cleanliness, and counts that others have of the same networks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import archc
from archc import zoo
from archc.language.document import document
from archc.language.reading import read

FILES = zoo.files()

# Parameters as torchvision's models have them, and multiply-adds as its weights' metadata say.
TORCHVISION = {
    "resnet18": (11_689_512, 1.814),
    "resnet34": (21_797_672, 3.664),
    "resnet50": (25_557_032, 4.089),
    "resnet101": (44_549_160, 7.801),
    "resnet152": (60_192_808, 11.514),
    "resnext50_32x4d": (25_028_904, 4.23),
    "resnext101_32x8d": (88_791_336, 16.414),
    "resnext101_64x4d": (83_455_272, 15.46),
    "wide_resnet50_2": (68_883_240, 11.398),
    "wide_resnet101_2": (126_886_696, 22.753),
}

# Parameters and multiply-adds, e9, of the papers' variants, counted by hand.
VARIANTS = {
    "resnet18_a": (11_515_688, 1.794806),
    "resnet34_a": (21_623_848, 3.644494),
    "resnet34_c": (22_716_840, 3.830747),
    "plain18": (11_515_688, 1.794806),
    "plain34": (21_623_848, 3.644494),
    "resnet50_paper": (25_557_032, 3.857973),
    "resnet101_paper": (44_549_160, 7.570194),
    "resnet152_paper": (60_192_808, 11.282416),
    "resnet50_b": (25_557_032, 4.089184),
    "resnet50_c": (25_576_264, 4.328825),
    "resnet50_d": (25_576_264, 4.328825),
    "resnet200": (64_673_832, 15.007482),
}


def test_names_are_unique() -> None:
    """A network is found by its name alone, so no two specs may share one."""
    found = Counter(str(name) for path in FILES for name in document(read(path)).variants)

    assert [name for name, count in found.items() if count > 1] == []


def test_index_is_what_the_documents_say() -> None:
    """The index reads lines, not YAML: the two must agree."""
    parsed = {path: document(read(path)) for path in FILES}
    expected = {
        str(name): path for path, doc in parsed.items() for name in doc.variants or [doc.name]
    }

    assert dict(zoo.index()) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_spec_is_clean(path: Path) -> None:
    """No errors, no warnings, every claim holds."""
    assert [str(d) for d in archc.check(path)] == []


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_counts(name: str) -> None:
    network = archc.compile(name)

    assert (network.params, round(network.macs / 1e9, 3)) == TORCHVISION[name]


@pytest.mark.parametrize("name", VARIANTS)
def test_variant_counts(name: str) -> None:
    network = archc.compile(name)

    assert (network.params, round(network.macs / 1e9, 6)) == VARIANTS[name]


def test_textbook_keys() -> None:
    """Modules are called as in the textbook's nn.Sequential, with biases and no norm on W_s."""
    shapes = archc.compile("resnet18_d2l").state_dict_shapes()

    assert shapes["net.0.0.weight"] == (64, 1, 7, 7)
    assert shapes["net.b2.0.conv1.bias"] == (64,)
    assert shapes["net.b3.0.conv3.weight"] == (128, 64, 1, 1)
    assert shapes["net.last.2.weight"] == (10, 512)
    assert [key for key in shapes if "conv3" in key] == [
        f"net.b{stage}.0.conv3.{tensor}" for stage in (3, 4, 5) for tensor in ("weight", "bias")
    ]


@pytest.mark.parametrize(("name", "lam"), [("shortcut_half", 0.5), ("shortcut_double", 2)])
def test_scaled_shortcut(name: str, lam: float) -> None:
    """λ is a knob: a variant sets it, and so does --set; it costs no parameter."""
    scaled = archc.compile(name)

    assert scaled.params == archc.compile("shortcut_one").params
    assert scaled.source() != archc.compile("shortcut_one").source()
    assert archc.compile("shortcut_one", lam=lam).source().count(str(lam)) >= 1
