"""Claims that hold, fail, or are marked; `tests/test_published.py` holds those of the zoo."""

from __future__ import annotations

from pathlib import Path

import pytest

import archc
from archc import api, zoo
from archc.diagnostics import Source
from archc.passes import Verdict

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
        ("params: 216, macs: 13824, convention: weights", []),
        ("depth: 1, convention: conv_depth, params: 224", []),
        ("params: 224, convention: he2015", ["unknown-convention"]),
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


def test_a_changed_network_is_free() -> None:
    """Figures of the paper's network don't keep anyone from changing it, unless asked for."""
    source = Source("net.yaml", SPEC.replace("CLAIM", "params: 0.23K"))
    (found,) = archc.check(source)

    assert found.severity == "warning"


def test_the_zoo_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim of the zoo that fails is an error."""
    path = tmp_path / "net.yaml"
    path.write_text(SPEC.replace("CLAIM", "params: 1"), encoding="utf-8")
    severities = [archc.check(path)[0].severity]
    monkeypatch.setattr(zoo, "files", lambda: [path])
    severities += [archc.check(path)[0].severity]

    assert severities == ["warning", "error"]
