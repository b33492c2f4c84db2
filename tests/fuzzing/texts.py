"""Damage of the text of specs: of the zoo, and of one that has all features."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from fuzzing.case import Case

import archc
from archc.diagnostics import Source

SPECS = Path(__file__).resolve().parents[2] / "specs"
SECONDS = 10.0

FEATURES = """\
archc: 1
name: net
default: small
input: [3, 32, 32]
params:
  {num_classes: 10, depths: [1, 2], widths: [8, 16], act: relu, shortcut: projection, rate: 0.1}
variants:
  small: {}
  large: {depths: [2, 2], act: silu, shortcut: none}
let:
  rates: cut(linspace(0, rate, sum(depths)), depths)
defaults: {conv: {bias: false}}
init: {conv: {weight: kaiming_normal(fan_out)}}
blocks:
  unit(width, p, stride=1):
    let: {hidden: width // 2}
    conv1: conv(hidden, 3, stride=stride)
    act1: act
    mix: {if: stride > 1, do: bn}
    conv2: conv(width, 1)
    drop: drop_path(p)
    downsample: shortcut(width, stride)(x)
    out: drop + downsample
  join:
    inputs: [x, skip]
    out: concat(x, skip)
  fractal(k):
    short: conv(8, 3)(x)
    long: fractal(k - 1)(x) if k > 1 else none(x)
    out: mean(short, long)
stem:
  conv1: conv(8, 3)
  tree: fractal(2)
stages:
  layer{s + 1}:
    repeat: s, width in enumerate(widths)
    block: unit
    width: width
    p: rates[s][i]
    stride: s + 1
    depth: depths[s]
head:
  towers:
    for: k in [1, 3]
    from: layer_s___1_
    do: conv(8, k)
  both: join(towers[0], towers[1])
  scale: parameter(16, 1, 1, init=0.5)
  again: reuse(layer_s___1_)(both) if rate > 1 else scale * both
  features.0:
  - split(2)
  - do: relu
    from: prev[0]
  pool: global_avg_pool
  fc: linear(num_classes)
outputs: {logits: fc, side: {value: both, when: training}}
"""
SOUND = {
    "features": FEATURES,
    **{p.stem: p.read_text(encoding="utf-8") for p in sorted(SPECS.glob("*.yaml"))},
}

JUNK_TEXT = """
    0 -1 1e400 1e-400 10**30 2**2**2**2**2 0.5 true none x prev conv relu bn unit x.channels
    x.height x.oops [] [[]] {} "" ( ) [1,2] conv() conv(8) relu(relu) relu(x)(x) x+x x*none x/0
    1/0 1%0 -x +x not~x x[0] [1][5] range(10**9) [0]*10**6 len(x) sum(x) max() max([]) list(x,1)
    enumerate(1) zip(1,2) cut([1],[2]) log(-1) sqrt(-1) int(1e400) make_divisible(1,0)
    linspace(0,1,10**9) linspace(0,1,1.5) sorted([1,x]) min(1,none) round(1.5,x) i<10**9 i<-1
    i<x j,(a,b)<3 i 1<2 a,b reuse(conv1) reuse(x)(x) identity() none(x) none() concat()
    concat(none(x)) "{" {i}: a:b: !!int *a &a <<: é 1if x.steps conv1.steps lambda:0 `x` f"{x}"
    x:=1 *x **x ... b"x" 1j x@x x|x [i for i in x] (i for i in [x]) {1:2} {1} x<x "a"*9 "a"<1
    ["a"]<[1] x==x x in x -"a" conv<3 unit(unit) unit(1,1,1,1) conv(**x) conv(*x) fractal(99)
    fractal(-1) conv(8,3,groups=0) conv(8,[3]) conv(8,3)(8) conv(99999999,3) 9*9*9*9**99
    depths[99] depths["a"] depths[1.5] depths[::0] depths["a":] widths.x
"""
JUNK = JUNK_TEXT.split()


def damaged(text: str, seed: str) -> str:
    """Return a text with a fault or two, the same ones for a seed wherever it runs."""
    rng = Random(seed)  # noqa: S311 nothing here is secret
    lines = text.splitlines()
    for _ in range(rng.randint(1, 2)):
        rng.choice(DAMAGES)(rng, lines)
    return "\n".join(lines) + "\n"


def delete_line(rng: Random, lines: list[str]) -> None:
    if len(lines) > 1:
        lines.pop(rng.randrange(len(lines)))


def double_line(rng: Random, lines: list[str]) -> None:
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))


def swap_lines(rng: Random, lines: list[str]) -> None:
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


def indent_line(rng: Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = " " * rng.randint(0, 8) + lines[at].lstrip()


def change_character(rng: Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    column = rng.randint(0, len(lines[at]))
    other = rng.choice(["", *"()[]{}:,-+*/.x0 'é\"#&!%|>\\\t\0"])
    lines[at] = lines[at][:column] + other + lines[at][column + 1 :]


def junk_value(rng: Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    key, found, _ = lines[at].partition(": ")
    lines[at] = f"{key}{found or ': '}{rng.choice(JUNK)}"


def quoted_junk(rng: Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    key, found, _ = lines[at].partition(": ")
    value = rng.choice(JUNK).replace("'", "")
    lines[at] = f"{key}{found or ': '}'{value}'"


def junk_argument(rng: Random, lines: list[str]) -> None:
    calls = [k for k, line in enumerate(lines) if "(" in line and ")" in line]
    if calls:
        at = rng.choice(calls)
        head, _, tail = lines[at].partition("(")
        lines[at] = f"{head}({rng.choice(JUNK)}{rng.choice([',', ''])}{tail}"


def other_value(rng: Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = lines[at].partition(": ")[0] + ": " + rng.choice(lines).partition(": ")[2]


def other_word(rng: Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    words, others = list(re.finditer(r"\w+", lines[at])), re.findall(r"\w+", rng.choice(lines))
    if words and others:
        word = rng.choice(words)
        lines[at] = lines[at][: word.start()] + rng.choice(others) + lines[at][word.end() :]


def nest(rng: Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    depth = rng.choice([5, 39, 70, 500])
    opening, closing = rng.choice(["[]", "()", ("{a: ", "}"), ("-", ""), ("not ", "")])
    lines[at] = lines[at].partition(": ")[0] + ": " + opening * depth + "1" + closing * depth


# Most damage is done inside expressions: what breaks the YAML never gets past its parser.
DAMAGES: list[Callable[[Random, list[str]], None]] = [
    *[delete_line, double_line, swap_lines, indent_line, change_character, junk_value, nest],
    *[quoted_junk, junk_argument, other_value, other_word] * 4,
]


def case(number: int) -> Case:
    """Return a damaged spec, of each in turn."""
    names = list(SOUND)
    name, seed = names[number % len(names)], number // len(names)
    text = damaged(SOUND[name], f"{name} {seed}")
    source = Source("damaged.yaml", text)
    return Case(f"texts {number} ({name})", lambda: archc.check(source), text)
