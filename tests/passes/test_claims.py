"""The figures of "Deep Residual Learning", held against the specs; and claims that don't hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import archc
from archc import api
from archc.diagnostics import Source
from archc.passes import Verdict

HE2015: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent.parent / "data" / "he2015.yaml").read_text(encoding="utf-8")
)
FILES = ("resnet.yaml", "resnet_cifar.yaml")


def cifar() -> Iterator[dict[str, str]]:
    """Spell out the family of Sec. 4.2 and its depth of 6n + 2."""
    for variant, n in HE2015["cifar"]["variants"].items():
        figures = {
            "sizes": [32, 16, 8],
            "widths": [16, 32, 64],
            "layers": [1 + 2 * n, 2 * n, 2 * n],
        }
        for quantity, printed in figures.items():
            where = HE2015["cifar"]["where"]
            yield {
                "where": where,
                "variant": variant,
                "quantity": quantity,
                "printed": str(printed),
            }
        depth = str(6 * n + 2)
        yield {"where": "Table 6", "variant": variant, "quantity": "depth", "printed": depth}


FIGURES = [*HE2015["figures"], *cifar()]


@pytest.fixture(scope="module")
def verdicts(zoo: Path) -> dict[tuple[str, ...], Verdict]:
    """Return every verdict of the specs by where, variant and quantity."""
    found = [v for name in FILES for v in api.judge_claims(zoo / name)]
    return {(v.where, v.variant, v.quantity): v for v in found}


@pytest.mark.parametrize("entry", FIGURES, ids=lambda e: f"{e['variant']}-{e['quantity']}")
def test_figure(entry: dict[str, Any], verdicts: dict[tuple[str, ...], Verdict]) -> None:
    """Each figure is a claim, as printed, and holds."""
    verdict = verdicts[entry["where"], entry["variant"], entry["quantity"]]

    assert (verdict.figure.text, verdict.outcome) == (entry["printed"], "holds")


def test_every_claim_is_a_figure(verdicts: dict[tuple[str, ...], Verdict]) -> None:
    """The specs claim nothing of the paper's that it does not print."""
    printed = {(e["where"], e["variant"], e["quantity"]) for e in FIGURES}

    assert set(verdicts) == printed


@pytest.mark.parametrize("quantity", ["macs", "params"])
def test_plain_counts(quantity: str) -> None:
    """Multiply-adds and parameters are those that others count."""
    expected = {e["variant"]: e[quantity] for e in HE2015["figures"] if quantity in e}
    actual = {name: getattr(archc.compile(name), quantity) for name in expected}

    assert actual == expected


@pytest.mark.parametrize("entry", HE2015["others"], ids=lambda e: f"{e['model']}")
def test_figures_of_other_networks(entry: dict[str, str], zoo: Path) -> None:
    """What the paper cites of others has its reason, and no spec pretends to it."""
    assert entry["reason"]
    assert all(entry["printed"] not in (zoo / name).read_text(encoding="utf-8") for name in FILES)


def test_figures_of_vgg(zoo: Path) -> None:
    """What the paper counts of VGG stands in VGG's spec, each by the convention that gives it."""
    found = {(v.where, v.variant): v for v in api.judge_claims(zoo / "vgg.yaml")}

    for entry in HE2015["vgg"]:
        verdict = found[entry["where"], entry["variant"]]
        assert (verdict.figure.text, verdict.outcome) == (entry["printed"], "holds")


def test_the_networks_are_the_papers() -> None:
    """Sec. 4.2: a 3×3 convolution of 16 first, average pooling and ten classes last."""
    shapes = archc.compile("resnet20").state_dict_shapes()
    option_a = [data["op"] for _, data in archc.compile("resnet20").graph.nodes(data=True)]

    assert shapes["conv1.weight"] == (16, 3, 3, 3)
    assert shapes["fc.weight"] == (10, 64)
    assert (option_a.count("subsample"), option_a.count("pad_channels")) == (2, 2)
    assert not any("downsample" in key for key in shapes)


SPEC = """\
archc: 1
name: net
input: [3, 8, 8]
params: {width: 8}
body:
  conv: conv(width, 3)
claims:
  net: {CLAIM}
"""  # 224 parameters, 13,824 multiply-adds


def judged(claim: str, **settings: int) -> tuple[list[str], list[Verdict]]:
    source = Source("net.yaml", SPEC.replace("CLAIM", claim))
    return [d.code for d in archc.check(source, **settings)], api.judge_claims(source)


@pytest.mark.parametrize(
    ("claim", "codes"),
    [
        ("params: 224", []),
        ("params: 0.22K", []),
        ("params: 0.23K", ["claim-failed"]),
        ("macs: 13.8 thousand", []),
        ("macs: 13x10^3", ["claim-failed"]),
        ("macs: 13x10^3, digits: truncated", []),
        ("macs: 14e3", []),
        ("macs: 27648, convention: flops", []),
        ("params: 216, convention: weights", []),
        ("params: 0.3K, unreproducible: a misprint", []),
        ("params: 224, unreproducible: a misprint", ["claim-holds"]),
    ],
)
def test_digits_decide(claim: str, codes: list[str]) -> None:
    """The printed digits say how a count is cut; rounding is what nobody has to mention."""
    assert judged(claim)[0] == codes


def test_what_fails_is_listed_with_what_fits() -> None:
    """A figure that was counted otherwise names the convention that gives it."""
    (verdict,) = judged("macs: 27.6K")[1]

    assert (verdict.outcome, verdict.count) == ("fails", 13_824)
    assert verdict.fits == ("`flops`, rounded or truncated",)


def test_an_unreproducible_figure_is_listed() -> None:
    """It is never forced, and the honest count stands beside it."""
    (verdict,) = judged("params: 0.3K, unreproducible: a misprint")[1]

    assert verdict.as_dict() == {
        "variant": "net",
        "quantity": "params",
        "printed": "0.3K",
        "count": 224,
        "convention": "params",
        "digits": "rounded",
        "where": "",
        "verdict": "unreproducible",
        "reason": "a misprint",
        "fits": [],
    }


def test_settings_make_another_network() -> None:
    """What was published of a network says nothing of one with other params."""
    assert judged("params: 224", width=4)[0] == []


def test_a_failed_claim_does_not_keep_from_building() -> None:
    """`check` holds figures against the network; compiling it is free."""
    source = Source("net.yaml", SPEC.replace("CLAIM", "params: 1"))

    assert archc.compile(source).params == 224
