"""Remedies typed in: only one that mends its fault is said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from archc.diagnostics import Diagnostic, Edit, Note, Remedy, Source, Span, SpecError, errors
from archc.language.document import Faulty, document
from archc.language.given import INPUT, sizes, written
from archc.language.spec import Document
from archc.lower.edits import applied, text_at
from archc.lower.linking import link
from archc.lower.lowering import Lowering
from archc.lower.request import PLAIN, Request
from archc.ops.faults import times
from archc.rules import judge_text

MAX_WORK = 50_000
"""Steps that the trials of one spec may lower, and ten times the lines that they may read."""

MAX_MULTIPLE = 2**7 * 3 * 7
Fault = tuple[str, str, int]


@dataclass
class Trials:
    """Trials of remedies for what is wrong with a document, within bounds."""

    document: Document
    request: Request = PLAIN
    work: int = 0
    known: set[Fault] = field(default_factory=set)
    found: list[Diagnostic] = field(default_factory=list)
    judged: tuple[str, ...] = ()
    tried: dict[Any, set[Fault] | None] = field(default_factory=dict)

    def settle(
        self, diagnostics: Iterable[Diagnostic], variants: Sequence[str]
    ) -> list[Diagnostic]:
        """Return diagnostics with the first remedy that mends each; `variants` are those judged."""
        faults = list(diagnostics)
        self.found = errors(faults)
        self.known = {_fault(d) for d in self.found}
        if any(d.remedies for d in faults):
            self.known |= {_fault(d) for d in errors(judge_text(self.document)[0])}
        self.judged = tuple(variants)
        return [self.mended(d, d.variants or self.judged) for d in faults]

    def mended(self, d: Diagnostic, variants: Sequence[str]) -> Diagnostic:
        """Return a diagnostic with a remedy that was tried, or without any."""
        bare = replace(d, remedies=())
        judged = tuple(dict.fromkeys((variants[0], variants[-1])))
        rest = [v for v in self.judged if v not in variants]
        others = tuple(dict.fromkeys((*rest[:1], *rest[-1:])))
        partly: Remedy | None = None
        for remedy in d.remedies:
            if not remedy.edits:
                sized = self.resized(d, remedy, judged)
                if sized is not None:
                    return sized
                continue
            for edits in (remedy.edits, _quoted(remedy.edits)):
                left = self.left(edits, d, judged)
                if left is None:
                    continue
                if any(not self.harmless(edits, d, variant) for variant in others):
                    break
                if left <= self.known:
                    return _helped(bare, remedy.help, edits)
                partly = partly or replace(remedy, edits=edits)
                break
        return _helped(bare, partly.help, partly.edits) if partly else bare

    def left(
        self, edits: tuple[Edit, ...], d: Diagnostic, variants: Sequence[str]
    ) -> set[Fault] | None:
        """Return the faults that are left after edits; None where this one is."""
        if not edits:
            return None
        faults: set[Fault] = set()
        for variant in variants:
            key = (variant, tuple((e.span.key, e.text) for e in edits))
            if key not in self.tried:
                self.tried[key] = self.after(edits, d, variant)
            left = self.tried[key]
            if left is None or self.stays(left, d):
                return None
            faults |= left
        return faults

    def harmless(self, edits: tuple[Edit, ...], d: Diagnostic, variant: str) -> bool:
        """Whether edits leave a variant right that has not the fault."""
        typed = self.typed(edits)
        left = None if typed is None else self.wrong(*typed, d, variant, reached=False)
        elsewhere = {_fault(e) for e in self.found if e.variants and variant not in e.variants}
        here = {_fault(e) for e in self.found if not e.variants or variant in e.variants}
        return left is not None and left <= self.known - (elsewhere - here)

    def stays(self, left: set[Fault], d: Diagnostic) -> bool:
        """Whether the fault of a diagnostic is left, or another has come in its place."""
        own = _fault(d)
        return any(f == own or (f[1:] == own[1:] and f not in self.known) for f in left)

    def after(self, edits: tuple[Edit, ...], d: Diagnostic, variant: str) -> set[Fault] | None:
        """Return what is wrong after edits; None where that can't be told."""
        typed = self.typed(edits) if self.work <= MAX_WORK else None
        return None if typed is None else self.wrong(*typed, d, variant)

    def wrong(
        self,
        changed: Document,
        request: Request,
        d: Diagnostic,
        variant: str,
        *,
        reached: bool = True,
    ) -> set[Fault] | None:
        """Return what is wrong with a changed document; None where that can't be told.

        `reached` says that the step of the fault must have a value.
        """
        if self.work > MAX_WORK:
            return None
        text, faulty = judge_text(changed)
        try:
            asked, settings = request.applied(changed, variant)
        except SpecError:
            return None
        lowering = Lowering(asked, variant, variant, settings, faulty, request.outputs)
        lowering.advice = 0
        lowering.run()
        self.work += lowering.spent
        faults = errors([*text, *lowering.diagnostics])
        return {_fault(e) for e in faults} if not reached or _sound(lowering, d) else None

    def typed(self, edits: tuple[Edit, ...]) -> tuple[Document, Request] | None:
        """Return the document and the request with edits made; None where they can't be read."""
        source, settings = self.document.source, dict(self.request.settings)
        sizes_typed = self.request.input
        own: list[Edit] = []
        texts: dict[Path, str] = {}
        for edit in edits:
            other = edit.span.source
            if other is source:
                own.append(edit)
            elif other.path is not None:
                same = [e for e in edits if e.span.source is other]
                texts[other.path.resolve()] = applied(other.text, same)
            elif other.name == "--set" and (name := other.text.partition("=")[0]) in settings:
                text = applied(other.text, [edit]).partition("=")[2]
                settings[name] = written("--set", name, text)
            elif other.name == INPUT:
                same = [e for e in edits if e.span.source is other]
                sizes_typed = sizes(map(int, applied(other.text, same).split(",")))
            else:
                return None
        try:
            changed = self.read(Source(source.name, applied(source.text, own), source.path))
            old = self.document._linked  # noqa: SLF001 - who allowed its files, allows them here
            link(changed, allow_ops=old is not None and not old.plugin_faults, texts=texts)
        except SpecError:
            return None
        return changed, replace(self.request, settings=settings, input=sizes_typed)

    def read(self, source: Source) -> Document:
        """Read a changed text, or what is sound of it; raises SpecError where more is wrong."""
        self.work += 10 * source.text.count("\n")
        try:
            return document(source)
        except Faulty as error:
            sound = error.rest.model if error.rest is not None else None
            if not isinstance(sound, Document) or len(error.diagnostics) > self.faults:
                raise
            return sound

    @cached_property
    def faults(self) -> int:
        """The number of faults of the text that the document is the sound part of."""
        try:
            document(self.document.source)
        except SpecError as error:
            return len(error.diagnostics)
        return 0

    # Sizes of the input

    def resized(self, d: Diagnostic, remedy: Remedy, variants: Sequence[str]) -> Diagnostic | None:
        """Return a fault of rounding with the nearest legal size; None where it is none."""
        places = remedy.sizes
        if len(places) != 2:
            return None
        texts = [text_at(place) for place in places]
        literal = all(text.isdigit() for text in texts)
        sizes = [int(t) for t in texts] if literal else self.spatial(variants[0])
        if len(sizes) != 2:
            return None

        def fits(pair: Sequence[int]) -> bool:
            if literal:
                left = self.left(_sized(places, pair), d, variants)
            else:
                left = self.wrong(*self.with_input(pair), d, variants[0])
                left = left and {f for f in left if f[0] != "unused-param"}
            return left is not None and not self.stays(left, d) and left <= self.known

        step = MAX_MULTIPLE
        if not fits([max(1, round(size / step)) * step for size in sizes]):
            return None
        for prime in (2,) * 7 + (3, 7):
            smaller = step // prime
            if fits([_near_odd(size, smaller) for size in sizes]):
                step = smaller
        legal = [_nearest(size, step) for size in sizes]
        ways = [[legal[0], sizes[1]], [sizes[0], legal[1]]] if places[0] != places[1] else []
        ways.append(legal)
        chosen = next((pair for pair in ways if step > 1 and pair != sizes and fits(pair)), None)
        return None if chosen is None else _at_input(d, remedy, sizes, chosen, step)

    def spatial(self, variant: str) -> list[int]:
        """Return height and width of the input, where it is a map."""
        asked, settings = self.request.applied(self.document, variant)
        x = Lowering(asked, variant, variant, settings).input()
        return [] if x is None else list(x.shape.spatial)

    def with_input(self, pair: Sequence[int]) -> tuple[Document, Request]:
        """Return the document with another height and width of the input, and what is asked of it."""
        channels = (self.request.input or self.document.input)[0]
        changed = self.document.model_copy(update={"input": (channels, *sizes(pair))})
        changed._linked = self.document._linked  # noqa: SLF001 - the same names
        return changed, replace(self.request, input=())


def _helped(d: Diagnostic, help: str, edits: tuple[Edit, ...]) -> Diagnostic:
    """Return a diagnostic with a remedy, whose place is shown where it is another."""
    shown = {(p.source.name, p.line) for p in (d.span, *(n.span for n in d.notes))}
    place = edits[0].span
    far = (place.source.name, place.line) not in shown
    notes = (*d.notes, Note(place, "to change")) if far else d.notes
    return replace(d, help=help, edits=edits, notes=notes)


def _near_odd(size: int, step: int) -> int:
    """Return a multiple of a step that is one of no larger step, not far from a size."""
    times = max(1, size // step)
    while any(times % prime == 0 for prime in (2, 3, 7)):
        times += 1
    return times * step


def _nearest(size: int, step: int) -> int:
    return max(1, (2 * size + step) // (2 * step)) * step


def _sized(places: Sequence[Span], sizes: Sequence[int]) -> tuple[Edit, ...]:
    edits = {place.key: Edit(place, str(size)) for place, size in zip(places, sizes, strict=True)}
    return tuple(edits.values())


def _at_input(
    d: Diagnostic, remedy: Remedy, sizes: Sequence[int], legal: Sequence[int], step: int
) -> Diagnostic:
    """Say it at the input, whose size rounds on one way and not on the other."""
    odd = [k for k in (0, 1) if sizes[k] != legal[k]]
    names = " and ".join(("height", "width")[k] for k in odd)
    be = "be a multiple" if len(odd) == 1 else "be multiples"
    why = remedy.help and f"{remedy.help}: "
    nearest = times(tuple(legal))
    return replace(
        d,
        span=remedy.sizes[odd[0]],
        label=f"{sizes[odd[0]]} is no multiple of {step}",
        notes=(Note(d.span, d.label or "the sizes differ here"), *d.notes),
        help=f"{why}{names} must {be} of {step}, the nearest is {nearest}",
        edits=tuple(e for e in _sized(remedy.sizes, legal) if _changes(e)),
        remedies=(),
    )


def _changes(edit: Edit) -> bool:
    """Whether an edit writes another number; what is reckoned is left as it is."""
    return text_at(edit.span).isdigit() and text_at(edit.span) != edit.text


def _quoted(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Return edits with the plain scalar around each in quotes, as brackets around it need it."""
    found = []
    for edit in edits:
        line = edit.span.source.line(edit.span.line)
        start, end = edit.span.column - 1, edit.span.end_column - 1
        before = re.search(r"(?:[:,{\[] |\[|- )([^:,{}\[\]\"']*)$", line[:start])
        after = re.match(r"[^,{}\[\]\"'#]*", line[end:])
        if before is None or after is None or '"' in edit.text:
            return ()
        head, tail = before[1], after[0].rstrip()
        span = replace(edit.span, column=start - len(head) + 1, end_column=end + len(tail) + 1)
        found.append(Edit(span, f'"{head}{edit.text}{tail}"'))
    return tuple(found)


def _fault(d: Diagnostic) -> Fault:
    return d.code, d.span.source.name, d.span.line


def _sound(lowering: Lowering, d: Diagnostic) -> bool:
    """Whether the step of a fault was reached, and its value is known."""
    modules = [*lowering.modules.values(), *([lowering.root] if lowering.root else [])]
    places = {(p.source.name, p.line) for p in (d.span, *(n.span for n in d.notes))}
    nodes = [n for m in modules for n in m.nodes if (n.span.source.name, n.span.line) in places]
    return bool(nodes) and not any(v.guess for n in nodes for v in n.outputs)
