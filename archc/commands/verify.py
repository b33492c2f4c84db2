"""`archc verify`: whether the network is the one that it should be."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tabulate import tabulate

from archc.api import Architecture
from archc.commands.common import (
    WRONG,
    AllowOpt,
    InputOpt,
    OutputsOpt,
    SetOpt,
    SpecArg,
    VariantOpt,
    compiled,
    deliver,
    option_of,
    usage,
)
from archc.escaping import json_text, terminal
from archc.weights.faults import WeightsError

if TYPE_CHECKING:
    from archc.runtime.report import Report

Sizes = tuple[int, ...]

MISSABLE = ("torch", "torchvision", "timm")

AgainstOpt = Annotated[
    str | None,
    typer.Option(
        metavar="PEER",
        help="torchvision:NAME, timm:NAME or FILE.py:CLASS; without it, the spec run op by op.",
        show_default=False,
    ),
]
CheckedOpt = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|OWNER:NAME",
        help="With --against: compute with a saved state_dict, torchvision:NAME or timm:NAME.",
        show_default=False,
    ),
]
SizeOpt = Annotated[
    list[str] | None,
    typer.Option(metavar="N|HxW", help="A size of input; may be repeated.", show_default=False),
]


def verify(
    spec: SpecArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    outputs: OutputsOpt = None,
    allow_ops: AllowOpt = False,
    against: AgainstOpt = None,
    size: SizeOpt = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples in a batch.")] = 2,
    seed: Annotated[int, typer.Option(help="Of the numbers that both compute with.")] = 0,
    tolerance: Annotated[float, typer.Option(min=0, help="The largest relative error.")] = 0.0,
    weights: CheckedOpt = None,
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Compare a network with a peer, or what archc emits with what the spec says, to the last bit.

    Compared are keys, shapes, outputs in eval and train mode, running statistics, and the
    gradients of weights and input, with the same perturbed numbers in both. Without a peer the
    spec itself is run, op by op, at its own size and another one; the first step that differs
    is named. One seed gives the same figures again.
    """
    option_of(("text", "json"), form, "format")
    architecture = compiled(spec, variant, sets, sizes=sizes, outputs=outputs, allow_ops=allow_ops)
    samples = samples_of(architecture, size or []) if against or size else []
    if weights is not None and against is None:
        usage("--weights goes with --against PEER: what the spec says is held to any numbers")
    try:
        report = _report(architecture, against, samples, weights, batch, seed, tolerance)
    except ModuleNotFoundError as error:
        if error.name not in MISSABLE:
            raise
        usage(str(error))
    what = {"network": architecture.name, "peer": against, "batch": batch, "seed": seed}
    deliver(as_json(report, what) if form == "json" else as_text(report, what), None)
    if not report.ok:
        raise typer.Exit(WRONG)


def _report(
    architecture: Architecture,
    against: str | None,
    samples: list[Sizes],
    weights: str | None,
    batch: int,
    seed: int,
    tolerance: float,
) -> Report:
    from archc.runtime import load
    from archc.runtime.faults import blaming
    from archc.runtime.peers import UnknownPeer, of_peer, peer
    from archc.runtime.validate import validate
    from archc.runtime.verify import verify as compare
    from archc.runtime.weights.loading import give
    from archc.runtime.weights.sources import opened

    if against is None:
        try:
            return validate(architecture, samples, batch=batch, seed=seed)
        except ValueError as error:
            usage(str(error))
    try:
        other = peer(against)
        with blaming(architecture.network, UnknownPeer, WeightsError), of_peer(against):
            ours = load(architecture)
            if weights is not None:
                give(ours, architecture.network, opened(weights, architecture.name))
            return compare(
                ours,
                other,
                samples,
                batch=batch,
                seed=seed,
                tolerance=tolerance,
                perturbed=weights is None,
            )
    except UnknownPeer as error:
        usage(str(error))


def samples_of(architecture: Architecture, wanted: list[str]) -> list[Sizes]:
    """Return the shapes of samples: of the sizes asked for, or the spec's own and an odd one."""
    own = architecture.input
    if len(own.spatial) != 2:
        if wanted:
            usage(f"--size is of maps, and {architecture.name} takes {own}")
        return [own.sizes]
    sizes = [size_of(text) for text in wanted] or [own.spatial, odd(own.spatial)]
    return [own.with_spatial(size).sizes for size in sizes]


def size_of(text: str) -> Sizes:
    """Return height and width of `224` or `224x160`."""
    found = re.fullmatch(r"([1-9]\d*)(?:[x×]([1-9]\d*))?", text)
    if found is None:
        usage(f"--size takes N or HxW, got `{text}`")
    return int(found[1]), int(found[2] or found[1])


def odd(size: Sizes) -> Sizes:
    """Return odd sizes a bit below half, 97 for 224: strides and paddings show there."""
    return tuple(s * 3 // 7 | 1 for s in size)


def as_text(report: Report, what: dict[str, Any]) -> str:
    """Tell a report as a table and its verdict."""
    other = what["peer"]
    title = f"{what['network']} and {other or 'its spec, run op by op'}"
    title += f", batches of {what['batch']}, seed {what['seed']}"
    columns = {
        "compared": [row.what for row in report.rows],
        "at": [row.at for row in report.rows],
        "tensors": [row.count for row in report.rows],
        "result": [row.result for row in report.rows],
    }
    table = tabulate(columns, headers="keys", disable_numparse=True)
    return terminal("\n\n".join((title, table, verdict(report))))


def verdict(report: Report) -> str:
    """Say whether all is equal."""
    if report.wrong:
        rest = "" if any(row.at for row in report.rows) else "; nothing was run"
        return f"{len(report.wrong)} of {len(report.rows)} comparisons differ{rest}"
    if report.refused:
        return "nothing was compared: both refuse every size"
    if any(row.error for row in report.rows):
        return f"equal within {report.tolerance:g}"
    return "equal, to the last bit" if any(row.at for row in report.rows) else "equal"


def as_json(report: Report, what: dict[str, Any]) -> str:
    """Tell a report to a program; an error that is no number is null."""
    rows = [
        {
            **asdict(row),
            "error": None if math.isinf(row.error) else row.error,
            "ok": row not in report.wrong,
        }
        for row in report.rows
    ]
    return json_text({**what, "tolerance": report.tolerance, "ok": report.ok, "rows": rows})
