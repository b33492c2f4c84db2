"""`archc probe`: what becomes of signals and gradients with depth, networks side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from archc.api import Architecture
from archc.backends.signals.model import MODES
from archc.backends.signals.probe import FORMATS, Probe
from archc.commands.common import (
    AllowOpt,
    ForceOpt,
    InputOpt,
    OutputOpt,
    SetOpt,
    VariantOpt,
    compiled,
    deliver,
    option_of,
    usage,
)
from archc.commands.signals import PICTURES, DeviceOpt, WeightsOpt, attempted, format_of, on_device

SpecsArg = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...", help="Spec files or networks of the zoo.", show_default=False
    ),
]
LambdaOpt = Annotated[
    str | None,
    typer.Option(
        "--lambda",
        metavar="A,B,...",
        help="Scale the shortcuts by these, and measure gains instead.",
    ),
]


def probe(
    specs: SpecsArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    allow_ops: AllowOpt = False,
    seeds: Annotated[int, typer.Option(min=1, help="So many draws of weights and inputs.")] = 4,
    batch: Annotated[int, typer.Option(min=2, help="Samples in a batch.")] = 32,
    mode: Annotated[
        str, typer.Option(help="train, or eval with statistics of one batch.")
    ] = "train",
    no_norms: Annotated[
        bool, typer.Option("--no-norms", help="As if batch norm and its like were not there.")
    ] = False,
    grid: Annotated[
        int, typer.Option(min=0, help="Inputs on the line for autocorrelations; 0 for none.")
    ] = 256,
    lambdas: LambdaOpt = None,
    blocks: Annotated[
        int | None, typer.Option(min=1, help="With --lambda: through so many blocks.")
    ] = None,
    weights: WeightsOpt = None,
    device: DeviceOpt = "cpu",
    form: Annotated[
        str | None, typer.Option("--format", help="text, markdown, csv, json, svg, png or pdf")
    ] = None,
    output: OutputOpt = None,
    force: ForceOpt = False,
) -> None:
    """Measure signals and gradients by depth, and compare networks in one figure.

    By depth: mean square and variance of activations, the share of the residual branch in each
    sum, norms of gradients, and how alike the gradients of different inputs are; along a line
    in the input space the autocorrelation of the gradient, beside white and brown noise
    (Balduzzi et al. 2017). With --lambda: how the gradient grows through blocks F(x) + λx.
    """
    form = format_of(form, output, (*FORMATS, *PICTURES))
    option_of(MODES, mode, "mode")
    factors = _numbers(lambdas)
    if blocks is not None and not factors:
        usage("--blocks is of --lambda, as in --lambda 0.9,1,1.1 --blocks 6")
    if specs.count("-") > 1:
        usage("standard input can be read once")
    if weights is not None and len(specs) > 1:
        usage("--weights are those of one network; name one SPEC")
    architectures = [
        compiled(spec, variant, sets, sizes=sizes, allow_ops=allow_ops) for spec in specs
    ]
    on_device(device)
    known = {"seeds": seeds, "batch": batch, "mode": mode, "norms": not no_norms, "device": device}
    if not factors:
        known["grid"] = grid
    with progress(len(specs) * seeds) as tick:
        found = attempted(lambda: _probed(architectures, weights, factors, blocks, known, tick))
    if form in FORMATS:
        deliver(FORMATS[form](found), output, form, force=force)
        return
    from archc.backends.plots.probe import plot

    deliver(attempted(lambda: plot(found, form)), output, form, force=force)


def _numbers(listed: str | None) -> list[float]:
    try:
        return [float(part) for part in (listed or "").split(",") if part.strip()]
    except ValueError:
        usage(f"--lambda takes numbers, as in 0.9,1,1.1; got `{listed}`")


def _probed(
    architectures: list[Architecture],
    weights: str | None,
    factors: list[float],
    blocks: int | None,
    known: dict[str, object],
    tick: Callable[[], None],
) -> Probe:
    from archc.backends.signals.probe import merged
    from archc.runtime.signals.gains import TooFewBlocks
    from archc.runtime.signals.inputs import InputError

    try:
        return merged(
            a.probe(lambdas=factors, blocks=blocks, weights=weights, tick=tick, **known)
            for a in architectures
        )
    except (InputError, TooFewBlocks) as error:
        usage(str(error))


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """Show on a terminal how far the seeds are; what is yielded counts one."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("probing", total=total)
        yield lambda: bar.advance(task)
