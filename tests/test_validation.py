"""Every type of pydantic's errors that our models can raise is said in the words of a spec."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from archc.language.spec import Document, Library
from archc.language.validation import OWN, WORDS, said
from archc.ops import OPS

MODELS: tuple[type[BaseModel], ...] = (Document, Library, *OPS.values())

# What a part of a schema can raise; what only leads to other parts raises nothing itself.
RAISES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "any", "default", "definition-ref", "definitions", "json-or-python", "lax-or-strict",
            "no-info", "nullable", "model-field", "dataclass-field", "union",
        ),
        (),
    ),
    **dict.fromkeys(
        ("function-after", "function-before", "function-plain", "function-wrap"),
        ("value_error", "assertion_error"),
    ),
    "bool": ("bool_type", "bool_parsing"),
    "dataclass": ("dataclass_type", "dataclass_exact_type"),
    "dataclass-args": ("missing", "unexpected_keyword_argument", "multiple_argument_values"),
    "decimal": (
        "decimal_type", "decimal_parsing", "decimal_max_digits", "decimal_max_places",
        "decimal_whole_digits", "finite_number",
    ),
    "dict": ("dict_type", "too_short", "too_long", "invalid_key"),
    "float": (
        "float_type", "float_parsing", "finite_number", "multiple_of", "greater_than",
        "greater_than_equal", "less_than", "less_than_equal",
    ),
    "int": (
        "int_type", "int_parsing", "int_parsing_size", "int_from_float", "multiple_of",
        "greater_than", "greater_than_equal", "less_than", "less_than_equal",
    ),
    "is-instance": ("is_instance_of",),
    "list": ("list_type", "too_short", "too_long", "iterable_type", "recursion_loop"),
    "literal": ("literal_error",),
    "model": ("model_type", "model_attributes_type"),
    "model-fields": ("missing", "extra_forbidden", "invalid_key", "mapping_type"),
    "str": (
        "string_type", "string_unicode", "string_too_short", "string_too_long",
        "string_pattern_mismatch",
    ),
    "tagged-union": ("union_tag_invalid", "union_tag_not_found"),
    "tuple": ("tuple_type", "too_short", "too_long", "iterable_type"),
}  # fmt: skip


def parts(schema: Any) -> set[str]:
    """Return the types of the parts of a schema."""
    found: set[str] = set()
    pending = [schema]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            kind = part.get("type")
            found |= {kind} if isinstance(kind, str) else set()
            pending += [v for k, v in part.items() if k not in ("metadata", "serialization")]
        elif isinstance(part, list | tuple):
            pending += part
    return found


def test_every_error_has_words() -> None:
    """A new kind of field comes with the words for what it refuses."""
    used = {kind for model in MODELS for kind in parts(model.__pydantic_core_schema__)}
    raised = {error for kind in used for error in RAISES[kind]}

    assert sorted(used - {*RAISES}) == []
    assert sorted(raised - {*WORDS, *OWN}) == []
    assert {*WORDS, *OWN} <= {*get_args(ErrorType)}


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_words(kind: str) -> None:
    """They are a predicate, with nothing of pydantic's."""
    context = dict.fromkeys(
        ("gt", "ge", "lt", "le", "multiple_of", "max_length", "min_length", "actual_length"), 3
    )
    words = said({"type": kind, "msg": "?", "ctx": {**context, "expected": "'a'", "pattern": "a"}})

    assert words.startswith(("must ", "is ", "has ", "holds "))
    assert "?" not in words


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "a", [1], [1, 2, 3], {"a": 1}, object])
def test_arguments_of_ops(value: object) -> None:
    """Whatever an argument of an op is given, what is said of it is ours."""
    told = set()
    for op, name in ((o, n) for o in OPS.values() for n in o.model_fields):
        try:
            op.model_validate({name: value})
        except ValidationError as error:
            told |= {said(e) for e in error.errors() if e["type"] not in OWN}

    assert [t for t in told if "Input" in t or "valid " in t] == []
