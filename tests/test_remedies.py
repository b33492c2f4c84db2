"""Each remedy that a diagnostic says is typed in, and the fault is gone.

Slips are planted in good networks: what the remedy makes of the bad text is held against the
good one. The text is changed here by hand, line by line, not by what archc tries it with.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import archc
from archc import zoo
from archc.diagnostics import Diagnostic, Source, errors
from archc.language.document import document
from archc.language.reading import read

TESTS = Path(__file__).resolve().parent
BAD = [
    path.with_suffix(".yaml")
    for path in sorted((TESTS / "bad").glob("*.txt"))
    if "write `" in path.read_text(encoding="utf-8")
]
CASES = sorted((TESTS / "remedies").glob("*.yaml"))
SHAPES = {"channel-mismatch", "size-mismatch", "shape-mismatch", "concat-mismatch"}


def typed(text: str, diagnostic: Diagnostic) -> str:
    """Type a remedy into a text."""
    lines = text.splitlines()
    for edit in sorted(diagnostic.as_dict()["edits"], key=lambda e: (e["line"], -e["column"])):
        line = lines[edit["line"] - 1]
        head, tail = line[: edit["column"] - 1], line[edit["end_column"] - 1 :]
        lines[edit["line"] - 1] = head + edit["replacement"] + tail
    return "\n".join(lines) + "\n"


def check(text: str, variant: str | None = None) -> list[Diagnostic]:
    return errors(archc.check(Source("net.yaml", text), variant))


def of_here(diagnostic: Diagnostic, name: str) -> bool:
    """Whether a remedy changes the spec itself, not a file that it imports or a setting."""
    return {e["file"] for e in diagnostic.as_dict()["edits"]} == {name}


@cache
def mended(text: str, variant: str | None = None, rounds: int = 4) -> str:
    """Type in the first remedy of each round, as a user does, until nothing is wrong."""
    for _ in range(rounds):
        found = check(text, variant)
        if not found:
            return text
        with_edits = [d for d in found if d.edits]
        assert with_edits, found[0]
        text = typed(text, with_edits[0])
    assert not check(text, variant)
    return text


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_remedies_of_bad_specs(path: Path) -> None:
    """Where a bad spec has a remedy, the fault is gone once it is typed in."""
    try:
        source = read(path, path.name)
    except archc.SpecError:
        return
    if "\n# allowed: ops\n" in source.text:
        return
    for d in archc.check(source):
        if d.edits and of_here(d, path.name):
            fixed = Source(path.name, typed(source.text, d), path)
            left = [(e.code, e.span.line) for e in errors(archc.check(fixed))]
            assert (d.code, d.span.line) not in left, d


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_remedies_of_cases(path: Path) -> None:
    """What was reported by users: one fault each, and what they type makes the spec pass."""
    text = path.read_text(encoding="utf-8")
    first = check(text)[0]
    wanted = re.search(r"^# write: (.*)$", text, re.MULTILINE)

    assert wanted is not None
    assert wanted[1] in first.help
    mended(text)


BASIC = """archc: 1
name: net
input: [3, 32, 32]
blocks:
  basic(width, stride=1):
    conv1: conv(width, 3, stride=stride)
    bn1: bn
    relu1: relu
    conv2: conv(width, 3)
    bn2: bn
    down: projection(width, stride)(x)
    out: relu(bn2 + down)
stem:
  conv1: conv(16, 3)
stages:
  layer1: {block: basic, width: 16, depth: 2}
  layer2: {block: basic, width: 32, depth: 2, stride: 2}
head:
  pool: global_avg_pool
  fc: linear(10)
"""
BOTTLENECK = """archc: 1
name: net
input: [3, 32, 32]
params: {shortcut: projection}
blocks:
  bottleneck(width, stride=1):
    conv1: conv(width, 1)
    bn1: bn
    relu1: relu
    conv2: conv(width, 3, stride=stride)
    bn2: bn
    relu2: relu
    conv3: conv(4 * width, 1)
    bn3: bn
    down: shortcut(4 * width, stride)(x)
    out: relu(down + bn3)
stages:
  layer1: {block: bottleneck, width: 8, depth: 1}
  layer2: {block: bottleneck, width: 16, depth: 2, stride: 2}
"""
INCEPTION = """archc: 1
name: net
input: [8, 33, 33]
body:
  a: conv(16, 3, stride=2)(x)
  b1: conv(8, 1)(x)
  b2: conv(16, 5, stride=2)(b1)
  c: max_pool(3, stride=2, padding=1)(x)
  d: conv(24, 3, stride=2, dilation=2)(x)
  joined: concat(a, b2, c, d)
  e: conv(32, 1)
"""
UNET = """archc: 1
name: net
input: [3, 64, 96]
body:
  e1: conv(16, 3)
  e2: conv(32, 3, stride=2)(e1)
  e3: conv(64, 3, stride=2)
  e4: conv(64, 3, stride=2)(e3)
  u3: upsample(2)
  d3: conv(64, 3)(concat(u3, e3))
  u2: upsample(4)(d3)
  l1: conv(64, 1)(e1)
  d1: u2 + l1
"""
SE = """archc: 1
name: net
input: [16, 16, 16]
blocks:
  se(squeeze):
    pool: adaptive_avg_pool(1)
    fc1: conv(squeeze, 1)
    act: relu
    fc2: conv(x.channels, 1)
    gate: sigmoid
    scale: parameter(x.channels, 1, 1, init=1)
    scaled: x * gate
    out: scaled * scale
body:
  conv1: conv(32, 3)
  se: se(8)
  conv2: conv(32, 3)(se)
  out: se + conv2
"""

# (network, what is right, what a user writes in its place)
SLIPS = [
    (BASIC, "projection(width, stride)(x)", "identity(x)"),
    (BASIC, "down: projection(width, stride)(x)\n    out: relu(bn2 + down)", "out: relu(bn2 + x)"),
    (BASIC, "down: projection(width, stride)(x)\n    out: relu(bn2 + down)", "out: relu(x + bn2)"),
    (BASIC, "projection(width, stride)(x)", "projection(16, stride)(x)"),
    (BASIC, "projection(width, stride)(x)", "projection(width, 1)(x)"),
    (BASIC, "projection(width, stride)(x)", "projection(16, 1)(x)"),
    (BASIC, "projection(width, stride)(x)", "projection(width, 2)(x)"),
    (BASIC, "projection(width, stride)(x)", "projection(2 * width, stride)(x)"),
    (BASIC, "projection(width, stride)(x)", "conv(width, 1)(x)"),
    (BASIC, "projection(width, stride)(x)", "conv(16, 1, stride=stride)(x)"),
    (BASIC, "projection(width, stride)(x)", "avg_projection(width, 1)(x)"),
    (BASIC, "conv2: conv(width, 3)", "conv2: conv(width, 3, padding=0)"),
    (BASIC, "conv2: conv(width, 3)", "conv2: conv(width, 1, padding=1)"),
    (BASIC, "conv2: conv(width, 3)", "conv2: conv(width, 5, padding=1)"),
    (BASIC, "conv2: conv(width, 3)", "conv2: conv(width, 3, dilation=2, padding=1)"),
    (BASIC, "conv1: conv(width, 3, stride=stride)", "conv1: conv(width, 3)"),
    (BASIC, "conv1: conv(width, 3, stride=stride)", "conv1: conv(width, 3, padding=2, stride=stride)"),
    (BASIC, "conv2: conv(width, 3)", "conv2: conv(2 * width, 3)"),
    (BASIC, "conv2: conv(width, 3)", "conv2: conv(16, 3)"),
    (BOTTLENECK, "shortcut: projection", "shortcut: identity"),
    (BOTTLENECK, "shortcut(4 * width, stride)(x)", "shortcut(width, stride)(x)"),
    (BOTTLENECK, "shortcut(4 * width, stride)(x)", "shortcut(4 * width, 1)(x)"),
    (BOTTLENECK, "conv3: conv(4 * width, 1)", "conv3: conv(width, 1)"),
    (BOTTLENECK, "conv2: conv(width, 3, stride=stride)", "conv2: conv(width, 3, stride=stride, padding=0)"),
    (BOTTLENECK, "conv3: conv(4 * width, 1)", "conv3: conv(4 * width, 1, padding=1)"),
    (INCEPTION, "padding=1)(x)", "padding=0)(x)"),
    (INCEPTION, "max_pool(3, stride=2, padding=1)(x)", "max_pool(3, stride=2)(x)"),
    (INCEPTION, "b2: conv(16, 5, stride=2)", "b2: conv(16, 5)"),
    (INCEPTION, "b2: conv(16, 5, stride=2)", "b2: conv(16, 5, stride=2, padding=1)"),
    (INCEPTION, "dilation=2)(x)", "dilation=2, padding=1)(x)"),
    (UNET, "[3, 64, 96]", "[3, 66, 96]"),
    (UNET, "[3, 64, 96]", "[3, 64, 90]"),
    (UNET, "[3, 64, 96]", "[3, 65, 97]"),
    (UNET, "u2: upsample(4)(d3)", "u2: upsample(2)(d3)"),
    (UNET, "l1: conv(64, 1)(e1)", "l1: conv(32, 1)(e1)"),
    (UNET, "l1: conv(64, 1)(e1)\n  d1: u2 + l1", "d1: u2 + e1"),
    (SE, "parameter(x.channels, 1, 1, init=1)", "parameter(x.channels, init=1)"),
    (SE, "fc2: conv(x.channels, 1)", "fc2: conv(squeeze, 1)"),
    (SE, "conv2: conv(32, 3)(se)", "conv2: conv(16, 3)(se)"),
    (SE, "x * gate", "x + gate"),
    (SE, "pool: adaptive_avg_pool(1)\n    fc1: conv(squeeze, 1)\n    act: relu\n    fc2: conv(x.channels, 1)\n", "pool: global_avg_pool\n    fc1: linear(squeeze)\n    act: relu\n    fc2: linear(x.channels)\n"),
]  # fmt: skip


def same(text: str, good: str) -> bool:
    """Whether a network has the output, the work and the weights of another one."""
    one, other = (archc.compile(Source("net.yaml", t)) for t in (text, good))
    return (one.output, one.macs, one.params) == (other.output, other.macs, other.params)


@pytest.mark.parametrize("number", range(len(SLIPS)))
def test_planted_slips(number: int) -> None:
    """A slip in a good network has a remedy that makes it pass."""
    good, right, wrong = SLIPS[number]
    bad = good.replace(right, wrong)

    assert bad != good
    assert not check(good)
    mended(bad)


def test_how_many_are_as_meant() -> None:
    """Most remedies give the network that was meant; the others can be read in several ways.

    Where a 1×1 kernel is padded by 1, say, either may be the slip.
    """
    meant = [same(mended(good.replace(right, wrong)), good) for good, right, wrong in SLIPS]

    assert sum(meant) >= 32, [SLIPS[k][1:] for k, one in enumerate(meant) if not one]


HEAD = "archc: 1\nname: net\n"
TOKENS = 'body:\n  p: conv(64, 4, stride=4, padding=0)\n  t: rearrange("b c h w -> b (h w) c")\n'

# What people write, and what they are told to write.
WRITTEN = {
    "positions": (f"input: [3, 32, 32]\n{TOKENS}  pos: parameter(1, 65, 64)\n  o: t + pos", "parameter(1, 64, 64)"),
    "width of positions": (f"input: [3, 32, 32]\n{TOKENS}  pos: parameter(1, 64, 32)\n  o: t + pos", "parameter(1, 64, 64)"),
    "heads": (f"input: [3, 32, 32]\n{TOKENS}  a: multihead_attention(6)", "multihead_attention(4)"),
    "a list": ('input: [3, 32, 32]\nbody:\n  a: conv(8, 3)\n  bs: {for: "w in [8, 16]", do: "conv(w, 3)"}\n  o: sum(bs)', "conv(8, 3)"),
    "a chain": ("input: [8, 9, 9]\nbody:\n  a: conv(8, 3)(x)\n  b: conv(8, 3)(x)\n  c: conv(16, 3)(x)\n  o: a + b + c", "conv(8, 3)"),
    "several": ("input: [8, 9, 9]\nbody:\n  a: conv(8, 3)(x)\n  b: conv(8, 3, stride=2)(x)\n  c: conv(8, 3)(x)\n  o: sum(a, b, c)", "conv(8, 3)"),
    "pyramid": ("input: [3, 100, 100]\nbody:\n  a: conv(16, 3, stride=4)\n  b: conv(16, 3, stride=2)(a)\n  up: upsample(2)\n  o: a + up", "height and width must be multiples of 8, the nearest is 104×104"),
    "features": ("input: 16\nbody:\n  a: linear(32)\n  r: relu\n  b: linear(32)\n  o: b + x", "linear(32)(x)"),
    "scaled": ("input: [3, 8, 8]\nbody:\n  a: conv(16, 3)\n  r: relu\n  b: conv(16, 3)\n  o: 0.5 * b + 2 * x", "projection(16, 1)(2 * x)"),
    "gate of a channel": ("input: [16, 8, 8]\nbody:\n  g: sigmoid(conv(1, 1))\n  o: x + g", "x * g"),
    "mean of a map": ("input: [16, 8, 8]\nbody:\n  m: adaptive_avg_pool(1)\n  o: x - m", "resize_to(m, x)"),
    "transposed": ("input: [3, 64, 64]\nbody:\n  a: conv(16, 3)\n  b: conv(32, 3, stride=2)(a)\n  u: conv_transpose(16, 3, stride=2)\n  o: u + a", "conv_transpose(16, 3, stride=2, padding=1, output_padding=1)"),
    "pool": ("input: [16, 32, 32]\nbody:\n  a: max_pool(3)\n  o: a + x", "max_pool(3, stride=1, padding=1)"),
    "pool of 1": ("input: [16, 32, 32]\nbody:\n  a: avg_pool(3, stride=1)(x)\n  b: conv(16, 1)(x)\n  o: concat(a, b)", "avg_pool(3, stride=1, padding=1)"),
    "kernel": ("input: [3, 32, 32]\nbody:\n  a: conv(16, 4, padding=2)\n  b: conv(16, 3)(x)\n  o: a + b", "conv(16, 5, padding=2)"),
    "pair": ("input: [3, 32, 32]\nbody:\n  a: conv(16, [3, 5], padding=1)\n  b: conv(16, 3)(x)\n  o: a + b", "conv(16, [3, 5])"),
    "quoted": ('input: [3, 8, 8]\nbody: {a: "conv(16, 3)", r: relu, b: "conv(16, 3)", o: relu(b + x)}', "projection(16, 1)(x)"),
    "running value": ("input: [3, 8, 8]\nblocks:\n  b(w):\n  - conv(w, 3)\n  - relu\n  - conv(w, 3)\n  - relu(prev + x)\nbody:\n  a: b(8)\n  c: b(16)", "projection(w, 1)(x)"),
    "one param for both": ("params: {s: 30}\ninput: [3, s, s]\nbody:\n  a: conv(8, 3, stride=2)\n  b: conv(8, 3, stride=2)(a)\n  u: upsample(2)\n  o: u + a", "32×32"),
    "an import": ("input: [3, 64, 64]\nimport: {r: {network: resnet18, outputs: [layer1, layer2]}}\nbody:\n  r: r\n  o: r.layer1 + r.layer2", "projection(128, 2)(r.layer1)"),
    "two inputs": ("input: [3, 64, 64]\nblocks:\n  fuse(w):\n    inputs: [a, b]\n    c: conv(w, 1)(a)\n    o: c + b\nbody:\n  c: conv(8, 3)\n  d: conv(16, 3, stride=2)(c)\n  o: fuse(16)(c, d)", "conv(w, 1, stride=2)"),
    "depthwise": ("input: [3, 64, 64]\nbody:\n  c: conv(30, 3)\n  d: conv(60, 3, groups=64)", "groups=30"),
    "patches": ("input: [3, 64, 64]\nbody:\n  c: conv(8, 4, stride=4)", "padding=0"),
    "tokens and a map": ('input: [16, 8, 8]\nbody:\n  t: rearrange("b c h w -> b (h w) c")\n  o: t + x', 'rearrange("b (h w) c -> b c h w", h=8)(t)'),
    "enlarged too much": ("input: [8, 64, 64]\nbody:\n  a: conv(8, 3, stride=2)\n  u: upsample(4)(a)\n  o: x + u", "upsample(2)"),
    "half": ("params: {w: 64}\ninput: [3, 8, 8]\nbody:\n  p: conv(w / 2, 3)", "w // 2"),
    "half in a row": ("input: [3, 8, 8]\nblocks:\n  b(w):\n    c: conv(w, 3)\nstages:\n  a: {block: b, w: 9 / 3}", "9 // 3"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_people_write(kind: str) -> None:
    """The remedy is the edit that one would make, and it makes the spec pass."""
    body, wanted = WRITTEN[kind]
    first = check(f"{HEAD}{body}\n")[0]

    assert wanted in first.help
    mended(f"{HEAD}{body}\n")


def test_other_variants_stay_right() -> None:
    """What mends one variant does not break the others."""
    text = f"""{HEAD}input: [3, 32, 32]
params: {{w1: 16, w2: 16}}
variants: {{a: {{}}, b: {{w1: 24}}, c: {{}}}}
body:
  a: conv(w1, 3)(x)
  b: conv(w2, 3)(x)
  out: a + b
"""
    (found,) = check(text)

    assert found.variants == ("b",)
    assert check(typed(text, found)) == []


def test_size_that_is_reckoned() -> None:
    """An input without a number of its own is told what it must be, and left alone."""
    text = (
        WRITTEN["one param for both"][0].replace("s: 30", "s: 15").replace("s, s]", "2 * s, 2 * s]")
    )
    (found,) = check(f"{HEAD}{text}\n")

    assert "multiples of 4, the nearest is 32×32" in found.help
    assert found.edits == ()


def test_many_faults_take_no_time_each() -> None:
    """Remedies are looked for within bounds: of hundreds of faults the first have some."""
    steps = "".join(
        f"  a{k}: conv(8, 3)(x)\n  b{k}: conv(4, 3)(x)\n  o{k}: a{k} + b{k}\n" for k in range(300)
    )
    found = check(f"{HEAD}input: [3, 8, 8]\nbody:\n{steps}")
    found = [d for d in found if d.code == "channel-mismatch"]

    assert len(found) >= 10
    assert any(d.edits for d in found)


# What is planted in the zoo: a pattern, and what stands in its place.
PLANTED = (
    (r", stride=stride\b(?! if)", ""),
    (r"stride=2\b", "stride=1"),
    (r"conv\((\w+), 3(?=[,)])", r"conv(\1 + 8, 3"),
    (r"conv\((\w+), 3(?=[,)])", r"conv(\1, 3, padding=0"),
    (r"conv\((\w+), 1(?=[,)])", r"conv(\1, 1, padding=1"),
    (r"conv\((\w+), 1(?=[,)])", r"conv(2 * \1, 1"),
    (r"\b(projection|shortcut|avg_projection)\(([^()]*)\)\(x\)", "identity(x)"),
    (r"\b(projection|shortcut)\(([^(),]*), stride\)\(x\)", r"\1(\2, 1)(x)"),
    (r"upsample\(2", "upsample(4"),
    (r"padding=[1-9]", "padding=0"),
)


def planted(path: Path, rng: random.Random) -> Iterator[str]:
    """Yield a spec of the zoo with one slip in it, at a place that is drawn for each kind."""
    text = path.read_text(encoding="utf-8")
    for pattern, wrong in PLANTED:
        if places := list(re.finditer(pattern, text)):
            place = rng.choice(places)
            yield text[: place.start()] + place.expand(wrong) + text[place.end() :]


def shape_faults(path: Path, text: str, variant: str | None) -> list[Diagnostic]:
    found = errors(archc.check(Source(path.name, text, path), variant))
    return [d for d in found if d.code in SHAPES]


@pytest.mark.heavy
def test_slips_in_the_zoo() -> None:
    """Nearly every fault of shapes has a remedy, and each that is said makes its fault go."""
    rng = random.Random(9)  # noqa: S311 - places of slips, no secrets
    told = mends = 0
    for path in zoo.files():
        variant = next(iter(document(read(path)).variants), None)
        for bad in itertools.islice(planted(path, rng), 4):
            for d in shape_faults(path, bad, variant)[:1]:
                told += 1
                mends += bool(d.edits)
                left = shape_faults(path, typed(bad, d), variant)
                again = [e for e in left if (e.code, e.span.line) == (d.code, d.span.line)]
                assert not d.edits or not again, (path.name, d)

    assert told >= 40
    assert mends / told > 0.9


def test_data() -> None:
    """An editor gets the place and the text of each edit."""
    good, right, wrong = SLIPS[0]
    (found,) = check(good.replace(right, wrong))
    (edit,) = json.loads(json.dumps(found.as_dict()))["edits"]

    assert (edit["line"], edit["replacement"]) == (11, "projection(width, stride)(x)")
    assert edit["replacement"] in found.help


def test_setting() -> None:
    """A size that was set from outside is changed there."""
    text = UNET.replace("input: [3, 64, 96]", "params: {h: 64}\ninput: [3, h, 96]")
    (found,) = errors(archc.check(Source("net.yaml", text), h="66"))

    assert str(found.span) == "--set:1:3"
    assert [e["replacement"] for e in found.as_dict()["edits"]] == ["64"]


def test_brackets() -> None:
    """Inside brackets a remedy with a comma comes in quotes."""
    text = """archc: 1
name: net
input: [8, 8, 8]
body: {a: conv(8, 3), b: a + x, c: conv(16, 3), out: b + c}
"""
    text = text.replace("conv(8, 3)", '"conv(8, 3)"').replace("conv(16, 3)", '"conv(16, 3)(b)"')
    mended(text)


def test_no_shortcut_where_none_is() -> None:
    """Two branches alike are no shortcut, and a product has none."""
    text = "archc: 1\nname: net\ninput: [8, 8, 8]\nbody:\n  a: conv(16, 3)(x)\n  b: conv(24, 3)(x)\n  out: a {} b\n"

    for sign in "+*-/":
        (found,) = check(text.format(sign))
        assert "shortcut" not in found.help
        assert "projection" not in found.help
        mended(text.format(sign))


def test_gate_where_it_is_meant() -> None:
    """Only a sum with a gate is told to multiply."""
    good, right, wrong = next(s for s in SLIPS if s[1] == "x * gate")
    (found,) = check(good.replace(right, wrong))

    assert "`x * gate`" in found.help
