"""`archc check-op`: whether an op does what it declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from tabulate import tabulate

from archc import api
from archc.commands.common import (
    WRONG,
    attempt,
    deliver,
    expect_channels_first,
    option_of,
    settings_of,
    usage,
)
from archc.commands.verify import as_json, odd
from archc.diagnostics import Source, Span, SpecError
from archc.language.source import Text
from archc.ops import OPS, Op
from archc.ops.plugins import Plugins

if TYPE_CHECKING:
    from archc.runtime.report import Report

ArgumentOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="NAME=VALUE",
        help="An argument of the op; may be repeated.",
        show_default=False,
    ),
]
LAID = ("", "b c h w -> b (h w) c", "b c h w -> b h w c")
"""How a map becomes what an op takes: as it is, as tokens, with its channels last."""


def check_op(
    target: Annotated[
        str, typer.Argument(metavar="FILE.py[:NAME]|NAME", help="Ops of a file, or one of archc.")
    ],
    shape: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="C,H,W|C", help="The input; maps are tried at odd sizes too."
        ),
    ] = None,
    sets: ArgumentOpt = None,
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Hold an op's shape, tensors and MACs to the module that PyTorch builds for it.

    Both are built alone, on PyTorch's meta device. The file that you name is run.
    """
    option_of(("text", "json"), form, "format")
    path, ops = attempt(lambda: _ops(target))
    arguments = settings_of(sets, reserved=())
    reports = {name: _report(op, path, shape, arguments) for name, op in ops.items()}
    if form == "json":
        parts = [as_json(r, {"op": name}) for name, r in reports.items()]
        deliver(f"[{', '.join(parts)}]", None)
    else:
        deliver("\n\n".join(_told(name, report) for name, report in reports.items()), None)
    if not all(report.ok for report in reports.values()):
        raise typer.Exit(WRONG)


def _ops(target: str) -> tuple[str, dict[str, type[Op]]]:
    """Return the file that a target means, "" for an op of archc, and the ops."""
    path, found, name = target.partition(".py")
    if not found:
        if target not in OPS:
            usage(f"there is no op `{target}`; a file with ops ends in .py")
        return "", {target: OPS[target]}
    path, name = f"{path}.py", name.removeprefix(":")
    entry = Text.at(path, Span(1, 1, 1, len(path) + 1, Source("check-op", path)))
    ops = Plugins(OPS, allowed=True).load([entry], {})
    if name and name not in ops:
        usage(f"{path} has no op `{name}`: it has {', '.join(ops)}")
    return path, {name: ops[name]} if name else ops


def _report(op: type[Op], path: str, shape: str | None, arguments: dict[str, str]) -> Report:
    """Build networks of the op alone, and hold them to what PyTorch makes of them."""
    from archc.runtime.ops import check_op as held
    from archc.runtime.report import Report, Row

    missing = [n for n, f in op.model_fields.items() if f.is_required() and n not in arguments]
    if missing:
        usage(f"`{op.name}` needs {' and '.join(missing)}: --set {missing[0]}=...")
    first, *others = _sizes(op, shape)
    laid, network = attempt(lambda: _first(op, path, first, arguments))
    networks, refused = [network], list[Row]()
    for size in others:
        try:
            networks.append(_network(op, path, size, arguments, laid))
        except SpecError as error:
            at = "×".join(map(str, size))
            said = error.diagnostics[0].message
            refused.append(Row("shape", at, 0, refused=True, note=f"not taken: {said}"))
    report = held(networks)
    return Report((*report.rows, *refused))


def _sizes(op: type[Op], shape: str | None) -> list[tuple[int, ...]]:
    """Return the inputs: the one asked for, or one that suits; of maps, two of odd sizes too."""
    vector = bool(op.layouts) and set(op.layouts) == {"b c"}
    text = shape or ("64" if vector else "64,56,56")
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (1, 3) or not all(part.isdecimal() and int(part) for part in parts):
        usage(f"--input takes C,H,W or C, got `{text}`")
    channels, *map_ = map(int, parts)
    if not map_:
        return [(channels,)]
    expect_channels_first([channels, *map_])
    height, width = map_
    return [
        (channels, *size) for size in ((height, width), odd((height, width)), (height, width + 3))
    ]


def _first(
    op: type[Op], path: str, size: tuple[int, ...], arguments: dict[str, str]
) -> tuple[str, api.Architecture]:
    """Compile the op's network with the first layout of its input that the op takes."""
    for laid in LAID if len(size) == 3 else LAID[:1]:
        try:
            return laid, _network(op, path, size, arguments, laid)
        except SpecError as error:
            if {d.code for d in error.diagnostics} != {"wrong-layout"} or laid == LAID[-1]:
                raise
    return "", _network(op, path, size, arguments, "")


def _network(
    op: type[Op], path: str, size: tuple[int, ...], arguments: dict[str, str], laid: str
) -> api.Architecture:
    """Compile a network of one op, before which a map gets another layout."""
    named = ", ".join(f"{k}={v}" for k, v in arguments.items())
    given = f"{op.name}({named})" if named else op.name
    lines = [f"input: {list(size)}", f"ops: [{path}]" if path else "", "body:"]
    lines += [f'  laid: rearrange("{laid}")'] * bool(laid)
    value = "laid" if laid else "x"
    count = 3 if op.inputs is None else op.inputs
    if count == 0:
        lines += [f"  op: {given}", "  out: x * op"]
    else:
        values = [value] * (1 if op.spread else count)
        lines.append(f"  op: {given}({', '.join(values)})")
    text = "\n".join(["archc: 1", "name: check", *filter(None, lines), ""])
    return api.compile(Source("check-op", text), allow_ops=True)


def _told(name: str, report: Report) -> str:
    """Tell a report as a table and its verdict."""
    columns = {
        "compared": [row.what for row in report.rows],
        "at": [row.at for row in report.rows],
        "result": [row.result for row in report.rows],
    }
    table = tabulate(columns, headers="keys", disable_numparse=True)
    wrong = len(report.wrong)
    verdict = f"{wrong} of {len(report.rows)} comparisons differ" if wrong else "equal"
    return "\n\n".join((f"{name}, and what PyTorch builds", table, verdict))
