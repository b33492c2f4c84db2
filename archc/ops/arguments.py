"""Types of arguments: what an op may be given, and what people get wrong."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        if isinstance(value, float):
            raise PydanticCustomError(
                "float_channels", "must be an integer, got the float {value}", {"value": value}
            )
        raise PydanticCustomError(
            "not_an_integer", "must be an integer, got {value}", {"value": spelled(value)}
        )
    return value


def _pair(value: object) -> object:
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise PydanticCustomError(
                "not_a_pair",
                "must be an integer or a pair of them, got {value}",
                {"value": spelled(value)},
            )
        return tuple(_whole(v) for v in value)
    return _whole(value)


def spelled(value: object) -> str:
    """Spell a value as a spec does: `none`, `true`, `[1, 2]`."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(spelled(v) for v in value) + "]"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, (int, float)) else f"`{value}`"


Whole = Annotated[int, BeforeValidator(_whole)]
Positive = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Pair = tuple[Positive, Positive]
Size = Annotated[Positive | Pair, BeforeValidator(_pair)]
Padding = Annotated[Count | tuple[Count, Count], BeforeValidator(_pair)]
Rate = Annotated[float, Field(ge=0, le=1)]


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) of an argument that may be one number for both."""
    return value if isinstance(value, tuple) else (value, value)


Mode = Literal["nearest", "bilinear", "bicubic"]
