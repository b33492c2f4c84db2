"""`archc trace`: a walk through a network or a block, forwards and backwards."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archc.api import Architecture
from archc.backends.drawing.style import THEMES
from archc.backends.signals.model import MODES
from archc.backends.signals.trace import FORMATS
from archc.commands.common import (
    AllowOpt,
    ForceOpt,
    OutputOpt,
    SetOpt,
    Sizes,
    SpecArg,
    VariantOpt,
    compiled,
    deliver,
    option_of,
    sizes_of,
    usage,
)
from archc.commands.signals import (
    PICTURES,
    BatchOpt,
    DeviceOpt,
    SeedOpt,
    WeightsOpt,
    attempted,
    drawn,
    format_of,
    no_such_place,
    on_device,
)

SIZES = re.compile(r"[0-9]+(?:[,x×][0-9]+)*")

if TYPE_CHECKING:
    from archc.backends.signals.model import Trace


def trace(
    spec: SpecArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    allow_ops: AllowOpt = False,
    at: Annotated[
        str | None, typer.Option(help="A stage, block or op; without it, the whole network.")
    ] = None,
    batch: BatchOpt = 2,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="FILE|C,H,W",
            help="An image, or a saved tensor (.npy, .pt, .safetensors); may be repeated. "
            "Or the sizes of the input.",
        ),
    ] = None,
    weights: WeightsOpt = None,
    seed: SeedOpt = 0,
    device: DeviceOpt = "cpu",
    mode: Annotated[str, typer.Option(help="Of the picture: train or eval.")] = "train",
    theme: Annotated[str, typer.Option(help="Of the picture: light, dark or print.")] = "light",
    form: Annotated[
        str | None, typer.Option("--format", help="text, markdown, json, svg, png, pdf or dot")
    ] = None,
    output: OutputOpt = None,
    force: ForceOpt = False,
) -> None:
    """Walk through a network or a block: every value and every gradient, in both modes.

    Prints shapes, means and deviations, what batch norm measures and keeps, the gradients of
    values and weights, and at each fork what comes back through the shortcut and through the
    residual branch. A picture has the numbers on its arrows.
    """
    form = format_of(form, output, (*FORMATS, *PICTURES, "dot"))
    option_of(MODES, mode, "mode")
    option_of(THEMES, theme, "theme")
    files, sizes = _files(inputs or [])
    architecture = compiled(spec, variant, sets, sizes=sizes, allow_ops=allow_ops)
    on_device(device)
    what = {"at": at or "", "batch": batch, "files": files, "seed": seed, "device": device}
    found = attempted(lambda: _traced(architecture, weights, what))
    if form in FORMATS:
        deliver(FORMATS[form](found), output, form, force=force)
        return
    from archc.backends.signals.picture import dot

    picture = dot(architecture.network, found, mode, theme)
    deliver(drawn(picture, form), output, form, force=force)


def _files(inputs: list[str]) -> tuple[list[Path], Sizes | None]:
    """Tell files from the sizes of the input; the last sizes count."""
    sizes = [text for text in inputs if SIZES.fullmatch(text) and not Path(text).exists()]
    files = [Path(text) for text in inputs if text not in sizes]
    return files, sizes_of(sizes[-1]) if sizes else None


def _traced(architecture: Architecture, weights: str | None, what: dict[str, object]) -> Trace:
    from archc.runtime.signals.inputs import InputError
    from archc.runtime.signals.trace import NoSuchPlace

    try:
        return architecture.trace(weights=weights, **what)  # type: ignore[arg-type]
    except NoSuchPlace as error:
        usage(no_such_place(architecture, str(error), error.known))
    except InputError as error:
        usage(str(error))
