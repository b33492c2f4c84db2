"""What the commands that run networks share: options, and what is said where one can't run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from archc.api import Architecture
from archc.backends.render import NoRendererError, render
from archc.commands.common import option_of, usage
from archc.diagnostics import nearest

Result = TypeVar("Result")

PICTURES = ("svg", "png", "pdf")
MISSABLE = ("torch", "matplotlib")

SeedOpt = Annotated[int, typer.Option(help="Of weights, inputs and gradients.")]
BatchOpt = Annotated[int, typer.Option(min=1, help="Samples in a batch.")]
DeviceOpt = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1, mps.")]
WeightsOpt = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|OWNER:NAME",
        help="A saved state_dict, torchvision:NAME or timm:NAME; without it, new weights.",
        show_default=False,
    ),
]


def format_of(form: str | None, output: Path | None, known: Iterable[str]) -> str:
    """Return the format asked for, or the one that the file's suffix means, or text."""
    suffix = output.suffix[1:].lower() if output else ""
    meant = {"md": "markdown", "txt": "text", "": "text"}.get(suffix, suffix)
    return option_of(known, form or meant, "format")


def attempted(work: Callable[[], Result]) -> Result:
    """Do what needs PyTorch, Matplotlib or Graphviz; where one is missing, say what to install."""
    try:
        return work()
    except ModuleNotFoundError as error:
        if error.name not in MISSABLE:
            raise
        usage(str(error))
    except NoRendererError as error:
        usage(str(error))


def no_such_place(architecture: Architecture, name: str, known: Iterable[str]) -> str:
    """Say that a network has no block of a name, and which come near."""
    hint = nearest(name, list(known))
    return f"{architecture.name} has no stage, block or op `{name}`" + (f"; {hint}" if hint else "")


def drawn(dot: str, form: str) -> str | bytes:
    """Return DOT text as a picture."""
    return dot if form == "dot" else attempted(lambda: render(dot, form))


def on_device(device: str) -> None:
    """Hold a device to those that PyTorch has here; anything else is a usage error."""
    import importlib

    found = attempted(lambda: importlib.import_module("archc.runtime.signals.devices"))
    if said := found.missing(device):
        usage(said)
