"""What differs in the text of two specs, key by key; comments and layout do not count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from archc.diagnostics import Source
from archc.language.source import Items, Mapping, Text, parse

ORDERED = ("stem", "stages", "head", "body", "blocks")
"""The sections where it matters which key comes first."""

PUBLISHED = ("name", "default", "paper", "variants", "claims")

SHORT = 60
"""A list that is no longer than this is told as a whole."""


@dataclass(frozen=True)
class TextChange:
    """A key whose text differs; `path` leads to it. `before` or `after` is None where it is not.

    Of a key that is renamed they are its names.
    """

    path: str
    kind: Literal["added", "removed", "changed", "renamed", "moved"]
    before: str | None
    after: str | None


def text_changes(before: Source, after: Source) -> Iterator[TextChange]:
    """Compare two specs; raises SpecError where one is no YAML.

    Of two networks with different names, what is published of them is left out.
    """
    if before.text == after.text:
        return
    old, new = parse(before), parse(after)
    skipped = PUBLISHED if _written(old, "name") != _written(new, "name") else ()
    for change in _compare(old, new, ()):
        if change.path.partition(".")[0] not in skipped:
            yield change


def _compare(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[TextChange]:
    old, new = flow(before), flow(after)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _mappings(before, after, path)
    elif old == new:
        return
    elif isinstance(before, Items) and isinstance(after, Items) and max(len(old), len(new)) > SHORT:
        yield from _lists(before, after, path)
    else:
        yield TextChange(".".join(path), "changed", old, new)


def _mappings(before: Mapping, after: Mapping, path: tuple[str, ...]) -> Iterator[TextChange]:
    old, new = ({_name(k, path): k for k in tree} for tree in (before, after))
    gone, come = [n for n in old if n not in new], [n for n in new if n not in old]
    renamed = dict(_renamed(before, after, [old[n] for n in gone], [new[n] for n in come], path))
    moved = _moved([n for n in old if n in new], [n for n in new if n in old], path)
    for name, key in old.items():
        here = (*path, name)
        if name in new:
            if key != new[name]:
                yield TextChange(".".join(here), "changed", str(key), str(new[name]))
            if name in moved:
                yield TextChange(".".join(here), "moved", flow(before[key]), flow(after[new[name]]))
            yield from _compare(before[key], after[new[name]], here)
        elif key in renamed:
            yield TextChange(".".join(here), "renamed", str(key), renamed[key])
        else:
            yield TextChange(".".join((*path, str(key))), "removed", flow(before[key]), None)
    for name in come:
        if new[name] not in renamed.values():
            where = ".".join((*path, str(new[name])))
            yield TextChange(where, "added", None, flow(after[new[name]]))


def _name(key: Text, path: tuple[str, ...]) -> str:
    """Return what a key is known by: a block by its name, whatever its signature is."""
    return key.partition("(")[0] if path == ("blocks",) else str(key)


def _renamed(
    before: Mapping, after: Mapping, gone: list[Text], come: list[Text], path: tuple[str, ...]
) -> Iterator[tuple[Text, str]]:
    """Yield keys that went, with that which came in their place: alone there with their text."""
    if path and path[0] not in (*ORDERED, "params", "let", "variants"):
        return
    old, new = [flow(before[k]) for k in gone], [flow(after[k]) for k in come]
    for key, text in zip(gone, old, strict=True):
        if path and old.count(text) == new.count(text) == 1:
            yield key, str(come[new.index(text)])


def _moved(old: list[str], new: list[str], path: tuple[str, ...]) -> set[str]:
    """Return the keys that stand elsewhere among those that stayed."""
    if not path or path[0] not in ORDERED or path == ("blocks",):
        return set()
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    stayed = {name for m in matcher.get_matching_blocks() for name in old[m.a : m.a + m.size]}
    return set(old) - stayed


def _lists(before: Items, after: Items, path: tuple[str, ...]) -> Iterator[TextChange]:
    old, new = list(map(flow, before)), list(map(flow, after))
    for what, a, a_end, b, b_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        both = min(a_end - a, b_end - b)
        for k in range(both):
            yield from _compare(before[a + k], after[b + k], (*path, str(b + k)))
        yield from _rest(old[a + both : a_end], a + both, path, "removed")
        yield from _rest(new[b + both : b_end], b + both, path, "added")


def _rest(
    texts: Sequence[str], first: int, path: tuple[str, ...], kind: Literal["removed", "added"]
) -> Iterator[TextChange]:
    for k, text in enumerate(texts, first):
        where = ".".join((*path, str(k)))
        yield TextChange(where, kind, *((text, None) if kind == "removed" else (None, text)))


def flow(tree: Any) -> str:
    """Write a tree on one line, as YAML's flow style does."""
    match tree:
        case Mapping():
            return "{" + ", ".join(f"{k}: {flow(v)}" for k, v in tree.items()) + "}"
        case Items():
            return "[" + ", ".join(map(flow, tree)) + "]"
        case _:
            return " ".join(str(tree).split())


def _written(tree: Mapping, name: str) -> str:
    return next((flow(value) for key, value in tree.items() if key == name), "")
