"""Items that only chain, as one module: an nn.Sequential, or the module of the only item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from archc.backends.pytorch.conditions import negated
from archc.backends.pytorch.init import BLANK
from archc.backends.pytorch.items import Apply, Choice, Group, Item, Loop, Val, applications, reads
from archc.escaping import python_string

IDENTITY = "nn.Identity()"


@dataclass(frozen=True)
class Piece:
    """What an item adds to a Sequential: modules or generators, under a test where there is one.

    `key` is its name there, "" where it is just the next number.
    """

    texts: tuple[str, ...]
    test: str = ""
    key: str = ""


def chained(
    items: Sequence[Item], source: Val, result: Val, uses: Counter[Val]
) -> list[Piece] | None:
    """Return the pieces of items that only chain from source to result, else None."""
    running, pieces = source, []
    for item in items:
        read = item.reads()
        outside = {v for v in read if v is running}
        if not outside or (running is not source and uses[running] != read[running]):
            return None
        found = piece_of(item, running, uses)
        if found is None:
            return None
        pieces += found
        running = item.result
    return pieces if running is result else None


def piece_of(item: Item, running: Val, uses: Counter[Val]) -> list[Piece] | None:
    """Return what an item adds to a Sequential, None where no module can stand for it."""
    key = item.path.rsplit(".", 1)[-1]
    match item:
        case Apply():
            plain = item.whole and item.module and not item.again and item.key is None
            return [Piece((item.module,), key=key)] if plain and item.inputs == (running,) else None
        case Group():
            inner = chained(item.items, running, item.result, uses) if item.plain else None
            text = None if inner is None else sequential(inner, numbered=item.numbered)
            return [Piece((text,), key=key)] if text else None
        case Choice():
            return chosen(item, running, uses)
        case Loop():
            return looped(item, uses)
    return None


def chosen(item: Choice, running: Val, uses: Counter[Val]) -> list[Piece] | None:
    """Return the pieces of a choice: one module or another, or those that may be absent."""
    if item.merged is None or has_init([item]):
        return None
    _, yes, no = item.merged
    first, second = chained(item.yes, running, yes, uses), chained(item.no, running, no, uses)
    if first is None or second is None:
        return None
    sides = (first, second)
    if any(p.test for side in sides for p in side):
        return None
    texts = [tuple(t for p in side for t in p.texts) for side in sides]
    key = item.path.rsplit(".", 1)[-1]
    if len(texts[0]) == 1 == len(texts[1]) and not any(
        t.startswith("*") for t in texts[0] + texts[1]
    ):
        if texts[0] == texts[1]:
            return [Piece(texts[0], key=key)]
        return [Piece((f"{texts[0][0]} if {item.test} else {texts[1][0]}",), key=key)]
    if texts[0] and texts[1]:
        return [Piece(texts[0], item.test, key), Piece(texts[1], negated(item.test), key)]
    return [
        Piece(texts[0], item.test, key) if texts[0] else Piece(texts[1], negated(item.test), key)
    ]


def looped(item: Loop, uses: Counter[Val]) -> list[Piece] | None:
    """Return the pieces of a loop: a Sequential of copies, or the copies themselves."""
    if item.init or has_init([item]):
        return None
    if item.key and item.each:
        return [Piece((f"**{{{item.key}: {item.each} {item.head}}}",), key=item.key)]
    texts = copy_texts(item, uses)
    if texts is None or item.key:
        return None
    if item.spliced:
        return [Piece((t,)) for t in texts]
    whole = item.whole or f"nn.Sequential({', '.join(texts)})"
    return [Piece((whole,), key=item.path.rsplit(".", 1)[-1])]


def copy_texts(item: Loop, uses: Counter[Val]) -> list[str] | None:
    """Return the modules of a loop, equal ones together; generators where that is shorter."""
    results = [item.source, *(c[-1].result for c in item.copies if c)]
    if has_init([item]) or any(uses[v] > 1 for v in results[1:-1]):
        return None
    copies = copy_pieces(item, uses)
    if copies is None:
        return None
    made = list(chain.from_iterable(runs_of(copies)))
    if item.rolled and (not item.copies or len(made) > len(item.rolled)):
        return list(item.rolled)
    return made if item.copies else None


def copy_pieces(item: Loop, uses: Counter[Val]) -> list[tuple[str, ...]] | None:
    """Return the modules of each copy, None where a copy is more than a chain of them."""
    made: list[tuple[str, ...]] = []
    running = item.source
    for copy in item.copies:
        result = copy[-1].result if copy else running
        pieces = chained(copy, running, result, uses)
        if pieces is None or any(p.test for p in pieces):
            return None
        if not item.spliced and copy and len(pieces) != 1:
            return None
        made.append(tuple(t for p in pieces for t in p.texts))
        running = result
    return made


def runs_of(copies: Sequence[tuple[str, ...]]) -> Iterable[list[str]]:
    """Write equal copies in a row as a generator."""
    if all(len(c) == 1 for c in copies):
        yield runs([t for c in copies for t in c])
        return
    for copy, group in groupby(copies):
        count = len(list(group))
        if count < 3 or any(t.startswith("*") for t in copy):
            yield runs(list(copy) * count)
        else:
            name = "module" if any("layer(" in t for t in copy) else "layer"
            yield [f"*({name} for _ in range({count}) for {name} in ({', '.join(copy)}))"]


def runs(texts: Sequence[str]) -> list[str]:
    """Write equal modules in a row as a generator."""
    out: list[str] = []
    for text, group in groupby(texts):
        count = len(list(group))
        out += (
            [text] * count
            if count < 3 or text.startswith("*")
            else [f"*({text} for _ in range({count}))"]
        )
    return out


def sequential(pieces: Sequence[Piece], *, numbered: bool) -> str | None:
    """Write pieces as an nn.Sequential; None where that takes lines of its own, or no names.

    Two of one name, as activations under keys with `_` may be, would be one.
    """
    if any(p.test for p in pieces):
        return None
    if numbered or [p.key for p in pieces] == [str(k) for k in range(len(pieces))]:
        return f"nn.Sequential({', '.join(runs([t for p in pieces for t in p.texts]))})"
    keys = [p.key for p in pieces]
    if any(len(p.texts) != 1 or not p.key for p in pieces) or len(set(keys)) < len(keys):
        return None
    texts = [p.texts[0] for p in pieces]
    if any(t.startswith("*") and not t.startswith("**") for t in texts):
        return None
    if len(pieces) == 1 and texts[0].startswith("**"):
        return f"nn.Sequential(OrderedDict({texts[0].removeprefix('**')}))"
    heads = [
        "" if t.startswith("**") else f"{python_string(p.key)}: "
        for p, t in zip(pieces, texts, strict=True)
    ]
    pairs = ", ".join(map("".join, zip(heads, texts, strict=True)))
    return f"nn.Sequential(OrderedDict({{{pairs}}}))"


def collected(pieces: Sequence[Piece], name: str) -> list[str]:
    """Write lines that collect the modules of a Sequential of which some may be absent."""
    lines: list[str] = []
    for plain, group in groupby(pieces, lambda p: not p.test):
        found = list(group)
        if plain:
            lines.append(added(name, [t for p in found for t in p.texts], first=not lines))
            continue
        lines += [] if lines else [f"{name} = []"]
        for piece in found:
            lines += [f"if {piece.test}:", f"    {added(name, piece.texts)}"]
    return lines


def added(name: str, texts: Sequence[str], *, first: bool = False) -> str:
    """Write a line that adds modules to a list, or that makes it."""
    shown = runs(texts)
    if len(shown) == 1 and not first and not shown[0].startswith("*"):
        return f"{name}.append({shown[0]})"
    return f"{name} {'=' if first else '+='} [{', '.join(shown)}]"


def local_uses(items: Sequence[Item], result: Val) -> Counter[Val]:
    """Count the uses of the values inside items of which only the result is used outside."""
    found = reads(items)
    found[result] += 1
    return found


def has_init(items: Sequence[Item]) -> bool:
    """Whether a step in items has initialisers of its own."""
    return any(a.init for a in applications(items))


def inits(items: Sequence[Item], base: str) -> list[str] | None:
    """Return the initialisers of steps in a Sequential at a path, for that as BLANK.

    None where a step may be absent, or stand at several places.
    """
    lines: list[str] = []
    for item in items:
        if not has_init([item]):
            continue
        if isinstance(item, Group):
            inner = inits(item.items, base)
            if inner is None:
                return None
            lines += inner
        elif isinstance(item, Apply) and not item.varies:
            path = item.path.removeprefix(base).strip(".")
            parts = [p for p in path.split(".") if p]
            if not all(p.isdigit() or p.isidentifier() for p in parts):
                return None
            place = "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in parts)
            lines += [line.replace(BLANK, BLANK + place) for line in item.init]
        else:
            return None
    return lines
