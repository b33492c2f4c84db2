"""`archc build`: the standalone PyTorch file of a network, or its file of ONNX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, get_args

import typer

from archc.backends.choices import Surface
from archc.backends.onnx import OnnxError
from archc.commands.common import (
    AllowOpt,
    ForceOpt,
    InputOpt,
    OutputOpt,
    OutputsOpt,
    SetOpt,
    SpecArg,
    VariantOpt,
    attempt,
    compiled,
    deliver,
    option_of,
    usage,
)
from archc.weights.faults import WeightsError

FORMATS = ("python", "onnx")

FormatOpt = Annotated[
    str | None,
    typer.Option("--format", help="python or onnx; else by the suffix of --output, or python"),
]
WeightsOpt = Annotated[
    str | None,
    typer.Option(
        "--weights",
        "-w",
        metavar="WEIGHTS",
        help="Of ONNX: a file, `torchvision:NAME` or `timm:NAME`; without, the model is handed its weights when it runs.",
        show_default=False,
    ),
]
BatchOpt = Annotated[
    int | None,
    typer.Option("--batch", min=1, help="Of ONNX: a fixed batch.", show_default="free"),
]
AnySizeOpt = Annotated[
    bool, typer.Option("--any-size", help="Of ONNX: leave height and width of the input free.")
]
ExternalOpt = Annotated[
    bool,
    typer.Option(
        "--external-data", help="Of ONNX: leave the numbers in the file of the weights, beside it."
    ),
]


SurfaceOpt = Annotated[
    str | None,
    typer.Option(
        "--surface",
        metavar="timm",
        help="Of Python: the methods that timm's networks have as well, such as forward_features.",
        show_default=False,
    ),
]


def build(
    spec: SpecArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    outputs: OutputsOpt = None,
    allow_ops: AllowOpt = False,
    form: FormatOpt = None,
    surface: SurfaceOpt = None,
    weights: WeightsOpt = None,
    batch: BatchOpt = None,
    any_size: AnySizeOpt = False,
    external_data: ExternalOpt = False,
    output: OutputOpt = None,
    force: ForceOpt = False,
) -> None:
    """Write the PyTorch module of a network, or the network as ONNX."""
    by_suffix = "onnx" if output and output.suffix.lower() == ".onnx" else "python"
    form = option_of(FORMATS, form or by_suffix, "format")
    given = {
        "--weights": weights,
        "--batch": batch,
        "--any-size": any_size,
        "--external-data": external_data,
    }
    if form == "python" and (idle := [name for name, value in given.items() if value]):
        usage(f"{idle[0]} goes with --format onnx")
    known = one_of_known(surface)
    if form == "onnx" and surface:
        usage("--surface goes with --format python")
    if form == "onnx":
        _expect_place(output, weights, external_data=external_data)
    arch = compiled(spec, variant, sets, sizes=sizes, outputs=outputs, allow_ops=allow_ops)
    if form == "python":
        deliver(arch.source(known), output, form, force=force)
        return
    weights = weights or (str(arch.recipe.weights) if arch.recipe.weights else None)
    try:
        data = attempt(
            lambda: arch.onnx(weights, batch=batch, any_size=any_size, external_data=external_data)
        )
    except (OnnxError, WeightsError) as error:
        usage(str(error))
    deliver(data, output, form, force=force)


def one_of_known(surface: str | None) -> Surface | None:
    """Hold a surface to those that there are."""
    known = next((name for name in get_args(Surface) if name == surface), None)
    if surface is not None and known is None:
        usage(f"there is no surface `{surface}`: choose from {', '.join(get_args(Surface))}")
    return known


def _expect_place(output: Path | None, weights: str | None, *, external_data: bool) -> None:
    """Refuse a terminal, and weights that are to stay in a file that is not beside the model."""
    if output is None and sys.stdout.isatty():
        usage("a terminal shows no onnx: give a file by -o")
    if not external_data:
        return
    if weights is None or output is None or str(output) == "-":
        usage(
            "--external-data leaves numbers in the file of --weights, beside that of -o: give both"
        )
    if output.resolve().parent != Path(weights).resolve().parent:
        usage(
            f"--external-data: a model finds {Path(weights).name} in its own folder: write both there"
        )
