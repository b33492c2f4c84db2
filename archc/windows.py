"""What a place of a value sees of another value: windows that compose along a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Self

Span = tuple[int, int]
"""The first and the last place of a stretch; places in the padding are below 0 or too high."""


MAX_PERIOD = 10_000
"""Where a pattern takes longer to repeat, a place is said to see all: an upper bound."""


@dataclass(frozen=True)
class Window:
    """What a place of an output sees of an input along one dimension, exactly.

    `step` is how far two neighbours of the output stand apart in the input: 2 for a stride of
    2, 1/2 after an upsampling by 2. `spans` are what the first places see; after so many places
    the pattern repeats, moved on by a whole number. `whole` says that each sees everything.
    """

    step: Fraction = Fraction(1)
    spans: tuple[Span, ...] = ((0, 0),)
    whole: bool = False

    @classmethod
    def of(cls, step: Fraction, see: Callable[[int], Span]) -> Self:
        """Return the window of which `see` says the first places of a period."""
        return cls(step, tuple(map(see, range(step.denominator))))

    @classmethod
    def sliding(cls, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Self:
        """Return the window of a kernel that slides over a padded input."""
        return cls(Fraction(stride), ((-padding, (kernel - 1) * dilation - padding),))

    @classmethod
    def shifted(cls, by: int) -> Self:
        """Return the window of a single place that is so much further on."""
        return cls(spans=((by, by),))

    @classmethod
    def everything(cls, size: int) -> Self:
        """Return the window of one place for all of an input of a size."""
        return cls(Fraction(size), whole=True)

    @property
    def period(self) -> int:
        """The number of places after which the pattern repeats."""
        return len(self.spans)

    def at(self, place: int) -> Span:
        """Return the first and the last place of the input that a place sees."""
        turns, k = divmod(place, self.period)
        by = int(turns * self.period * self.step)
        first, last = self.spans[k]
        return first + by, last + by

    def on(self, inner: Window) -> Window:
        """Return the window on the input of `inner`, whose output this one looks at."""
        step = self.step * inner.step
        if self.whole or inner.whole:
            return Window(step, whole=True)
        period = lcm(step.denominator, self.period)
        while self.step * period % inner.period and period <= MAX_PERIOD:
            period += lcm(step.denominator, self.period)
        if period > MAX_PERIOD:
            return Window(step, whole=True)

        def see(place: int) -> Span:
            first, last = self.at(place)
            return inner.at(first)[0], inner.at(last)[1]

        return Window(step, tuple(map(see, range(period))))

    def beside(self, other: Window) -> Window:
        """Return the window that covers both, of two branches that meet.

        Its step is the finer one: a gate of one place for all has none of its own.
        """
        step = min(self.step, other.step)
        if self.whole or other.whole:
            return Window(step, whole=True)

        def see(place: int) -> Span:
            ends = (self.at(place), other.at(place))
            return min(first for first, _ in ends), max(last for _, last in ends)

        period = lcm(step.denominator, self.period, other.period)
        if period > MAX_PERIOD:
            return Window(step, whole=True)
        return Window(step, tuple(map(see, range(period))))

    @property
    def size(self) -> int | None:
        """The most places that one sees, those in the padding too; None for all of them."""
        return None if self.whole else max(last - first for first, last in self.spans) + 1


Windows = tuple[Window, Window]
"""A window down the height and one across the width."""


EVERYTHING: Windows = (Window(whole=True),) * 2
"""What mixes all places sees, and where each gives one again: attention."""


def everywhere(spatial: tuple[int, ...]) -> Windows:
    """Return the windows of a value whose one place sees all of a map of (height, width)."""
    down, across = map(Window.everything, spatial or (1, 1))
    return down, across


def sliding(
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> Windows:
    """Return the windows of a kernel that slides over a padded map; pairs are (height, width)."""
    down, across = map(Window.sliding, kernel, stride, padding, dilation)
    return down, across
