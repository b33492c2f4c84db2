"""Figures as papers print them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archc.diagnostics import Source, Span
from archc.language.figures import cut, figure, printed

SPAN = Span(1, 1, 1, 2, Source("spec.yaml", ""))


@pytest.mark.parametrize(
    ("text", "value", "step"),
    [
        ("1.8x10^9", 1_800_000_000, 100_000_000),
        ("1.8×10^9", 1_800_000_000, 100_000_000),
        ("1.8e9", 1_800_000_000, 100_000_000),
        ("3.6 billion", 3_600_000_000, 100_000_000),
        ("0.27M", 270_000, 10_000),
        ("19.4 million", 19_400_000, 100_000),
        ("25,557,032", 25_557_032, 1),
        ("4.10G", 4_100_000_000, 10_000_000),
        ("18", 18, 1),
    ],
)
def test_reading(text: str, value: int, step: int) -> None:
    read = figure(text, SPAN)

    assert read is not None
    assert (read.value, read.step) == (value, step)


@pytest.mark.parametrize("text", ["", "M", "1.8x10", "1.8 parsecs", "-3", "1.", "about 7", "1e-3"])
def test_what_is_no_figure(text: str) -> None:
    assert figure(text, SPAN) is None


@given(st.integers(0, 10**13), st.integers(0, 10))
def test_cutting_digits(count: int, power: int) -> None:
    """Truncation never goes up and rounding never away by more than half a step."""
    step = Decimal(10) ** power

    assert 0 <= count - cut(count, step, "truncated") < step
    assert abs(count - cut(count, step, "rounded")) * 2 <= step


@given(st.integers(1_000, 10**13), st.sampled_from(["rounded", "truncated"]))
def test_printed_is_read_back(count: int, digits: str) -> None:
    """What a table prints of a count, a claim of it holds."""
    read = figure(printed(count, digits), SPAN)

    assert read is not None
    assert read.agrees(count, digits)
