"""The commands by name, and what becomes of whatever ends one.

Exit codes: 0 good, 1 the spec is wrong or a check failed, 2 usage, or what the system refused,
3 a defect of archc, 130 an interrupt, 141 a pipe that nobody reads.
"""

from __future__ import annotations

import functools
import inspect
import re
import traceback
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperGroup

from archc import __version__
from archc.commands.adopt import adopt
from archc.commands.build import build
from archc.commands.check import check
from archc.commands.check_op import check_op
from archc.commands.common import (
    DEFECT,
    GOOD,
    INTERRUPTED,
    UNREAD,
    USAGE,
    fail,
    option_of,
    reason,
    usage,
)
from archc.commands.diff import diff
from archc.commands.draw import draw
from archc.commands.identify import identify_weights
from archc.commands.listing import list_networks
from archc.commands.paths import paths
from archc.commands.probe import probe
from archc.commands.report import write_report
from archc.commands.schema import schema
from archc.commands.table import show
from archc.commands.terminal import COLOR, COLORS, flush, prepare, tell
from archc.commands.trace import trace
from archc.commands.verify import verify
from archc.commands.weights import weights
from archc.diagnostics import SpecError
from archc.language.reading import recorded
from archc.weights.faults import WeightsError

ColorOpt = Annotated[
    str, typer.Option("--color", help="Of diagnostics and tables: auto, always or never.")
]

OPTIONAL = ("torch", "torchvision", "timm", "matplotlib", "safetensors", "PIL")
"""What archc can do without, and says how to install."""

COMMANDS: dict[str, Callable[..., None]] = {
    "adopt": adopt,
    "build": build,
    "check": check,
    "check-op": check_op,
    "diff": diff,
    "draw": draw,
    "identify": identify_weights,
    "list": list_networks,
    "paths": paths,
    "probe": probe,
    "report": write_report,
    "schema": schema,
    "table": show,
    "trace": trace,
    "verify": verify,
    "weights": weights,
}


def coloured(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the option that all have."""

    @functools.wraps(command)
    def run(color: str, **options: Any) -> None:
        COLOR.set(option_of(COLORS, color, "--color"))
        command(**options)

    hints = {**get_type_hints(command, include_extras=True), "color": ColorOpt}
    own = inspect.signature(command).parameters.values()
    color = inspect.Parameter("color", inspect.Parameter.KEYWORD_ONLY, default="auto")
    vars(run)["__signature__"] = inspect.Signature(
        [p.replace(annotation=hints[p.name]) for p in (*own, color)]
    )
    run.__annotations__ = hints
    return run


class Commands(TyperGroup):
    """All commands: what is raised in one is told, and ends with its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            with recorded():
                result = super().invoke(ctx)
            flush()
            return result
        except WeightsError as error:
            usage(str(error))
        except SpecError as error:  # of a plug-in's op, which fails where it is put to use
            fail(error.diagnostics)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            raise typer.Exit(UNREAD) from None
        except OSError as error:
            usage(reason(error))
        except MemoryError:
            usage("there is not enough memory")
        except ModuleNotFoundError as error:
            if error.name not in OPTIONAL:
                raise
            usage(str(error))


app = typer.Typer(
    name="archc",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
for name, command in COMMANDS.items():
    app.command(name)(coloured(command))


def _version(wanted: bool) -> None:
    if wanted:
        print(f"archc {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compile vision architectures written in YAML: check, build, draw, tabulate, verify."""


def _is_out_of_memory(error: Exception) -> bool:
    """Whether there is no room; PyTorch has no exception of its own for it on a CPU."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and re.search("can't allocate memory|out of memory", str(error)) is not None
    )


def run() -> int:
    """Run the command line and return its exit code; a defect of ours shows its traceback."""
    prepare()
    try:
        app(prog_name="archc")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else GOOD
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return UNREAD
    except Exception as error:  # noqa: BLE001 - the last resort
        if _is_out_of_memory(error):
            tell("archc: there is not enough memory for it; a smaller input or batch needs less")
            return USAGE
        tell(traceback.format_exc().rstrip())
        tell(
            "archc: this is a defect of archc, not of your spec; please report it with the lines above"
        )
        return DEFECT
    return GOOD
