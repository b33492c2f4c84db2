"""The JSON Schema of a spec, for editors: made from the same models that `check` uses."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from archc.language.scalars import MODIFIERS
from archc.language.spec import Document

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXPRESSION = {
    "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}],
    "description": "an expression",
}
STEP = {
    "anyOf": [EXPRESSION, *({"$ref": f"#/$defs/{name}"} for name in ("Chain", "Modified", "Body"))]
}


class _AnyOf(GenerateJsonSchema):
    """Unions as anyOf: a mapping with `do` is a modified step, and as a schema also a body."""

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        made = super().tagged_union_schema(schema)
        return {
            "anyOf": made.pop("oneOf"),
            **{k: v for k, v in made.items() if k != "discriminator"},
        }


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a spec as plain data."""
    made = Document.model_json_schema(by_alias=True, schema_generator=_AnyOf)
    parts = made["$defs"]
    parts["Block"] = _block(parts["Block"])
    parts["Body"]["propertyNames"] = {"not": {"enum": ["do", *MODIFIERS]}}
    output = {"anyOf": [EXPRESSION, {"$ref": "#/$defs/Output"}]}
    outputs = {
        "anyOf": [
            {"type": "array", "items": EXPRESSION},
            {"type": "object", "additionalProperties": output},
        ],
        "description": "the values that it gives",
    }
    made["properties"]["outputs"] = parts["Block"]["anyOf"][2]["properties"]["outputs"] = outputs
    _without_nulls(made)
    return {
        "$schema": DIALECT,
        "title": "archc spec",
        **{k: v for k, v in made.items() if k != "title"},
    }


def _block(made: dict[str, Any]) -> dict[str, Any]:
    """Say that a block is an expression, a list, or a mapping of what it declares and its steps."""
    properties = {k: v for k, v in made["properties"].items() if k != "body"}
    modifiers = {"do": STEP, "if": EXPRESSION, "else": STEP, "from": EXPRESSION}
    mapping = {
        "type": "object",
        "properties": {**properties, **modifiers},
        "additionalProperties": STEP,
    }
    return {
        "anyOf": [EXPRESSION, {"$ref": "#/$defs/Chain"}, mapping],
        "description": made["description"],
    }


def _without_nulls(node: Any) -> None:
    """Leave out `null`, which is how the models say that a key may be missing."""
    if isinstance(node, list):
        for item in node:
            _without_nulls(item)
    elif isinstance(node, dict):
        if isinstance(node.get("anyOf"), list):
            node["anyOf"] = [part for part in node["anyOf"] if part != {"type": "null"}]
        if node.get("default", ...) is None:
            del node["default"]
        for value in node.values():
            _without_nulls(value)
