"""Whose weights are these? The networks of the zoo and the settings that keys and shapes fit."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.api.architecture import Architecture
from archc.api.compiling import compile, open_spec  # noqa: A004
from archc.diagnostics import SpecError
from archc.lower.params import source
from archc.weights.sketches import Shapes, numbered, ranked

LIKELY = 8
CLOSE = 3
TRIES = 90
LEAST = 0.3
"""The likeness below which a checkpoint is none of a network."""
ALIKE = 0.9
"""How much of all shapes two networks share that are one in other words."""
CLASSES = "num_classes"
INPUT = "input"
"""Under which settings have the input, `4,224,224`, where it is not the spec's."""


@dataclass(frozen=True)
class Match:
    """A network of the zoo with settings, and what of the checkpoint it does not have.

    `missing` are keys that the checkpoint lacks, `unexpected` those that only it has, `shapes`
    the network's and the checkpoint's where they differ. `same` has other networks, and
    `untold` settings, that keys and shapes can't tell from this one.
    """

    name: str
    settings: Mapping[str, str]
    tensors: int
    missing: Sequence[str] = ()
    unexpected: Sequence[str] = ()
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    same: Sequence[str] = ()
    untold: Sequence[str] = ()
    renamed: bool = False

    @property
    def exact(self) -> bool:
        """Whether all keys and shapes are the network's."""
        return not (self.missing or self.unexpected or self.shapes or self.renamed)

    @property
    def likeness(self) -> float:
        """Return which part of all keys fits, from 0 to 1."""
        off = len(self.missing) + len(self.unexpected)
        return 1 - (off + len(self.shapes)) / max(self.tensors + len(self.unexpected), 1)


def identify(shapes: Shapes, *, search: bool = True) -> list[Match]:
    """Return the networks that a checkpoint is likely of, the likeliest first; [] where none is.

    `shapes` has the shape of each tensor by key. Counters of batches may be missing. All that
    fit in full are given, else the one that comes nearest.
    """
    wanted = {k: tuple(v) for k, v in shapes.items()}
    matches = [_match(compile(name), {}, wanted) for name in _likely(ranked(wanted))]
    exact = sorted((m for m in matches if m.exact), key=lambda m: (len(m.name), m.name))
    if exact:
        names = [m.name for m in exact]
        return [_told(m, [n for n in names if n != m.name]) for m in exact]
    trials = _Search(wanted)
    close = sorted(matches, key=lambda m: -m.likeness)[:CLOSE]
    for fit in (trials.classes, trials.fitted) if search else (trials.classes,):
        close = [fit(match) if LEAST <= match.likeness < 1 else match for match in close]
        if fitting := [m for m in close if m.exact]:
            return [_told(fitting[0], [])]
    best = max(close, key=lambda m: m.likeness, default=None)
    if best is not None and best.likeness >= LEAST:
        return [best]
    return _by_shapes(wanted)


def _likely(scores: Sequence[tuple[float, str]]) -> list[str]:
    """Return the few whose sketches come near the best."""
    least = 0.6 * scores[0][0] if scores else 0.0
    return [name for score, name in scores[:LIKELY] if score >= least]


def _by_shapes(wanted: Shapes) -> list[Match]:
    """Return the network whose tensors have these shapes under other keys; [] where none has."""
    own = Counter(numbered(wanted))
    for name in _likely(ranked(wanted, keyed=False)):
        arch = compile(name)
        theirs = Counter(numbered(arch.state_dict_shapes()))
        common = (own & theirs).total()
        if common >= ALIKE * max(own.total(), theirs.total()):
            return [Match(name, {}, len(arch.state_dict_shapes()), renamed=True)]
    return []


def compiled(name: str, settings: Mapping[str, str]) -> Architecture:
    """Compile a network of the zoo with the settings of a match."""
    rest: dict[str, Any] = {k: v for k, v in settings.items() if k != INPUT}
    sizes = [int(size) for size in settings.get(INPUT, "").split(",") if size]
    return compile(name, input=sizes or None, **rest)


def _match(arch: Architecture, settings: Mapping[str, str], wanted: Shapes) -> Match:
    own = arch.state_dict_shapes()
    counter = "num_batches_tracked"
    return Match(
        arch.name,
        settings,
        len(own),
        [k for k in own if k not in wanted and not k.endswith(counter)],
        [k for k in wanted if k not in own],
        {k: (own[k], wanted[k]) for k in own if k in wanted and own[k] != wanted[k]},
    )


class _Search:
    """Changes settings one by one as long as more of a checkpoint fits."""

    def __init__(self, wanted: Shapes) -> None:
        self.wanted, self.left = wanted, TRIES

    def fitted(self, match: Match) -> Match:
        """Return the best that was found for a network."""
        best, steps = match, True
        while steps and not best.exact:
            steps = False
            for settings in self._others(best):
                other = self._tried(best.name, settings)
                if other is not None and other.likeness > best.likeness:
                    best, steps = other, True
                    break
        return best

    def _tried(self, name: str, settings: Mapping[str, str]) -> Match | None:
        self.left -= 1
        if self.left < 0:
            return None
        try:
            return _match(compiled(name, settings), settings, self.wanted)
        except (SpecError, TypeError):
            return None

    def classes(self, match: Match) -> Match:
        """Set the number of classes, and of input channels, where the ends are of others."""
        for name, values in self._ends(match).items():
            for value in values:
                other = self._tried(match.name, {**match.settings, name: value})
                if other is not None and other.likeness > match.likeness:
                    match = other
                    break
        return match

    def _ends(self, match: Match) -> dict[str, list[str]]:
        """Return numbers of classes, and inputs, that shapes speak for."""
        pairs = [(own, there) for own, there in match.shapes.values() if own and there]
        classes = {there[0] for own, there in pairs if own[1:] == there[1:]}
        found = (
            {CLASSES: [str(n) for n in sorted(classes)]} if CLASSES in params(match.name) else {}
        )
        sample = compile(match.name).input.sizes
        channels = {
            there[1]
            for own, there in pairs
            if len(own) == len(there) == 4 and (own[0], *own[2:]) == (there[0], *there[2:])
            if own[1] == sample[0]
        }
        found[INPUT] = [",".join(map(str, (n, *sample[1:]))) for n in sorted(channels)]
        return found

    def _others(self, match: Match) -> Iterator[dict[str, str]]:
        """Yield settings that differ from those of a match by one."""
        for name, (text, choices) in params(match.name).items():
            now = match.settings.get(name, text)
            if name != CLASSES:
                for value in choices or _near(now):
                    if value != now:
                        yield {**match.settings, name: value}


def params(name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the value of each param of a network, and all that it may be, where that is few."""
    parsed, chosen = open_spec(name, None)
    own: Mapping[Any, Any] = next((v for n, v in parsed.variants.items() if n == chosen), {})
    texts = {str(n): source(v) for n, v in {**parsed.params, **own}.items()}
    limits = {str(n): p.one_of or () for n, p in parsed.declared.items()}
    return {n: (text, tuple(map(source, limits[n]))) for n, text in texts.items()}


def _near(text: str) -> Iterator[str]:
    """Yield values like one: the other truth value, half and double, a list with one changed."""
    try:
        value = ast.literal_eval(text.replace("true", "True").replace("false", "False"))
    except (ValueError, SyntaxError):
        return
    if isinstance(value, bool):
        yield str(not value).lower()
    elif isinstance(value, int):
        yield from (
            str(v) for v in dict.fromkeys((2 * value, value // 2, value + 1, value - 1)) if v > 0
        )
    elif isinstance(value, list) and all(type(v) is int for v in value):
        for k, entry in enumerate(value):
            for other in (entry + 1, entry - 1):
                yield str([*value[:k], other, *value[k + 1 :]])


def _told(match: Match, same: Sequence[str]) -> Match:
    """Return a match with what keys and shapes can't tell from it."""
    arch = compiled(match.name, match.settings)
    shapes, text = arch.state_dict_shapes(), arch.source()
    untold: list[str] = []
    for name, (value, choices) in params(match.name).items():
        now = match.settings.get(name, value)
        for other in choices or (_near(now) if now in ("true", "false") else ()):
            if other == now:
                continue
            try:
                changed = compiled(match.name, {**match.settings, name: other})
            except SpecError:
                continue
            if changed.state_dict_shapes() == shapes and changed.source() != text:
                untold.append(f"{name}={other}")
    return Match(match.name, match.settings, match.tensors, same=tuple(same), untold=tuple(untold))
