"""Which dimensions of a value the rows and columns of a map lie along: tokens, windows, both.

A value has a frame, the map whose places its tokens are. Each dimension lists the parts of the
frame's height and width that its index counts, the slowest first: `n` of `(h w)` has both, of
windows `g` has whole windows and `n` the places in one. An op that mixes a dimension mixes what
its parts count, and nothing else. Where this is not followed, a place sees all: an upper bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import Any

from archc.ops import Op
from archc.ops.activation import LogSoftmax, Softmax
from archc.ops.arguments import pair
from archc.ops.attention import Attention, MultiheadAttention
from archc.ops.conv import Conv1d
from archc.ops.cut import Select
from archc.ops.einsum import Einsum, Stack
from archc.ops.elementwise import L2Normalize
from archc.ops.linear import Linear
from archc.ops.patterns import contracted, names_of
from archc.ops.rearrange import Rearrange, Reduce
from archc.ops.window import WindowMerge, WindowPartition
from archc.shapes import Shape
from archc.windows import EVERYTHING, Window, Windows

OWN: Windows = (Window(), Window())


@dataclass(frozen=True)
class Part:
    """`size` places of an axis, `apart` from each other; the first block begins at `start`."""

    axis: int
    apart: int
    size: int
    start: int = 0

    def mixed(self, *, rolled: bool) -> Window:
        """Return what a place sees where all of the part is mixed."""
        if self.start and rolled:  # the first window holds both ends of the map
            return Window(whole=True)
        block = self.apart * self.size

        def see(place: int) -> tuple[int, int]:
            first = (place - self.start) // block * block + self.start
            first += (place - self.start) % self.apart
            return first, first + block - self.apart

        return Window(Fraction(1), tuple(map(see, range(block))))


Parts = tuple[tuple[Part, ...], ...]
"""The parts of each dimension of a value."""


def parts_of(x: Shape) -> Parts:
    """Return the parts of a map, or of another value none."""
    spatial = {"h": 0, "w": 1} if {"h", "w"} <= {*x.layout} else {}
    return tuple(
        (Part(spatial[d], 1, size),) if d in spatial else ()
        for d, size in zip(x.layout, x.sizes, strict=True)
    )


@dataclass(frozen=True)
class Reach:
    """What an op sees of each input, and the parts of what it gives."""

    seen: tuple[Windows, ...]
    parts: Parts


@dataclass(frozen=True)
class Mixing:
    """The parts that an op mixes of each input, those that are left, and a change of frame."""

    mixed: Sequence[Sequence[Part]]
    kept: Parts
    frame: Windows = OWN


def step(op: Op, xs: Sequence[Shape], parts: Sequence[Parts], out: Shape, *, masked: bool) -> Reach:
    """Follow an op; `masked` says that a mask keeps the ends of a rolled map apart."""
    rule = RULES.get(type(op))
    mixing = rule(op, xs, parts, out) if rule else None
    if mixing is None:
        return _plain(op, xs, parts, out)
    seen = tuple(
        _seen(mixed, flat(own), mixing.frame, rolled=not masked)
        for mixed, own in zip(mixing.mixed, parts, strict=True)
    )
    return Reach(seen, mixing.kept)


def flat(parts: Iterable[Sequence[Part]]) -> list[Part]:
    """Return the parts of several dimensions."""
    return [p for own in parts for p in own]


def _plain(op: Op, xs: Sequence[Shape], parts: Sequence[Parts], out: Shape) -> Reach:
    """Follow what slides over maps, and what looks at each element by itself."""
    seen = op.sees(*xs)
    if all(p == parts_of(x) for x, p in zip(xs, parts, strict=True)):
        return Reach((seen,) * len(xs), parts_of(out))
    if seen == OWN:
        known = {p for x, p in zip(xs, parts, strict=True) if any(p) and x.layout == out.layout}
        others = any(any(p) for x, p in zip(xs, parts, strict=True) if x.layout != out.layout)
        if len(known) == 1 and not others:
            return Reach((OWN,) * len(xs), known.pop())
    return Reach((EVERYTHING,) * len(xs), parts_of(out))


def _seen(mixed: Sequence[Part], own: Sequence[Part], frame: Windows, *, rolled: bool) -> Windows:
    windows = [Window(), Window()]
    for part in mixed:
        windows[part.axis] = part.mixed(rolled=rolled).on(windows[part.axis])
    for axis in (0, 1):
        every = [p for p in own if p.axis == axis and p.size > 1]
        if all(p in mixed for p in every) and any(p.axis == axis for p in mixed):
            windows[axis] = Window(whole=True)
    down, across = (f.on(w) for f, w in zip(frame, windows, strict=True))
    return down, across


def _last(_: Op, __: Sequence[Shape], parts: Sequence[Parts], ___: Shape) -> Mixing:
    return Mixing([parts[0][-1]], (*parts[0][:-1], ()))


def _along(
    op: Softmax | L2Normalize, xs: Sequence[Shape], parts: Sequence[Parts], _: Shape
) -> Mixing:
    return Mixing([parts[0][xs[0].layout.index(op.dim)]], parts[0])


def _line(_: Op, __: Sequence[Shape], parts: Sequence[Parts], ___: Shape) -> Mixing:
    return Mixing([flat(parts[0])], ((), ()))


def _attention(_: Op, xs: Sequence[Shape], parts: Sequence[Parts], __: Shape) -> Mixing | None:
    q, k, v, *terms = parts
    if q != k or k != v:
        return None
    if any(any(p) and x.batch == "b" for x, p in zip(xs[3:], terms, strict=True)):
        return None
    mixed = flat(q[-2:])
    return Mixing([mixed, mixed, mixed, *([] for _ in terms)], (*q[:-1], ()))


def _einsum(op: Einsum, _: Sequence[Shape], parts: Sequence[Parts], out: Shape) -> Mixing:
    sides, result = contracted(op.pattern)
    kept: dict[str, tuple[Part, ...]] = {}
    mixed = []
    for side, given in zip(sides, parts, strict=True):
        pairs = list(zip([n for n in side if n != "b"], given, strict=True))
        if any(p and kept.get(n) not in (None, (), p) for n, p in pairs):
            return _anywhere(parts, out)
        kept.update((n, kept.get(n) or p) for n, p in pairs)
        mixed.append(flat(p for n, p in pairs if n not in result))
    left = tuple(kept[n] for n in result if n != "b")
    twice = len(flat(left)) > len({*flat(left)})  # a place has two rows, or two columns
    return _anywhere(parts, out) if twice else Mixing(mixed, left)


def _select(op: Select, xs: Sequence[Shape], parts: Sequence[Parts], _: Shape) -> Mixing:
    at = xs[0].layout.index(op.dim)
    return Mixing([parts[0][at]], (*parts[0][:at], *parts[0][at + 1 :]))


def _stack(_: Op, __: Sequence[Shape], parts: Sequence[Parts], ___: Shape) -> Mixing | None:
    return Mixing([[] for _ in parts], ((), *parts[0])) if len({*parts}) == 1 else None


def _patterned(
    op: Rearrange | Reduce, xs: Sequence[Shape], parts: Sequence[Parts], out: Shape
) -> Mixing | None:
    left, right = op.sides(op.pattern)
    sizes = op.named(xs[0])
    own: dict[str, tuple[Part, ...]] = {}
    for group, given in zip(left[1:], parts[0], strict=True):
        cut = _split(given, [sizes[n] for n in group])
        if cut is None:
            return None
        own.update(zip(group, cut, strict=True))
    kept = tuple(tuple(flat(own[n] for n in group)) for group in right[1:])
    gone = [p for n, p in own.items() if n not in names_of(right)]
    if parts[0] == parts_of(xs[0]) and {"h", "w"} & {*own} - {*names_of(right)}:
        return None  # height or width is gone, as `sees` says
    if not {"h", "w"} <= {*out.layout} or kept == parts_of(out):
        return Mixing([flat(gone)], kept)
    if parts[0] != parts_of(xs[0]):
        return _framed(out, kept, flat(gone)) or _anywhere(parts, out)
    groups = [right[1 + out.layout.index(dim)] for dim in ("h", "w")]
    plain = all(
        [p.axis for p in flat(own[n] for n in group)] == [axis] and own[group[0]]
        for axis, group in enumerate(groups)
    )
    return None if plain else _anywhere(parts, out)  # neighbours stay neighbours, as `sees` says


def _anywhere(parts: Sequence[Parts], out: Shape) -> Mixing:
    """Say that a place may see all."""
    return Mixing([[] for _ in parts], parts_of(out), EVERYTHING)


def _split(own: Sequence[Part], sizes: Sequence[int]) -> list[tuple[Part, ...]] | None:
    """Give the parts of a dimension to those that it is split into; None where they don't fit."""
    if not own:
        return [()] * len(sizes)
    if prod(p.size for p in own) != prod(sizes):
        return None
    dimensions: list[tuple[Part, ...]] = []
    pending = [*own]
    for size in reversed(sizes):
        own_parts: list[Part] = []
        left = size
        while left > 1:
            part = pending.pop()
            if left % part.size == 0:
                left //= part.size
            elif part.size % left == 0:
                rest = replace(part, apart=part.apart * left, size=part.size // left)
                part, left = replace(part, size=left), 1
                pending.append(rest)
            else:
                return None
            own_parts.insert(0, part)
        dimensions.insert(0, tuple(own_parts))
    return dimensions


def _framed(out: Shape, kept: Parts, mixed: Sequence[Part]) -> Mixing | None:
    """Take a map whose places are every so-manieth of the frame as the frame itself."""
    frame = []
    for axis, dim in enumerate(("h", "w")):
        part, every = kept[out.layout.index(dim)], [p for p in flat(kept) if p.axis == axis]
        if every != [*part] or len(part) != 1 or part[0].start or part[0].size != out.get(dim):
            return None
        frame.append(Window(Fraction(part[0].apart)))
    return Mixing([mixed], parts_of(out), (frame[0], frame[1]))


def _windows(op: WindowPartition | WindowMerge, x: Shape) -> Parts:
    """Return the parts of the windows of a map: each `g`, and the tokens in it."""
    shifts = (0, 0) if op.grid else pair(op.shift)
    groups, tokens = [], []
    for axis, (length, size) in enumerate(zip(x.spatial, pair(op.size), strict=True)):
        count = -(-length // size)
        start = shifts[axis] if count > 1 else 0
        group, token = Part(axis, size, count, start), Part(axis, 1, size, start)
        if op.grid:
            group, token = Part(axis, 1, count), Part(axis, count, size)
        groups.append(group)
        tokens.append(token)
    return tuple(groups), tuple(tokens), ()


def _partition(
    op: WindowPartition, xs: Sequence[Shape], parts: Sequence[Parts], _: Shape
) -> Mixing | None:
    return Mixing([[]], _windows(op, xs[0])) if parts[0] == parts_of(xs[0]) else None


def _merge(
    op: WindowMerge, xs: Sequence[Shape], parts: Sequence[Parts], out: Shape
) -> Mixing | None:
    return Mixing([[], []], parts_of(out)) if parts[0] == _windows(op, xs[1]) else None


Rule = Callable[[Any, Sequence[Shape], Sequence[Parts], Shape], Mixing | None]

RULES: Mapping[type[Op], Rule] = {
    Linear: _last,
    Softmax: _along,
    LogSoftmax: _along,
    L2Normalize: _along,
    Conv1d: _line,
    Attention: _attention,
    MultiheadAttention: _attention,
    Einsum: _einsum,
    Select: _select,
    Stack: _stack,
    Rearrange: _patterned,
    Reduce: _patterned,
    WindowPartition: _partition,
    WindowMerge: _merge,
}
"""What ops mix that do not slide over a map."""
