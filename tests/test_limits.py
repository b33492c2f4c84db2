"""Everything ends within its limits: what a few lines can make large is refused at once."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sweeps import sweep

import archc
from archc import limits
from archc.diagnostics import Diagnostic, Source, Span, errors, listed, render
from archc.limits import (
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_LENGTH,
    MAX_LINE,
    MAX_MESSAGE,
    MAX_OPS,
    MAX_SHOWN,
    Excess,
    measure,
)
from archc.lower import bounds

DOUBLING = """\
archc: 1
name: net
input: [3, 8, 8]
blocks:
  tree(k):
    left: tree(k - 1) if k > 0 else conv(3, 1)
    right: tree(k - 1) if k > 0 else relu
body:
  whole: tree({k})
"""


def codes(text: str, **settings: object) -> list[str]:
    """Return the codes of what is wrong with a spec; none may take long to find."""
    start = time.process_time()
    found = archc.check(Source("spec.yaml", text), **settings)
    assert time.process_time() - start < 5
    return [d.code for d in found]


def body(text: str, **parts: str) -> str:
    more = "".join(f"{key}:\n{value}\n" for key, value in parts.items())
    return f"archc: 1\nname: net\ninput: [3, 8, 8]\n{more}body:\n{text}\n"


def doubling(entry: str, turns: int = 60) -> str:
    """Return lets each of which has the one before it twice."""
    lets = [f"  l{k}: '{entry.format(f'l{k + 1}')}'" for k in range(turns)]
    return "\n".join([*lets, f"  l{turns}: [1, 1]"])


@pytest.mark.parametrize(
    "entry",
    sweep(["[{0}, {0}]", "{0} + {0}", "2 * {0}", "[{0} for i in range(2)]", "zip({0}, {0})",
     "list({0}, {0})", "enumerate({0} + {0})", "cut({0} + {0}, [len({0}), len({0})])"], ["[{0}, {0}]"]),
)  # fmt: skip
@pytest.mark.parametrize(
    "use",
    ["8 if l0 == l0 else 4", "len(l0)", "8 if l0 in [l0] else 4", "l0", "8, stride=l0", "count([l0], l0)",
     "len(unique([l0, l0]))", "max(l0)", "8, groups=l0"],
)  # fmt: skip
def test_sharing(entry: str, use: str) -> None:
    """What is shared counts each time that it is seen."""
    assert codes(body(f"  a: conv({use}, kernel=3)", let=doubling(entry))) == ["too-much"]


def test_sharing_of_values() -> None:
    """Lists of values of the network are lists too."""
    steps = "\n".join(f"  a{k + 1}: '[a{k}, a{k}]'" for k in range(40))
    assert codes(body(f"  a0: relu\n{steps}\n  b: concat(a40)")) == ["too-much"]


def test_measure() -> None:
    """The measure of a value: its length, its depth, and the entries of all lists inside."""
    deep: list[object] = []
    for _ in range(MAX_DEPTH):
        deep = [deep]
    endless: list[object] = []
    endless.append(endless)

    assert measure([0] * MAX_LENGTH) == measure([[0] * 100] * 99) + 1
    assert measure(deep[0]) == MAX_DEPTH - 1
    for value, reason in [
        ([0] * (MAX_LENGTH + 1), f"{MAX_LENGTH} entries"),
        ([[0] * MAX_LENGTH] * 10, f"{MAX_ENTRIES} entries"),
        (deep, f"{MAX_DEPTH} deep"),
        (endless, f"{MAX_DEPTH} deep"),
        (1 << 256, "bits"),
    ]:
        with pytest.raises(Excess, match=reason):
            measure(value)


@pytest.mark.parametrize("k", [16, 30, 35])
def test_unfolding(k: int) -> None:
    """A block that uses itself twice is shared when lowered, but nothing could write it out."""
    text = DOUBLING.format(k=k)
    assert codes(text) == ["too-large"]
    with pytest.raises(archc.SpecError, match=f"a network at most {MAX_OPS}"):
        archc.compile(Source("spec.yaml", text))


def test_room() -> None:
    """The zoo has much room, and so has whatever is below the limit."""
    arch = archc.compile(Source("spec.yaml", DOUBLING.format(k=12)))
    assert len(arch.graph) - 1 == 2**13
    deepest = archc.compile("stochastic_depth1202").network.root.leaves()
    assert sum(1 for _ in deepest) * 4 < MAX_OPS


def test_copies_of_copies() -> None:
    """Nor do loops of shared blocks get by."""
    blocks = "  many:\n    a: {repeat: i < 300, do: relu}"
    assert codes(body("  b: {repeat: i < 300, do: many}", blocks=blocks)) == ["too-large"]


def test_work_of_all_expressions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each expression ends, and so do many."""
    text = body("  a: {repeat: i < 99, do: 'conv(sum([1 for k in range(99)]), 1)'}")
    assert codes(text) == []
    monkeypatch.setattr(bounds, "MAX_WORK", 5_000)
    assert codes(text) == ["too-large"]


def test_work_of_all_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do many variants get by."""
    variants = "\n".join(f"  v{k}: {{width: {k + 1}}}" for k in range(30))
    text = body("  a: conv(width, 1)", params="  width: 8", variants=variants)
    assert codes(text) == []
    monkeypatch.setattr(bounds, "MAX_ALL_WORK", 1000)
    assert codes(text) == ["too-large"]


@pytest.mark.parametrize(
    "value", [object(), len, {1: 2}, {1}, b"8", 1j, float("nan"), [[object()]]]
)
def test_settings_are_data(value: object) -> None:
    """What no spec could hold is refused where it is given, not where it would be used."""
    with pytest.raises(TypeError, match="`num_classes` takes numbers, texts"):
        archc.compile("resnet18", num_classes=value)


def test_settings_are_measured() -> None:
    """A list of Python's that holds itself is no exception to the limits."""
    endless: list[object] = []
    endless.append(endless)
    for value in (endless, 1 << 300, [0] * 20_000):
        with pytest.raises(archc.SpecError, match="at most"):
            archc.compile("resnet18", num_classes=value)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (2000, lambda k: f"  step{k}: relu(other{k})"),
        (2000, lambda k: f"  step{k}: rleu{k}"),
        (2000, lambda k: f"  step{k}: max_pool(99)(x)"),
        (2000, lambda k: f"  step{k}: 'relu('"),
        (2000, lambda k: f"  step{k % 2}: relu"),
    ],
    ids=["names", "ops", "shapes", "syntax", "keys"],
)
def test_many_faults(count: int, text: Callable[[int], str]) -> None:
    """Thousands of faults are found soon; a report shows the first, and counts the others."""
    source = Source("spec.yaml", body("\n".join(map(text, range(count)))))
    start = time.process_time()
    found = archc.check(source)
    assert time.process_time() - start < 4
    last = next(d for d in found if d.code == "too-many")

    assert len(found) == MAX_SHOWN + 1
    assert sum(d.count for d in errors(found)) >= count - 2
    assert last.message == f"{last.count} more errors are not shown"
    with pytest.raises(archc.SpecError) as caught:
        archc.compile(source)
    assert len(caught.value.diagnostics) == MAX_SHOWN + 1


def test_errors_go_first() -> None:
    """What is left out are warnings, as long as there are any."""
    span = Span(1, 1, 1, 2, Source("a", "b"))
    spans = [replace(span, line=k, end_line=k) for k in range(1, 300)]
    some = [Diagnostic("code", "message", s, severity="warning") for s in spans]
    found = listed([*some, Diagnostic("fault", "message", replace(span, line=999, end_line=999))])

    assert [d.code for d in found[-2:]] == ["fault", "too-many"]
    assert found[-1].message == "200 more warnings are not shown"
    assert listed([*found, *found])[-1].code == "too-many"


def test_long_texts_are_cut() -> None:
    """Neither a message nor a line that is shown is longer than one can read."""
    word = "a" * 900_000
    for text in (
        body(f"  a: conv({word}, 3)"),
        body(f"  a: relu\n{word}: 3"),
        body(f"  a: {word}"),
    ):
        found = archc.check(Source("spec.yaml", text))
        assert found
        for diagnostic in found:
            assert max(map(len, render(diagnostic).splitlines())) < MAX_MESSAGE + 100
            assert len(json.dumps(diagnostic.as_dict())) < 4 * MAX_MESSAGE


def test_carets_of_long_lines() -> None:
    """Of a long line the part around the place is shown, with the marks below it."""
    for at in (0, 30, 100, 4990):
        line = "." * at + "fault" + "." * (5000 - at - 5)
        span = Span(1, at + 1, 1, at + 6, Source("spec.yaml", line))
        _, _, _, shown, marks = render(Diagnostic("code", "message", span)).splitlines()
        first = marks.index("^")
        assert shown[first : first + 5] == "fault"
        assert marks.count("^") == 5
        assert len(shown) < MAX_LINE + 10


@pytest.mark.parametrize(
    "content",
    [
        b"root:x:0:0:hunter2",
        b"password: hunter2\nkeys: [a",
        b"hunter2\n\tx",
        b"\xff hunter2",
        b"{",
        b'{"password": "hunter2"}',
        b"*hunter2",
        b"hunter2: " + b"[" * 99,
        b"hunter2 " * 700_000,
    ],
    ids=range(9),
)
def test_imports_leak_nothing(tmp_path: Path, content: bytes) -> None:
    """Of an imported file that is no spec nothing is shown."""
    (tmp_path / "other").write_bytes(content)
    spec = tmp_path / "spec.yaml"
    for name in ("other", str(tmp_path / "other"), f"../{tmp_path.name}/other"):
        spec.write_text(body("  a: m", **{"import": f"  m: {name}"}), encoding="utf-8")
        found = archc.check(spec)
        assert [d.code for d in found] == ["bad-import"]
        assert "hunter2" not in str(found[0]) + json.dumps(found[0].as_dict())


def test_imports_of_no_file(tmp_path: Path) -> None:
    """Folders, pipes and links in a circle are told to be none, and nothing waits for them."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "loop", "pipe", "/dev/zero", "a" * 5000, "pipe/x"):
        (tmp_path / "spec.yaml").write_text(body("  a: m", **{"import": f"  m: {name}"}))
        assert [d.code for d in archc.check(tmp_path / "spec.yaml")] == ["unknown-import"]


def test_limits_are_documented() -> None:
    """The reference says every limit, by its number."""
    page = Path(__file__).resolve().parent.parent / "docs/language.md"
    section = page.read_text(encoding="utf-8").partition("## Limits")[2]
    shown = {int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", section)}
    known = {n for name, n in vars(limits).items() if name.startswith("MAX_")}
    assert known - shown == set()
