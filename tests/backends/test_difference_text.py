"""Differences as text, Markdown, JSON and a picture."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import archc
from archc.backends.difference import as_json, markdown, text
from archc.backends.difference.folding import folded, gathered
from archc.backends.difference.picture import picture
from archc.backends.drawing.scene import boxes, frames
from archc.backends.drawing.style import THEMES
from archc.passes.difference import Difference, difference

GOLDENS = Path(__file__).resolve().parent.parent / "goldens" / "difference"


def of(before: str, after: str, **settings: object) -> Difference:
    """Compare two networks of the zoo."""
    old, new = archc.compile(before), archc.compile(after, **settings)
    return difference(old.network, new.network)


def expanded(path: str) -> Iterator[str]:
    """Yield the paths that a folded one stands for."""
    parts = re.split(r"\{(\d+)\.\.(\d+)\}", path)
    ranges = [range(int(a), int(b) + 1) for a, b in zip(parts[1::3], parts[2::3], strict=True)]
    for numbers in itertools.product(*ranges):
        gaps = [*map(str, numbers), ""]
        yield "".join(p + n for p, n in zip(parts[::3], gaps, strict=True))


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "vit_b_16", "googlenet", "vgg16_bn"])
def test_folded_paths_stand_for_all(name: str) -> None:
    """Nothing is lost or made up where many keys are written as few."""
    keys = list(archc.compile(name).state_dict_shapes())
    folds = folded((key, "") for key in keys)

    assert sorted(p for fold in folds for p in expanded(fold.path)) == sorted(keys)
    assert [len(list(expanded(f.path))) for f in folds] == [f.count for f in folds]
    assert len(folds) < len(keys)


def test_folding_keeps_what_differs_apart() -> None:
    """Paths of which another thing is said, and gaps in the count, stay lines of their own."""
    paths = [("a.0", "x"), ("a.1", "x"), ("a.2", "y"), ("a.4", "x"), ("b", "x")]

    assert [(f.path, f.detail) for f in folded(paths)] == [
        ("a.{0..1}", "x"),
        ("a.2", "y"),
        ("a.4", "x"),
        ("b", "x"),
    ]


def test_modules_that_are_all_new_are_one() -> None:
    """A module is told as a whole only where none of its tensors was there before."""
    new = ["a.0.w", "a.0.b", "a.1.w", "c.w"]

    assert [(f.path, f.count) for f in gathered(new, ["a.1.b"])] == [
        ("a.0.*", 2),
        ("a.1.w", 1),
        ("c.*", 1),
    ]


CASES = {
    "deeper": ("resnet50", "resnet101", {}),
    "stride": ("resnet50", "resnet50", {"stride_in": 1}),
    "block": ("resnet18", "resnet50", {}),
    "list": ("vgg11", "vgg11_bn", {}),
    "same": ("resnet18", "resnet18", {}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("write", "suffix"), [(text, "txt"), (markdown, "md")])
def test_text(
    name: str, write: Callable[..., str], suffix: str, golden: Callable[[Path, str], None]
) -> None:
    """What people read."""
    before, after, settings = CASES[name]

    golden(GOLDENS / f"{name}.{suffix}", write([of(before, after, **settings)]))


def test_json() -> None:
    """All of it as data, each key of both state_dicts too."""
    data = json.loads(as_json([of("resnet50", "resnet101")]))

    assert data["differs"] is True
    assert data["params"] == {"before": 25557032, "after": 44549160, "difference": 18992128}
    assert [s["kind"] for s in data["stages"]] == [
        "same",
        "same",
        "same",
        "changed",
        "same",
        "same",
    ]
    assert data["state_dict"]["counts"]["new"] == len(data["state_dict"]["new"]) == 306
    assert data["state_dict"]["new"]["layer3.22.conv3.weight"] == [1024, 256, 1, 1]
    assert isinstance(json.loads(as_json([of("vgg11", "vgg13")] * 2)), list)


def test_colours_say_nothing_that_signs_do_not() -> None:
    """With its colours taken off, what a terminal shows is the plain text."""
    found = [of("resnet18", "resnet50")]
    shown = text(found, color=True)

    assert "\x1b[" in shown
    assert re.sub(r"\x1b\[[\d;]*m", "", shown) == text(found)


@pytest.mark.parametrize("name", ["deeper", "block", "list"])
def test_picture_shows_all_steps_and_edges(name: str) -> None:
    """Every step of both networks has its box, every value of the bodies an arrow or a box."""
    before, after, settings = CASES[name]
    found = of(before, after, **settings)
    scene = picture(found).scene
    where = {id(node): box for box in boxes(scene.items) for node in box.nodes}
    drawn = {(id(arrow.tail), id(arrow.head)): arrow.mark for arrow in scene.arrows}

    for network, own in ((found.before, ("", "removed")), (found.after, ("", "added"))):
        for node in network.root.nodes:
            for value in node.inputs:
                if value.node is None or where[id(value.node)] is where[id(node)]:
                    continue
                assert drawn[id(where[id(value.node)]), id(where[id(node)])] in own


def test_picture_marks_by_words() -> None:
    """Each box and frame that is marked says so in words, and in the description too."""
    made = picture(of("resnet18", "se_resnet50"))
    marked = [box for box in boxes(made.scene.items) if box.mark not in ("", "same")]

    assert {"added", "removed", "changed"} <= {box.mark for box in marked}
    assert all(
        {"added", "removed", "changed", "renamed", "rewired"} & {*box.notes} for box in marked
    )
    assert all(
        f.title.split(": ")[-1] in ("changed", "added", "removed", "renamed")
        for f in frames(made.scene.items)
        if f.mark
    )
    assert "added" in made.description


@pytest.mark.parametrize("theme", THEMES)
def test_svg(theme: str) -> None:
    """The three colours of a theme are there, what is removed is dashed as well."""
    pytest.importorskip("pygraphviz")
    svg = picture(of("resnet50", "se_resnet50")).svg(theme)

    assert all(
        THEMES[theme].marks[m].line in svg.lower() or theme == "print"
        for m in ("added", "removed", "changed")
    )
    assert "stroke-dasharray" in svg
    assert ">removed<" in svg
