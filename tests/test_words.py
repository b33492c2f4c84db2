"""No message has a word of Python's or of archc's insides, and no slip ends in a traceback."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import pytest

import archc
from archc.diagnostics import Diagnostic, Source, Span, SpecError
from archc.language.evaluate import arithmetic
from archc.language.functions import FUNCTIONS
from archc.language.source import Text

BAD = Path(__file__).resolve().parent / "bad"
INSIDES = re.compile(
    r"<(?!(=|\s|unit|name)).*?>| at 0x|0x[0-9a-f]{8}|\b(NoneType|Callee|Reused|Traceback|ValidationError)\b"
    r"|\b(TypeError|KeyError|AttributeError|ValueError|UNKNOWN|ABSENT|MISSING)\b|must be a valid|Input should"
    r"|has no value|\b(object|tuple|dict|str|None|True|False)\b"
)

# Plain data of every kind, as expressions.
DATA = (
    "3",
    "0",
    "-1",
    "0.5",
    "1e300",
    "2 ** 200",
    "true",
    "none",
    '"txt"',
    "[]",
    "[1, 2]",
    '["a"]',
    "[[1], [2]]",
)
# What else may stand where data should.
REST = (
    "v", "l", "d", "relu", "conv", "conv(4, 3)", "unit", "prev", "x", "[v, v]", "reuse(v)", "l[0]",
    "v.channels", "x.height", "op", "split", "nope", "nn.ReLU()", "self.a",
)  # fmt: skip
OPERATORS = (
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "<",
    "<=",
    "==",
    "!=",
    "in",
    "not in",
    "is",
    "and",
    "or",
)
FORMS = (
    "{0}[{1}]", "{0}({1})", "{0}[{1}:]", "{0} if {1} else x", "conv({0}, {1})", "{0}({1})(v)",
    "add({0}, {1})", "conv(4, {0}, stride={1})(v)", "reuse({0})({1})", "[{0} for k in {1}]",
    "concat({0}, {1})", "rearrange({0}, g={1})(v)", "{0}.channels", "-{0}", "not {0}", "{0}()()",
    "{0}(**v)", "{0}(*v)", "{0}.steps[{1}]", "max_pool({0}, {1})", "parameter({0}, {1})",
)  # fmt: skip
PLACES = {
    "step": "  out: {q}\n",
    "repeat": "  out: {{repeat: {q}, do: 'conv(4, 3)', from: v}}\n",
    "if": "  out: {{if: {q}, do: 'conv(4, 3)', from: v}}\n",
    "from": "  out: {{from: {q}, do: 'conv(4, 3)'}}\n",
    "init": "  out: {{do: 'conv(4, 3)(v)', init: {{weight: {q}}}}}\n",
    "stage": "  out: {{do: 'conv(k, 3)(v)', for: 'k in [{s}]'}}\n",
}
RIGHT = {"step": "relu(v)", "repeat": "k < 2", "if": "true", "from": "v", "init": "0", "stage": "4"}
TAIL = "outputs: [v, l, d.p, d.q, u, w, out]\n"
HEAD = """\
archc: 1
name: net
input: [4, 8, 8]
params: {op: relu}
blocks:
  unit(w=4): conv(w, 3)
  named: {outputs: {p: p, q: q}, p: relu, q: relu(x)}
body:
  v: conv(4, 3)
  l: split(2)(v)
  d: named(v)
  u: op(x)
  w: unit(4)(x)
"""


def plain_calls() -> list[str]:
    """Return every function of up to two and every operator of two arguments of every kind."""
    pairs = list(itertools.product(DATA, repeat=2))
    calls = [f"{f}({', '.join(args)})" for f in FUNCTIONS for args in [(), *zip(DATA), *pairs]]
    calls += [f"{f}({a}, {n}={b})" for f in FUNCTIONS for n in FUNCTIONS[f].names for a, b in pairs]
    calls += [f"({a}) {o} ({b})" for o in OPERATORS for a, b in pairs]
    return calls + [f"({a})[{b}]" for a, b in pairs] + [f"({a})[::{b}]" for a, b in pairs]


def said(found: Diagnostic, *texts: str) -> str:
    """Return all that a diagnostic says, without what the user wrote."""
    parts = (found.message, found.help, found.label, *(n.text for n in found.notes))
    whole = " | ".join(parts)
    for text in texts:
        whole = whole.replace(text, "…")
    return re.sub(r"`[^`]*`", lambda m: "…" if m[0].strip("`") in " ".join(texts) else m[0], whole)


def test_plain_data() -> None:
    """Functions and operators refuse what they do not take in words of their own."""
    odd, count = [], 0
    for written in plain_calls():
        source = Source("s.yaml", written)
        text = Text.at(written, Span(1, 1, 1, 1 + len(written), source))
        try:
            arithmetic(text, {})
        except SpecError as error:
            count += 1
            odd += [
                (written, m) for d in error.diagnostics if INSIDES.search(m := said(d, written))
            ]

    assert odd == []
    assert count > 5000


def slips(seed: int, count: int) -> list[tuple[str, str]]:
    """Return slips and the places that they stand in, at random."""
    choose = random.Random(seed)  # noqa: S311 nothing here is secret
    atoms = (*DATA, *REST)
    forms = (
        *FORMS,
        *(f"{{0}} {o} {{1}}" for o in OPERATORS),
        *(f"{f}({{0}}, {{1}})" for f in FUNCTIONS),
    )
    pairs = ((choose.choice(atoms), choose.choice(atoms)) for _ in range(count))
    return [
        (choose.choice(forms).format(*pair), choose.choice(["step", "step", *PLACES]))
        for pair in pairs
    ]


def judged(slip: str, place: str) -> list[Diagnostic]:
    """Return what is said of a slip at a place."""
    quoted = "'" + slip.replace("'", "''") + "'"
    plain = slip.replace("'", "''")
    return archc.check(Source("slip.yaml", HEAD + PLACES[place].format(q=quoted, s=plain) + TAIL))


def test_right_texts() -> None:
    """Without a slip there is nothing to say."""
    assert {place: judged(text, place) for place, text in RIGHT.items()} == {
        place: [] for place in RIGHT
    }


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 150), pytest.param(2, 3000, marks=pytest.mark.heavy)]
)
def test_slips(seed: int, count: int) -> None:
    """Whatever stands where, it gets a diagnostic in the words of a spec, or is right."""
    odd = [
        (slip, place, text)
        for slip, place in slips(seed, count)
        for found in judged(slip, place)
        if INSIDES.search(text := said(found, slip))
    ]

    assert odd == []


def test_the_bad_corpus() -> None:
    """No rendered message of the corpus has such a word, outside of what its spec says."""
    odd = []
    for path in sorted(BAD.glob("*.txt")):
        if path.name.startswith(("op-", "bad-op", "python-syntax", "bad-torch", "ops-not")):
            continue  # these are about the user's own Python
        spec = path.with_suffix(".yaml").read_text(encoding="utf-8", errors="replace")
        for line in path.read_text(encoding="utf-8").splitlines():
            told = re.match(r"(?:error|warning)\[[\w-]+\]: (.*)|.* = help: (.*)", line)
            words = INSIDES.search(told[1] or told[2]) if told else None
            if words and words[0] not in spec:
                odd.append((path.name, line))

    assert odd == []


KEYWORDS = ["False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield"]  # fmt: skip
NODES = (
    "lambda: 1", "(y := 2)", 'f"{x}"', "[*x]", "conv(**x)", "await x", "(yield)", "...", 'b"a"', "1j",
    "{1, 2}", "{1: 2}", "conv(4, 3)(x)(x)(x)", "x @ x", "~x", "x | x", "x if x", "conv(4 3)",
    "conv(4, 3", "'a", "conv(a=1, 2)", "01", "1.2.3", "x = 3", "x; x", "import os", "\\", "$", "×",
)  # fmt: skip


@pytest.mark.parametrize("written", [*KEYWORDS, *NODES])
def test_odd_texts(written: str) -> None:
    """A word or a sign of Python's gets a diagnostic wherever it stands."""
    for place in PLACES:
        found = judged(written, place)

        assert found or written in ("True", "None", "False")
        assert [m for d in found if INSIDES.search(m := said(d, written))] == []


@pytest.mark.parametrize(
    "word", [*KEYWORDS, "self", "x", "prev", "none", "true", "reuse", "i", "sum"]
)
@pytest.mark.parametrize(
    "spec",
    [
        "params: {{{0}: 3}}\nbody: {{a: 'conv({0}, 3)'}}\n",
        "body:\n  {0}: conv(4, 3)\n  out: relu({0})\n",
        "body: {{a: {{repeat: '{0} < 2', do: 'conv(4, 3)'}}}}\n",
        "blocks:\n  unit({0}): conv({0}, 3)\nbody: {{a: unit(4)}}\n",
        "let: {{{0}: 3}}\nbody: {{a: 'conv({0}, 3)'}}\n",
    ],
)
def test_words_as_names(word: str, spec: str) -> None:
    """A reserved word as a name is right or refused; the file of a right one is Python."""
    text = "archc: 1\nname: net\ninput: [4, 8, 8]\n" + spec.format(word)
    found = archc.check(Source("net.yaml", text))

    assert [m for d in found if INSIDES.search(m := said(d, text, word))] == []
    if not found:
        compile(archc.compile(Source("net.yaml", text)).source(), "net.py", "exec")
