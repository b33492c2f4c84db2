"""What to write for a call of PyTorch's, Keras' or timm's: the same thing in the words of a spec."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from archc.diagnostics import nearest
from archc.language.functions import FUNCTIONS
from archc.ops.arguments import spelled
from archc.ops.base import Op
from archc.ops.synonyms import Synonym, advice, needless, renamed, synonym

Fields = Mapping[str, str | None]
"""The arguments of an op or block in their order, with the text of the default of each that has one."""


class Untold(Exception):
    """Something in a call has no translation, so that only the op's name is told."""


def fields_of(op: type[Op]) -> Fields:
    """Return the arguments of an op with their defaults as a spec writes them."""
    return {
        name: None if f.is_required() else spelled(f.default) for name, f in op.model_fields.items()
    }


@dataclass(frozen=True)
class Written:
    """What stands in the text: a name, its call if it is one, and which of its arguments are values."""

    name: str
    call: ast.Call | None = None
    is_value: Callable[[ast.expr], bool] = lambda _: False


def meant(written: Written, known: Iterable[str], fields: Callable[[str], Fields]) -> str:
    """Say what to write for an unknown name: what another framework's means, or one spelled alike."""
    names = {*known}
    meaning = synonym(written.name)
    if meaning is not None and meaning.target in names:
        try:
            told, dropped = translated(meaning, written, fields(meaning.target))
        except Untold:
            told, dropped = meaning.template or meaning.target, []
            told = re.sub(r"\{\w+\|?([^}]*)\}", lambda m: m[1] or "...", told)
        notes = "".join(f" `{d}` is not needed: {needless(d)}" for d in dropped[:1] if needless(d))
        if "padding=0" in told:
            notes += " Without `padding` it keeps the size, an odd kernel at stride 1"
        return f"did you mean `{told}`?{notes}"
    last = written.name.rpartition(".")[2]
    if last != written.name and (last in FUNCTIONS or last in names):
        return f"did you mean `{last}`?"
    return advice(written.name) or nearest(written.name, names - {written.name})


def argument(name: str, fields: Iterable[str]) -> str:
    """Say what an unknown argument is called here, or that it is not needed; "" of no framework's."""
    fields = list(fields)
    close = nearest(name, fields)
    if new := renamed(name, fields):
        return f"it is called `{new}` here"
    if why := needless(name):
        return f"leave it out: {why}"
    return close if close.startswith("did") else ""


def method(name: str, value: str) -> str:
    """Say what a method of a tensor is here, `x.view(...)`; "" of one that is nothing here."""
    if name in ("mean", "sum", "max", "min", "amax", "amin"):
        by = name.removeprefix("a")
        return f'write `reduce("b c h w -> b c", "{by}")({value})`'
    if name in ("size", "shape"):
        return f"write `{value}.channels`, `{value}.height`, `{value}.width` or `{value}.tokens`"
    meaning = synonym(name)
    if meaning is None:
        return ""
    text = re.sub(r"\{\w+\|?([^}]*)\}", lambda m: m[1] or "...", meaning.template)
    return f"an op is applied to a value: `{text or meaning.target}({value})`"


def translated(meaning: Synonym, written: Written, fields: Fields) -> tuple[str, list[str]]:
    """Return a call in the words of a spec, and what of it is not needed; raises Untold."""
    call = written.call
    values, rest = _values(written)
    keywords = call.keywords if call else []
    if meaning.example:
        return _order(written.name, rest) or meaning.template, []
    try:
        bound, dropped = _bound(meaning, _parameters(meaning, fields), rest, keywords)
        _expect(meaning, bound, fields)
        bound = {**_elsewhere(meaning, fields), **bound}
    except Untold:  # perhaps only the name is another's
        if meaning.template:
            raise
        bound, dropped = _bound(meaning, list(fields), rest, keywords)
        _expect(meaning, bound, fields)
    else:
        _pad(meaning, bound, fields)
    told = _filled(meaning, bound) if meaning.template else _spelled(meaning.target, bound, fields)
    applied = f"({', '.join(values)})" if values else ""
    return told + applied, dropped


def _parameters(meaning: Synonym, fields: Fields) -> Sequence[str]:
    return meaning.parameters if meaning.known else list(fields)


def _values(written: Written) -> tuple[list[str], list[ast.expr]]:
    """Return the values that a call begins with, those in a list too, and its other arguments."""
    rest = list(written.call.args) if written.call else []
    values: list[str] = []
    while rest:
        parts = rest[0].elts if isinstance(rest[0], (ast.List, ast.Tuple)) else [rest[0]]
        if not parts or not all(written.is_value(p) for p in parts):
            break
        values += [ast.unparse(p) for p in parts]
        rest.pop(0)
    return values, rest


def _bound(
    meaning: Synonym, names: Sequence[str], rest: list[ast.expr], keywords: list[ast.keyword]
) -> tuple[dict[str, str], list[str]]:
    """Bind the arguments of a call to names here, and those that are not needed."""
    if len(rest) > len(names):
        raise Untold
    bound = {name: text_of(a) for name, a in zip(names, rest, strict=False)}
    for k in keywords:
        name = str(k.arg)
        bound[name if name in names else renamed(name, names) or name] = text_of(k.value)
    if bound.get("dim") == "1":  # the channels, as where it is not given
        del bound["dim"]
    slots = re.findall(r"\{(\w+)", meaning.template)
    spare = [n for n in bound if needless(n) or (slots and n == "channels" and n not in slots)]
    return {n: v for n, v in bound.items() if n not in spare}, spare


def _expect(meaning: Synonym, bound: Mapping[str, str], fields: Fields) -> None:
    """Raise Untold unless the target takes all that is bound, and needs nothing else."""
    slots = re.findall(r"\{(\w+)", meaning.template)
    if any(n not in fields and n not in slots for n in bound):
        raise Untold
    if meaning.template:
        needed = re.findall(r"\{(\w+)\}", meaning.template)
    else:
        needed = [n for n, default in fields.items() if default is None]
    if any(n not in bound for n in needed):
        raise Untold
    if any(n == "dim" and re.fullmatch(r"-?\d+", v) for n, v in bound.items()):
        raise Untold  # dimensions have names here


def _elsewhere(meaning: Synonym, fields: Fields) -> dict[str, str]:
    """Return what others' defaults are where they differ, but for the padding."""
    return {n: v for n, v in meaning.defaults if n != "padding" and n in fields}


def _pad(meaning: Synonym, bound: dict[str, str], fields: Fields) -> None:
    """Say the padding of a convolution where it is not what keeps the size."""
    kernel, padding = bound.get("kernel", ""), bound.get("padding")
    default = dict(meaning.defaults).get("padding")
    if "padding" not in fields and "{kernel" not in meaning.template:
        return
    if padding in ('"same"', "'same'"):
        if bound.get("stride", "1") != "1":
            raise Untold  # Keras pads by the size of the map then
        bound.pop("padding")
    elif padding in ('"valid"', "'valid'") or (padding is None and default == "0"):
        bound["padding"] = "0"
    same = kernel.isdigit() and int(kernel) % 2 == 1 and bound.get("dilation", "1") == "1"
    if default is not None and same and bound.get("padding") == str(int(kernel) // 2):
        bound.pop("padding")


def _spelled(target: str, bound: Mapping[str, str], fields: Fields) -> str:
    """Spell a call of the target: what it needs by place, the rest by name."""
    places: list[str] = []
    for k, (name, default) in enumerate(fields.items()):
        if name not in bound or not (default is None or k == 0):
            break
        places.append(name)
    named = [n for n in fields if n in bound and n not in places and bound[n] != fields[n]]
    parts = [bound[n] for n in places] + [f"{n}={bound[n]}" for n in named]
    return f"{target}({', '.join(parts)})" if parts else target


def _filled(meaning: Synonym, bound: Mapping[str, str]) -> str:
    """Fill in a template, and add by name what it has no place for."""
    slots = re.findall(r"\{(\w+)", meaning.template)
    text = re.sub(r"\{(\w+)\|?([^}]*)\}", lambda m: bound.get(m[1], m[2]), meaning.template)
    more = [f"{n}={v}" for n, v in bound.items() if n not in slots]
    return f"{text[:-1]}, {', '.join(more)})" if more and text.endswith(")") else text


def _order(name: str, rest: list[ast.expr]) -> str:
    """Return the pattern of a new order of dimensions that is given by numbers."""
    numbers = [a.value for a in rest if isinstance(a, ast.Constant)]
    letters = {4: "b c h w", 3: "b n c"}.get(len(numbers), "").split()
    if not name.endswith("permute") or len(numbers) != len(rest) or not letters:
        return ""
    if sorted(numbers, key=str) != list(range(len(letters))):
        return ""
    return f'rearrange("{" ".join(letters)} -> {" ".join(letters[int(str(n))] for n in numbers)}")'


def text_of(node: ast.expr) -> str:
    """Spell a piece as a spec does: `true` and `none`, texts in double quotes."""

    class Plain(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.expr:
            if node.value is None or isinstance(node.value, bool):
                return ast.Name(str(node.value).lower())
            return node

    text = ast.unparse(Plain().visit(ast.parse(ast.unparse(node), mode="eval").body))
    text = f"[{text[1:-1]}]" if isinstance(node, ast.Tuple) else text
    return text.replace("'", '"')
