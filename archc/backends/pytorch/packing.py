"""Lists of values as one argument, where the uses of a class take different numbers of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from archc.backends.pytorch.items import Apply, Val, bracketed, holes
from archc.backends.pytorch.render import parsed
from archc.backends.pytorch.sites import Site
from archc.ops import VARIES, Op, Py, Use

SPLICED = re.compile(r"\[\*(\w+)\]")


def in_one(site: Site, channels: Sequence[Py], lead: int) -> tuple[Py, ...]:
    """Put the channels of what a block takes as `...rest` into one list."""
    vals = site.inputs[lead:]
    if len(vals) == 1 and vals[0].many:
        return tuple(channels)
    return (*channels[:lead], Py(list_of(channels[lead:], vals), VARIES))


def unpack(made: Apply) -> None:
    """Let an application take the items of lists: `torch.cat(children)`, `self.root(x, *more)`."""
    call, spell, vals = made.call, made.spell, made.inputs
    made.call = lambda m, xs: call(m, spliced(xs, vals))
    if spell is not None:
        made.spell = lambda xs: SPLICED.sub(
            r"\1", spell([*spliced(xs[: len(vals)], vals), *xs[len(vals) :]])
        )


def listed(name: str, vals: Sequence[Val], channels: Sequence[Py]) -> Apply:
    """Return an item that puts values, and those of lists, into one list."""
    made = Val(name, (list_of(channels, vals),), many=True)
    comma = "," if len(vals) == 1 else ""

    def spell(xs: Sequence[str]) -> str:
        return f"({', '.join(spliced(xs, vals))}{comma})"

    return Apply("", inputs=tuple(vals), outputs=(made,), spell=spell, whole=False)


def spliced(texts: Sequence[str], vals: Sequence[Val]) -> list[str]:
    """Write values where several are asked for: lists with a star, `x, *children`."""
    return [f"*{bracketed(t)}" if v.many else t for t, v in zip(texts, vals, strict=True)]


def list_of(channels: Sequence[Py], vals: Sequence[Val]) -> str:
    """Write a list of the channels of values, and of those in lists."""
    texts = [f"*{c.atom}" if v.many else c.text for c, v in zip(channels, vals, strict=True)]
    return f"[{', '.join(texts)}]"


def one_hole(cls: type[Op], use: Use) -> str:
    """Write an op over the values of one list, as it is written over several."""
    first, second = holes(2)
    text = cls.function(use, first, second)
    return text.replace(f", {second}", "")


def spliceable(cls: type[Op], use: Use) -> bool:
    """Whether an op is written as a call, or over a list, so that it may take those of a list."""
    tree = parsed(cls.function(use, "first_", "second_"))
    around = [n for n in ast.walk(tree) if isinstance(n, ast.List | ast.Call)]
    items = [a for n in around for a in (n.elts if isinstance(n, ast.List) else n.args)]
    return {"first_", "second_"} <= {a.id for a in items if isinstance(a, ast.Name)}
