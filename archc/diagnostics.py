"""What archc says of a spec: values that are collected, sorted and rendered once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from archc.escaping import quoted, visible
from archc.limits import (
    MAX_CANDIDATES,
    MAX_LINE,
    MAX_MESSAGE,
    MAX_NAME,
    MAX_NOTES,
    MAX_SHOWN,
)

TOO_MANY = "too-many"
MAX_ALIKE = 4
MAX_NAMES = 6


@dataclass(frozen=True)
class Source:
    """A spec's text and the name that messages give it.

    `path` is where it was read; what it imports is looked for from there, or from the current
    folder where it is None. `shipped` is what comes with archc: its library, the zoo. `files`
    are texts that are kept with it, by their real paths: they stand for files of the disk.
    """

    name: str
    text: str = field(repr=False)
    path: Path | None = field(default=None, repr=False, compare=False)
    shipped: bool = field(default=False, repr=False, compare=False)
    files: Mapping[Path, str] = field(default_factory=dict, repr=False, compare=False)

    def line(self, number: int) -> str:
        """Return a line of the text by its number, counted from 1."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text as YAML and editors count them."""
        return re.split(r"\r\n|\r|\n", self.text)


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of a source: lines and columns count from 1, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    source: Source = field(compare=False, repr=False)

    @property
    def key(self) -> tuple[str, int, int, int, int]:
        return (self.source.name, self.line, self.column, self.end_line, self.end_column)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Note:
    """A second place that a message points at, such as where a shape comes from."""

    span: Span
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shortened(self.text))


@dataclass(frozen=True)
class Edit:
    """A piece of a text and what to write in its place."""

    span: Span
    text: str


@dataclass(frozen=True)
class Remedy:
    """A change of the text that may mend a fault, and the help that says the same in words.

    `sizes` are the places of the input's height and width, where a size without rests may do.
    """

    help: str
    edits: tuple[Edit, ...] = ()
    sizes: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Diagnostic:
    """One fault of a spec: its code names the fault, its help says what to do about it.

    `variants` are those that have the fault, where a spec has several. `edits` are what the help
    says to write; they were tried. `remedies` are what is still to be tried, the likeliest first.
    `count` is how many it stands for.
    """

    code: str
    message: str
    span: Span
    label: str = ""
    notes: tuple[Note, ...] = ()
    help: str = ""
    severity: str = "error"
    variants: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    remedies: tuple[Remedy, ...] = field(default=(), repr=False, compare=False)
    count: int = 1

    def __post_init__(self) -> None:
        """Keep what is shown short, whatever the texts that it quotes."""
        for name in ("message", "label", "help"):
            object.__setattr__(self, name, shortened(getattr(self, name)))
        object.__setattr__(self, "notes", self.notes[:MAX_NOTES])

    def __str__(self) -> str:
        return render(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the diagnostic as plain data, for `--format json`."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            **_place(self.span),
            "label": self.label,
            "notes": [{**_place(note.span), "text": note.text} for note in self.notes],
            "help": self.help,
            "variants": list(self.variants),
            "edits": [{**_place(edit.span), "replacement": edit.text} for edit in self.edits],
        }


class SpecError(Exception):
    """A spec that is wrong; `diagnostics` holds every fault that was found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(listed(diagnostics))
        super().__init__("\n\n".join(render(d) for d in self.diagnostics))

    def __reduce__(self) -> tuple[Any, ...]:
        return (SpecError, (self.diagnostics,))


def spec_error(code: str, message: str, span: Span, help: str = "") -> SpecError:
    """Return an error of one fault, to raise."""
    return SpecError([Diagnostic(code, message, span, help=help)])


def sort(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Order diagnostics by place; of several with one code at one place keep the first.

    Those of other variants are others, see `joined`.
    """
    unique: dict[tuple[object, ...], Diagnostic] = {}
    for diagnostic in diagnostics:
        key = (diagnostic.code, *diagnostic.span.key, diagnostic.variants)
        unique.setdefault(key, diagnostic)
    return sorted(unique.values(), key=lambda d: (d.span.source.name, d.span, d.code))


def listed(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort what a report shows: where they are very many, the first ones and how many more.

    Errors go before warnings; the last diagnostic stands for those that are left out.
    """
    ordered = sort(diagnostics)
    earlier = [d for d in ordered if d.code == TOO_MANY]
    chosen = sorted((d for d in ordered if d not in earlier), key=lambda d: d.severity != "error")
    kept, rest = chosen[:MAX_SHOWN], [*chosen[MAX_SHOWN:], *earlier]
    if not rest:
        return ordered
    wrong = errors(rest)
    counts = {"error": sum(d.count for d in wrong), "warning": len(rest) - len(wrong)}
    counted = [f"{n} more {kind}{'s' * (n > 1)}" for kind, n in counts.items() if n]
    last = Diagnostic(
        TOO_MANY,
        f"{' and '.join(counted)} {'is' if sum(counts.values()) == 1 else 'are'} not shown",
        (wrong or rest)[0].span,
        help="mend those that are shown, and check again",
        severity="error" if wrong else "warning",
        count=max(1, counts["error"]),
    )
    return [*sort(kept), last]


def joined(found: Iterable[tuple[str, Iterable[Diagnostic]]]) -> list[Diagnostic]:
    """Join what is wrong with several variants: one fault is one diagnostic that names them all.

    At one place a variant has one fault of a code, its first; several variants may have several,
    with other numbers. Of more than MAX_ALIKE the rest are only counted.
    """
    by_fault: dict[tuple[object, ...], tuple[Diagnostic, list[str]]] = {}
    by_place: dict[tuple[object, ...], list[tuple[Diagnostic, list[str]]]] = {}
    for variant, diagnostics in found:
        for d in sort(diagnostics):
            place = (d.code, *d.span.key)
            if (*place, d.message) not in by_fault:
                by_fault[*place, d.message] = (d, [])
                by_place.setdefault(place, []).append(by_fault[*place, d.message])
            by_fault[*place, d.message][1].append(variant)
    return [d for alike in by_place.values() for d in _named(alike)]


def _named(alike: list[tuple[Diagnostic, list[str]]]) -> list[Diagnostic]:
    shown = [replace(d, variants=tuple(names)) for d, names in alike[:MAX_ALIKE]]
    rest = [name for _, names in alike[MAX_ALIKE:] for name in names]
    if rest:
        others = f"with other numbers in {some(rest)} too"
        label = ", ".join(filter(None, (shown[-1].label, others)))
        shown[-1] = replace(shown[-1], label=label)
    return shown


def some(names: Sequence[str]) -> str:
    """List names in a sentence, the first few where they are many: a, b and 3 more."""
    if len(names) > MAX_NAMES + 1:
        return f"{', '.join(names[:MAX_NAMES])} and {len(names) - MAX_NAMES} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def errors(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return those that make a spec wrong, leaving warnings out."""
    return [d for d in diagnostics if d.severity == "error"]


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Say which known names are meant by an unknown one, or list them all where few."""
    if len(name) > MAX_NAME:
        return ""
    known = sorted({str(candidate) for candidate in candidates})
    if len(known) > MAX_CANDIDATES:
        ends = (name[:2], name[-2:])
        known = [k for k in known if k[:2] == ends[0] or k[-2:] == ends[1]][:MAX_CANDIDATES]
    close = [c for c in get_close_matches(name, known, n=6, cutoff=0.6) if plausible(name, c)]
    if close := close[:3]:
        return "did you mean " + " or ".join(f"`{c}`" for c in close) + "?"
    if 0 < len(known) <= 12:
        return "known here: " + ", ".join(f"`{k}`" for k in known)
    return ""


def plausible(name: str, meant: str) -> bool:
    """Whether one name can be a slip for another: few letters off, or a part of it."""
    a, b = (n.lower().replace("_", "").replace("-", "") for n in (name, meant))
    short, long = sorted((a, b), key=len)
    if (len(short) >= 3 and short in long) or sorted(a) == sorted(b):
        return True
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, before, row = before, row, [i + 1]
        for j, y in enumerate(b):
            cost = min(before[j + 1] + 1, row[j] + 1, before[j] + (x != y))
            if i and j and (x, y) == (b[j - 1], a[i - 1]):
                cost = min(cost, last[j - 1] + 1)  # two letters that changed places
            row.append(cost)
    return row[-1] <= max(1, len(long) // 3)


def render(diagnostic: Diagnostic) -> str:
    """Render a diagnostic as text: message, place, the lines in question with carets, help.

    What would not show, or would break a line, is written out.
    """
    places = [(diagnostic.span, "^", diagnostic.label)]
    places += [(note.span, "-", note.text) for note in diagnostic.notes]
    width = max(len(str(span.line)) for span, _, _ in places)
    gutter = " " * width + " |"
    out = [f"{diagnostic.severity}[{diagnostic.code}]: {quoted(diagnostic.message)}"]
    out.append(" " * width + f"--> {quoted(str(diagnostic.span))}")
    for number, (span, mark, text) in enumerate(places):
        if span.source.name != diagnostic.span.source.name:
            out.append(" " * width + f"::: {quoted(str(span))}")
        if number < 2 or span.line < places[number - 1][0].line:
            out.append(gutter)
        line, underline = _excerpt(span, mark)
        out.append(f"{span.line:>{width}} | {line}".rstrip())
        out.append(f"{gutter} {underline} {quoted(text)}".rstrip())
    plural = "s"[: len(diagnostic.variants) > 1]
    variants = [f"in variant{plural} {some(diagnostic.variants)}"] * bool(diagnostic.variants)
    variants += [f"help: {diagnostic.help}"] * bool(diagnostic.help)
    out += [gutter] * bool(variants) + [" " * width + f" = {quoted(line)}" for line in variants]
    return "\n".join(out)


def _excerpt(span: Span, mark: str) -> tuple[str, str]:
    """Return the line of a span and what marks it below; of a long line what is around it."""
    line, start = span.source.line(span.line), span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    if len(line) > MAX_LINE:
        first = max(0, min(start - MAX_LINE // 4, len(line) - MAX_LINE))
        last = first + MAX_LINE
        head, tail = "…" * (first > 0), "…" * (last < len(line))
        line = f"{head}{line[first:last]}{tail}"
        start, end = (at - first + len(head) for at in (start, min(end, last)))
    before, marked = line[:start], line[start:end]
    space = start + len(visible(before)) - len(before)
    length = max(1, end - start + len(visible(marked)) - len(marked))
    return visible(line), " " * space + mark * length


def shortened(text: str) -> str:
    """Return a text, or its beginning and its end where it is very long."""
    if len(text) <= MAX_MESSAGE:
        return text
    return f"{text[: MAX_MESSAGE * 2 // 3]} … {text[-MAX_MESSAGE // 3 :]}"


def _place(span: Span) -> dict[str, Any]:
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
