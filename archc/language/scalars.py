"""What a single scalar of a spec can be: keys, loops, signatures, expressions, values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from archc.diagnostics import Diagnostic, SpecError
from archc.language.expr import Expr, parse
from archc.language.naming import is_key, is_name
from archc.language.source import Items, Mapping, Text

MODIFIERS = ("if", "else", "from", "repeat", "for", "init", "stage")
ROW_WORDS = ("block", "depth", "first", "last", "repeat", "if", "init", "stage")
BLOCK_WORDS = ("let", "inputs", "outputs")


def identifier(key: str) -> str:
    """Return the name of a step's value: what does not fit an identifier becomes `_`."""
    return re.sub(r"\W", "_", key)


@dataclass(frozen=True, eq=False)
class Key:
    """The key of a step: literal text and `{expressions}` that are filled in."""

    text: Text
    parts: tuple[str | Expr, ...]

    @property
    def identifier(self) -> str:
        """The name of the step's value: what does not fit an identifier becomes `_`."""
        return identifier(self.text)

    def names_copies(self, loop: Loop | None) -> bool:
        """Whether the copies of a loop have names of their own, since the key mentions its variable."""
        return loop is not None and any(e.names & set(loop.names) for e in self.exprs)

    @property
    def copies(self) -> re.Pattern[str]:
        """What the names of such copies look like."""
        parts = (r"\w+" if isinstance(p, Expr) else re.escape(identifier(p)) for p in self.parts)
        return re.compile("".join(parts))

    @property
    def exprs(self) -> list[Expr]:
        """The expressions that are filled in."""
        return [part for part in self.parts if isinstance(part, Expr)]

    @property
    def silent(self) -> bool:
        """Whether the key adds nothing to the state_dict path."""
        return self.text.startswith("_")

    def __str__(self) -> str:
        return str(self.text)


def dotted(key: Key) -> Iterator[tuple[str | Expr, ...]]:
    """Yield the parts of a key between its dots."""
    between: list[str | Expr] = []
    for part in key.parts:
        if isinstance(part, Expr):
            between.append(part)
            continue
        first, *others = part.split(".")
        between += [first] if first else []
        for other in others:
            yield tuple(between)
            between = [other] if other else []
    yield tuple(between)


@dataclass(frozen=True, eq=False)
class Loop:
    """`i < n`, or `c, d in table`: the target of a repeat, and a count or a list."""

    text: Text
    target: ast.expr
    names: tuple[str, ...]
    expr: Expr
    node: ast.expr
    counted: bool


@dataclass(frozen=True, eq=False)
class Parameter:
    """A parameter of a block and its default, None where it is required."""

    name: str
    default: ast.expr | None


@dataclass(frozen=True, eq=False)
class Signature:
    """`bottleneck(width, stride=1)`."""

    name: str
    parameters: tuple[Parameter, ...]
    expr: Expr

    @property
    def names(self) -> list[str]:
        """The names of the parameters, in order."""
        return [p.name for p in self.parameters]


def reject(diagnostic: Diagnostic) -> PydanticCustomError:
    return PydanticCustomError(
        "archc", "{message}", {"message": diagnostic.message, "diagnostic": diagnostic}
    )


def text_of(value: Any) -> Text:
    if not isinstance(value, Text):
        raise PydanticCustomError(
            "not_text", "must be a name or an expression, not a {kind}", {"kind": _kind(value)}
        )
    return value


def word_of(value: Any) -> Text:
    text = text_of(value)
    if not text.strip():
        raise PydanticCustomError("empty", "is empty")
    return text


def name_of(value: Any) -> Text:
    text = word_of(value)
    if not is_name(text):
        raise PydanticCustomError(
            "not_a_name",
            "`{text}` is no name: letters, digits and `_` make one",
            {"text": str(text)},
        )
    return text


def _input(value: Any) -> Text:
    text = word_of(value)
    if not is_name(text.removeprefix("...")):
        raise PydanticCustomError(
            "not_a_name",
            "`{text}` names no input: a name does, or `...` and a name for all that follow",
            {"text": str(text)},
        )
    return text


def expression(value: Any) -> Expr:
    try:
        return parse(text_of(value))
    except SpecError as error:
        raise reject(error.diagnostics[0]) from None


def _key(value: Any) -> Key:
    text = text_of(value)
    parts: list[str | Expr] = []
    for match in re.finditer(r"\{([^{}]*)\}|([^{}]+)|[{}]", text):
        if match[1] is not None:
            inner = Text.at(match[1], text.part(match.start(1), match.end(1)))
            parts.append(expression(inner))
        elif match[2] is not None:
            parts.append(match[2])
        else:
            raise PydanticCustomError(
                "bad_key", "`{text}` has an unbalanced brace", {"text": str(text)}
            )
    plain = "".join("0" if isinstance(p, Expr) else p for p in parts)
    if not (re.match(r"[A-Za-z_0]", plain) and is_key(plain)):
        raise PydanticCustomError(
            "bad_key",
            "`{text}` can't name a step: letters, digits, `_`, `-`, dots between parts, and `{expr}` do",
            {"text": str(text)},
        )
    return Key(text, tuple(parts))


def _value(value: Any) -> Any:
    if isinstance(value, Items):
        return tuple(_value(item) for item in value)
    if isinstance(value, Mapping):
        raise PydanticCustomError(
            "not_a_value", "must be a number, a name, an expression or a list, not a mapping"
        )
    return expression(value)


def _loop(value: Any) -> Loop:
    expr = _loop_head(text_of(value))
    tree = expr.tree
    if isinstance(tree, ast.Compare) and len(tree.ops) == 1:
        if isinstance(tree.ops[0], ast.Lt) and isinstance(tree.left, ast.Name):
            return Loop(
                expr.text, tree.left, (tree.left.id,), expr, tree.comparators[0], counted=True
            )
        if isinstance(tree.ops[0], ast.In):
            names = tuple(n.id for n in ast.walk(tree.left) if isinstance(n, ast.Name))
            return Loop(expr.text, tree.left, names, expr, tree.comparators[0], counted=False)
    message = f"`{expr.text}` is no loop"
    raise reject(Diagnostic("bad-loop", message, expr.text.span, help=_loop_help(expr)))


def _loop_help(expr: Expr) -> str:
    """Say how a loop is written, with the count that stands there if one does."""
    tree, count = expr.tree, ""
    if isinstance(tree, ast.Name) or (isinstance(tree, ast.Constant) and type(tree.value) is int):
        count = ast.unparse(tree)
    elif isinstance(tree, ast.Call) and ast.unparse(tree.func) == "range" and len(tree.args) == 1:
        count = ast.unparse(tree.args[0])
    return f"write `i < {count}`" if count else "write `i < n`, or `c, d in table`"


def _loop_head(text: Text) -> Expr:
    """Parse `i < n` or `a, b in c`: Python reads the latter as a tuple, so its target is bracketed."""
    head, found, _ = text.partition(" in ")
    if not found or "," not in head or head.lstrip().startswith("("):
        return expression(text)
    bracketed = Text.at(
        f"({head}){text[len(head) :]}", text.span, style=None if text.plain else '"'
    )
    expr = expression(bracketed)
    return Expr(text, expr.tree, 2)


def _signature(value: Any) -> Signature:
    text = word_of(value)
    expr = expression(text)
    tree = expr.tree
    if isinstance(tree, ast.Name):
        return Signature(tree.id, (), expr)
    simple = (
        isinstance(tree, ast.Call)
        and isinstance(tree.func, ast.Name)
        and all(isinstance(a, ast.Name) for a in tree.args)
    )
    if not simple or any(k.arg is None for k in tree.keywords):  # type: ignore[attr-defined]
        message = f"`{text}` is no signature"
        raise reject(
            Diagnostic(
                "bad-signature", message, text.span, help="write `name(required, optional=default)`"
            )
        )
    assert isinstance(tree, ast.Call)
    assert isinstance(tree.func, ast.Name)
    parameters = [Parameter(a.id, None) for a in tree.args if isinstance(a, ast.Name)]
    parameters += [Parameter(k.arg, k.value) for k in tree.keywords if k.arg]
    _distinct(text, [p.name for p in parameters])
    return Signature(tree.func.id, tuple(parameters), expr)


def _distinct(text: Text, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1 or name in {"x", "prev"}:
            message = (
                f"`{name}` is the block's input"
                if name in {"x", "prev"}
                else f"`{name}` stands twice in the signature"
            )
            raise reject(
                Diagnostic(
                    "bad-signature", message, text.span, help="give the parameter another name"
                )
            )


def _kind(value: Any) -> str:
    return {"Items": "list", "Mapping": "mapping", "Text": "name"}.get(
        type(value).__name__, type(value).__name__
    )


_SCALAR = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}


def described(description: str, base: AnyMapping[str, Any] = _SCALAR) -> WithJsonSchema:
    return WithJsonSchema({**base, "description": description})


Expression = Annotated[Expr, PlainValidator(expression), described("an expression")]
Value = Annotated[
    Any,
    PlainValidator(_value),
    described(
        "a number, a name, an expression, or a list of them",
        {"anyOf": [*_SCALAR["anyOf"], {"type": "array"}]},
    ),
]
Word = Annotated[Text, PlainValidator(word_of), described("text")]
Name = Annotated[
    Text,
    PlainValidator(name_of),
    described("a name", {"type": "string", "pattern": r"^[A-Za-z_]\w*$"}),
]
InputName = Annotated[
    Text,
    PlainValidator(_input),
    described(
        "a name, or `...` and a name", {"type": "string", "pattern": r"^(\.\.\.)?[A-Za-z_]\w*$"}
    ),
]
StepKey = Annotated[Any, PlainValidator(_key), described("the name of a step", {"type": "string"})]
BlockKey = Annotated[
    Any,
    PlainValidator(_signature),
    described("name(required, optional=default)", {"type": "string"}),
]
LoopText = Annotated[
    Any, PlainValidator(_loop), described("`i < n`, or `c, d in table`", {"type": "string"})
]
