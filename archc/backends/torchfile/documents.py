"""Documents that know where they may break, and their layout within the width of a line.

The algorithm is Prettier's, in the form that Ruff gave it: a group is printed flat where what is
left of the line holds it and what follows up to the next break, and broken otherwise.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

LINE_WIDTH = 88
INDENT = 4

# How a document is printed. The last two only measure: what is broken is followed to its end,
# within the width or without regard to it; else the first break is the end of the line.
FLAT, BROKEN, BROKEN_WITHIN, BROKEN_BEYOND = range(4)


@dataclass(frozen=True, slots=True)
class Line:
    """A place to break; `flat` stands there where none does."""

    flat: str


SOFT: Final = Line("")
SPACE: Final = Line(" ")
HARD: Final = Line("\n")


@dataclass(slots=True)
class Lazy:
    """A text, and how it may be broken, worked out once somebody asks."""

    flat: str
    build: Callable[[], Document]
    built: Document | None = None

    def document(self) -> Document:
        if self.built is None:
            self.built = self.build()
        return self.built


@dataclass(slots=True)
class Group:
    """What breaks as one; `flat` is its text, where no other group has a say in it."""

    body: Document
    flat: str | None = None
    name: int = 0
    broken: bool = False


@dataclass(slots=True)
class GroupWithin:
    """A group where the group of this name is broken, and else a part of what it stands in."""

    body: Document
    name: int


@dataclass(slots=True)
class When:
    """What is there where a group is broken, or flat: that of this name, 0 for the innermost."""

    body: Document
    broken: bool = True
    name: int = 0


@dataclass(slots=True)
class Indent:
    """What is further in; with a name, only where that group is broken."""

    body: Document
    name: int = 0


@dataclass(slots=True)
class Loose:
    """What may break within a group that is flat: that of this name, 0 for whichever.

    Of its lines only the first and the last count when that group is measured.
    With `closed` it ends on a line of its own, which saves following it to its end.
    """

    body: Document
    name: int = 0
    closed: bool = True


@dataclass(slots=True)
class Parentheses:
    """What gets parentheses if it fits with them, and not without."""

    body: Document
    name: int


@dataclass(slots=True)
class Variants:
    """Ways to print the same, the flattest first, the last for where none fits."""

    bodies: tuple[Document, ...]


Document: TypeAlias = (
    "str | list[Document] | Line | Lazy | Group | GroupWithin | When | Indent | Loose"
    " | Parentheses | Variants"
)
Frame: TypeAlias = tuple[Document, int, int]  # what, how far in, and how


def width(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(character_width, text))


def character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me") or is_joined_jamo(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def is_joined_jamo(character: str) -> bool:
    """Whether a letter of Hangul is drawn into the one before it."""
    return "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7fb"


class Renderer:
    """Prints one document from a column on."""

    def __init__(self, column: int) -> None:
        self.column = column
        self.output: list[str] = []
        self.queue: list[Frame] = []
        self.broken: dict[int, bool] = {}  # of the groups with a name
        self.measured = False  # whether what is flat here is known to fit

    def render(self, document: Document, indent: int) -> str:
        self.queue.append((document, indent, BROKEN))
        while self.queue:
            document, indent, mode = self.queue.pop()
            if type(document) is str:
                self.output.append(document)
                self.column += width(document)
            elif type(document) is list:
                self.queue.extend((part, indent, mode) for part in reversed(document))
            elif type(document) is Line:
                self.line(document, indent, mode)
            else:
                self.element(document, indent, mode)
        return "".join(self.output)

    def line(self, line: Line, indent: int, mode: int) -> None:
        if mode == FLAT and line is not HARD:
            self.output.append(line.flat)
            self.column += len(line.flat)
        else:
            self.output.append("\n" + " " * indent)
            self.column = indent
            self.measured = False

    def element(self, document: Document, indent: int, mode: int) -> None:
        match document:
            case Lazy():
                flat = mode == FLAT and self.measured
                self.queue.append((document.flat if flat else document.document(), indent, mode))
            case Group(body, flat, name, broken):
                if broken:
                    mode = BROKEN
                else:
                    mode = self.group_mode(flat if flat is not None else body, indent, mode, name)
                if name:
                    self.broken[name] = mode != FLAT
                content = flat if flat is not None and mode == FLAT else body
                self.queue.append((content, indent, mode))
            case GroupWithin(body, name):
                if self.broken[name]:
                    mode = self.group_mode(body, indent, mode)
                self.queue.append((body, indent, mode))
            case Loose(body, name):
                if not (name and self.broken[name]):
                    self.measured = False
                self.queue.append((body, indent, mode))
            case Parentheses():
                self.parentheses(document, indent, mode)
            case Variants(bodies):
                self.variants(bodies, indent, mode)
            case _:
                self.queue.extend(self.chosen(document, indent, mode))

    def chosen(self, document: Document, indent: int, mode: int) -> list[Frame]:
        """Return what there is of a document whose form depends on groups around it."""
        match document:
            case When(body, broken, name):
                holds = self.broken[name] if name else mode != FLAT
                return [(body, indent, mode)] if holds == broken else []
            case Indent(body, name):
                further = not name or self.broken[name]
                return [(body, indent + INDENT if further else indent, mode)]
            case _:
                raise TypeError(document)

    def group_mode(self, flat: Document, indent: int, mode: int, name: int = 0) -> int:
        """Return how a group is printed; `flat` is its text, or else what it consists of."""
        if mode == FLAT and self.measured:
            return FLAT
        self.measured = True
        if name:
            self.broken[name] = False
        return FLAT if self.fits([(flat, indent, FLAT)]) else BROKEN

    def parentheses(self, document: Parentheses, indent: int, mode: int) -> None:
        body, name = document.body, document.name
        inner = self.group_mode(body, indent, mode, name)
        if inner != FLAT:
            self.broken[name] = True
            further = indent + INDENT
            start: list[Frame] = [
                (")", indent, BROKEN_WITHIN),
                (HARD, indent, BROKEN_WITHIN),
                (body, further, BROKEN_WITHIN),
                (HARD, further, BROKEN_WITHIN),
                ("(", indent, BROKEN_WITHIN),
            ]
            inner = BROKEN if self.fits(start) else FLAT
        self.broken[name] = inner != FLAT
        wrapped: Document = ["(", Indent([HARD, body]), HARD, ")"] if inner != FLAT else body
        self.queue.append((wrapped, indent, inner))

    def variants(self, bodies: tuple[Document, ...], indent: int, mode: int) -> None:
        if mode == FLAT and self.measured:
            self.queue.append((bodies[0], indent, mode))
            return
        self.measured = True
        for body in bodies[:-1]:
            if self.fits([(body, indent, FLAT)]):
                self.queue.append((body, indent, FLAT))
                return
        self.queue.append((bodies[-1], indent, BROKEN))

    def fits(self, stack: list[Frame]) -> bool:
        """Whether the line holds what is on the stack, and what is queued up to the next break."""
        waiting = len(self.queue)
        column = self.column
        while True:
            if not stack:
                if not waiting:
                    return True
                waiting -= 1
                stack.append(self.queue[waiting])
            document, indent, mode = stack.pop()
            if type(document) is list:
                stack.extend((part, indent, mode) for part in reversed(document))
                continue
            if type(document) is Line:
                if mode == BROKEN or (mode == FLAT and document is HARD):
                    return True
                if mode != FLAT:
                    column = indent
                    continue
                text = document.flat
            elif type(document) is str:
                text = document
            elif type(document) is Lazy and mode == FLAT:
                text = document.flat
            elif type(document) is Loose and mode == FLAT and not self.broken.get(document.name):
                if document.closed:
                    column = indent
                else:
                    stack.append((document.body, indent, BROKEN_BEYOND))
                continue
            else:
                stack.extend(self.measured_parts(document, indent, mode))
                continue
            column += width(text)
            if column > LINE_WIDTH and mode != BROKEN_BEYOND:
                return False

    def measured_parts(self, document: Document, indent: int, mode: int) -> list[Frame]:
        """Return what a document consists of where it is measured."""
        match document:
            case Lazy():
                return [(document.document(), indent, mode)]
            case Group(body, flat, name, broken):
                mode = BROKEN if broken and mode == FLAT else mode
                if name:
                    self.broken[name] = mode != FLAT
                return [(flat if flat is not None and mode == FLAT else body, indent, mode)]
            case Parentheses(body, name):
                self.broken[name] = mode != FLAT
                return [(body, indent, mode)]
            case GroupWithin(body) | Loose(body):
                return [(body, indent, mode)]
            case Variants(bodies):
                return [(bodies[0] if mode == FLAT else bodies[-1], indent, mode)]
            case _:
                return self.chosen(document, indent, mode)
