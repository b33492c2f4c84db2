"""What a body is made of, after it was read and before it is laid out as a class."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from archc.backends.pytorch.layout import atom
from archc.escaping import python_string

Spelling = Callable[[Sequence[str]], str]


@dataclass(eq=False)
class Val:
    """A value in the forward method: one tensor in every use of the class.

    `name` is the step that it is from; `candidates` are expressions, in the constructor, of
    its channels. In a loop that is read for all turns at once, `turns` are its values.
    Where `many`, it is a list of values, of which uses may have different numbers: `parts` has
    those of each, and candidates are of the list of their channels. `of` says that it is an item
    of such a list.
    """

    name: str = ""
    candidates: tuple[str, ...] = ()
    turns: tuple[int, ...] = ()
    many: bool = False
    parts: dict[int, tuple[int, ...]] = field(default_factory=dict)
    of: tuple[Val, int] | None = None
    items: dict[int, Val] = field(default_factory=dict)

    def item(self, k: int) -> Val:
        """Return an item of the list; always the same for one place."""
        if k not in self.items:
            found = tuple(f"{atom(c)}[{k}]" for c in self.candidates)
            self.items[k] = Val(f"{self.name}_{k}", found, of=(self, k))
        return self.items[k]

    @property
    def whole(self) -> Val:
        """The list that the value is an item of, or the value itself."""
        return self if self.of is None else self.of[0]


@dataclass(eq=False)
class Item:
    """A part of a body. `path` is that of its module, with `varies` where uses differ in it."""

    path: str
    varies: bool = False

    @property
    def result(self) -> Val:
        """The value that the item gives, the first where it gives several."""
        raise NotImplementedError

    def reads(self) -> Counter[Val]:
        """Return how often the item reads each value from outside or inside it."""
        raise NotImplementedError


@dataclass(eq=False)
class Apply(Item):
    """An op or block applied to values.

    `module` is its constructor, "" where it is only a function; `spell` writes it as a
    function, None where it must be a module; `call` the call of its module. `buffers` are what
    the class registers for it, whose names `spell` takes after the inputs. `lifts` says that an
    input gets a dimension for the batch. `whole` says that
    it is all that its step makes, so that it can stand in a Sequential. `key` is its name where
    that depends on arguments, as the constructor and as forward write it.
    """

    inputs: tuple[Val, ...] = ()
    outputs: tuple[Val, ...] = ()
    module: str = ""
    spell: Spelling | None = None
    call: Callable[[str, Sequence[str]], str] = lambda m, xs: f"{m}({', '.join(xs)})"
    whole: bool = True
    owns: bool = False
    again: bool = False
    ends: bool = False
    lifts: bool = False
    template: object = None
    buffers: Mapping[str, str] = field(default_factory=dict)
    init: tuple[str, ...] = ()
    key: tuple[str, str] | None = None

    @property
    def result(self) -> Val:
        """The first output."""
        return self.outputs[0]

    def reads(self) -> Counter[Val]:
        """Count the inputs."""
        return Counter(self.inputs)


@dataclass(eq=False)
class Group(Item):
    """A list or named steps with a module of their own.

    `plain` says that its items are numbered without gaps, or named, as in an nn.Sequential.
    """

    items: list[Item] = field(default_factory=list)
    numbered: bool = False
    plain: bool = True

    @property
    def result(self) -> Val:
        """What the last item gives."""
        return self.items[-1].result

    def reads(self) -> Counter[Val]:
        """Count what its items read."""
        return reads(self.items)


@dataclass(eq=False)
class Choice(Item):
    """Steps that differ between the uses of a class.

    `test` asks it in the constructor, `ask` returns how forward does. Where both sides give one
    value, `merged` is (the value, that of `yes`, that of `no`).
    """

    test: str = ""
    yes: list[Item] = field(default_factory=list)
    no: list[Item] = field(default_factory=list)
    ask: Callable[[], str] = str
    merged: tuple[Val, Val, Val] | None = None

    @property
    def result(self) -> Val:
        """The merged value."""
        return self.merged[0] if self.merged is not None else Val()

    def reads(self) -> Counter[Val]:
        """Count what both sides read and give."""
        found = reads([*self.yes, *self.no])
        found.update(self.merged[1:] if self.merged is not None else ())
        return found


@dataclass(eq=False)
class Loop(Item):
    """Copies one after the other.

    `copies` are the items of each, where they can be written one by one; `rolled` are modules
    and generators that make all of them. Where `key` is a name to be filled in, copies are
    siblings of that name, `each` makes one, `head` is the loop, and `ask` returns it as forward
    writes it; `spliced` ones are numbered by the list
    around them.
    """

    source: Val = field(default_factory=Val)
    last: Val = field(default_factory=Val)
    copies: list[list[Item]] = field(default_factory=list)
    rolled: tuple[str, ...] = ()
    each: str = ""
    whole: str = ""
    key: str = ""
    head: str = ""
    ask: Callable[[], str] = str
    spliced: bool = False
    init: tuple[str, ...] = ()

    @property
    def result(self) -> Val:
        """What the last copy gives."""
        return self.last

    def reads(self) -> Counter[Val]:
        """Count what its copies read, or its source where there are none."""
        return (
            reads(i for copy in self.copies for i in copy)
            if self.copies
            else Counter([self.source])
        )


def reads(items: Iterable[Item]) -> Counter[Val]:
    """Count how often items read each value."""
    found: Counter[Val] = Counter()
    for item in items:
        found.update(item.reads())
    return found


def applications(items: Iterable[Item]) -> Iterable[Apply]:
    """Yield every application in items, nested ones too."""
    for item in items:
        match item:
            case Apply():
                yield item
            case Group():
                yield from applications(item.items)
            case Choice():
                yield from applications([*item.yes, *item.no])
            case Loop():
                yield from (a for copy in item.copies for a in applications(copy))


HOLE = "\0{}\0"
STRENGTH: dict[type, int] = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2}


def holes(count: int) -> list[str]:
    """Return stand-ins for operands, to be filled in by `placed`."""
    return [HOLE.format(k) for k in range(count)]


def placed(text: str, operands: Sequence[str]) -> str:
    """Put operands into the holes of a spelling, in brackets where they need them."""
    found: list[int] = []

    def named(hole: re.Match[str]) -> str:
        found.append(int(hole[1]))
        return f"_hole{len(found) - 1}_"

    flat = re.sub("\0(\\d+)\0", named, text)
    around = {
        child.id: (parent, name)
        for parent in ast.walk(ast.parse(flat, mode="eval"))
        for name, value in ast.iter_fields(parent)
        for child in (value if isinstance(value, list) else [value])
        if isinstance(child, ast.Name)
    }
    for number, k in enumerate(found):
        name = f"_hole{number}_"
        flat = flat.replace(name, operand(operands[k], *around[name]))
    return flat


def operand(text: str, parent: ast.AST, place: str) -> str:
    """Return an expression as it stands at a place of another."""
    if isinstance(parent, ast.BinOp):
        tree = ast.parse(text, mode="eval").body
        own = STRENGTH.get(type(tree.op), 0) if isinstance(tree, ast.BinOp) else 0
        other = STRENGTH.get(type(parent.op), 3)
        return text if own > other or (own == other and place == "left") else bracketed(text)
    inside = isinstance(parent, ast.Call | ast.Subscript) and place not in ("func", "value")
    free = inside or isinstance(parent, ast.List | ast.Tuple | ast.keyword | ast.Expression)
    return text if free else bracketed(text)


def bracketed(text: str) -> str:
    """Return an expression in brackets unless it binds as tightly as a call."""
    tree = ast.parse(text, mode="eval").body
    tight = isinstance(
        tree, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript | ast.List
    )
    return text if tight or (isinstance(tree, ast.Tuple) and text.startswith("(")) else f"({text})"


def mapping(names: Sequence[str]) -> Spelling:
    """Return how values are spelled as a mapping."""
    return lambda texts: (
        "{" + ", ".join(f"{python_string(n)}: {t}" for n, t in zip(names, texts, strict=True)) + "}"
    )
