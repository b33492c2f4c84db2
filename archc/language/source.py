"""Text to a tree of scalars, lists and mappings, each with its span; the only reader of YAML.

YAML 1.2 in one document, with every scalar read as text. What makes YAML surprising
(duplicate keys, anchors, tags, second documents, tabs) is an error here.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from types import MappingProxyType
from typing import Any

import yaml

from archc.diagnostics import Diagnostic, Note, Source, Span, SpecError
from archc.language.characters import hidden, written_out
from archc.limits import MAX_BYTES, MAX_DEPTH

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_QUOTE = "a comma, a bracket or `: ` ends a plain scalar here: quote the text, or put it on a line of its own"
_INDENT = "indent the line like those beside it; text with a `: ` in it must be quoted"


class Text(str):
    """A scalar as it is written, quotes taken off; `offset` is where the text starts in the span."""

    __slots__ = ("offset", "plain", "span")
    span: Span
    plain: bool
    offset: int

    @classmethod
    def at(cls, text: str, span: Span, *, style: str | None = None) -> Text:
        """Make a scalar of a YAML style: None plain, else the quote or block character."""
        self = cls(text)
        self.span = span
        self.plain = not style
        self.offset = 0 if self.plain else 1
        return self

    def part(self, start: int, end: int) -> Span:
        """Return the span of text[start:end], or of all where the text is not on one line."""
        span = self.span
        if span.line != span.end_line or "\n" in self:
            return span
        first = span.column + self.offset
        return Span(span.line, first + start, span.line, first + end, span.source)


class Unsound(Text):
    """A scalar that is wrong, which has been reported: what it means is unknown."""

    __slots__ = ()


class Mapping(dict[Text, Any]):
    """A YAML mapping, in the order of its text."""

    span: Span
    _keys: AnyMapping[str, Text] = MappingProxyType({})

    def key(self, name: str) -> Text:
        """Return the key as it stands in the text."""
        if name not in self._keys or len(self._keys) != len(self):  # keys are renamed
            self._keys = {key: key for key in self}
        return self._keys[name]


class Items(list[Any]):
    """A YAML list."""

    span: Span


Tree = Text | Mapping | Items


def parse(source: Source) -> Mapping:
    """Parse a spec; raises SpecError with everything that is wrong with the text."""
    tree, faults = parse_sound(source)
    if faults:
        raise SpecError(faults)
    return tree


def parse_sound(source: Source) -> tuple[Mapping, list[Diagnostic]]:
    """Parse a spec as far as it is sound, and return what is not; raises SpecError without a tree."""
    parser = _Parser(source)
    return parser.parse(), parser.faults


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.faults: list[Diagnostic] = []
        self.depth = 0

    def parse(self) -> Mapping:
        if len(self.source.text) > MAX_BYTES:
            raise self._stop(
                "too-large", f"a spec has at most {MAX_BYTES} characters", self._span()
            )
        self.faults += hidden(self.source)
        if self.faults:
            raise SpecError(self.faults)
        self._find_tabs()
        tree: Tree | None = None
        try:
            text = self.source.text.replace("\t", " ")  # they have been reported
            events = (e for e in yaml.parse(text, Loader=_LOADER))
            tree = self._document(events)
        except yaml.YAMLError as error:
            if not any(f.code == "tab" for f in self.faults):  # which it may be because of
                self._syntax(error)
            raise SpecError(self.faults) from None
        if self.faults and not isinstance(tree, Mapping):
            raise SpecError(self.faults)
        if not isinstance(tree, Mapping):
            raise self._stop(
                "not-a-mapping",
                "a spec is a mapping of keys such as `name:`, `input:` and `body:`",
                tree.span if tree is not None else self._span(),
                "see `archc schema` or the language reference for the keys",
            )
        return tree

    def _document(self, events: Iterator[Any]) -> Tree | None:
        tree: Tree | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if tree is not None:
                    self._fault(
                        "second-document",
                        "a second document starts here",
                        self._mark(event),
                        "a file holds one network",
                    )
                    return tree
                if event.explicit and event.version not in (None, (1, 2)):
                    self._fault(
                        "yaml-version",
                        "specs are YAML 1.2",
                        self._mark(event),
                        "remove the `%YAML` line",
                    )
            elif not isinstance(
                event, (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentEndEvent)
            ):
                tree = self._node(event, events)
        return tree

    def _node(self, event: Any, events: Iterator[Any]) -> Tree:
        span = self._mark(event)
        if isinstance(event, yaml.AliasEvent):
            self._fault(
                "alias",
                f"`*{event.anchor}` is an alias, which a spec may not have",
                span,
                "write the value out, or name it under `let:` and use the name",
            )
            return Unsound.at(f"*{event.anchor}", span)
        if event.anchor:
            self._fault(
                "anchor",
                f"`&{event.anchor}` is an anchor, which a spec may not have",
                self._word(span),
                "name the value under `let:` and use the name",
            )
        elif event.tag is not None and event.tag != "!":
            self._fault(
                "tag",
                f"`{self._written(self._word(span))}` is a tag, which a spec may not have",
                self._word(span),
                "remove it: every scalar is text, and the field gives it its meaning",
            )
        if isinstance(event, yaml.ScalarEvent):
            if found := written_out(event.value, span):
                self.faults.append(found)
                return Unsound.at("", span)
            text = Text.at(event.value, span, style=event.style)
            return text if self._balanced(text) else Unsound.at(event.value, span)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._stop(
                "too-deep",
                f"nested more than {MAX_DEPTH} levels deep",
                span,
                "give the inner part a name under `blocks:`",
            )
        node = (
            self._list(span, events)
            if isinstance(event, yaml.SequenceStartEvent)
            else self._mapping(span, events)
        )
        self.depth -= 1
        return node

    def _list(self, span: Span, events: Iterator[Any]) -> Items:
        items = Items()
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                items.span = self._to(span, event)
                break
            items.append(self._node(event, events))
        return items

    def _mapping(self, span: Span, events: Iterator[Any]) -> Mapping:
        mapping = Mapping()
        keys: dict[str, Text] = {}
        twice: set[str] = set()
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._node(event, events)
            value = self._node(next(events), events)
            if not isinstance(key, Text):
                self._fault(
                    "complex-key", "a key is a name, not a list or a mapping", key.span, _QUOTE
                )
            elif key == "<<":
                self._fault(
                    "merge-key",
                    "`<<` merges mappings, which a spec may not do",
                    key.span,
                    "use `defaults:` or a block with arguments",
                )
            elif key in mapping:
                twice.add(key)
                first = Note(keys[key].span, "the first one")
                self.faults.append(
                    Diagnostic(
                        "duplicate-key",
                        f"the key `{key}` stands here twice",
                        key.span,
                        notes=(first,),
                        help="every step needs a name of its own, such as `relu1` and `relu2`",
                    )
                )
            else:
                mapping[key] = value
                keys[key] = key
        entries = ((Unsound.at(k, k.span) if k in twice else k, v) for k, v in mapping.items())
        mapping = Mapping(entries) if twice else mapping
        mapping.span = self._to(span, event)
        return mapping

    def _balanced(self, text: Text) -> bool:
        """Report a plain scalar that YAML cut in the midst of a call."""
        pairs = (
            [p for p in ("()", "[]", "{}") if text.count(p[0]) != text.count(p[1])]
            if text.plain
            else []
        )
        if not pairs:
            return True
        opening, closing = pairs[0][0], pairs[0][1]
        opens = text.count(opening) > text.count(closing)
        if (
            not opens
            and self.faults
            and (self.faults[-1].code, self.faults[-1].span.line)
            == ("unbalanced-bracket", text.span.line)
        ):
            return False  # the rest of the text that was cut before
        self._fault(
            "unbalanced-bracket",
            f"`{text}` has an unbalanced `{opening if opens else closing}`",
            text.span,
            _QUOTE,
        )
        return False

    def _find_tabs(self) -> None:
        for number, line in enumerate(self.source.lines, 1):
            column = line.split("#", 1)[0].find("\t") + 1
            if column:
                self._fault(
                    "tab",
                    "a tab stands here",
                    Span(number, column, number, column + 1, self.source),
                    "indent with spaces",
                )

    def _syntax(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        span = (
            self._span()
            if mark is None
            else Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2, self.source)
        )
        if any(f.code == "unbalanced-bracket" and f.span.line == span.line for f in self.faults):
            return  # what the cut text led to
        self._fault(
            "yaml-syntax",
            f"this is no YAML: {problem}",
            span,
            _INDENT if "mapping values" in problem or "block" in problem else _QUOTE,
        )

    def _word(self, span: Span) -> Span:
        """Return the place of the first word of a span: an anchor or a tag."""
        word = self.source.line(span.line)[span.column - 1 :].split(maxsplit=1)
        length = len(word[0]) if word else 1
        return Span(span.line, span.column, span.line, span.column + length, self.source)

    def _written(self, span: Span) -> str:
        return self.source.line(span.line)[span.column - 1 : span.end_column - 1]

    def _span(self) -> Span:
        return Span(1, 1, 1, 2, self.source)

    def _mark(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1, self.source)

    def _to(self, start: Span, event: Any) -> Span:
        end = event.end_mark
        return Span(start.line, start.column, end.line + 1, end.column + 1, self.source)

    def _fault(self, code: str, message: str, span: Span, help_: str = "") -> None:
        self.faults.append(Diagnostic(code, message, span, help=help_))

    def _stop(self, code: str, message: str, span: Span, help_: str = "") -> SpecError:
        return SpecError([*self.faults, Diagnostic(code, message, span, help=help_)])
