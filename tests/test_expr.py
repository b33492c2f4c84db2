"""The expression language: Python's spelling, no execution, every expression ends."""

from __future__ import annotations

from typing import Any

import pytest

from archc.diagnostics import Source, Span, SpecError
from archc.language.evaluate import arithmetic
from archc.language.expr import parse
from archc.language.functions import jumps_near
from archc.language.source import Text

SCOPE = {"n": 3, "xs": [1, 2, 3], "table": [[1, [2, 3]], [4, [5, 6]]], "name": "bn"}


def text(written: str) -> Text:
    return Text.at(written, Span(1, 1, 1, len(written) + 1, Source("s.yaml", written)))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("7 // 2 * 2 + 2 ** 3 % 5", 9),
        ("8 / 2", 4.0),
        ("1e-3", 0.001),
        ("-n + +n", 0),
        ("n if n > 2 and not n == 4 else 0", 3),
        ("1 < n <= 3", True),
        ("n in xs and 9 not in xs", True),
        ("none or true", True),
        ('name is "bn"', True),
        ("xs[0] + xs[-1]", 4),
        ("xs[1:]", [2, 3]),
        ("xs + [4] * 2", [1, 2, 3, 4, 4]),
        ("(1, 2)", [1, 2]),
        ("2 * x for x in xs if x != 2", [2, 6]),
        ("[k, x] for k, x in enumerate([5])", [[0, 5]]),
        ("[a + c for a, (b, c) in table]", [4, 10]),
        ("[x * y for x in xs for y in range(x)]", [0, 0, 2, 0, 3, 6]),
        ("[x for x in xs] + [len(xs)]", [1, 2, 3, 3]),
        ("sum(enumerate(xs)[2])", 5),
        ("zip(xs, xs)[1]", [2, 2]),
        ("cut(range(5), [2, 3])", [[0, 1], [2, 3, 4]]),
        ("unique([8, 8, 16, 8])", [8, 16]),
        ("count(xs, 2)", 1),
        ("linspace(0, 1, 3)", [0.0, 0.5, 1.0]),
        ("linspace(0, 1, 1)", [0.0]),
        ("make_divisible(18, 8)", 24),
        ("make_divisible(32 * 0.5, 8)", 16),
        ("round(2.5), round(3.5)", [2, 4]),
        ("int(ceil(log2(9)))", 4),
    ],
)
def test_values(written: str, value: Any) -> None:
    """What an expression means is what Python means by it."""
    found = arithmetic(text(written), SCOPE)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("written", "code", "column"),
    [
        ("", "bad-expression", 1),
        ("1 +", "bad-expression", 1),
        ("lambda: 1", "bad-expression", 1),
        ("n & 1", "bad-expression", 1),
        ("(n := 2)", "bad-expression", 1),
        ("{1: 2}", "bad-expression", 1),
        ("1 + 1j", "bad-expression", 5),
        ("n.real", "bad-expression", 1),
        ("open(name)", "unknown-name", 1),
        ("1 + m", "unknown-name", 5),
        ("n + xs", "bad-expression", 1),
        ("-name", "bad-expression", 1),
        ("n < name", "bad-expression", 1),
        ("1 / (n - 3)", "bad-expression", 1),
        ("n[0]", "bad-expression", 1),
        ("xs[3]", "index-out-of-range", 1),
        ("xs[name]", "bad-expression", 4),
        ("[a for a, b in xs]", "bad-expression", 8),
        ("x for x in n", "bad-expression", 12),
        ("sqrt(-1)", "bad-expression", 6),
        ("cut(xs, [1])", "bad-expression", 1),
        ("int(1e400)", "too-much", 5),
        ("2 ** 10 ** 9", "too-much", 1),
        ("10 ** 99 * 10 ** 99", "too-much", 1),
        ("[0] * 10 ** 6", "too-much", 1),
        ("[0 for a in range(9999) for b in range(9999)]", "too-much", 34),
        ("range(10 ** 9)", "bad-expression", 1),
    ],
)
def test_faults(written: str, code: str, column: int) -> None:
    """Each has a code and a place inside the expression; none takes long."""
    with pytest.raises(SpecError) as caught:
        arithmetic(text(written), SCOPE)
    [found] = caught.value.diagnostics

    assert (found.code, found.span.column) == (code, column)


@pytest.mark.parametrize(
    "written",
    [
        "(" * 300 + "1" + ")" * 300,
        "-" * 500 + "1",
        "not " * 400 + "1",
        "[" * 90 + "]" * 90,
        "1" * 5000,
    ],
)
def test_depth_is_bounded(written: str) -> None:
    """Nor can nesting bring the parser down."""
    with pytest.raises(SpecError):
        arithmetic(text(written), {})


def test_places_in_unicode() -> None:
    """Columns count characters, not bytes, with the bracket of a bare comprehension left out."""
    expr = parse(text('["é", m] for k in xs'))

    assert expr.span(expr.tree.elt.elts[1]).column == 7  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "values", "near"),
    [
        ("int", [0.29 * 100], True),
        ("int", [3.0], False),
        ("int", [3], False),
        ("int", [2.9999], False),
        ("floor", [-0.1 * 3 * 10], True),
        ("ceil", [0.1 * 3 * 10], True),
        ("round", [2.5], False),
        ("round", [sum([0.1] * 25)], True),
        ("round", [2.0000000001], False),
        ("round", [0.29 * 100, 1], False),
        ("make_divisible", [60.0], False),
        ("make_divisible", [59.99999999999999], True),
        ("make_divisible", [56.00000000000001], False),
        ("make_divisible", [5.999999999999999, 4], True),
    ],
)
def test_jumps_near(name: str, values: list[float], near: bool) -> None:
    """A hair from where a result jumps, not at it, and not where nothing jumps."""
    assert jumps_near(name, values) is near
