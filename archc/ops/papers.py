"""How papers write a layer: `3×3 conv, 64, /2` in a picture, `3×3, 64, stride 2` in a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from archc.ops.arguments import Size, pair, spelled


@dataclass(frozen=True)
class Style:
    """The words of pictures, or of tables.

    `plain` stands behind the window of a `conv`; where `stride` is "", those of convolutions are
    left out.
    `multiplied` says whether one with several filters for each channel is called depthwise too.
    """

    depthwise: str
    plain: str
    groups: str
    stride: str
    number: Callable[[Size], str]
    multiplied: bool

    def layer(
        self, kernel: Size, word: str, *parts: str, dilation: Size = 1, stride: Size = 1
    ) -> str:
        """Write a layer with a window: its size, a word for it, and what it is not by default."""
        spread = [f"dilation {self.number(dilation)}"] * (pair(dilation) != (1, 1))
        return ", ".join([f"{window(kernel)}{word}", *parts, *spread]) + self.strided(stride)

    def strided(self, stride: Size) -> str:
        """Write a stride behind a layer; nothing for 1."""
        written = self.stride.format(self.number(stride))
        return f", {written}" if written and pair(stride) != (1, 1) else ""


def window(kernel: Size) -> str:
    """Write the size of a window: `3×3`."""
    return by(pair(kernel))


def by(sizes: Size) -> str:
    """Write sizes as papers do: `3×3`, one number as itself."""
    return "×".join(map(str, sizes)) if isinstance(sizes, tuple) else str(sizes)


def _once(sizes: Size) -> str:
    height, width = pair(sizes)
    return str(height) if height == width else f"{height}×{width}"


PICTURE = Style(" depthwise", " conv", "{} groups", "/{}", by, multiplied=True)
TABLE = Style(" dw{}", "", "C={}", "stride {}", _once, multiplied=False)


def generic(op: BaseModel, label: str) -> str:
    """Write an op by its name, the arguments that it must be given, and whole numbers set."""
    fields = type(op).model_fields
    values = [shown(getattr(op, n)) for n, f in fields.items() if f.is_required()]
    optional = {n: getattr(op, n) for n, f in fields.items() if not f.is_required()}
    chosen = {n: v for n, v in optional.items() if type(v) is int and v != fields[n].default}
    more = [f"{n.replace('_', ' ')} {v}" for n, v in chosen.items()]
    return ", ".join([label.replace("_", " "), *values, *more])


def shown(value: object) -> str:
    """Write an argument in a picture."""
    if isinstance(value, str):
        return value.replace("->", "→")
    if isinstance(value, (list, tuple)):
        items = [shown(v) for v in value]
        return "×".join(items) if len(items) < 4 else f"{len(items)} values"
    return f"{value:g}" if isinstance(value, float) else spelled(value).strip("`")
