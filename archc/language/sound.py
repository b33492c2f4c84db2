"""The sound rest of a faulty document, so that what is wrong elsewhere is told at once.

What is wrong is taken out of the tree, or put as unknown: nothing may follow from it. The
words of what is lost are kept, since a name that means nothing may have had its meaning there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from archc.diagnostics import Span
from archc.language.source import Items, Mapping, Text, Unsound
from archc.language.spec import slip_for

Model = TypeVar("Model", bound=BaseModel)
ROUNDS = 10
STANDINS = {"archc": "1", "name": "network"}
PARTS = ("stem", "stages", "head", "body")
BLOCK_WORDS = ("let", "inputs", "outputs")
SPREADING = ("repeat", "for")  # without them a step would be another one


@dataclass(frozen=True)
class Rest(Generic[Model]):
    """What is sound of a file, the words of what is not, and whether its network is all there."""

    model: Model
    lost: frozenset[str]
    whole: bool


def mended(model: type[Model], tree: Mapping, renamed: AnyMapping[str, str]) -> Rest[Model] | None:
    """Return the model of what is sound in a tree, None where too little is.

    `renamed` are keys of the file that were meant for others.
    """
    rest = _copied(tree)
    lost: set[str] = set()
    whole = not any(isinstance(t, Unsound) for t in _texts(tree))
    for old, new in renamed.items():
        _rename(rest, old, new)
    for _ in range(ROUNDS):
        try:
            return Rest(model.model_validate(rest), frozenset(lost), whole)
        except ValidationError as error:
            faults = error.errors()
        whole = whole and all(f["type"] == "extra_forbidden" and len(f["loc"]) == 1 for f in faults)
        for fault in sorted(faults, key=lambda e: len(e["loc"]), reverse=True):
            if not _mend(rest, fault, lost):
                return None
    return None


def _texts(tree: Any) -> Iterator[Text]:
    if isinstance(tree, Text):
        yield tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from (*_texts(key), *_texts(value))
    elif isinstance(tree, list):
        for value in tree:
            yield from _texts(value)


def words(tree: Any) -> set[str]:
    """Return every word of a tree."""
    return {word for text in _texts(tree) for word in re.findall(r"[^\W\d]\w*", text)}


def _copied(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        mapping = Mapping({k: _copied(v) for k, v in tree.items()})
        mapping.span = tree.span
        return mapping
    if isinstance(tree, Items):
        items = Items(_copied(v) for v in tree)
        items.span = tree.span
        return items
    return tree


def _rename(mapping: Mapping, old: str, new: str) -> None:
    entries = [(Text.at(new, k.span) if k == old else k, v) for k, v in mapping.items()]
    mapping.clear()
    mapping.update(entries)


def _way(tree: Any, loc: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Return the containers and keys that pydantic's path goes through."""
    way: list[tuple[Any, Any]] = []
    tagged = None
    for part in loc:
        if part == "do" and isinstance(tree, Mapping) and tagged is not tree:
            tagged = tree  # pydantic's name for the kind of step
        elif isinstance(tree, Mapping) and part in tree:
            way.append((tree, tree.key(part)))
            tree = tree[tree.key(part)]
        elif isinstance(tree, list) and isinstance(part, int) and part < len(tree):
            way.append((tree, part))
            tree = tree[part]
    return way


def _mend(tree: Mapping, fault: Any, lost: set[str]) -> bool:
    """Take one fault out of a tree; return whether something of it is left."""
    kind, loc = fault["type"], fault["loc"]
    way = _way(tree, loc)
    if kind == "missing":
        holder: Any = way[-1][0][way[-1][1]] if way else tree
        if not isinstance(holder, Mapping):
            return _unknown(way, lost)
        name = str(loc[-1])
        if name == "block" and (slip := slip_for(name, holder)) is not None:
            _rename(holder, slip, name)
            return True
        span = holder.span
        standin = Text.at(STANDINS[name], span) if name in STANDINS else Unsound.at("", span)
        holder[Text.at(name, span)] = standin
        return True
    if not way:
        return False  # of the file as a whole
    if "[key]" in loc and _is_step(way):
        return _nameless(way, lost)
    if kind == "extra_forbidden" and len(way) > 1 and "do" in way[-1][0]:
        return _unknown(way[:-1], lost)  # it may have said what the step takes
    if kind == "extra_forbidden" or "[key]" in loc:
        return _dropped(way, lost)
    return _unknown(way, lost)


def _is_step(way: list[tuple[Any, Any]]) -> bool:
    """Whether a key names a step, and not a param, a block or the like."""
    keys = [key for _, key in way]
    if keys[0] == "blocks":
        return len(keys) > 2 and keys[2] not in BLOCK_WORDS
    return len(keys) > 1 and keys[0] in PARTS


def _nameless(way: list[tuple[Any, Any]], lost: set[str]) -> bool:
    """Keep the place of a step whose key is none: others run on from its value."""
    holder, key = way[-1]
    lost |= words(key) | words(holder[key])
    entries = [
        (Text.at(re.sub(r"\W", "_", f"k{k}"), k.span), Unsound.at("", k.span))
        if k == key
        else (k, v)
        for k, v in holder.items()
    ]
    holder.clear()
    holder.update(entries)
    return True


def _unknown(way: list[tuple[Any, Any]], lost: set[str]) -> bool:
    """Put something as unknown; what was so already is taken out."""
    holder, key = way[-1]
    if isinstance(key, str) and key in SPREADING and len(way) > 1:
        way = way[:-1]
        holder, key = way[-1]
    value = holder[key]
    lost |= words(value)
    if isinstance(value, Unsound):
        return _dropped(way, lost)
    holder[key] = Unsound.at("", _span(value, key))
    return True


def _dropped(way: list[tuple[Any, Any]], lost: set[str]) -> bool:
    holder, key = way[-1]
    if isinstance(key, int) or key in holder:
        lost |= words(key) | words(holder[key])
        del holder[key]
    if not holder and len(way) > 1:
        return _unknown(way[:-1], lost)
    return bool(holder)


def _span(value: Any, key: Any) -> Span:
    span: Span = getattr(value, "span", None) or key.span
    return span
