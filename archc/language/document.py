"""A spec's text to a Document; pydantic's complaints become diagnostics at the right place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from archc.diagnostics import Diagnostic, Source, Span, SpecError, nearest, plausible
from archc.language.published import Claim, Paper
from archc.language.scalars import MODIFIERS
from archc.language.sound import PARTS, Rest, mended
from archc.language.source import Items, Mapping, Text, Unsound, parse_sound
from archc.language.spec import (
    Block,
    Document,
    Import,
    Library,
    Modified,
    Output,
    Param,
    Row,
    slip_for,
)
from archc.language.validation import said

File = TypeVar("File", Document, Library)

_MODELS: dict[str, type[BaseModel]] = {
    "paper": Paper,
    "claims": Claim,
    "do": Modified,
    "row": Row,
    "outputs": Output,
    "blocks": Block,
    "import": Import,
    "params": Param,
}
_NETWORK = ("name", "input", "stem", "stages", "head", "body")
_MISSING = {
    "archc": "begin the file with `archc: 1`, the version of the language",
    "name": "give the network a name: `name: resnet`",
    "input": "say what the network takes: `input: [3, 224, 224]`",
    "default": "say what it is where nobody sets it: `{default: 32, one_of: [8, 16, 32]}`",
    "do": "put the step that it modifies under `do:`",
}


_LISTED = "each step needs a name here, `conv1: conv(16, 3)`; a list of steps may stand under one"
_BODY = "the steps of a network stand under `body:`, or under `stem:`, `stages:` and `head:`"
_OTHERS = {
    **dict.fromkeys(("layers", "network", "model", "architecture", "modules", "steps"), _BODY),
    **dict.fromkeys(("backbone", "neck", "encoder", "decoder", "features"), _BODY),
    **dict.fromkeys(("version", "language"), "the version of the language is `archc: 1`"),
    **dict.fromkeys(("input_shape", "input_size", "shape"), "write `input: [3, 224, 224]`"),
    **dict.fromkeys(
        ("config", "args", "arguments", "hyperparameters"), "params stand under `params:`"
    ),
}


class Faulty(SpecError):
    """A file that is wrong; `rest` is what is left of it to be judged, None where that is too little."""

    def __init__(self, diagnostics: Iterable[Diagnostic], rest: Rest[Any] | None) -> None:
        super().__init__(diagnostics)
        self.rest = rest


def document(source: Source) -> Document:
    """Read a document; raises Faulty with all that its models find wrong."""
    return _validated(Document, *parse_sound(source))


def imported(source: Source) -> Document | Library:
    """Read a file that another one imports: a network, or a library, which has blocks alone."""
    tree, faults = parse_sound(source)
    library = "blocks" in tree and not any(key in tree for key in _NETWORK)
    return _validated(Library, tree, faults) if library else _validated(Document, tree, faults)


def _validated(model: type[File], tree: Mapping, faults: list[Diagnostic]) -> File:
    more: list[Diagnostic] = []
    try:
        whole = model.model_validate(tree)
    except ValidationError as error:
        more = _diagnostics(tree, error.errors())
    else:
        if not faults:
            return whole
    rest = mended(model, tree, _renamed(tree, model))
    if rest is not None:
        rest.model._lost = rest.lost  # noqa: SLF001 - the document keeps it for the rules
    raise Faulty([*faults, *more], rest) from None


def _renamed(tree: Mapping, model: type[BaseModel]) -> dict[str, str]:
    """Return the keys of a file that are slips for one that it has not, with that one."""
    known = [f.alias or name for name, f in model.model_fields.items()]
    meant = {
        str(key): [k for k in get_close_matches(key, known, n=1, cutoff=0.6) if plausible(key, k)]
        for key in tree
        if key not in known
    }
    return {key: names[0] for key, names in meant.items() if names and names[0] not in tree}


def _diagnostics(tree: Mapping, errors: list[Any]) -> list[Diagnostic]:
    """Turn pydantic's errors into diagnostics, those that are one mistake into one."""
    missing: dict[tuple[Any, ...], list[str]] = {}
    for error in errors:
        if error["type"] == "missing":
            missing.setdefault(error["loc"][:-1], []).append(str(error["loc"][-1]))
    diagnostics = [_missing(tree, list(loc), keys) for loc, keys in missing.items()]
    modified = {loc for loc, keys in missing.items() if "do" in keys}
    holders = {e["loc"][:k] for e in errors for k in range(len(e["loc"]))}
    rest = [
        e
        for e in errors
        if e["type"] != "missing"
        and not _told(tree, e["loc"])
        and not (e["type"] == "extra_forbidden" and e["loc"][:-1] in modified)
        and not (e["type"] == "too_short" and e["loc"] in holders)  # but for what is wrong in it
    ]
    return diagnostics + [_diagnostic(tree, error) for error in rest]


def _told(tree: Mapping, loc: tuple[Any, ...]) -> bool:
    """Whether what stands at a place has been reported already."""
    place = _place(tree, [part for part in loc if part != "[key]"])
    return isinstance(place.tree, Unsound) or isinstance(place.key, Unsound)


def _missing(tree: Mapping, loc: list[Any], keys: list[str]) -> Diagnostic:
    """Say which keys a mapping lacks."""
    place = _place(tree, loc)
    slip = slip_for(keys[0], place.tree) if isinstance(place.tree, Mapping) else None
    if keys == ["block"] and slip is not None:
        message, hint = f"`{slip}` is no key here", "did you mean `block`?"
        return Diagnostic("unknown-key", message, slip.span, help=hint)
    listed = " and ".join(f"`{k}`" for k in keys)
    message = f"{listed} {'is' if len(keys) == 1 else 'are'} missing"
    if keys == ["do"] and isinstance(place.tree, Mapping):
        words = [w for w in MODIFIERS if w in place.tree]
        message = (
            f"`{place.name}` has `{words[0]}`, so its step must stand under `do:`"
            if words and place.name
            else message
        )
    return Diagnostic(
        "missing-key",
        message,
        place.span,
        help="; ".join(_MISSING[k] for k in keys if k in _MISSING),
    )


def _diagnostic(tree: Mapping, error: Any) -> Diagnostic:
    """Turn one of pydantic's errors into a diagnostic."""
    context = error.get("ctx") or {}
    if "diagnostic" in context:
        found: Diagnostic = context["diagnostic"]
        return found
    loc = [part for part in error["loc"] if part != "[key]"]
    place = _place(tree, loc)
    kind = error["type"]
    key_span = place.key.span if place.key is not None else place.span
    if kind == "extra_forbidden":
        return Diagnostic(
            "unknown-key",
            f"`{loc[-1]}` is no key here",
            key_span,
            help=_OTHERS.get(str(loc[-1]).lower(), "") or nearest(str(loc[-1]), _known(loc)),
        )
    if kind == "literal_error" and loc == ["archc"]:
        return Diagnostic(
            "language-version",
            f"this archc reads version 1 of the language, not {_shown(error['input'])}",
            place.span,
            help="write `archc: 1`",
        )
    message = said(error)
    named = f"`{place.name}` " if place.name and not message.startswith(("`", "a ")) else ""
    if kind in ("bad_key", "not_a_name") and "[key]" in error["loc"]:
        return Diagnostic("bad-key", message, key_span)
    hint = _LISTED if isinstance(place.tree, Items) and place.name in PARTS else ""
    code = "bad-key" if kind in ("bad_key", "not_a_name") else "bad-value"
    return Diagnostic(code, named + message, place.span, help=hint)


@dataclass(frozen=True)
class _Place:
    """A place in the tree: the key above it, what stands there, and its span."""

    tree: Any
    key: Text | None
    span: Span

    @property
    def name(self) -> str:
        return str(self.key or "")


def _place(tree: Any, loc: list[Any]) -> _Place:
    """Follow pydantic's path through the tree, leaving out what is not in the text."""
    span, key = _start(tree.span), None
    tagged = None
    for part in loc:
        if part == "do" and isinstance(tree, Mapping) and tagged is not tree:
            tagged = tree  # pydantic's name for the kind of step; the key comes after it
        elif isinstance(tree, Mapping) and part in tree:
            key = tree.key(part)
            tree = tree[key]
            span = key.span if not isinstance(tree, Text) else tree.span if tree else key.span
        elif isinstance(tree, list) and isinstance(part, int) and part < len(tree):
            tree = tree[part]
            span = _start(tree.span) if not isinstance(tree, Text) else tree.span
    return _Place(tree, key, span)


def _start(span: Span) -> Span:
    return Span(span.line, span.column, span.line, span.column + 1, span.source)


def _known(loc: list[Any]) -> list[str]:
    """Return the keys that the model at a place has."""
    owner = next((_MODELS[p] for p in reversed(loc[:-1]) if p in _MODELS), Document)
    return [f.alias or name for name, f in owner.model_fields.items()]


def _shown(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else "this"
