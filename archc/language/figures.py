"""Figures as papers print them: `1.8x10^9`, `0.27M`, `3.6 billion`, and lists of counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import ClassVar, Literal

from archc.diagnostics import Span

Digits = Literal["rounded", "truncated"]
Count = int | list[int]

WORDS = {
    "K": 3, "M": 6, "G": 9, "B": 9, "T": 12, "k": 3,
    "thousand": 3, "million": 6, "billion": 9,
}  # fmt: skip
CUTS = {"rounded": ROUND_HALF_UP, "truncated": ROUND_DOWN}
NUMBER = re.compile(rf"([\d,]+(?:\.\d+)?)(?:e(\d+)| ?[x×] ?10\^(\d+)| ?({'|'.join(WORDS)}))?")


@dataclass(frozen=True)
class Figure:
    """A number as printed; `step` is what one more in its last digit is worth."""

    text: str
    span: Span
    value: Decimal
    step: Decimal

    def agrees(self, count: Count, digits: Digits) -> bool:
        """Whether a count, its digits cut so, is printed like this."""
        return not isinstance(count, list) and cut(count, self.step, digits) == self.value


@dataclass(frozen=True)
class Listing:
    """A list of counts as printed."""

    text: str
    span: Span
    values: tuple[int, ...]
    step: ClassVar[Decimal] = Decimal(1)

    def agrees(self, count: Count, digits: Digits) -> bool:  # noqa: ARG002
        """Whether the counts are these; they have no digits to cut."""
        return count == list(self.values)


def figure(text: str, span: Span) -> Figure | None:
    """Read a number as printed; None where it is none.

    >>> read = figure("11.3x10^9", None)
    >>> int(read.value), int(read.step), read.agrees(11_326_545_408, "truncated")
    (11300000000, 100000000, True)
    """
    match = NUMBER.fullmatch(text)
    if match is None:
        return None
    digits, e, power, word = match.groups()
    exponent = int(e or power or WORDS.get(word, 0))
    value = Decimal(digits.replace(",", ""))
    last = len(digits.partition(".")[2])
    return Figure(text, span, value.scaleb(exponent), Decimal(1).scaleb(exponent - last))


def cut(count: int, step: Decimal, digits: Digits) -> Decimal:
    """Return a count in whole steps."""
    return (count / step).to_integral_value(CUTS[digits]) * step


def printed(count: int, digits: Digits) -> str:
    """Spell a count as tables of papers do: one decimal, and the power of a thousand.

    >>> printed(3_879_147_520, "truncated"), printed(40_551_040, "rounded"), printed(12, "rounded")
    ('3.8×10^9', '40.6×10^6', '12')
    """
    power = max(0, (len(str(count)) - 1) // 3 * 3)
    if not power:
        return str(count)
    step = Decimal(1).scaleb(power - 1)
    return f"{cut(count, step, digits).scaleb(-power):.1f}×10^{power}"


def spelled(count: Count) -> str:
    """Spell an exact count, thousands apart."""
    return f"{count:,}" if isinstance(count, int) else str(count)
