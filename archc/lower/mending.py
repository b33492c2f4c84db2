"""What may mend a fault of an op, by the code of the fault; it is tried before it is said."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import gcd
from typing import TYPE_CHECKING, Any

from archc.diagnostics import Edit, Remedy
from archc.graph import Value
from archc.lower.blame import changeable, written
from archc.lower.edits import added, call_of, call_text, left_out, put, text_at
from archc.lower.origins import Written, origin
from archc.lower.remedies import Unfit
from archc.lower.scope import Callee
from archc.ops import Op, ShapeFault
from archc.ops.faults import nearest_divisors

if TYPE_CHECKING:
    from archc.lower.reader import Reader

TWO = ("channel-mismatch", "size-mismatch", "shape-mismatch", "concat-mismatch")
JOINS = ("add", "sub", "mul", "div", "sum", "mean", "concat")


def mends(
    reader: Reader,
    callee: Callee,
    op: Op,
    fault: ShapeFault,
    inputs: Sequence[Value],
    node: ast.expr,
) -> list[Remedy]:
    """Return what may mend a fault, the likeliest first; nothing while remedies are tried."""
    if not advised(reader):
        return []
    found: Iterator[Remedy] = iter(())
    arguments = dict(op)
    match fault.code:
        case code if code in TWO and op.name in JOINS and len(inputs) > 1:
            return list(Unfit(reader, op, inputs, node).remedies())
        case "groups-do-not-divide":
            whole = gcd(inputs[0].shape.channels, arguments["out"])
            found = _divisors(callee, "groups", whole, arguments["groups"], fault.help)
        case "heads-do-not-divide":
            whole = inputs[0].shape.sizes[-1]
            found = _divisors(callee, "heads", whole, arguments["heads"], fault.help)
        case "even-kernel":
            found = _even(callee, arguments["kernel"], arguments["stride"])
        case "wrong-layout" if op.name == "reduce":
            found = _ones(callee, inputs[0])
    source = reader.lowering.document.source
    return [r for r in found if r.edits and all(changeable(e.span, source) for e in r.edits)]


def advised(reader: Reader) -> bool:
    """Whether remedies are looked for: not for ever more faults, nor while one is tried."""
    reader.lowering.advice -= 1
    return reader.lowering.advice >= 0


def refused(reader: Reader, callee: Callee, name: str, kind: str) -> list[Remedy]:
    """Return what may mend an argument that an op refuses; `kind` is pydantic's name of it."""
    at = written(callee, name)
    value: Any = dict(callee.arguments).get(name)
    if at is None or at.tree is None or not advised(reader):
        return []
    found: list[Remedy] = []
    if name == "padding" and value in ("same", "valid"):
        edits = left_out(at) if value == "same" else put(at, "0")
        how = "an odd kernel keeps the size at stride 1 without `padding`"
        found = [_said(at, edits, how if value == "same" else "without padding")]
    elif kind == "float_channels":
        text = ast.unparse(at.tree)
        whole = text.replace(" / ", " // ") if "/" in text and "//" not in text else f"int({text})"
        found = [Remedy(f"write `{whole}`", tuple(put(at, whole)))]
    elif kind == "bad_pattern" and isinstance(value, str):
        halves = [half.split() for half in value.split("->")]
        if all(half[:1] != ["b"] for half in halves):
            pattern = " -> ".join(" ".join(["b", *half]) for half in halves)
            found = [_said(at, put(at, f'"{pattern}"'), "the batch comes first")]
    source = reader.lowering.document.source
    return [r for r in found if r.edits and all(changeable(e.span, source) for e in r.edits)]


def _divisors(callee: Callee, name: str, whole: int, given: int, why: str) -> Iterator[Remedy]:
    at = written(callee, name)
    if at is None:
        return
    for number in sorted(nearest_divisors(whole, given), key=lambda d: abs(d - given)):
        yield _said(at, put(at, str(number)), why)


def _even(callee: Callee, kernel: Any, stride: Any) -> Iterator[Remedy]:
    at = written(callee, "kernel")
    here = dict(callee.origins).get("kernel")
    if at is None or here is None or not isinstance(kernel, int):
        return
    if origin(here).tree is here.tree:
        half = 0 if stride == kernel else (kernel - 1) // 2
        yield _said(here, added(here, f"padding={half}"), "an even kernel has no middle")
    yield _said(at, put(at, str(kernel + 1)), "an odd kernel has a middle")


def _ones(callee: Callee, x: Value) -> Iterator[Remedy]:
    """Name the dimensions of 1 on the left of a pattern as the value does, on the right too."""
    at, pattern = written(callee, "pattern"), dict(callee.arguments).get("pattern")
    if at is None or not isinstance(pattern, str) or pattern.count("->") != 1:
        return
    left, right = (half.split() for half in pattern.split("->"))
    if len(left) != len(right) or len(left) != len(x.shape.layout) + 1:
        return
    names = ["b", *x.shape.layout]
    new_left = [name if part == "1" else part for part, name in zip(left, names, strict=True)]
    new_right = [
        name if before == "1" and part == "1" else part
        for before, part, name in zip(left, right, names, strict=True)
    ]
    wanted = f"{' '.join(new_left)} -> {' '.join(new_right)}"
    yield _said(at, put(at, f'"{wanted}"'), "a dimension that stays has a name, of any size")


def _said(at: Written, edits: list[Edit], why: str) -> Remedy:
    if not edits:
        return Remedy("")
    call = call_of(at)
    if call is None:
        return Remedy(
            f"write `{edits[0].text}` for `{text_at(edits[0].span)}`: {why}", tuple(edits)
        )
    return Remedy(f"write `{call_text(at, edits)}`: {why}", tuple(edits))
