"""What pydantic finds wrong with a value, in the words of a spec."""

from __future__ import annotations

import re
from typing import Any

# By pydantic's type of error; what is in braces is of the error. `value_error` and the errors of
# validators of our own have words of ours already.
WORDS = {
    "bool_parsing": "must be `true` or `false`",
    "bool_type": "must be `true` or `false`",
    "dataclass_exact_type": "is nothing that can stand here",
    "dataclass_type": "is nothing that can stand here",
    "decimal_max_digits": "must be a number of fewer digits",
    "decimal_max_places": "must be a number of fewer digits",
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "decimal_whole_digits": "must be a number of fewer digits",
    "dict_type": "must be a mapping of keys",
    "extra_forbidden": "is no key here",
    "finite_number": "must be a number that is not infinite",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_type": "must be a whole number",
    "invalid_key": "has a key that is no text",
    "is_instance_of": "is nothing that can stand here",
    "iterable_type": "must be a list",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "mapping_type": "must be a mapping of keys",
    "missing": "is missing",
    "missing_argument": "is missing",
    "model_attributes_type": "must be a mapping of keys",
    "model_type": "must be a mapping of keys",
    "multiple_argument_values": "is given twice",
    "multiple_of": "must be a multiple of {multiple_of}",
    "none_required": "must be `none`",
    "recursion_loop": "holds itself",
    "string_pattern_mismatch": "must look like `{pattern}`",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be a text in quotes",
    "string_unicode": "must be a text",
    "too_long": "must have at most {max_length} entries, has {actual_length}",
    "too_short": "must have at least {min_length} entries, has {actual_length}",
    "tuple_type": "must be a list",
    "unexpected_keyword_argument": "is no key here",
    "union_tag_invalid": "is nothing that can stand here",
    "union_tag_not_found": "is nothing that can stand here",
}
OWN = ("value_error", "assertion_error")
"""Raised by validators, of plug-ins too, whose text is the user's or ours."""


def said(error: Any, quote: str = "") -> str:
    """Return what is wrong with a value, as a predicate: `must be a list`."""
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "too_short" and not context.get("actual_length"):
        return "is empty"
    if kind in WORDS:
        words = WORDS[kind].format(**context)
        return (
            re.sub(r"'([^']*)'", rf"`{quote}\1{quote}`", words)
            if kind == "literal_error"
            else words
        )
    if kind in OWN:
        return str(context.get("error", error["msg"]))
    return str(error["msg"])
