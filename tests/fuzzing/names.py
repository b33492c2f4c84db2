"""Names in every place of a spec where a name may stand."""

from __future__ import annotations

import json
from random import Random

from fuzzing.case import Case

import archc
from archc.diagnostics import Source

HEAD = "archc: 1\nname: net\ninput: [3, 16, 16]\n"
STEPS = "body:\n  conv1: conv(8, 3)\n  act: relu\n"

# `QUOTED` is the name as a key or a value of YAML, `BARE` as a part of an expression.
PLACES = {
    "network": "archc: 1\nname: QUOTED\ninput: [3, 16, 16]\n" + STEPS,
    "default": HEAD + "default: QUOTED\nvariants: {QUOTED: {}, other: {}}\n" + STEPS,
    "default of none": HEAD + "default: QUOTED\n" + STEPS,
    "param": HEAD + "params: {QUOTED: 8}\nbody:\n  conv1: conv(8, 3)\n",
    "param in use": HEAD + 'params: {QUOTED: 8}\nbody:\n  conv1: "conv(BARE, 3)"\n',
    "variant": HEAD + "params: {width: 8}\nvariants: {QUOTED: {width: 4}}\n" + STEPS,
    "setting of a variant": HEAD + "params: {width: 8}\nvariants: {a: {QUOTED: 4}}\n" + STEPS,
    "let": HEAD + 'let: {QUOTED: 8}\nbody:\n  conv1: "conv(BARE, 3)"\n',
    "let of itself": HEAD + 'let: {QUOTED: "BARE + 1"}\n' + STEPS,
    "defaults": HEAD + "defaults: {QUOTED: {bias: false}}\n" + STEPS,
    "default of an argument": HEAD + "defaults: {conv: {QUOTED: false}}\n" + STEPS,
    "op of a rule": HEAD + "init: {QUOTED: {weight: zeros}}\n" + STEPS,
    "tensor of a rule": HEAD + "init: {conv: {QUOTED: zeros}}\n" + STEPS,
    "initialiser": HEAD + "init: {conv: {weight: QUOTED}}\n" + STEPS,
    "block": HEAD + "blocks: {QUOTED: {a: relu}}\nbody:\n  b: QUOTED\n  c: conv(8, 3)\n",
    "signature": HEAD + 'blocks: {"unit(BARE)": {a: "conv(BARE, 3)"}}\nbody: {b: unit(8)}\n',
    "signature with a default": HEAD + 'blocks: {"unit(BARE=8)": {a: "conv(BARE, 3)"}}\nbody: {b: unit}\n',
    "input of a block": HEAD + 'blocks: {unit: {inputs: [QUOTED, y], a: "BARE + y"}}\nbody: {b: relu, c: "unit(b, b)"}\n',
    "output of a block": HEAD + 'blocks: {unit: {a: relu, outputs: {QUOTED: a, other: a}}}\nbody: {b: unit, c: "b.BARE"}\n',
    "let of a block": HEAD + 'blocks: {unit: {let: {QUOTED: 8}, a: "conv(BARE, 3)"}}\nbody: {b: unit}\n',
    "step": HEAD + "body:\n  QUOTED: conv(8, 3)\n  act: relu\n",
    "step in use": HEAD + 'body:\n  QUOTED: conv(3, 3)\n  more: relu\n  out: "more + BARE"\n',
    "step of a block": HEAD + 'blocks: {unit: {QUOTED: "conv(8, 3)", b: relu}}\nbody: {b: unit}\n',
    "nested step": HEAD + "body:\n  outer:\n    QUOTED: conv(8, 3)\n    act: relu\n",
    "key with an expression": HEAD + 'body:\n  "a{BARE}": conv(8, 3)\n',
    "two steps": HEAD + 'body:\n  QUOTED: conv(8, 3)\n  act: relu\n  "BARE": relu\n',
    "variable": HEAD + 'body:\n  a: {repeat: "BARE < 2", do: "conv(8 + BARE, 3)"}\n',
    "variable of a list": HEAD + 'body:\n  a: {for: "BARE in [1, 3]", do: "conv(8, BARE)"}\n  b: concat(a)\n',
    "key of copies": HEAD + 'body:\n  "a{BARE}": {repeat: "BARE < 2", do: "conv(8, 3)"}\n',
    "row": HEAD + 'stages:\n  QUOTED: {block: "conv(8, 3)"}\n',
    "block of a row": HEAD + "stages:\n  a: {block: QUOTED, out: 8, kernel: 3}\n",
    "argument of a row": HEAD + "stages:\n  a: {block: conv, out: 8, kernel: 3, QUOTED: 1}\n",
    "argument of the first copy": HEAD + "stages:\n  a: {block: conv, out: 8, kernel: 3, first: {QUOTED: 1}}\n",
    "stage": HEAD + 'body:\n  a: {do: "conv(8, 3)", stage: QUOTED}\n  b: relu\n',
    "output": HEAD + STEPS + "outputs: {QUOTED: act, other: conv1}\n",
    "listed output": HEAD + STEPS + "outputs: [QUOTED]\n",
    "op": HEAD + "body:\n  a: QUOTED\n  b: conv(8, 3)\n",
    "call": HEAD + 'body:\n  a: "BARE(8, 3)"\n',
    "argument": HEAD + 'body:\n  a: "conv(8, 3, BARE=1)"\n',
    "value": HEAD + 'body:\n  a: conv(8, 3)\n  b: "relu(BARE)"\n',
    "number": HEAD + 'body:\n  a: "conv(BARE, 3)"\n',
    "from": HEAD + "body:\n  a: conv(8, 3)\n  b: {do: relu, from: QUOTED}\n",
    "reused step": HEAD + 'body:\n  a: conv(3, 3)\n  b: "reuse(BARE)(a)"\n',
    "attribute": HEAD + 'body:\n  a: conv(8, 3)\n  b: "conv(a.BARE, 3)"\n',
    "import": HEAD + 'import: {QUOTED: resnet18}\nbody:\n  a: conv(3, 3)\n  b: "BARE"\n',
    "imported network": HEAD + "import: {other: QUOTED}\n" + STEPS,
    "imported variant": HEAD + "import: {other: {network: resnet18, variant: QUOTED}}\n" + STEPS,
    "imported output": HEAD + "import: {other: {network: resnet18, outputs: [QUOTED]}}\nbody: {a: other}\n",
    "imported block": HEAD + 'import: {other: resnet18}\nbody: {a: "other.BARE(8)(x)"}\n',
    "ops": HEAD + "ops: [QUOTED]\n" + STEPS,
    "claim": HEAD + STEPS + "claims: {net: {QUOTED: 3}}\n",
    "variant of a claim": HEAD + STEPS + "claims: {QUOTED: {params: 3}}\n",
    "paper": HEAD + "paper: {title: QUOTED, QUOTED: 3}\n" + STEPS,
    "variant of a paper": HEAD + "paper: {title: t, variants: [QUOTED]}\n" + STEPS,
    "title": HEAD + "paper: {title: QUOTED, arxiv: QUOTED}\n" + STEPS,
    "key of the file": HEAD + STEPS + "QUOTED: 3\n",
    "modifier": HEAD + "body:\n  a: {do: relu, QUOTED: 3}\n  b: conv(8, 3)\n",
}  # fmt: skip

PLAIN = """
    x prev none true false None True False self nn F torch math and or not in is if else for
    lambda class def return import from as with yield await async del pass print exec eval
    forward training parameters children T destination to type half cuda __init__ __class__
    __call__ __dict__ _ __ ___ _a a_ A conv relu bn linear sum concat mean add reuse identity
    shortcut conv_bn channels height width tokens steps i j k len range min max int list dict
    object str super Module OrderedDict Sequential in_channels out_channels bias weight init
    stem stages head body name input default params let do repeat stage block depth first last
    spec variant outputs allow_ops layer1 layer1.0 a.b a..b .a a. a-b a--b -a 0 0a 00 1 1.5 1e9
    é ñandú naïve λ 变量 переменная ª ﬁ K 𝐱 ℌ x² ½ İ ß ａ \u200ba a\u200b a\u0301 \u202ea \ufeffa
    yes no on off null ~ y n <<: =  = ! * & % @ ` | > ? : , [ ] { } # ' " \\ / // $ ; + **
"""
FIXED = [
    *PLAIN.split(),
    "", " ", "a b", " a", "a ", "\t", "a\nb", "\n", "a\rb", "\0", "a\0b", "\x1b[31m", "\x7f", "\x85",
    "\u2028", "\ud7ff", "\ufffe", "\U0010ffff", "a" * 199, "a" * 201, "a" * 3000, "é" * 150, "a." * 99 + "a",
    "{", "}", "{}", "{{}}", "{a}", "{i}", "a{i}b", "{x}", "{1}", "{1 / 0}", "{[1]}", "{'a b'}", "{'\"'}",
    "../x", "/etc/passwd", "/dev/null", "/dev/stdin", "~", "~/a", ".", "..", "/", "a/b.yaml", "CON", "a\\b",
    "$(id)", "`id`", "%s", "%(x)s", "{0}", "${x}", "<b>", "&amp;", "]]>", "-->", "';--", '"""', "'''", "# a",
    "x.y", "x[0]", "x()", "a=1", "a, b", "*a", "**a", "a: b", "- a", "a if a else a", "lambda: 0", "1 + 1",
    "()", "[]", "0x10", "0b1", "1_000", "1j", "nan", "inf", "1e400", "-1", "b'a'", "f'{x}'", "...", "a:=1",
]  # fmt: skip
LETTERS = "abxX_019.-{}() é'\"\\\n:,+*λ"


def name(number: int) -> str:
    """Return a fixed name, then names of letters drawn at random."""
    if number < len(FIXED):
        return FIXED[number]
    rng = Random(f"name {number}")  # noqa: S311 nothing here is secret
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 8)))


def case(number: int) -> Case:
    """Return a spec with a name in a place, the places in turn."""
    places = list(PLACES)
    place = places[number % len(places)]
    chosen = name((number // len(places) * 31 + number) % max(len(FIXED), number // 20))
    quoted = json.dumps(chosen, ensure_ascii=False)
    text = PLACES[place].replace("QUOTED", quoted).replace("BARE", quoted[1:-1])
    source = Source("names.yaml", text)
    return Case(f"names {number} ({place}: {chosen[:40]!r})", lambda: archc.check(source), text)
