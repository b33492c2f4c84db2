"""The rules of the text: judged over every block and both branches, without building anything."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from archc.diagnostics import Source
from archc.language.document import document
from archc.lower.marks import NO_FAULTS
from archc.rules import judge_text

HEAD = "archc: 1\nname: net\ninput: [3, 8, 8]\n"


def judge(text: str) -> tuple[list[str], frozenset[str]]:
    found, faulty = judge_text(document(Source("s.yaml", HEAD + text)))
    return [f"{d.code} {d.span.line - 3}:{d.span.column}" for d in found], faulty.owners


def steps(*lines: str) -> str:
    return "body:\n" + "".join(f"  {line}\n" for line in lines)


@pytest.mark.parametrize(
    "lines",
    [
        ("a: relu", "relu: relu", "b: relu"),
        ("a: conv(8, 3)", "b: relu(a)", "c: a + b"),
        ("a: conv(8, 3)", "b: conv(a.channels, 3)", "c: bn"),
        ("a: conv(8, 3)", "b: {from: a, do: [relu, bn]}", "c: a + b"),
        ("a: conv(8, 3)", "b: {if: x.channels > 3, from: a, do: bn}", "c: a + b"),
        ("a: conv(8, 3)", "b: bn(a) if x.channels > 3 else a", "c: a + b"),
        ("a: {b: relu, c: bn}", "b: relu"),
        ("a: conv(8, 3)", "p: parameter(8, 1, 1)", "b: relu", "c: p * b"),
        ("a: conv(8, 3)", "p: {q: 'parameter(8, 1, 1)', r: a * q}", "b: relu"),
        ("a: split(3)", "b: bn(a[0])", "c: concat(b, a[1], a[2])"),
        ("a: {repeat: i < 3, do: relu}", "b: concat(prev, a.steps[0])"),
        (
            "a: {for: 'k in [1, 3]', do: 'conv(8, k)'}",
            "b: {for: v in a, from: v, do: bn}",
            "c: concat",
        ),
        ("a: relu(conv(8, 3))", "b: bn"),
        ("a: conv(8, 3)", "b: reuse(a)(x)", "c: a + b"),
        ("a: conv(8, 3)", "conv: bn(a)", "b: relu(conv) if a.channels > 8 else conv"),
        ("a: {b: 'conv(sum([8, 8]), 3)', c: relu}",),
        ("a: adaptive_avg_pool([x.height // 2, x.width])",),
        ("a: parameter(3, x.height, x.width)", "b: x + a"),
    ],
)
def test_sound_bodies(lines: tuple[str, ...]) -> None:
    """What the language allows: see its section 2."""
    assert judge(steps(*lines)) == ([], frozenset())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("a: conv(8, 3)", "b: bn", "c: a + b"), ["silent-fan-out 3:3"]),
        (("a: conv(8, 3)", "b: [bn, relu]", "c: a + b"), ["silent-fan-out 3:3"]),
        (("a: conv(8, 3)", "b: {c: bn, d: relu}", "e: a + b"), ["silent-fan-out 3:3"]),
        (("a: conv(8, 3)", "b: bn(x) if x.channels > 3 else none", "c: a + b"), ["silent-fan-out 3:3"]),
        (("a: conv(8, 3)", "b: {if: x.channels > 3, do: bn(x)}", "c: a + b"), ["silent-fan-out 3:3"]),
        (("a: conv(8, 3)", "b: bn", "c: a if x.channels > 3 else b"), ["silent-fan-out 3:3"]),
        (("a: conv(8, 3)", "b: relu(bn)", "c: a + b"), ["silent-fan-out 3:3"]),
        (("a: relu", "b: relu(x)"), ["dead-value 2:3"]),
        (("a: [relu, relu(x)]",), ["dead-value 2:7"]),
        (("a: relu", "b: conv(a.channels, 3)(x)"), ["dead-value 2:3"]),
        (("a: relu", "b: parameter(1)"), ["dead-value 3:3"]),
        (("a: bnn",), ["unknown-name 2:6"]),
        (("a: {b: relu}", "c: relu(b)"), ["unknown-name 3:11"]),
        (("a: relu(b)", "b: relu"), ["unknown-name 2:11"]),
        (("a: {repeat: i < n, do: relu}",), ["unknown-name 2:19"]),
        (("a{k}: relu",), ["unknown-name 2:5"]),
        (("a: {repeat: i < 2, do: {b: {repeat: i < 2, do: relu}}}",), ["name-taken 2:39"]),
        (("a: relu", "b: {repeat: a < 2, do: relu}"), ["name-taken 3:15"]),
        (("a.b: relu", "a_b: relu"), ["same-name 3:3"]),
        (("x: relu",), ["reserved-name 2:3"]),
        (("a.train: relu",), ["reserved-name 2:3"]),
        (("a: relu(8)",), ["too-many-arguments 2:11"]),
        (("a: conv(8, 3, 1, strid=2)",), ["unknown-argument 2:20"]),
        (("a: conv(8, out=3)",), ["argument-twice 2:14"]),
        (("a: conv(kernel=3)(x)",), ["missing-argument 2:6"]),
        (("a: {if: x.height > 3, do: relu}",), ["resolution-in-structure 2:11"]),
        (("a: relu if x.width > 3 else bn",), ["resolution-in-structure 2:14"]),
        (("a: linear(x.tokens)",), ["resolution-in-structure 2:13"]),
        (("a: bn(x, 8)",), ["mixed-arguments 2:6"]),
        (("a: reuse(b)(x)",), ["bad-reuse 2:6"]),
    ],
)  # fmt: skip
def test_faulty_bodies(lines: tuple[str, ...], expected: list[str]) -> None:
    """Each fault once, at its place."""
    assert judge(steps(*lines))[0] == expected


@pytest.mark.parametrize(
    ("text", "expected", "faulty"),
    [
        ("params: {a: 1, b: a}\nbody: {c: 'conv(b, 1)'}\n", [], ""),
        ("params: {a: 1}\nbody: {c: relu}\n", ["unused-param 1:10"], ""),
        ("let: {a: 1}\nbody: {c: relu}\n", ["unused-let 1:7"], ""),
        ("blocks: {u: v, v: u}\nbody: {c: relu}\n", ["unused-block 1:10", "unused-block 1:16"], ""),
        ("params: {a: u}\nvariants: {s: {a: v}}\nblocks: {u: relu, v: bn}\nbody: {c: a}\n", [], ""),
        ("blocks: {u(a): relu}\nbody: {c: u(1)}\n", [], ""),
        ("blocks: {u: {let: {a: 1}, b: relu}}\nbody: {c: u}\n", ["unused-let 1:20"], ""),
        ("blocks: {u: bnn}\nbody: {c: u}\n", ["unknown-name 1:13"], "u"),
        ("params: {a: 1}\nblocks: {u: {a: relu}}\nbody: {c: u}\n", ["name-taken 2:14", "unused-param 1:10"], "u"),
        ("blocks: {u: {inputs: [x, y], a: x + y}}\nbody: {c: 'u(x, x)'}\n", [], ""),
        ("blocks: {u: {outputs: [a, b], a: relu, b: bn}}\nbody: {c: u, d: 'concat(c[0], c[1])'}\n", [], ""),
        ("outputs: {p: a, q: b}\nbody: {a: relu, b: relu}\n", [], ""),
        ("outputs: {p: a}\nbody: {a: relu, b: relu}\n", ["dead-value 2:17"], ""),
        ("variants: {s: {a: 1}}\nbody: {c: relu}\n", ["unknown-param 1:16"], ""),
        ("default: t\nvariants: {s: {}}\nbody: {c: relu}\n", ["unknown-variant 1:10"], ""),
        ("defaults: {u: {a: 1}, bn: {b: 1}}\nbody: {c: relu}\n", ["unknown-op 1:12", "unknown-argument 1:28"], ""),
        ("defaults: {conv: {kernel: 1}}\nbody: {c: conv(8)}\n", [], ""),
        ("init: {conv: {weight: normal(s)}}\nbody: {c: relu}\n", ["unknown-name 1:30"], ""),
        ("stages: {c: {block: relu}, d: {block: bn}}\nhead: {e: c + d}\n", [], ""),
        ("blocks: {u(a): relu}\nstages: {c: {block: u}}\n", ["missing-argument 2:21"], ""),
        ("blocks: {u(a): relu}\nstages: {c: {block: u, b: 1, stride: 1}}\n", ["unknown-argument 2:24"], ""),
        ("blocks: {u(a): relu}\nstages: {c: {block: u, first: {a: i}}}\n", [], ""),
    ],
)  # fmt: skip
def test_documents(text: str, expected: list[str], faulty: str) -> None:
    """Rules of the whole file, and which blocks are too wrong to be lowered."""
    found, wrong = judge(text)

    assert found == expected
    assert faulty in wrong or not faulty


def test_names_of_steps_in_messages() -> None:
    """The message that the language's reference promises."""
    text = (
        steps("a: u(8)")
        + "blocks:\n  u(w):\n    bn3: bn\n    downsample: conv(w, 1)\n    out: relu(bn3 + downsample)\n"
    )
    [found] = judge_text(document(Source("s.yaml", HEAD + text)))[0]

    assert (
        found.message
        == "`bn3` is used in `out`, so `downsample` must say what it takes: `(x)` or `(bn3)`"
    )


def test_the_zoo_is_sound_and_quickly_judged(zoo: Path) -> None:
    """A few milliseconds a document."""
    for path in sorted(zoo.glob("*.yaml")):
        parsed = document(Source(path.name, path.read_text(encoding="utf-8")))
        start = time.perf_counter()

        assert judge_text(parsed) == ([], NO_FAULTS), path.name
        assert time.perf_counter() - start < 0.1
