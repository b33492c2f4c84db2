"""What a param may be is held wherever it is set, and a setting that changes nothing is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archc
from archc.api import compile_family
from archc.diagnostics import Source, render

TEXT = """\
archc: 1
name: family
input: [3, 32, 32]
params:
  stride: {default: 4, one_of: [1, 2, 4]}
  act: {default: relu, one_of: [relu, gelu, none]}
  depths: {default: [1, 2], min: 1, length: 2}
  rate: {default: 0.5, min: 0, max: 1}
  groups: 1
  block: plain
  bias: 0
variants:
  plain: {}
  grouped: {block: grouped}
blocks:
  plain: conv(8, 3, stride=stride)
  grouped: conv(8, 3, stride=stride, groups=groups, init_bias=bias)
body:
  entry: conv(8, 3)
  one: {do: block, repeat: "i < depths[0]"}
  two: {do: act, repeat: "i < depths[1]"}
  rest: dropout(rate)
"""
FAMILY = Source("family.yaml", TEXT)


def faults(variant: str | None = None, **settings: Any) -> list[str]:
    return [f"{d.code}: {d.message}" for d in archc.check(FAMILY, variant, **settings)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stride": 3}, "`stride` is 3, but may be 1, 2 or 4"),
        ({"stride": True}, "`stride` is true, but may be 1, 2 or 4"),
        ({"stride": "'a'"}, "`stride` is the text `a`, but may be 1, 2 or 4"),
        ({"act": "silu"}, "`act` is silu, but may be relu, gelu or none"),
        ({"depths": [1, 2, 3]}, "`depths` has 3 entries, but the network reads 2"),
        ({"depths": []}, "`depths` has 0 entries, but the network reads 2"),
        ({"depths": "[1]"}, "`depths` has 1 entries, but the network reads 2"),
        ({"depths": "none"}, "`depths` has 0 entries, but the network reads 2"),
        ({"depths": [1, -1]}, "an entry of `depths` is -1, but must be a whole number from 1"),
        ({"depths": [1, 1.5]}, "an entry of `depths` is 1.5, but must be a whole number from 1"),
        ({"rate": 2}, "`rate` is 2, but must be a number from 0 up to 1"),
        ({"rate": "none"}, "`rate` is none, but must be a number from 0 up to 1"),
        ({"rate": "relu"}, "`rate` is relu, but must be a number from 0 up to 1"),
    ],
)
def test_refused(settings: dict[str, Any], message: str) -> None:
    assert faults("plain", **settings) == [f"bad-setting: {message}"]
    with pytest.raises(archc.SpecError, match=r"may be|entries|must be"):
        archc.compile(FAMILY, "plain", **settings)


def test_place() -> None:
    """The setting is shown as `--set` would have it, from Python too; a list from end to end."""
    for value in (3, "3"):
        assert render(archc.check(FAMILY, "plain", stride=value)[0]).splitlines()[1:5] == [
            " --> --set:1:8",
            "  |",
            "1 | stride=3",
            "  |        ^",
        ]
    assert render(archc.check(FAMILY, "plain", depths=[1, 2, 3])[0]).splitlines()[4] == (
        "  |        ^^^^^^^^^"
    )


@pytest.mark.parametrize(
    "settings",
    [{"stride": "2"}, {"act": "none"}, {"depths": [3, 1]}, {"rate": 1}, {"rate": "1 / 3"}],
)
def test_taken(settings: dict[str, Any]) -> None:
    assert faults(**settings) == []


def test_imports(tmp_path: Path) -> None:
    """An importing file is held to what the imported one says, at the argument."""
    (tmp_path / "family.yaml").write_text(TEXT)
    outer = tmp_path / "outer.yaml"
    outer.write_text(
        "archc: 1\nname: outer\ninput: [3, 32, 32]\nimport: {family: family.yaml}\n"
        "body:\n  a: family(stride=3)\n"
    )
    found = archc.check(outer)

    assert [d.message for d in found] == ["`stride` is 3, but may be 1, 2 or 4"]
    assert (found[0].span.line, found[0].span.column) == (6, 20)


def test_default_without_a_value() -> None:
    """A default that other settings leave without a value is none that is needed."""
    text = TEXT.replace("groups: 1", "groups: 4 // bias").replace("bias: 0", "bias: 2")
    found = archc.check(Source("family.yaml", text), "grouped", bias=0, groups=1)

    assert [d.message for d in found] == []


def test_idle() -> None:
    """A setting that no step reads is refused, unless it changes nothing or an initialiser reads it."""
    message = "idle-setting: `groups` is set, but nothing in `plain` reads it"
    assert faults("plain", groups=2) == [message]
    assert faults("grouped", groups=2) == []
    assert faults("grouped", bias=1) == []
    assert faults("plain", groups=1) == []
    assert faults(groups=2) == []
    with pytest.raises(archc.SpecError, match="groups"):
        archc.compile(FAMILY, "plain", groups="2")
    assert len(compile_family(FAMILY, groups=2)) == 2
    with pytest.raises(archc.SpecError, match="groups"):
        compile_family(FAMILY, ["plain"], groups=2)


def test_zoo() -> None:
    """What means nothing for a network of the zoo is refused."""
    for name, settings in [
        ("resnet50", {"output_stride": 12}),
        ("resnet50", {"depths": [3, 4, 6, 3, 3]}),
        ("resnet50", {"depths": [3, 4, 6]}),
        ("resnet50", {"depths": [3, 4, -6, 3]}),
        ("resnet50", {"shortcut": "relu"}),
        ("resnet18", {"groups": 2}),
        ("vgg16", {"depths": [1, 1, 1]}),
        ("resnet20", {"n": -1}),
    ]:
        with pytest.raises(archc.SpecError):
            archc.compile(name, **settings)
